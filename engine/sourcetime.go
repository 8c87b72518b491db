package engine

import (
	"fmt"
	"math"

	"flowd/stream"
)

// send passes the batch on with the watermarks that belong between its rows and after them.
func (s *source) send() error {
	stats, b := s.node.stats, s.batch
	stats.RowsIn.Add(int64(b.N + s.records.Len()))
	if err := s.reject.Reject(&s.records, s.node); err != nil {
		return err
	}
	if b.N == 0 {
		return nil
	}
	if err := s.setTimes(b); err != nil {
		return err
	}
	stats.Passed.Add(int64(b.Rows()))
	s.batch = nil
	if s.spec == nil {
		s.segments = s.segments[:0]
		if err := s.node.Emit(stream.PortMain, b); err != nil {
			return err
		}
		return s.look(false)
	}
	if err := s.sendTimed(b); err != nil {
		return err
	}
	if err := s.look(false); err != nil {
		return err
	}
	return s.advance()
}

// setTimes gives the rows of b their event times. Rows without one follow on_error.
func (s *source) setTimes(b *stream.Batch) error {
	if s.timer != nil {
		before := b.N
		if err := s.timer.EventTime(b, &s.timeless); err != nil {
			return fmt.Errorf("computing event time: %w", err)
		}
		if b.N != before {
			return fmt.Errorf("computing event time: %d rows became %d", before, b.N)
		}
		s.timeless.Unselect(b)
		if err := s.reject.Reject(&s.timeless, s.node); err != nil {
			return err
		}
	}
	if s.spec != nil && len(b.Time) != b.N {
		return fmt.Errorf("%d event times for %d rows", len(b.Time), b.N)
	}
	return nil
}

// sendTimed emits b, which it takes over, cut where a watermark must come between two rows.
func (s *source) sendTimed(b *stream.Batch) error {
	segments := s.segments
	s.segments = s.segments[:0]
	s.splits.limit = math.MaxInt64
	if s.spec.MaxAhead > 0 {
		s.splits.limit = s.task.job.graph.cfg.Clock().Add(s.spec.MaxAhead).UnixMilli() + s.splits.delay
	}
	s.splits.grow(s.reader.Splits(), s.active())
	for _, seg := range segments {
		s.splits.read(seg.split)
	}
	if s.idle { // its rows are coming: from here on they hold the watermark again
		if err := s.wake(); err != nil {
			b.Release()
			return err
		}
	}
	start := 0
	selected := runs{sel: b.Sel}
	for _, seg := range segments {
		s.splits.enter(seg.split)
		for i := seg.from; i < seg.to; {
			begin, end := selected.from(i, seg.to)
			if i = begin + s.splits.scan(b.Time[begin:end]); i == end {
				continue
			}
			s.node.stats.Cuts.Add(1)
			err := s.emitRows(b, start, i)
			if err == nil {
				err = s.advance()
			}
			if err != nil {
				b.Release()
				return err
			}
			start = i
		}
		s.splits.leave()
	}
	if s.splits.clamped > 0 {
		s.node.stats.Clamped.Add(s.splits.clamped)
		s.splits.clamped = 0
	}
	if start > 0 {
		selectRows(b, start, b.N)
	}
	return s.node.Emit(stream.PortMain, b)
}

// advance sends the combined watermark if it has risen, and idle if no split is live.
func (s *source) advance() error {
	if s.spec == nil {
		return nil
	}
	ms, holder := s.splits.combined()
	switch {
	case holder < 0:
		return s.fallIdle()
	case ms > s.splits.sent:
		s.splits.setSent(ms)
		s.setIdle(false)
		return s.node.watermark(ms)
	case s.idle:
		return s.wake()
	}
	return nil
}

func (s *source) setIdle(idle bool) {
	s.idle = idle
	s.task.idleNow.Store(idle)
}

func (s *source) fallIdle() error {
	if s.idle {
		return nil
	}
	s.setIdle(true)
	return s.task.broadcast(stream.Message{Kind: stream.MsgIdle, Watermark: s.splits.sent})
}

// wake tells downstream, before any row, that this input holds the watermark again.
func (s *source) wake() error {
	s.setIdle(false)
	return s.task.broadcast(stream.Message{Kind: stream.MsgWatermark, Watermark: s.splits.sent})
}

// active is the time the source has not been held up by its receivers. Idleness is measured in it: while nothing
// can be sent, a split that gives no rows proves nothing.
func (s *source) active() int64 { return s.task.meter.now() - s.task.meter.blocked }

// look asks the reader for the state of its splits and pauses those that lead. Without alignment it does so at
// most once per linger, unless now is set.
func (s *source) look(now bool) error {
	clock := s.task.meter.now()
	s.task.meter.busy(clock)
	if !now && s.group == nil && clock-s.looked < int64(linger) {
		return nil
	}
	s.looked = clock
	active := s.active()
	s.splits.grow(s.reader.Splits(), active)
	s.state.begin()
	for i := range s.splits.splits {
		st := s.reader.Split(i)
		if s.spec != nil {
			s.splits.observe(i, st, active)
		}
		s.state.add(st, &s.splits.splits[i], s.splits.watermark(i))
	}
	_, holder := s.splits.combined()
	s.state.publish(holder)
	if s.group != nil {
		s.alignSplits(active)
	}
	return nil
}

func (s *source) alignSplits(active int64) {
	s.slot.slowest.Store(s.splits.slowest(active))
	if s.spec.Align <= 0 {
		return
	}
	slowest := s.group.slowest()
	for i := range s.splits.splits {
		split := &s.splits.splits[i]
		if lead := s.splits.leads(i, slowest, s.spec.Align.Milliseconds()); lead != split.paused {
			split.paused = lead
			s.reader.Pause(i, lead)
		}
	}
}
