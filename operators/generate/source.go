package generate

import (
	"errors"
	"fmt"
	"time"

	"flowd/stream"
)

// filler makes rows of the source's schema. One reader uses it.
type filler interface {
	fill(b *stream.Batch, rows []uint64, needTime bool)
}

// source gives instance i of p the rows i, i+p, i+2p … as one split, so that event time advances in all of them alike.
type source struct {
	name      string // of the table
	count     uint64 // rows; 0: without end
	pace      pace
	needTime  bool
	newFiller func(start time.Time) filler

	now     func() time.Time
	started time.Time // when the pace began: at Open
}

var _ stream.Source = (*source)(nil)

func (s *source) Open(*stream.Context) error {
	s.started = s.now()
	return nil
}

func (s *source) Reader(c *stream.Context) (stream.Reader, error) {
	if s.started.IsZero() {
		return nil, errors.New("generate: reader before Open")
	}
	return &reader{
		source: s,
		filler: s.newFiller(s.started),
		id:     fmt.Sprintf("%s/%d-of-%d", s.name, c.Instance, c.Parallelism),
		step:   uint64(c.Parallelism),
		next:   uint64(c.Instance),
	}, nil
}

func (s *source) Close() error { return nil }

type reader struct {
	source   *source
	filler   filler
	id       string
	step     uint64
	next     uint64 // row to make
	caughtUp bool   // all rows that were due have been made
	paused   bool
	rows     []uint64
}

var _ stream.Reader = (*reader)(nil)

func (r *reader) Poll(b *stream.Batch, _ *stream.RowErrors) (stream.Polled, error) {
	if r.finished() {
		return stream.Polled{End: true}, nil
	}
	if r.paused {
		return stream.Polled{}, nil
	}
	end, elapsed := r.source.end(), r.source.now().Sub(r.source.started)
	due := min(end, r.source.pace.due(elapsed))
	r.rows = r.rows[:0]
	for room := b.Free(); room > 0 && r.next < due; room-- {
		r.rows = append(r.rows, r.next)
		r.next += r.step
	}
	r.caughtUp = r.next >= due
	if len(r.rows) == 0 {
		return stream.Polled{Wait: max(r.source.pace.at(r.next)-elapsed, nap)}, nil
	}
	r.filler.fill(b, r.rows, r.source.needTime)
	b.N += len(r.rows)
	return stream.Polled{Rows: len(r.rows)}, nil
}

// end is the number of rows, or one that is never reached.
func (s *source) end() uint64 {
	if s.count == 0 {
		return 1 << 62
	}
	return s.count
}

func (r *reader) finished() bool { return r.next >= r.source.end() }

// Ready is silent: rows come with time, and Poll says when.
func (r *reader) Ready() <-chan struct{} { return nil }

func (r *reader) Splits() int { return 1 }

func (r *reader) Split(int) stream.SplitState {
	st := stream.SplitState{ID: r.id, CaughtUp: r.caughtUp || r.finished(), Finished: r.finished(), Position: int64(r.next), End: -1}
	if r.source.count > 0 {
		st.End = int64(r.source.count)
		st.Position = min(st.Position, st.End)
	}
	return st
}

func (r *reader) Pause(_ int, paused bool) { r.paused = paused }

func (r *reader) Close() error { return nil }
