package operatortest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"flowd/stream"
)

// Event is a row that reaches an operator or, without a Row, the watermark Time.
type Event struct {
	Input int
	Row   Row
	Time  int64 // event time, ms
}

// OperatorTest is an operator under examination.
type OperatorTest struct {
	New      func() stream.Operator
	In       []*stream.Schema // of its inputs
	Timeless bool             // rows have no event time
	Events   []Event          // in order; the final watermark follows by itself
	// Want is the rows of each port as JSON; a nil port must have those of the first run.
	Want     [stream.NumPorts][]string
	AnyOrder bool // of the rows of a port
	Holds    bool // rows may be held at the end, so the counters need not add up
	OnError  stream.ErrorPolicy
}

// Operator examines an operator: its results do not depend on how rows are cut into batches or on rows that are not
// selected; every batch it takes is released, and none changes after it was sent; each row is counted once;
// when the output refuses a batch, that error comes back and Close works.
func Operator(t *testing.T, c OperatorTest) {
	t.Helper()
	environment(t)
	want := c.Want
	most := 0
	for run := range runs {
		out := &ports{t: t}
		if err := c.run(t, newRand(run), out, run); err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		most = max(most, out.emits)
		for port := range out.texts {
			got := out.texts[port]
			if c.AnyOrder {
				slices.Sort(got)
				slices.Sort(want[port])
			}
			if want[port] == nil {
				want[port] = append([]string{}, got...)
			}
			if !equal(got, want[port]) {
				t.Fatalf("run %d, port %d: %s", run, port, difference(got, want[port]))
			}
		}
	}
	for fail := 1; fail <= min(most, 4); fail++ {
		out := &ports{t: t, failAt: fail}
		if err := c.run(t, newRand(1), out, 1); out.emits >= fail && !errors.Is(err, errEmit) {
			t.Errorf("Emit %d failed, and the operator returned %v", fail, err)
		}
	}
}

// run feeds all events. Run 0 uses the largest batches.
func (c *OperatorTest) run(t *testing.T, rng *rand.Rand, out *ports, run int) (err error) {
	t.Helper()
	ctx := Context(t, 0, 1)
	ctx.OnError = c.OnError
	size := []int{1024, 1, 2, 5, 64}[run%5]
	var pools []*stream.Pool
	for _, s := range c.In {
		pools = append(pools, stream.NewPool(s, 2*size, poolLimit))
	}
	op := c.New()
	defer func() {
		if closing := op.Close(); closing != nil {
			t.Errorf("Close: %v", closing)
		}
		out.clear()
		for i, p := range pools {
			if n := p.Out(); n != 0 {
				t.Errorf("run %d: %d batches of input %d were never released (error %v)", run, n, i, err)
			}
		}
	}()
	if err := op.Open(ctx); err != nil {
		return err
	}
	rows := 0
	for events := c.Events; len(events) > 0; {
		n := c.batch(events, size, rng, run == 0)
		if n == 0 {
			if err := op.OnWatermark(events[0].Time, out); err != nil {
				return err
			}
			events = events[1:]
			continue
		}
		in := events[0].Input
		b, err := pools[in].Get(ctx.Ctx)
		if err != nil {
			t.Fatalf("no batch for input %d: %v", in, err)
		}
		c.fill(b, events[:n], run > 0 && rng.IntN(2) == 0)
		rows, events = rows+n, events[n:]
		if err := op.Process(in, b, out); err != nil {
			return err
		}
		if d, ok := op.(stream.Drained); ok && rng.IntN(4) == 0 {
			if err := d.OnDrained(); err != nil {
				return err
			}
		}
	}
	if err := op.OnWatermark(stream.MaxWatermark, out); err != nil {
		return err
	}
	if f, ok := op.(stream.Finisher); ok {
		if err := f.Finish(out); err != nil {
			return err
		}
	}
	s := ctx.Stats
	counted := s.Passed.Load() + s.Filtered.Load() + s.Absorbed.Load() + s.Late.Load() + s.Errors.Load()
	if counted != int64(rows) && !c.Holds {
		t.Errorf("run %d: %d rows came in, and %d are accounted for (passed %d, filtered %d, absorbed %d, late %d, errors %d)", run, rows, counted,
			s.Passed.Load(), s.Filtered.Load(), s.Absorbed.Load(), s.Late.Load(), s.Errors.Load())
	}
	return nil
}

// batch is how many of the first events go into one batch; 0: the first is a watermark.
func (c *OperatorTest) batch(events []Event, size int, rng *rand.Rand, largest bool) int {
	n := 0
	for n < len(events) && n < size && events[n].Row != nil && events[n].Input == events[0].Input {
		n++
	}
	if n > 1 && !largest {
		n = 1 + rng.IntN(n)
	}
	return n
}

// fill builds the batch of events; with junk, each row is followed by a copy that is not selected.
func (c *OperatorTest) fill(b *stream.Batch, events []Event, junk bool) {
	rows := make([]Row, len(events))
	for i, e := range events {
		rows[i] = e.Row
	}
	fillWithJunk(b, rows, junk)
	if c.Timeless {
		return
	}
	for _, e := range events {
		b.AppendTime(e.Time)
		if junk {
			b.AppendTime(e.Time)
		}
	}
}
