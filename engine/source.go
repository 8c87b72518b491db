package engine

import (
	"context"
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

// announce says idle before any source may read, if nothing holds a watermark here: without event time, and in an
// instance that got no split. Downstream would otherwise wait for its first word, and what is late would depend on
// when that comes.
func (s *source) announce() error {
	if s.spec != nil && s.reader.Splits() > 0 {
		return nil
	}
	return s.fallIdle()
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
