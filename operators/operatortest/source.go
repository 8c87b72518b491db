package operatortest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"flowd/stream"
)

// SourceTest is a bounded source under examination.
type SourceTest struct {
	New         func() stream.Source // a new source, not opened, with the same rows each time
	Rows        *stream.Schema       // of its batches
	Parallelism []int                // numbers of readers to try; nil: 1 to 4
	Want        []string             // its rows as JSON, in any order; nil: those of the first run
	WantErrors  []string             // messages of its row errors, in any order
	Broken      func() stream.Source // a source whose Open or first Poll fails; nil: there is none
	Pass        func(time.Duration)  // lets Polled.Wait pass; nil: waits
}

// Source examines a source: the same rows come whatever the batch sizes, the number of readers and pauses are, in the same
// order within a split; nothing blocks; split numbers and ids are stable, positions never fall, a finished split
// stays finished; after the end there is nothing more.
func Source(t *testing.T, c SourceTest) {
	t.Helper()
	environment(t)
	if c.Parallelism == nil {
		c.Parallelism = []int{1, 2, 3, 4}
	}
	want, wantErrors := slices.Clone(c.Want), slices.Clone(c.WantErrors)
	slices.Sort(wantErrors)
	slices.Sort(want)
	for _, p := range c.Parallelism {
		var order map[string][]string // rows by split of the first run
		for run := range runs {
			e := sourceExam{t: t, c: &c, rng: newRand(run), bySplit: map[string][]string{}}
			e.run(p)
			if t.Failed() {
				t.Fatalf("in run %d with %d readers", run, p)
			}
			all := []string{}
			for _, rows := range e.bySplit {
				all = append(all, rows...)
			}
			slices.Sort(all)
			slices.Sort(e.errors)
			if want == nil {
				want = all
			}
			if !slices.Equal(all, want) {
				t.Fatalf("run %d with %d readers, rows sorted: %s", run, p, difference(all, want))
			}
			if !slices.Equal(e.errors, wantErrors) {
				t.Fatalf("run %d with %d readers, errors sorted: %s", run, p, difference(e.errors, wantErrors))
			}
			if order == nil {
				order = e.bySplit
			}
			for id, rows := range e.bySplit {
				if !slices.Equal(rows, order[id]) {
					t.Fatalf("run %d with %d readers, split %s: %s", run, p, id, difference(rows, order[id]))
				}
			}
		}
	}
	if len(want)+len(wantErrors) == 0 {
		t.Fatal("the source has no rows: nothing was examined")
	}
	if c.Broken != nil {
		brokenSource(t, c)
	}
}

func brokenSource(t *testing.T, c SourceTest) {
	t.Helper()
	s, ctx := c.Broken(), Context(t, 0, 1)
	err := s.Open(ctx)
	if err == nil {
		var r stream.Reader
		if r, err = s.Reader(ctx); err == nil {
			pool := ctx.NewPool(c.Rows)
			for range 1000 {
				b := pool.TryGet()
				_, err = r.Poll(b, &stream.RowErrors{})
				b.Release()
				if err != nil {
					break
				}
			}
			if err := r.Close(); err != nil {
				t.Errorf("Close of a reader that failed: %v", err)
			}
		}
	}
	if err == nil {
		t.Error("the broken source works")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close of a source that failed: %v", err)
	}
}

// sourceExam is one run over all rows.
type sourceExam struct {
	t       *testing.T
	c       *SourceTest
	rng     *rand.Rand
	bySplit map[string][]string
	errors  []string
}

func (e *sourceExam) run(parallelism int) {
	t := e.t
	s := e.c.New()
	first := Context(t, 0, parallelism)
	within(t, "Open", func() {
		if err := s.Open(first); err != nil {
			t.Errorf("Open: %v", err)
		}
	})
	if t.Failed() {
		return
	}
	for i := range parallelism {
		ctx := Context(t, i, parallelism)
		ctx.BatchRows = []int{1, 2, 7, 64, 4096}[e.rng.IntN(5)]
		r, err := s.Reader(ctx)
		if err != nil {
			t.Errorf("Reader: %v", err)
			return
		}
		e.read(r, ctx)
		if err := r.Close(); err != nil {
			t.Errorf("Close of reader %d: %v", i, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// read polls r until its end.
func (e *sourceExam) read(r stream.Reader, ctx *stream.Context) {
	t, pool, shelf := e.t, ctx.NewPool(e.c.Rows), shelf{t: e.t}
	watch := splitWatch{t: t, r: r}
	var errs stream.RowErrors
	paused := -1
	for {
		if n := r.Splits(); n > 0 && e.rng.IntN(8) == 0 && paused < 0 {
			paused = e.rng.IntN(n)
			r.Pause(paused, true)
		}
		b, err := pool.Get(ctx.Ctx)
		if err != nil {
			t.Fatalf("no batch: %v", err)
		}
		var p stream.Polled
		full := false
		for !full { // as an engine does, poll into a batch that has rows already
			before, failed := b.N, errs.Len()
			within(t, "Poll", func() { p, err = r.Poll(b, &errs) })
			if err != nil {
				t.Fatalf("Poll: %v", err)
			}
			e.check(b, before, p, r)
			if split := p.Split; b.N > before && split == paused {
				t.Errorf("split %d gave rows while it was paused", split)
			}
			if b.N > before {
				id := r.Split(p.Split).ID
				e.bySplit[id] = append(e.bySplit[id], textsFrom(b, before)...)
			}
			full = b.N == before || b.Free() <= 0 || e.rng.IntN(3) == 0 || errs.Len() > failed
		}
		for _, re := range errs.List {
			e.errors = append(e.errors, re.Msg)
		}
		none := b.N == 0 && errs.Len() == 0
		errs.Reset()
		shelf.put(b)
		watch.look()
		switch {
		case p.End:
			shelf.clear()
			if n := pool.Out(); n != 0 {
				t.Errorf("%d batches were never released", n)
			}
			e.ended(r, pool)
			return
		case paused >= 0 && (none || e.rng.IntN(3) == 0):
			r.Pause(paused, false)
			paused = -1
		case none:
			e.wait(r, p.Wait)
		}
	}
}

// check compares what Poll says with what it did.
func (e *sourceExam) check(b *stream.Batch, before int, p stream.Polled, r stream.Reader) {
	t := e.t
	if b.N-before != p.Rows {
		t.Fatalf("Poll says %d rows, and N rose from %d to %d", p.Rows, before, b.N)
	}
	if p.Rows > 0 && (p.Split < 0 || p.Split >= r.Splits()) {
		t.Fatalf("Poll names split %d of %d", p.Split, r.Splits())
	}
	for i, c := range b.Cols {
		if c.Len() != b.N {
			t.Fatalf("column %s has %d rows, the batch %d", b.Schema.Columns[i].Name, c.Len(), b.N)
		}
	}
	if b.Time != nil && len(b.Time) != b.N {
		t.Fatalf("the batch has %d times for %d rows", len(b.Time), b.N)
	}
}

func (e *sourceExam) wait(r stream.Reader, d time.Duration) {
	if d > 0 && e.c.Pass != nil {
		e.c.Pass(d)
		return
	}
	if d == 0 {
		d = patience
	}
	select {
	case <-r.Ready():
	case <-time.After(d):
		if d == patience {
			e.t.Fatal("Poll has nothing, Wait is 0, and Ready is silent")
		}
	}
}

// ended checks that nothing comes after the end.
func (e *sourceExam) ended(r stream.Reader, pool *stream.Pool) {
	for i := range r.Splits() {
		if !r.Split(i).Finished {
			e.t.Errorf("Poll said End, and split %s is not finished", r.Split(i).ID)
		}
	}
	for range 3 {
		b := pool.TryGet()
		p, err := r.Poll(b, &stream.RowErrors{})
		if err != nil || !p.End || b.N > 0 {
			e.t.Errorf("after the end Poll gives %+v, error %v, %d rows", p, err, b.N)
		}
		b.Release()
	}
}

// splitWatch checks that what a reader says of its splits only goes forward.
type splitWatch struct {
	t    testing.TB
	r    stream.Reader
	seen []stream.SplitState
}

func (w *splitWatch) look() {
	if n := w.r.Splits(); n < len(w.seen) {
		w.t.Fatalf("there were %d splits, now there are %d", len(w.seen), n)
	}
	for i := range w.r.Splits() {
		now := w.r.Split(i)
		if i >= len(w.seen) {
			w.seen = append(w.seen, now)
			continue
		}
		before := w.seen[i]
		switch {
		case now.ID != before.ID:
			w.t.Errorf("split %d was %s and is %s", i, before.ID, now.ID)
		case now.Position < before.Position:
			w.t.Errorf("split %s: the position fell from %d to %d", now.ID, before.Position, now.Position)
		case before.Finished && !now.Finished:
			w.t.Errorf("split %s was finished and is not", now.ID)
		case now.End >= 0 && now.End < now.Position:
			w.t.Errorf("split %s: the end %d is before the position %d", now.ID, now.End, now.Position)
		}
		w.seen[i] = now
	}
}
