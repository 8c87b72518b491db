package engine

import (
	"context"
	"fmt"
	"math"
	"time"

	"flowd/pipeline"
	"flowd/stream"
)

const (
	// maxRecords is the largest number of bad records that wait for company.
	maxRecords = 256
	// linger is the longest that rows wait in a batch that is not full, and the pace at which a source looks at
	// what changes without rows: splits that catch up, splits that were paused.
	linger = 5 * time.Millisecond
	// refresh is how often a source that has nothing to do renews what Status shows.
	refresh = time.Second
)

// source is the head of a task that reads: it polls rows into batches, gives them event times, keeps watermarks, and
// sends a batch when it is full or nothing more is ready.
type source struct {
	task  *task
	node  *node
	share *sharedSource

	reader stream.Reader
	pool   *stream.Pool
	reject stream.Rejecter

	batch     *stream.Batch // being filled
	segments  []segment     // whose rows it holds
	firstRows int64         // when its first rows came
	records   stream.RowErrors

	spec     *pipeline.TimeSpec // nil: rows have no event time
	timer    stream.EventTimer
	timeless stream.RowErrors
	splits   *splitTimes
	group    *alignGroup // nil: off
	slot     *alignSlot
	idle     bool  // downstream has been told that nothing here holds the watermark
	looked   int64 // when the splits were last looked at

	alarm    *time.Timer
	ready    <-chan struct{} // nil once the reader has closed it
	barriers chan stream.Barrier
	ended    chan struct{}
	state    splitBoard // for Status
}

// segment is a run of rows of one split.
type segment struct{ split, from, to int }

func newSource(t *task, n *node, share *sharedSource, spec *pipeline.TimeSpec) *source {
	s := &source{
		task: t, node: n, share: share, spec: spec,
		barriers: make(chan stream.Barrier), ended: make(chan struct{}),
		splits: newSplitTimes(0, 0, 0),
	}
	if spec != nil {
		s.splits = newSplitTimes(spec.Delay.Milliseconds(), spec.Granule, int64(spec.Idle))
	}
	return s
}

func (s *source) open() error {
	s.task.meter.running = s.node
	if err := s.share.open(); err != nil {
		return err
	}
	r, err := s.share.source.Reader(&s.node.ctx)
	if err != nil {
		return err
	}
	s.reader, s.ready = r, r.Ready()
	s.pool = s.node.ctx.NewPool(s.node.plan.Schemas[stream.PortMain])
	s.task.job.own(s.pool)
	s.reject.Open(&s.node.ctx)
	if s.spec != nil && s.spec.NewTimer != nil {
		s.timer = s.spec.NewTimer()
	}
	s.alarm = time.NewTimer(time.Hour)
	s.alarm.Stop()
	return nil
}

func (s *source) close() error {
	close(s.ended)
	if s.batch != nil {
		s.batch.Release()
		s.batch = nil
	}
	if s.reader == nil {
		return nil
	}
	return s.node.at(s.reader.Close())
}

// run reads until every split is finished or the job stops. No row is read before every task of the job is open.
func (s *source) run() error {
	ctx := s.task.ctx
	select {
	case <-s.task.job.opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.task.meter.enter(s.node)
	if s.spec == nil {
		if err := s.fallIdle(); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.task.job.stopping:
			return s.end(false)
		case b := <-s.barriers:
			if err := s.barrier(b); err != nil {
				return err
			}
		default:
		}
		done, err := s.step()
		if err != nil {
			return s.node.at(err)
		}
		if done {
			return s.end(true)
		}
	}
}

// step polls once, and sends or waits as the answer demands. done says that every split is finished.
func (s *source) step() (done bool, err error) {
	if s.batch == nil {
		if s.batch, err = s.task.get(s.pool); err != nil {
			return false, err
		}
	}
	from, failed := s.batch.N, s.records.Len()
	p, err := s.reader.Poll(s.batch, &s.records)
	if err != nil {
		return false, err
	}
	switch {
	case s.batch.N > from:
		s.add(p.Split, from)
		now := s.task.meter.now()
		if from == 0 {
			s.firstRows = now
		}
		if s.batch.Free() > 0 && now-s.firstRows < int64(linger) && s.records.Len() < maxRecords {
			return p.End, nil
		}
	case s.records.Len() > failed && !p.End:
		if s.records.Len() < maxRecords {
			return false, nil
		}
	case p.End:
		return true, nil
	case s.batch.N == 0 && s.records.Len() == 0:
		return false, s.wait(p.Wait)
	}
	return p.End, s.send()
}

func (s *source) add(split, from int) {
	if last := len(s.segments) - 1; last >= 0 && s.segments[last].split == split {
		s.segments[last].to = s.batch.N
		return
	}
	s.segments = append(s.segments, segment{split, from, s.batch.N})
}

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

// emitRows emits rows from ≤ i < to of b, which goes on.
func (s *source) emitRows(b *stream.Batch, from, to int) error {
	if from == to {
		return nil
	}
	part := b.Share()
	selectRows(part, from, to)
	return s.node.Emit(stream.PortMain, part)
}

// selectRows narrows the selection of b to rows from ≤ i < to.
func selectRows(b *stream.Batch, from, to int) {
	if b.Sel == nil {
		sel := b.SelBuf()
		for i := from; i < to; i++ {
			sel = append(sel, int32(i))
		}
		b.Sel = sel
		return
	}
	lo, hi := 0, len(b.Sel)
	for lo < hi && int(b.Sel[lo]) < from {
		lo++
	}
	for lo < hi && int(b.Sel[hi-1]) >= to {
		hi--
	}
	b.Sel = b.Sel[lo:hi]
}

// runs finds the runs of selected rows of a batch.
type runs struct {
	sel  []int32
	next int // entries of sel before it lie before the row asked for last
}

// from is the first run at or after row i that ends by limit; an empty one at limit if there is none.
func (r *runs) from(i, limit int) (begin, end int) {
	if r.sel == nil {
		return i, limit
	}
	for r.next < len(r.sel) && int(r.sel[r.next]) < i {
		r.next++
	}
	if r.next == len(r.sel) || int(r.sel[r.next]) >= limit {
		return limit, limit
	}
	begin = int(r.sel[r.next])
	end = begin
	for k := r.next; k < len(r.sel) && int(r.sel[k]) == end && end < limit; k++ {
		end++
	}
	return begin, end
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

// wait returns when there may be something to do. A partial batch has been sent before.
func (s *source) wait(after time.Duration) error {
	if err := s.look(true); err != nil {
		return err
	}
	if err := s.advance(); err != nil {
		return err
	}
	if err := s.task.drained(); err != nil {
		return err
	}
	s.alarm.Reset(s.patience(after))
	s.task.meter.busy(s.task.meter.now())
	defer s.task.meter.waited()
	select {
	case _, open := <-s.ready:
		if !open { // it may be polled at any time, but not in a busy loop
			s.ready = nil
		}
	case <-s.alarm.C:
	case <-s.task.job.stopping:
	case b := <-s.barriers:
		s.task.meter.waited()
		return s.barrier(b)
	case <-s.task.ctx.Done():
		return context.Cause(s.task.ctx)
	}
	s.alarm.Stop()
	return nil
}

// patience is how long to wait without a word from the reader: after if the reader said so, and no longer than until
// a split may turn idle.
func (s *source) patience(after time.Duration) time.Duration {
	d := refresh
	if after > 0 {
		d = min(d, after)
	}
	if s.ready == nil {
		d = min(d, linger)
	}
	if s.spec != nil {
		if left := s.splits.recheck(s.active()); left >= 0 {
			d = min(d, max(time.Duration(left), linger))
		}
	}
	return d
}

// barrier sends what has been read, and then b.
func (s *source) barrier(b stream.Barrier) error {
	if err := s.flush(); err != nil {
		return s.node.at(err)
	}
	return s.task.aligned(b)
}

func (s *source) flush() error {
	if s.batch == nil || s.batch.N == 0 && s.records.Len() == 0 {
		return nil
	}
	return s.send()
}

// end sends what has been read, the last watermark if every split is finished, and the end.
func (s *source) end(finished bool) error {
	if err := s.flush(); err != nil {
		return s.node.at(err)
	}
	if finished {
		s.splits.setSent(stream.MaxWatermark)
		s.setIdle(false)
		if err := s.node.watermark(stream.MaxWatermark); err != nil {
			return err
		}
	}
	if err := s.look(true); err != nil {
		return err
	}
	return s.task.end(finished)
}
