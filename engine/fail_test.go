package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"flowd/pipeline"
	"flowd/stream"
)

var errBroken = errors.New("broken")

// An error or a panic of any method of any step fails the job with the step's name, and everything that was opened is
// closed.
func TestFailures(t *testing.T) {
	methods := map[string][]string{
		"in":  {"Open", "Reader", "Poll", "Split", "CloseReader", "Close"},
		"op":  {"Open", "Process", "OnWatermark", "Finish", "Close"},
		"row": {"Open", "Process", "OnWatermark", "Finish", "Close"},
		"out": {"Open", "Write", "OnDrained", "Flush", "Close"},
	}
	for step, list := range methods {
		for _, method := range list {
			for _, panics := range []bool{false, true} {
				if method == "Split" && !panics {
					continue // Split returns no error
				}
				t.Run(fmt.Sprintf("%s.%s panics=%t", step, method, panics), func(t *testing.T) { testFailure(t, step, method, panics) })
			}
		}
	}
}

func testFailure(t *testing.T, step, method string, panics bool) {
	fail := func(at string) func(string) error {
		return func(m string) error {
			if at != step || m != method {
				return nil
			}
			if panics {
				panic(errBroken)
			}
			return errBroken
		}
	}
	src := newFakeSource(2)
	src.feed(0, times(500, 0, 1)...)
	src.feed(1, times(500, 0, 1)...)
	src.finish()
	src.fail = fail("in")
	ops, out := newRecord(), newRecord()
	p := newPlan()
	s := p.source("in", 2, src, &pipeline.TimeSpec{})
	o := p.op("op", 2, func() stream.Operator { return &passOp{rec: ops, fail: fail("op")} }, keyed(s))
	c := p.chain("row", func() stream.Operator { return &passOp{rec: ops, fail: fail("row")} }, o)
	p.sink("out", 1, func() stream.Sink { return &collectSink{rec: out, fail: fail("out")} }, rebalance(c))
	j := p.job(t, Config{BatchRows: 20})
	err := j.Run(context.Background())
	var at *StepError
	if !errors.Is(err, errBroken) || !errors.As(err, &at) {
		t.Fatalf("Run returned %v", err)
	}
	if at.Step != step || !strings.HasPrefix(err.Error(), "step "+step+" (") {
		t.Errorf("failed in %q: %.60s", at.Step, err)
	}
	var p2 *PanicError
	if errors.As(err, &p2) != panics || panics && !strings.Contains(err.Error(), "fail_test.go") {
		t.Errorf("panics %t: %v", panics, err)
	}
	if s := j.Status().State; s != Failed {
		t.Errorf("state %s", s)
	}
	if ops.opened != ops.closed || out.opened != out.closed || src.opened != src.closed {
		t.Errorf("opened and closed: operators %d %d, sinks %d %d, source %d %d",
			ops.opened, ops.closed, out.opened, out.closed, src.opened, src.closed)
	}
	for _, r := range src.readers {
		if r.closed != 1 {
			t.Errorf("a reader was closed %d times", r.closed)
		}
	}
	ending := method == "Flush" || method == "Close" || method == "CloseReader"
	if out.flushed > 0 && !ending {
		t.Error("the sink was flushed after a failure")
	}
	if !panics { // the batch in hand at a panic belongs to nobody
		checkReleased(t, j)
	}
}

// A sink that fails behind the engine's back, with nothing coming in any more, still fails the job.
func TestFailureWithoutInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		src.feed(0, 1)
		began, asked := time.Now(), 0
		p := newPlan()
		s := p.source("in", 1, src, nil)
		p.sink("out", 1, func() stream.Sink {
			return &collectSink{rec: newRecord(), fail: func(m string) error {
				if m == "OnDrained" {
					asked++
				}
				if m == "OnDrained" && time.Since(began) > 10*time.Second {
					return errBroken
				}
				return nil
			}}
		}, rebalance(s))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err := p.job(t, Config{}).Run(ctx)
		if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "step out (") {
			t.Errorf("Run returned %v", err)
		}
		if d := time.Since(began); d > 12*time.Second || asked > 20 {
			t.Errorf("it took %s and %d questions", d, asked)
		}
	})
}

// A failing step says so once, however deep in a chain it is.
func TestStepErrorText(t *testing.T) {
	src := newFakeSource(4)
	for i := range 4 {
		src.feed(i, 1)
	}
	p := newPlan()
	s := p.source("in", 4, src, nil)
	a := p.chain("a", pass, s)
	b := p.chain("hot", func() stream.Operator {
		return &passOp{fail: func(m string) error {
			if m == "Process" {
				return errBroken
			}
			return nil
		}}
	}, a)
	p.plan.Nodes[b].Role = "window"
	src.change(0, func(*fakeSplit) {})
	src.splits = src.splits[:3]
	src.splits[0].rows, src.splits[1].rows = nil, nil
	src.finish()
	err := p.job(t, Config{}).Run(context.Background())
	if err == nil || err.Error() != "step hot (window, instance 2): broken" {
		t.Errorf("Run returned %v", err)
	}
}

func TestErrorPolicyFail(t *testing.T) {
	src := newFakeSource(1)
	src.feed(0, 1, 2, 3)
	src.finish()
	src.bad = func(r row) bool { return r.seq == 1 }
	p := newPlan()
	s := p.source("in", 1, src, nil)
	p.collect("out", 1, forward(s))
	j := p.job(t, Config{})
	err := j.Run(context.Background())
	if !errors.Is(err, stream.ErrRow) || !strings.Contains(err.Error(), "topic partition 0 offset 1") {
		t.Errorf("Run returned %v", err)
	}
	checkReleased(t, j)
}

func TestJobRunsOnce(t *testing.T) {
	src := newFakeSource(1)
	src.finish()
	p := newPlan()
	p.collect("out", 1, forward(p.source("in", 1, src, nil)))
	j := p.job(t, Config{})
	mustRun(t, j)
	if err := j.Run(context.Background()); err == nil {
		t.Error("a second Run did not fail")
	}
}

// Stop before Run: nothing is read, and the job ends well.
func TestStopFirst(t *testing.T) {
	src := newFakeSource(1)
	src.feed(0, 1)
	p := newPlan()
	out := p.collect("out", 1, forward(p.source("in", 1, src, nil)))
	j := p.job(t, Config{})
	j.Stop()
	mustRun(t, j)
	if len(out.rows) > 0 || out.flushed != 1 || j.Status().State != Stopped {
		t.Errorf("%d rows, flushed %d, %s", len(out.rows), out.flushed, j.Status().State)
	}
}

// Cancelling at any moment ends every goroutine and gives every batch back.
func TestCancelAtAnyMoment(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := newFakeSource(3)
		for i := range 3 {
			src.feed(i, times(3000, 0, 1)...)
		}
		src.finish()
		src.poll = randomly(rapid.Uint64().Draw(rt, "poll"), 60)
		at := int64(rapid.IntRange(1, 400).Draw(rt, "at"))
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		cause := errors.New("enough")
		var calls atomic.Int64
		step := func(string) error {
			if calls.Add(1) == at {
				cancel(cause)
			}
			return nil
		}
		src.fail = step
		p := newPlan()
		par := func(name string) int { return rapid.IntRange(1, 3).Draw(rt, name) }
		s := p.source("in", par("source"), src, &pipeline.TimeSpec{Granule: 10, MaxAhead: time.Hour})
		a := p.op("a", par("a"), func() stream.Operator { return &passOp{fail: step} }, keyed(s))
		b := p.chain("b", func() stream.Operator {
			return &passOp{fail: step, port: func(r row) int { return int(r.seq%2) * stream.PortLate }}
		}, a)
		c := p.op("c", par("c"), func() stream.Operator { return &passOp{fail: step} },
			keyed(b), pipeline.Edge{Node: b, Port: stream.PortLate, Exchange: pipeline.Rebalance}, keyed(b))
		out := newRecord()
		p.sink("out", 1, func() stream.Sink { return &collectSink{rec: out, fail: step} }, rebalance(c))
		j := p.job(rt, Config{BatchRows: 30, ChannelPerInput: rapid.IntRange(1, 4).Draw(rt, "channel")})
		barriers := make(chan struct{})
		go func() {
			defer close(barriers)
			for id := stream.CheckpointID(1); j.TriggerBarrier(ctx, id) == nil && id < 50; id++ {
			}
		}()
		err := j.Run(ctx)
		<-barriers
		if err != nil && !errors.Is(err, cause) || err == nil && calls.Load() >= at && j.Status().State == Cancelled {
			rt.Fatalf("Run returned %v", err)
		}
		checkReleased(rt, j)
		if out.opened != out.closed {
			rt.Fatalf("sink opened %d times, closed %d", out.opened, out.closed)
		}
	})
}
