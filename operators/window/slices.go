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
		s.reset()
		o.bytes += s.size() - s.bytes
		s.bytes = s.size()
		if len(o.free) < maxFree {
			o.free = append(o.free, s)
		} else {
			o.bytes -= s.bytes
		}
		n++
	}
	o.slices = slices.Delete(o.slices, 0, n)
}

// fire emits the results of the window that ends at end.
func (o *operator) fire(end int64, out stream.Output) error {
	start := end - o.cfg.Size
	in := o.slices[:o.from(end)]
	w := in[0]
	if len(in) > 1 {
		w = o.merge(in)
	}
	o.results.window(start, end)
	if w.rank != nil {
		return o.results.ranked(w.rank, out)
	}
	return o.results.table(w.table, out)
}

// merge puts the slices of a window together.
func (o *operator) merge(in []*slice) *slice {
	m := o.merged
	m.reset()
	for _, s := range in {
		if s.rank != nil {
			m.rank.merge(s.rank)
			continue
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
	return m
}

// account brings the numbers of the state up to date and keeps it within its limit.
func (o *operator) account() error {
	rows := int64(0)
	for _, s := range o.slices {
		n := s.size()
		o.bytes += n - s.bytes
		s.bytes = n
		rows += int64(s.len())
	}
	total := o.bytes + o.merged.size()
	if o.ctx.StateBytes > 0 && total > o.ctx.StateBytes && len(o.free) > 0 {
		for _, s := range o.free {
			o.bytes -= s.bytes
		}
		o.free = nil
		total = o.bytes + o.merged.size()
	}
	o.ctx.Stats.StateRows.Store(rows)
	o.ctx.Stats.StateBytes.Store(total)
	if o.ctx.StateBytes > 0 && total > o.ctx.StateBytes {
		return stream.Permanent(fmt.Errorf(
			"step %s: its open windows hold %d rows in %d bytes of state, more than the %d bytes this instance may hold; raise state.memory, group by fewer keys, or make the window or the watermark's delay shorter",
			o.ctx.Step, rows, total, o.ctx.StateBytes))
	}
	return nil
}
