package operatortest

import (
	"context"
	"testing"

	"flowd/stream"
)

// SinkTest is a sink under examination.
type SinkTest struct {
	// New makes a sink that writes to a new place, and a function that tells what has arrived there, in order.
	New    func(t *testing.T) (sink stream.Sink, arrived func() []string)
	Schema *stream.Schema
	Rows   []Row
	Want   []string           // what shall arrive; nil: Rows as JSON
	Broken func() stream.Sink // a sink whose Open fails; nil: there is none
}

// Sink examines a sink: all selected rows arrive in order, whatever batches they come in, at the latest when Flush returns; all
// batches are released by then; counters say what was written; Close works after a failed Open and without a Flush.
func Sink(t *testing.T, c SinkTest) {
	t.Helper()
	environment(t)
	want := c.Want
	if want == nil {
		p := stream.NewPool(c.Schema, len(c.Rows), 1)
		b := p.TryGet()
		for _, r := range c.Rows {
			Append(b, r)
		}
		want = Texts(b)
		b.Release()
	}
	for run := range runs {
		rng := newRand(run)
		sink, arrived := c.New(t)
		ctx := Context(t, 0, 1)
		if err := sink.Open(ctx); err != nil {
			t.Fatalf("Open: %v", err)
		}
		size := []int{1, 3, 16, 1024}[run%4]
		pool := stream.NewPool(c.Schema, 2*size, poolLimit)
		out := &ports{t: t}
		for rest := c.Rows; len(rest) > 0; {
			n := min(1+rng.IntN(size), len(rest))
			b, err := pool.Get(ctx.Ctx)
			if err != nil {
				t.Fatalf("no batch: %v", err)
			}
			fillWithJunk(b, rest[:n], rng.IntN(2) == 0)
			rest = rest[n:]
			if err := sink.Write(b, out); err != nil {
				t.Fatalf("Write: %v", err)
			}
			if d, ok := sink.(stream.Drained); ok && rng.IntN(4) == 0 {
				if err := d.OnDrained(); err != nil {
					t.Fatalf("OnDrained: %v", err)
				}
			}
			if len(rest) > 0 && rng.IntN(8) > 0 {
				continue
			}
			if err := sink.Flush(context.Background()); err != nil {
				t.Fatalf("Flush: %v", err)
			}
			written := len(c.Rows) - len(rest)
			if got := arrived(); len(want) == len(c.Rows) && !equal(got, want[:written]) {
				t.Fatalf("run %d, after Flush: %s", run, difference(got, want[:written]))
			}
			if n := pool.Out(); n != 0 {
				t.Fatalf("after Flush %d batches are not released", n)
			}
			if got := ctx.Stats.Passed.Load() + ctx.Stats.Errors.Load(); got != int64(written) {
				t.Fatalf("%d rows were written or refused, and %d counted", written, got)
			}
		}
		if err := sink.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		if got := arrived(); !equal(got, want) {
			t.Fatalf("run %d: %s", run, difference(got, want))
		}
		out.clear()
	}
	unflushedSink(t, c)
	if c.Broken != nil {
		s := c.Broken()
		if err := s.Open(Context(t, 0, 1)); err == nil {
			t.Error("the broken sink opens")
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close after a failed Open: %v", err)
		}
	}
}

// unflushedSink closes a sink that still holds rows: they may be lost, but neither batches nor anything else may stay behind.
func unflushedSink(t *testing.T, c SinkTest) {
	t.Helper()
	sink, _ := c.New(t)
	ctx := Context(t, 0, 1)
	if err := sink.Open(ctx); err != nil {
		t.Fatalf("Open: %v", err)
	}
	pool := stream.NewPool(c.Schema, len(c.Rows), 1)
	b := pool.TryGet()
	fillWithJunk(b, c.Rows, false)
	out := &ports{t: t}
	if err := sink.Write(b, out); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if err := sink.Close(); err != nil {
		t.Errorf("Close without Flush: %v", err)
	}
	if n := pool.Out(); n != 0 {
		t.Errorf("after Close %d batches are not released", n)
	}
	out.clear()
}

// fillWithJunk adds rows to b; with junk, each is followed by a copy that is not selected.
func fillWithJunk(b *stream.Batch, rows []Row, junk bool) {
	for _, r := range rows {
		Append(b, r)
		if junk {
			Append(b, r)
		}
	}
	if !junk {
		return
	}
	sel := b.SelBuf()
	for i := range rows {
		sel = append(sel, int32(2*i))
	}
	b.Sel = sel
}

// ports is the output of an operator or sink under examination.
type ports struct {
	t      testing.TB
	shelf  shelf
	texts  [stream.NumPorts][]string
	failAt int // which Emit, from 1, fails; 0: none
	emits  int
}

var errEmit = &emitError{}

type emitError struct{}

func (*emitError) Error() string { return "the output is closed" }

// Emit takes b over.
func (p *ports) Emit(port int, b *stream.Batch) error {
	p.shelf.t = p.t
	if p.emits++; p.emits == p.failAt {
		b.Release()
		return errEmit
	}
	if b.N > 0 {
		for i, c := range b.Cols {
			if c.Len() < b.N {
				p.t.Errorf("column %s has %d rows, the batch %d", b.Schema.Columns[i].Name, c.Len(), b.N)
				b.Release()
				return errEmit
			}
		}
	}
	p.texts[port] = append(p.texts[port], Texts(b)...)
	p.shelf.put(b)
	return nil
}

func (p *ports) clear() { p.shelf.clear() }
