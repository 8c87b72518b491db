package engine

import "flowd/stream"

// setAside keeps the messages of blocked inputs in order. Batches in it are bounded by their senders' pools, and
// control messages that follow each other become one, so it is bounded as well.
type setAside struct {
	inputs []queue
	count  int
}

type queue struct {
	messages []stream.Message
	head     int
}

func newSetAside(inputs int) *setAside { return &setAside{inputs: make([]queue, inputs)} }

func (s *setAside) add(m stream.Message) {
	q := &s.inputs[m.Input]
	if last := len(q.messages) - 1; last >= q.head && isProgress(m) && isProgress(q.messages[last]) {
		// An idle message carries its input's watermark, so the later one says all.
		m.Watermark = max(m.Watermark, q.messages[last].Watermark)
		q.messages[last] = m
		return
	}
	q.messages = append(q.messages, m)
	s.count++
}

func isProgress(m stream.Message) bool {
	return m.Kind == stream.MsgWatermark || m.Kind == stream.MsgIdle
}

// has says whether messages of input wait.
func (s *setAside) has(input int) bool { return s.inputs[input].head < len(s.inputs[input].messages) }

// take removes the oldest message of input.
func (s *setAside) take(input int) stream.Message {
	q := &s.inputs[input]
	m := q.messages[q.head]
	q.messages[q.head] = stream.Message{}
	q.head++
	s.count--
	if q.head == len(q.messages) {
		q.messages, q.head = q.messages[:0], 0
	}
	return m
}

// release lets go of everything.
func (s *setAside) release() {
	for i := range s.inputs {
		for s.has(i) {
			if m := s.take(i); m.Batch != nil {
				m.Batch.Release()
			}
		}
	}
}
