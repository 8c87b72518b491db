package stream

import (
	"context"
	"errors"
	"slices"
	"testing"

	"flowd/internal/race"
)

var twoColumns = NewSchema(ColumnDef{"n", Type{ID: BigInt}}, ColumnDef{"s", Type{ID: String}})

func debug(t *testing.T) {
	t.Helper()
	old := SetDebug(true)
	t.Cleanup(func() { SetDebug(old) })
}

func filled(t *testing.T, p *Pool, values ...int64) *Batch {
	t.Helper()
	b, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		b.Cols[0].AppendInt64(v)
		b.Cols[1].AppendString("x")
		b.AppendTime(v)
		b.N++
	}
	return b
}

// TestLastReleaseReturnsTheBlock is the ownership rule: columns live as long as any header over them, in any order
// of release, and no longer.
func TestLastReleaseReturnsTheBlock(t *testing.T) {
	debug(t)
	p := NewPool(twoColumns, 4, 1)
	for order := range 2 {
		b := filled(t, p, 1, 2, 3)
		other := b.Share()
		first, second := b, other
		if order == 1 {
			first, second = other, b
		}
		first.Release()
		if p.Out() != 1 {
			t.Fatalf("block came back while it was held: %d out", p.Out())
		}
		if got := second.Cols[0].I64; !slices.Equal(got, []int64{1, 2, 3}) {
			t.Fatalf("columns changed under a reader: %v", got)
		}
		col := second.Cols[0]
		second.Release()
		if p.Out() != 0 {
			t.Fatalf("block did not come back: %d out", p.Out())
		}
		if col.I64[0] == 1 {
			t.Fatal("a debug pool leaves returned blocks readable")
		}
	}
}

// TestProjectionHolds is what a step does that keeps a column of its input in a batch of its own.
func TestProjectionHolds(t *testing.T) {
	debug(t)
	p := NewPool(twoColumns, 4, 1)
	in := filled(t, p, 7)
	out := NewHeader(NewSchema(twoColumns.Columns[0]))
	out.Cols, out.N, out.Time = append(out.Cols, in.Cols[0]), in.N, in.Time
	out.Hold(in)
	in.Release()
	if out.Cols[0].I64[0] != 7 || out.Time[0] != 7 {
		t.Fatalf("column %v, time %v", out.Cols[0].I64, out.Time)
	}
	out.Release()
	if p.Out() != 0 {
		t.Fatal("the block is still out")
	}
}

func TestReleaseTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a second Release passed: the block could be lent to two steps")
		}
	}()
	b := filled(t, NewPool(twoColumns, 4, 1), 1)
	b.Release()
	b.Release()
}

func TestPoolIsALimit(t *testing.T) {
	p := NewPool(twoColumns, 4, 2)
	a, b := filled(t, p, 1), filled(t, p, 2)
	if p.TryGet() != nil {
		t.Fatal("a pool of two lent a third batch")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	cancel(cause)
	if _, err := p.Get(ctx); !errors.Is(err, cause) {
		t.Fatalf("waiting ended with %v", err)
	}
	a.Release()
	c := filled(t, p, 3)
	if c.N != 1 || c.Sel != nil || len(c.Time) != 1 {
		t.Fatalf("a lent batch was not empty: %+v", c)
	}
	b.Release()
	c.Release()
}

func TestSelections(t *testing.T) {
	p := NewPool(twoColumns, 8, 1)
	b := filled(t, p, 0, 1, 2, 3, 4, 5)
	sel := b.SelBuf()
	for i := range int32(6) {
		if i%2 == 0 {
			sel = append(sel, i)
		}
	}
	b.Sel = sel
	shared := b.Share()
	// Filtering in place: the new selection overwrites the old one from the front.
	sel = b.SelBuf()
	for _, i := range b.Sel {
		if i > 0 {
			sel = append(sel, i)
		}
	}
	b.Sel = sel
	if !slices.Equal(b.Sel, []int32{2, 4}) || b.Rows() != 2 {
		t.Fatalf("selection %v", b.Sel)
	}
	if !slices.Equal(shared.Sel, []int32{0, 2, 4}) {
		t.Fatalf("another header's selection changed: %v", shared.Sel)
	}
	var errs RowErrors
	errs.Add(4, "bad")
	errs.Unselect(b)
	if !slices.Equal(b.Sel, []int32{2}) {
		t.Fatalf("after an error in row 4: %v", b.Sel)
	}
	errs.Reset()
	errs.Add(3, "bad")
	all := filled(t, NewPool(twoColumns, 8, 1), 0, 1, 2, 3)
	errs.Unselect(all)
	if !slices.Equal(all.Sel, []int32{0, 1, 2}) {
		t.Fatalf("after an error in row 3 of all: %v", all.Sel)
	}
	all.Release()
	b.Release()
	shared.Release()
}

// TestSteadyStateAllocatesNothing is the promise of pools: batches are made once.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled memory at random")
	}
	p := NewPool(twoColumns, 64, 2)
	step := func() {
		b := p.TryGet()
		for i := range int64(64) {
			b.Cols[0].AppendInt64(i)
			b.Cols[1].AppendString("text")
			b.AppendTime(i)
		}
		b.N = 64
		b.OwnHash(64)
		s := b.Share()
		s.Sel = append(s.SelBuf(), 1, 2, 3)
		b.Release()
		s.Release()
	}
	step()
	if n := testing.AllocsPerRun(200, step); n > 0.1 {
		t.Errorf("%.2f allocations a batch", n)
	}
}
