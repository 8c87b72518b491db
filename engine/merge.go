package engine

import "flowd/stream"

// progress is what a message about time changed at a receiver.
type progress uint8

const (
	unchanged progress = iota
	raised             // the merged watermark is higher
	woke               // not higher, but no longer idle
	fellIdle           // every input that could raise it is idle
)

// merger combines the watermarks of the inputs of a task: the minimum over those that are live, never backwards.
// An idle input holds nothing back, nor does one that has reached MaxWatermark. An input that ended without it, as
// Stop makes it end, goes on holding: its rows may come in a later run.
type merger struct {
	inputs []inputTime
	merged int64
	idle   bool
	holder int // the live input whose watermark is lowest, −1 if there is none
}

type inputTime struct {
	watermark int64
	idle      bool
}

func newMerger(inputs int) *merger {
	m := &merger{inputs: make([]inputTime, inputs), merged: stream.MinWatermark}
	for i := range m.inputs {
		m.inputs[i].watermark = stream.MinWatermark
	}
	return m
}

// watermark takes a watermark of input, which is live from then on.
func (m *merger) watermark(input int, ms int64) progress {
	in := &m.inputs[input]
	in.watermark, in.idle = max(in.watermark, ms), false
	return m.merge()
}

// fallIdle takes an idle message of input.
func (m *merger) fallIdle(input int) progress {
	m.inputs[input].idle = true
	return m.merge()
}

func (m *merger) merge() progress {
	low, holder, finished := stream.MaxWatermark, -1, 0
	for i, in := range m.inputs {
		switch {
		case in.watermark == stream.MaxWatermark:
			finished++
		case !in.idle && (holder < 0 || in.watermark < low):
			low, holder = in.watermark, i
		}
	}
	m.holder = holder
	if holder < 0 && finished < len(m.inputs) {
		if m.idle {
			return unchanged
		}
		m.idle = true
		return fellIdle
	}
	was := m.idle
	m.idle = false
	switch {
	case low > m.merged:
		m.merged = low
		return raised
	case was:
		return woke
	}
	return unchanged
}
