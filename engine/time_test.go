package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"flowd/pipeline"
	"flowd/stream"
)

// timed is a source, an operator that writes down what it sees, and a sink.
type timed struct {
	src *fakeSource
	ops *record
	job *Job
}

func newTimed(t failer, src *fakeSource, spec *pipeline.TimeSpec, cfg Config) *timed {
	p := newPlan()
	ops := newRecord()
	s := p.source("in", 1, src, spec)
	o := p.op("mid", 1, func() stream.Operator { return &passOp{rec: ops} }, forward(s))
	p.collect("out", 1, forward(o))
	return &timed{src, ops, p.job(t, cfg)}
}

// expect compares what the operator has seen so far, once everybody waits.
func (x *timed) expect(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	if got := strings.Join(x.ops.events(), " "); got != want {
		t.Errorf("seen %q, want %q", got, want)
	}
}

func (x *timed) source() InstanceStatus { return x.job.Status().Nodes[0].Instances[0] }

func TestPartialBatchIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTimed(t, newFakeSource(1), &pipeline.TimeSpec{}, Config{})
		cancel, wait := started(t, x.job)
		x.src.feed(0, 1, 2)
		x.expect(t, "r1 r2 w2")
		x.src.feed(0, 3)
		x.expect(t, "r1 r2 w2 r3 w3")
		cancel()
		if err := wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		if s := x.job.Status().State; s != Cancelled {
			t.Errorf("state %s", s)
		}
	})
}

// Rows that trickle in without a pause wait no longer than linger for a batch to be full.
func TestTrickleLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		src.feed(0, times(1000, 0, 1)...)
		src.poll = func() int {
			time.Sleep(time.Millisecond)
			return 1
		}
		x := newTimed(t, src, nil, Config{})
		_, wait := started(t, x.job)
		time.Sleep(100*time.Millisecond + time.Microsecond)
		x.ops.mu.Lock()
		if n := len(x.ops.rows); n < 90 || n > 100 {
			t.Errorf("%d rows have come of 100", n)
		}
		x.ops.mu.Unlock()
		x.job.Stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestIdleSplitDoesNotHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTimed(t, newFakeSource(2), &pipeline.TimeSpec{Idle: 30 * time.Second}, Config{})
		x.src.change(1, func(s *fakeSplit) { s.behind = true }) // not read yet, and more is in the log
		_, wait := started(t, x.job)
		x.src.feed(0, 10)
		x.expect(t, "r10") // split 1 holds until it is read
		if got := x.source().HeldBy; got != "topic/1" {
			t.Errorf("held by %q", got)
		}
		time.Sleep(time.Minute)
		x.expect(t, "r10") // however long: it is not caught up
		x.src.feed(1, 5)
		x.src.change(1, func(s *fakeSplit) { s.behind = false })
		time.Sleep(time.Second)
		x.src.feed(0, 11)
		x.expect(t, "r10 r5 w5 r11")
		if st := x.job.Status(); st.Nodes[1].Instances[0].HeldBy != "topic/1" {
			t.Errorf("held by %q at the operator", st.Nodes[1].Instances[0].HeldBy)
		}
		for range 31 { // split 0 goes on, split 1 is silent for longer than idle
			time.Sleep(time.Second)
			x.src.feed(0, 11)
		}
		synctest.Wait()
		if got := x.ops.events(); !slices.Contains(got, "w11") {
			t.Errorf("an idle split holds the watermark: %v", got)
		}
		if st := x.source().Splits[1]; !st.Idle || st.Lag != 0 {
			t.Errorf("split 1 is %+v", st)
		}
		x.src.feed(1, 7) // it wakes with an old row: nothing goes back
		x.src.feed(0, 20)
		synctest.Wait()
		if got := x.ops.events(); got[len(got)-1] != "r20" && got[len(got)-1] != "r7" {
			t.Errorf("the woken split does not hold: %v", got[len(got)-3:])
		}
		x.src.feed(1, 15)
		synctest.Wait()
		if got := x.ops.events(); got[len(got)-1] != "w15" {
			t.Errorf("after the woken split rose: %v", got[len(got)-3:])
		}
		x.src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestEmptySplitIsIdleAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTimed(t, newFakeSource(2), &pipeline.TimeSpec{Idle: 30 * time.Second}, Config{})
		_, wait := started(t, x.job)
		x.src.feed(0, 10)
		x.expect(t, "r10 w10")
		x.src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// An instance without splits holds nothing back, until it is given one.
func TestInstanceWithoutSplits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		p := newPlan()
		ops := newRecord()
		s := p.source("in", 3, src, &pipeline.TimeSpec{Idle: time.Minute})
		o := p.op("mid", 1, func() stream.Operator { return &passOp{rec: ops} }, rebalance(s))
		p.collect("out", 1, forward(o))
		x := &timed{src, ops, p.job(t, Config{})}
		_, wait := started(t, x.job)
		src.feed(0, 4)
		x.expect(t, "r4 w4")
		src.mu.Lock()
		src.splits = append(src.splits, &fakeSplit{id: "topic/1", behind: true})
		src.mu.Unlock()
		time.Sleep(2 * time.Second) // discovered
		src.feed(0, 9)
		x.expect(t, "r4 w4 r9")
		if st := x.job.Status().Nodes[1]; st.HeldBy != "topic/1" || st.Watermark != 4 {
			t.Errorf("%+v", st)
		}
		src.feed(1, 7)
		x.expect(t, "r4 w4 r9 r7 w7")
		src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// Without an idle time no split is ever idle.
func TestNoIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTimed(t, newFakeSource(2), &pipeline.TimeSpec{}, Config{})
		_, wait := started(t, x.job)
		x.src.feed(0, 10)
		time.Sleep(24 * time.Hour)
		x.expect(t, "r10")
		x.src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
		x.expect(t, "r10 w9223372036854775807")
	})
}

// When every split is idle the source says so, another source goes on alone, and the first holds again from the
// moment it has a row, before the row.
func TestIdleSourceInUnion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeSource(1), newFakeSource(1)
		p := newPlan()
		ops := newRecord()
		spec := &pipeline.TimeSpec{Idle: 10 * time.Second}
		sa, sb := p.source("a", 1, a, spec), p.source("b", 1, b, spec)
		mid := p.op("mid", 1, pass, forward(sa), forward(sb))
		o := p.op("log", 1, func() stream.Operator { return &passOp{rec: ops} }, forward(mid))
		p.collect("out", 1, forward(o))
		job := p.job(t, Config{})
		_, wait := started(t, job)
		a.feed(0, 5)
		b.feed(0, 8)
		synctest.Wait()
		for range 12 {
			time.Sleep(time.Second)
			b.feed(0, 9)
		}
		synctest.Wait()
		if got := ops.events(); got[len(got)-1] != "r9" || !slices.Contains(got, "w9") {
			t.Errorf("b alone does not raise the watermark: %v", got)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		st := job.Status()
		if !st.Nodes[3].Idle || st.Nodes[3].Watermark != 9 || st.Nodes[3].Instances[0].HeldBy != "" {
			t.Errorf("with all splits idle the log step is %+v", st.Nodes[3])
		}
		n := len(ops.events())
		a.feed(0, 6)
		synctest.Wait()
		b.feed(0, 30)
		a.feed(0, 20)
		synctest.Wait()
		got := ops.events()[n:]
		if slices.Contains(got, "w30") || !slices.Contains(got, "w20") {
			t.Errorf("after both woke: %v", got)
		}
		a.finish()
		b.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// While the sink is stuck, time does not make a split idle.
func TestBlockedTimeIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(2)
		src.poll = func() int { return 1 }
		p := newPlan()
		ops := newRecord()
		gate := make(chan struct{})
		s := p.source("in", 1, src, &pipeline.TimeSpec{Idle: 10 * time.Second})
		slow := p.op("slow", 1, func() stream.Operator {
			return &passOp{rec: ops, fail: func(m string) error {
				if m == "Process" {
					<-gate
				}
				return nil
			}}
		}, forward(s))
		p.collect("out", 1, forward(slow))
		j := p.job(t, Config{BatchRows: 1, ChannelPerInput: 1})
		_, wait := started(t, j)
		src.feed(1, 1)
		src.feed(0, times(40, 2, 1)...)
		synctest.Wait()
		time.Sleep(time.Hour)
		for range 20 {
			gate <- struct{}{}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if src.read(0) == 40 {
			t.Fatal("the source was never blocked")
		}
		if sp := j.Status().Nodes[0].Instances[0].Splits[1]; sp.Idle {
			t.Errorf("split 1 is idle though the source was blocked: %+v", sp)
		}
		if j.Status().Nodes[0].Total.Blocked < time.Hour {
			t.Errorf("blocked for %s", j.Status().Nodes[0].Total.Blocked)
		}
		close(gate)
		src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestMaxAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.UnixMilli(1_000_000)
		x := newTimed(t, newFakeSource(1), &pipeline.TimeSpec{Delay: 100 * time.Millisecond, MaxAhead: time.Minute},
			Config{Clock: func() time.Time { return now }})
		_, wait := started(t, x.job)
		x.src.feed(0, 999_000)
		x.expect(t, "r999000 w998900")
		x.src.feed(0, 99_000_000, 1_000_500)
		x.expect(t, "r999000 w998900 r99000000 r1000500 w1060000")
		if n := x.source().Counts.Clamped; n != 1 {
			t.Errorf("%d rows clamped", n)
		}
		x.src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestAlignBoundsTheLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const align, batch = 1000, 16
		fast, slow := newFakeSource(2), newFakeSource(1)
		spec := func() *pipeline.TimeSpec {
			return &pipeline.TimeSpec{Align: align * time.Millisecond, Idle: time.Minute, AlignGroup: 1}
		}
		p := newPlan()
		a, b := p.source("fast", 2, fast, spec()), p.source("slow", 1, slow, spec())
		p.collect("out", 1, rebalance(a), rebalance(b))
		j := p.job(t, Config{BatchRows: batch})
		slow.change(0, func(s *fakeSplit) { s.behind = true })
		_, wait := started(t, j)
		fast.feed(0, times(20000, 0, 1)...)
		fast.feed(1, times(20000, 0, 2)...)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := fast.read(0); n > 3*batch {
			t.Errorf("%d rows read while another split is not read yet", n)
		}
		for i := range int64(40) {
			slow.feed(0, i*500)
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			fast.mu.Lock()
			for _, sp := range fast.splits {
				if lead := sp.most - i*500; lead > align+2*3*batch {
					t.Errorf("%s leads by %d at %d", sp.id, lead, i)
				} else if sp.next < len(sp.rows) && lead < align-2*3*batch {
					t.Errorf("%s lags by %d at %d though it may go on", sp.id, -lead, i)
				}
			}
			fast.mu.Unlock()
		}
		if st := j.Status().Nodes[0]; !st.Instances[0].Splits[0].Paused && !st.Instances[1].Splits[0].Paused {
			t.Error("no split is paused")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait() // the slow split is idle by now, so it holds nobody
		if n := fast.read(0); n != 20000 {
			t.Errorf("%d rows read in the end", n)
		}
		fast.finish()
		slow.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
		checkReleased(t, j)
	})
}

// A split that is not read yet counts as the slowest for no longer than idle.
func TestAlignWaitsForUnreadSplitOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(2)
		src.poll = func() int { return 10 }
		x := newTimed(t, src, &pipeline.TimeSpec{Align: time.Second, Idle: 30 * time.Second}, Config{BatchRows: 10})
		src.change(1, func(s *fakeSplit) { s.behind = true })
		_, wait := started(t, x.job)
		src.feed(0, times(100, 0, 1000)...)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if n := src.read(0); n > 10 {
			t.Errorf("%d rows read too early", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := src.read(0); n != 100 {
			t.Errorf("%d rows read", n)
		}
		src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// A source without event time holds no watermark.
func TestTimelessSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain, src := newFakeSource(1), newFakeSource(1)
		plain.timeless = true
		p := newPlan()
		ops := newRecord()
		a, b := p.source("plain", 1, plain, nil), p.source("timed", 1, src, &pipeline.TimeSpec{})
		o := p.op("mid", 1, func() stream.Operator { return &passOp{rec: ops} }, forward(a), forward(b))
		p.collect("out", 1, forward(o))
		x := &timed{src, ops, p.job(t, Config{})}
		_, wait := started(t, x.job)
		plain.feed(0, 7)
		synctest.Wait()
		src.feed(0, 3)
		x.expect(t, "r0 r3 w3")
		plain.finish()
		src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
		x.expect(t, "r0 r3 w3 w9223372036854775807")
	})
}

// A source that was idle says that it holds the watermark again before it sends the row that woke it.
func TestWakeComesBeforeTheRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTimed(t, newFakeSource(1), &pipeline.TimeSpec{Idle: time.Second}, Config{})
		tap := make(chan stream.Message, 100)
		to := &x.job.byNode[0][0].ports[stream.PortMain].edges[0].dests[0]
		onward := to.ch
		to.ch = tap
		x.src.feed(0, 5)
		_, wait := started(t, x.job)
		time.Sleep(2 * time.Second)
		x.src.feed(0, 7)
		synctest.Wait()
		var kinds []stream.MessageKind
		for range len(tap) {
			m := <-tap
			kinds = append(kinds, m.Kind)
			onward <- m
		}
		want := []stream.MessageKind{stream.MsgBatch, stream.MsgWatermark, stream.MsgIdle, stream.MsgWatermark, stream.MsgBatch, stream.MsgWatermark}
		if !slices.Equal(kinds, want) {
			t.Errorf("sent %v, want %v", kinds, want)
		}
		x.src.finish()
		synctest.Wait()
		for range len(tap) {
			onward <- <-tap
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// Before they wait, sinks may pass on what they hold, chained behind a source or not.
func TestDrainedBeforeWaiting(t *testing.T) {
	for _, chained := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			src := newFakeSource(1)
			p := newPlan()
			out := newRecord()
			k := p.sink("out", 1, func() stream.Sink { return &collectSink{rec: out} }, forward(p.source("in", 1, src, nil)))
			p.plan.Nodes[k].Stateless = chained
			_, wait := started(t, p.job(t, Config{}))
			src.feed(0, 1)
			synctest.Wait()
			out.mu.Lock()
			if len(out.rows) != 1 || out.drained == 0 {
				t.Errorf("chained %t: %d rows, drained %d times", chained, len(out.rows), out.drained)
			}
			out.mu.Unlock()
			src.finish()
			if err := wait(); err != nil {
				t.Error(err)
			}
			if out.flushed != 1 || out.closed != 1 {
				t.Errorf("flushed %d, closed %d", out.flushed, out.closed)
			}
		})
	}
}

// No row is read before everything is open, so that a sink that cannot be reached costs nothing.
func TestNothingIsReadBeforeAllIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		src.feed(0, 1, 2, 3)
		src.finish()
		p := newPlan()
		gate := make(chan struct{})
		p.sink("out", 1, func() stream.Sink {
			return &collectSink{rec: newRecord(), fail: func(m string) error {
				if m == "Open" {
					<-gate
				}
				return nil
			}}
		}, forward(p.source("in", 1, src, nil)))
		j := p.job(t, Config{})
		_, wait := started(t, j)
		synctest.Wait()
		if n := src.read(0); n != 0 || j.Status().State != Opening {
			t.Errorf("%d rows read, %s", n, j.Status().State)
		}
		close(gate)
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// A reader whose Ready channel is closed is polled at a pace, not in a busy loop.
func TestClosedReadyDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource(1)
		var polls atomic.Int64
		src.fail = func(m string) error {
			if m == "Poll" {
				polls.Add(1)
			}
			return nil
		}
		x := newTimed(t, src, nil, Config{})
		src.timeless = true
		x.job.tasks[0].source.share.source = closedReady{src}
		_, wait := started(t, x.job)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := polls.Load(); n > 210 || n < 100 {
			t.Errorf("%d polls in a second", n)
		}
		src.finish()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

type closedReady struct{ *fakeSource }

type closedReader struct{ stream.Reader }

func (s closedReady) Reader(c *stream.Context) (stream.Reader, error) {
	r, err := s.fakeSource.Reader(c)
	return closedReader{r}, err
}

func (closedReader) Ready() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
