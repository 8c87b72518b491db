package window

import (
	"fmt"
	"slices"
	"sort"

	"flowd/state/hashmap"
	"flowd/stream"
)

// maxFree is how many empty slices are kept for reuse.
const maxFree = 8

func (o *operator) newSlice() *slice {
	s := &slice{}
	if o.cfg.ranks() {
		s.rank = newRanking(o.ranks)
	} else {
		s.table = hashmap.New(o.layout)
	}
	return s
}

// slice finds or makes the slice that begins at start.
func (o *operator) slice(start int64) *slice {
	i := len(o.slices) - 1
	if i < 0 || o.slices[i].start != start {
		i = sort.Search(len(o.slices), func(i int) bool { return o.slices[i].start >= start })
	}
	if i < len(o.slices) && o.slices[i].start == start {
		return o.slices[i]
	}
	var s *slice
	if n := len(o.free); n > 0 {
		s, o.free = o.free[n-1], o.free[:n-1]
	} else {
		s = o.newSlice()
	}
	s.start = start
	o.slices = slices.Insert(o.slices, i, s)
	return s
}

// from is the index of the first open slice that begins at or after start.
func (o *operator) from(start int64) int {
	return sort.Search(len(o.slices), func(i int) bool { return o.slices[i].start >= start })
}

// OnWatermark implements stream.Operator: windows that the watermark has passed fire in the order of their ends, and
// slices that belong to no later window are dropped.
func (o *operator) OnWatermark(ms int64, out stream.Output) error {
	if ms <= o.watermark {
		return nil
	}
	for len(o.slices) > 0 {
		// A slice that is open is in a window that has not fired, so the next to fire is this one's first, or the
		// first after the old watermark if that is later.
		end := o.cfg.firstEnd(o.slices[0].start)
		if o.watermark != stream.MinWatermark && closed(end, o.watermark) {
			end = o.cfg.endAfter(o.watermark + 1)
		}
		if !closed(end, ms) {
			break
		}
		if err := o.fire(end, out); err != nil {
			return err
		}
		o.watermark = end - 1
		o.expire()
	}
	o.watermark = ms
	if err := o.results.flush(out); err != nil {
		return err
	}
	return o.account()
}

// expire drops the slices whose last window has fired.
func (o *operator) expire() {
	n := 0
	for n < len(o.slices) && closed(o.cfg.lastEnd(o.slices[n].start), o.watermark) {
		s := o.slices[n]
		o.blocks.drop(o.number(s.start))
		s.reset()
		o.settle(s)
		if len(o.free) < maxFree {
			o.free = append(o.free, s)
		} else {
			o.bytes -= s.bytes
		}
		n++
	}
	o.slices = slices.Delete(o.slices, 0, n)
}

// settle brings the numbers of the state up to date with a slice that has changed.
func (o *operator) settle(s *slice) {
	bytes, rows := s.size(), s.len()
	o.bytes += bytes - s.bytes
	o.stateRows += int64(rows - s.rows)
	s.bytes, s.rows = bytes, rows
}

// fire emits the results of the window that ends at end.
func (o *operator) fire(end int64, out stream.Output) error {
	start := end - o.cfg.Size
	w := o.window(start, end, o.slices[:o.from(end)])
	o.results.window(start, end)
	if w.rank != nil {
		return o.results.ranked(w.rank, out)
	}
	return o.results.table(w.table, out)
}

// window is the state of the window [start, end), whose slices are in.
func (o *operator) window(start, end int64, in []*slice) *slice {
	if len(in) > maxDirect {
		in = o.blocks.cover(o.number(start), o.number(end))
	}
	if len(in) == 1 {
		return in[0]
	}
	o.merged.reset()
	for _, s := range in {
		o.merge(o.merged, s)
	}
	return o.merged
}

// merge adds the state of s to that of m.
func (o *operator) merge(m, s *slice) {
	if s.rank != nil {
		m.rank.merge(s.rank)
		return
	}
	o.tags = s.table.Tags(o.tags)
	for from := 0; from < s.table.Len(); from += o.ctx.BatchRows {
		to := min(from+o.ctx.BatchRows, s.table.Len())
		o.rows = m.table.UpsertFrom(s.table, o.tags, from, to, o.rows)
		for i := range o.cfg.Aggs {
			o.cfg.Aggs[i].Spec.Merge(m.table.Lanes(), o.at[i], o.rows, s.table.Lanes(), from)
		}
	}
}

// account publishes the numbers of the state and keeps it within its limit. What is only kept to save time goes first.
func (o *operator) account() error {
	total := o.bytes + o.blocks.bytes + o.merged.size()
	limit := o.ctx.StateBytes
	if limit > 0 && total > limit {
		for _, s := range o.free {
			o.bytes -= s.bytes
		}
		o.free = nil
		o.blocks.clear()
		o.merged = o.newSlice()
		total = o.bytes + o.merged.size()
	}
	o.ctx.Stats.StateRows.Store(o.stateRows)
	o.ctx.Stats.StateBytes.Store(total)
	if limit > 0 && total > limit {
		return stream.Permanent(fmt.Errorf(
			"open windows hold %d rows in %d bytes of state, more than the %d bytes this instance may hold; raise state.memory, group by fewer keys, or make the window or the watermark's delay shorter",
			o.stateRows, total, limit))
	}
	return nil
}
