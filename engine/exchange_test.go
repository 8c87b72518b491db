package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"flowd/pipeline"
	"flowd/state"
	"flowd/stream"
)

// Every row arrives once, in order for its split and key, and at the instance that owns its key, at any parallelism,
// batch size and pace.
func TestEveryRowArrivesOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := newFakeSource(rapid.IntRange(1, 5).Draw(rt, "splits"))
		for i := range src.splits {
			src.feed(i, times(rapid.IntRange(0, 500).Draw(rt, "rows"), 0, 3)...)
		}
		src.finish()
		src.poll = randomly(rapid.Uint64().Draw(rt, "poll"), 80)
		par := func(name string) int { return rapid.IntRange(1, 4).Draw(rt, name) }
		p := newPlan()
		sp := par("source")
		s := p.source("in", sp, src, &pipeline.TimeSpec{Granule: 10, Delay: time.Millisecond})
		first := p.op("first", par("first"), pass, keyed(s))
		odd := p.chain("odd", func() stream.Operator {
			return &passOp{port: func(r row) int { return int(r.seq%2) * stream.PortLate }}
		}, first)
		pause := time.Duration(rapid.IntRange(0, 1).Draw(rt, "slow")) * time.Microsecond
		recs := newRecord()
		second := p.op("second", par("second"), func() stream.Operator { return &passOp{rec: recs, slow: pause} },
			keyed(odd), pipeline.Edge{Node: odd, Port: stream.PortLate, Exchange: pipeline.Keyed, Key: []int{keyColumn}})
		third := p.op("third", p.plan.Nodes[second].Parallelism, pass, forward(second))
		out := p.collect("out", 1, rebalance(third))
		j := p.job(rt, Config{BatchRows: rapid.IntRange(1, 100).Draw(rt, "batch"), ChannelPerInput: rapid.IntRange(1, 8).Draw(rt, "channel"), HashSeed: 7})
		mustRun(rt, j)
		even := checkOnce(rt, src, out.rows)
		if even < 0 {
			rt.Fatal("rows are missing")
		}
		for key, at := range recs.instance {
			n := p.plan.Nodes[second].Parallelism
			if want := state.Instance(state.Group(state.HashInt64(7, key)), n); n > 1 && (len(at) != 1 || !at[want]) {
				rt.Fatalf("key %d was at instances %v, want %d", key, at, want)
			}
		}
	})
}

// checkOnce fails unless every row of src came once and the rows of one split, key and port in order: the two ports of
// a step are two edges and may overtake each other.
func checkOnce(t failer, src *fakeSource, got []row) int {
	t.Helper()
	type id struct{ split, key, port int64 }
	last := map[id]int64{}
	count := map[row]int{}
	for _, r := range got {
		k := id{r.split, r.key, r.seq % 2}
		if seq, ok := last[k]; ok && seq >= r.seq {
			t.Fatalf("split %d key %d: row %d came after %d", r.split, r.key, r.seq, seq)
		}
		last[k] = r.seq
		count[r]++
	}
	n := 0
	for _, sp := range src.splits {
		for _, r := range sp.rows {
			if n++; count[r] != 1 {
				t.Fatalf("row %v came %d times", r, count[r])
			}
		}
	}
	if n != len(got) {
		t.Fatalf("%d rows came of %d", len(got), n)
	}
	return n
}

func TestFanOutUnionAndSidePorts(t *testing.T) {
	a, b := newFakeSource(2), newFakeSource(1)
	a.feed(0, times(500, 0, 1)...)
	a.feed(1, times(300, 0, 1)...)
	b.feed(0, times(200, 0, 1)...)
	a.finish()
	b.finish()
	b.bad = func(r row) bool { return r.seq%50 == 49 }
	p := newPlan()
	sa, sb := p.source("a", 1, a, &pipeline.TimeSpec{}), p.source("b", 1, b, &pipeline.TimeSpec{})
	p.plan.Nodes[sb].OnError = stream.ErrorDivert
	union := p.op("union", 2, func() stream.Operator {
		return &passOp{port: func(r row) int {
			if r.seq%10 == 0 {
				return stream.PortLate
			}
			return stream.PortMain
		}}
	}, rebalance(sa), rebalance(sb))
	one := p.collect("one", 2, forward(union))
	two := p.collect("two", 1, rebalance(union))
	three := p.collect("three", 3, keyed(union))
	late := p.collect("late", 1, pipeline.Edge{Node: union, Port: stream.PortLate, Exchange: pipeline.Rebalance})
	var bad counter
	p.sink("bad", 1, func() stream.Sink { return &bad }, side(sb, stream.PortErrors))
	j := p.job(t, Config{BatchRows: 37})
	mustRun(t, j)
	for i, rec := range []*record{one, two, three} {
		if len(rec.rows) != 896 {
			t.Errorf("reader %d got %d rows, want 896", i, len(rec.rows))
		}
	}
	if len(late.rows) != 100 || bad.rows != 4 {
		t.Errorf("%d late rows and %d errors, want 100 and 4", len(late.rows), bad.rows)
	}
	st := j.Status().Nodes[1].Total
	if st.RowsIn != 200 || st.Errors != 4 || st.Passed != 196 || st.RowsOut != 196 {
		t.Errorf("source b counts %+v", st)
	}
}

// counter is a sink that counts.
type counter struct{ rows int }

func (*counter) Open(*stream.Context) error { return nil }
func (c *counter) Write(b *stream.Batch, _ stream.Output) error {
	c.rows += b.Rows()
	b.Release()
	return nil
}
func (*counter) Flush(context.Context) error { return nil }
func (*counter) Close() error                { return nil }

// A port that nobody reads drops what it is given, and bad records are counted.
func TestUnreadPortsAndDroppedErrors(t *testing.T) {
	src := newFakeSource(1)
	src.feed(0, times(100, 0, 1)...)
	src.finish()
	src.bad = func(r row) bool { return r.seq%10 == 0 }
	p := newPlan()
	s := p.source("in", 1, src, nil)
	p.plan.Nodes[s].OnError = stream.ErrorDivert
	o := p.op("odd", 1, func() stream.Operator {
		return &passOp{port: func(r row) int { return int(r.seq%2) * stream.PortLate }}
	}, forward(s))
	out := p.collect("out", 1, forward(o))
	j := p.job(t, Config{})
	mustRun(t, j)
	if st := j.Status().Nodes[0].Total; len(out.rows) != 40 || st.Errors != 10 {
		t.Errorf("%d rows, %d errors; want 40, 10", len(out.rows), st.Errors)
	}
}

// timerFunc computes event times.
type timerFunc func(b *stream.Batch, errs *stream.RowErrors) error

func (f timerFunc) EventTime(b *stream.Batch, errs *stream.RowErrors) error { return f(b, errs) }

// Rows without an event time follow on_error and count for no watermark.
func TestEventTimerErrors(t *testing.T) {
	src := newFakeSource(2)
	src.feed(0, times(300, 1000, 10)...)
	src.feed(1, times(300, 1000, 10)...)
	src.finish()
	src.poll = randomly(3, 40)
	p := newPlan()
	ops := newRecord()
	s := p.source("in", 1, src, &pipeline.TimeSpec{Granule: 10, NewTimer: func() stream.EventTimer {
		return timerFunc(func(b *stream.Batch, errs *stream.RowErrors) error {
			ts := b.OwnTime(b.N)
			for i := range ts {
				ts[i] = 1000 + 10*b.Cols[1].I64[i]
				if b.Cols[1].I64[i]%7 == 3 {
					ts[i] = 1 << 50
					errs.Add(i, "no time")
				}
			}
			return nil
		})
	}})
	p.plan.Nodes[s].OnError = stream.ErrorDrop
	o := p.op("mid", 1, func() stream.Operator { return &passOp{rec: ops} }, forward(s))
	p.collect("out", 1, forward(o))
	j := p.job(t, Config{BatchRows: 64})
	mustRun(t, j)
	if st := j.Status().Nodes[0].Total; st.Errors != 86 || len(ops.rows) != 514 || st.Passed != 514 {
		t.Errorf("%d rows, counts %+v; want 514, 86 errors", len(ops.rows), st)
	}
	for i, e := range ops.log {
		if len(e) > 10 && i < len(ops.log)-1 {
			t.Errorf("a row without a time moved the watermark to %s", e)
		}
	}
}

// A receiver that takes nothing stops its sender within the credit of the sender's pool.
func TestCreditStopsTheSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		src.feed(0, times(10000, 0, 1)...)
		src.finish()
		p := newPlan()
		s := p.source("in", 1, src, nil)
		gate := make(chan struct{})
		o := p.op("stuck", 1, func() stream.Operator {
			return &passOp{fail: func(m string) error {
				if m == "Process" {
					<-gate
				}
				return nil
			}}
		}, forward(s))
		out := p.collect("out", 1, forward(o))
		j := p.job(t, Config{BatchRows: 10})
		_, wait := started(t, j)
		synctest.Wait()
		if n := src.read(0); n != 50 {
			t.Errorf("%d rows read, want the 5 batches of the pool", n)
		}
		close(gate)
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		checkOnce(t, src, out.rows)
		checkReleased(t, j)
	})
}

// Stop lets all that was read flow through and flushes, without a final watermark.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(2)
		p := newPlan()
		ops, out := newRecord(), newRecord()
		s := p.source("in", 2, src, &pipeline.TimeSpec{Delay: 5 * time.Millisecond})
		o := p.op("mid", 2, func() stream.Operator { return &passOp{rec: ops} }, keyed(s))
		p.sink("out", 1, func() stream.Sink { return &collectSink{rec: out, slow: time.Second} }, rebalance(o))
		j := p.job(t, Config{BatchRows: 10})
		_, wait := started(t, j)
		src.feed(0, times(1000, 0, 1)...)
		src.feed(1, times(10, 0, 1)...)
		time.Sleep(3 * time.Second)
		j.Stop()
		j.Stop()
		if s := j.Status().State; s != Stopping {
			t.Errorf("state %s", s)
		}
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		if n := src.read(0) + src.read(1); len(out.rows) != n || n == 1010 || n == 0 {
			t.Errorf("%d rows read, %d written", n, len(out.rows))
		}
		if out.flushed != 1 || out.drained == 0 || ops.finished != 0 || out.closed != 1 {
			t.Errorf("flushed %d, drained %d, operators finished %d", out.flushed, out.drained, ops.finished)
		}
		for _, e := range ops.log {
			if len(e) > 10 {
				t.Errorf("final watermark %s", e)
			}
			if len(e) == 3 && e > "w5" { // the slower split reached 9, so nobody's end may raise it above 4
				t.Errorf("watermark %s though the slower source only reached 9", e)
			}
		}
		if s := j.Status().State; s != Stopped {
			t.Errorf("state %s", s)
		}
		checkReleased(t, j)
	})
}

// Rows are seen in the epoch in which their source sent them, at every task and parallelism.
func TestBarriersCutTheStream(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		splits := rapid.IntRange(1, 4).Draw(rt, "splits")
		src := newFakeSource(splits)
		for i := range splits {
			src.feed(i, times(rapid.IntRange(200, 2000).Draw(rt, "rows"), 0, 1)...)
		}
		src.finish()
		src.poll = randomly(rapid.Uint64().Draw(rt, "poll"), 60)
		p := newPlan()
		par := func(name string) int { return rapid.IntRange(1, 3).Draw(rt, name) }
		recs := []*record{newRecord(), newRecord(), newRecord()}
		mk := func(i int) func() stream.Operator {
			slow := time.Duration(rapid.IntRange(0, 1).Draw(rt, "slow")) * time.Microsecond
			return func() stream.Operator { return &passOp{rec: recs[i], slow: slow} }
		}
		s := p.source("in", par("source"), src, &pipeline.TimeSpec{Granule: 7})
		left := p.op("left", par("left"), mk(0), keyed(s))
		right := p.op("right", par("right"), mk(1), rebalance(s))
		both := p.op("both", par("both"), mk(2), keyed(left), rebalance(right))
		p.collect("out", 1, rebalance(both))
		j := p.job(rt, Config{BatchRows: rapid.IntRange(1, 60).Draw(rt, "batch"), ChannelPerInput: rapid.IntRange(1, 4).Draw(rt, "channel")})

		type mark struct{ step, instance, seen int }
		var mu sync.Mutex
		position := map[stream.CheckpointID]map[int64]int{} // rows sent of each split before the barrier
		marks := map[stream.CheckpointID][]mark{}
		j.onAligned = func(head *pipeline.Node, instance int, b stream.Barrier) error {
			mu.Lock()
			defer mu.Unlock()
			if head.Kind == pipeline.SourceNode {
				if position[b.Checkpoint] == nil {
					position[b.Checkpoint] = map[int64]int{}
				}
				for i := instance; i < splits; i += head.Parallelism {
					position[b.Checkpoint][int64(i)] = src.read(i)
				}
				return nil
			}
			for i, step := range []string{"left", "right", "both"} {
				if head.Step == step {
					recs[i].mu.Lock()
					marks[b.Checkpoint] = append(marks[b.Checkpoint], mark{i, instance, len(recs[i].perInst[instance])})
					recs[i].mu.Unlock()
				}
			}
			return nil
		}
		done := make(chan error, 1)
		go func() { done <- j.Run(context.Background()) }()
		for id := range 4 {
			if err := j.TriggerBarrier(context.Background(), stream.CheckpointID(id+1)); err != nil {
				rt.Fatal(err)
			}
		}
		if err := <-done; err != nil {
			rt.Fatal(err)
		}
		checkReleased(rt, j)
		tasks := p.plan.Nodes[left].Parallelism + p.plan.Nodes[right].Parallelism + p.plan.Nodes[both].Parallelism
		for id, pos := range position {
			if len(pos) < splits { // an instance had ended: its rows all belong to the epoch before
				for i := range splits {
					if _, ok := pos[int64(i)]; !ok {
						pos[int64(i)] = len(src.splits[i].rows)
					}
				}
			}
			if len(marks[id]) != tasks {
				rt.Fatalf("checkpoint %d aligned at %d tasks of %d", id, len(marks[id]), tasks)
			}
			for _, m := range marks[id] {
				for k, r := range recs[m.step].perInst[m.instance] {
					if before := int(r.seq) < pos[r.split]; before != (k < m.seen) {
						rt.Fatalf("checkpoint %d, step %d instance %d: row %v is number %d of %d before the barrier; sent before: %t",
							id, m.step, m.instance, r, k, m.seen, before)
					}
				}
			}
		}
	})
}

// hashOp checks that a batch carries the hashes of the exchange it came by, and no other.
type hashOp struct {
	bare
	want bool
}

func (o hashOp) Process(_ int, b *stream.Batch, out stream.Output) error {
	if (b.Hash != nil) != o.want {
		return fmt.Errorf("hashed %t, want %t", b.Hash != nil, o.want)
	}
	if o.want {
		for _, i := range b.Sel {
			if want := state.HashInt64(7, b.Cols[keyColumn].I64[i]); b.Hash[i] != want {
				return fmt.Errorf("hash %x of row %d, want %x", b.Hash[i], i, want)
			}
		}
	}
	return out.Emit(stream.PortMain, b)
}

func TestHashComesWithKeyedExchangeOnly(t *testing.T) {
	src := newFakeSource(1)
	src.feed(0, times(500, 0, 1)...)
	src.finish()
	p := newPlan()
	op := func(want bool) func() stream.Operator {
		return func() stream.Operator { return hashOp{want: want} }
	}
	s := p.source("in", 1, src, nil)
	one := p.op("one", 1, op(false), keyed(s)) // one receiver: nothing to hash for
	three := p.op("three", 3, op(true), keyed(one))
	same := p.op("same", 3, op(true), forward(three))
	turn := p.op("turn", 3, op(false), rebalance(same))
	two := p.op("two", 2, op(true), keyed(turn))
	last := p.op("last", 1, op(false), keyed(two))
	out := p.collect("out", 1, forward(last))
	mustRun(t, p.job(t, Config{BatchRows: 50, HashSeed: 7}))
	if len(out.rows) != 500 {
		t.Errorf("%d rows", len(out.rows))
	}
}

// The state memory of the plan is split over the instances of stateful nodes.
func TestStateMemoryIsSplit(t *testing.T) {
	src := newFakeSource(1)
	src.finish()
	p := newPlan()
	p.plan.StateMemory = 1000
	s := p.source("in", 1, src, nil)
	a := p.op("a", 3, pass, keyed(s))
	b := p.op("b", 1, pass, rebalance(a))
	p.plan.Nodes[a].Stateful, p.plan.Nodes[b].Stateful = true, true
	p.collect("out", 1, forward(b))
	j := p.job(t, Config{})
	if x, y, z := j.byNode[a][2].ctx.StateBytes, j.byNode[b][0].ctx.StateBytes, j.byNode[s][0].ctx.StateBytes; x != 250 || y != 250 || z != 0 {
		t.Errorf("%d, %d and %d bytes; want 250, 250, 0", x, y, z)
	}
}

// Senders begin their turns at different receivers, so that a few batches are spread as well.
func TestRebalanceTakesTurns(t *testing.T) {
	src := newFakeSource(2)
	src.feed(0, times(40, 0, 1)...)
	src.feed(1, times(40, 0, 1)...)
	src.finish()
	p := newPlan()
	out := p.collect("out", 4, rebalance(p.source("in", 2, src, nil)))
	mustRun(t, p.job(t, Config{BatchRows: 20}))
	for i := range 4 {
		want := map[int]int{0: 20, 1: 40, 2: 20}[i]
		if n := len(out.perInst[i]); n != want {
			t.Errorf("instance %d got %d rows, want %d", i, n, want)
		}
	}
}
