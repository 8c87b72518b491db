package engine

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowd/pipeline"
	"flowd/stream"
)

// lateOp decides what is late as a window step does: a row whose granule the watermark has closed.
type lateOp struct {
	passOp
	granule   int64
	watermark int64
	mu        *sync.Mutex
	late      *[]row
}

func (o *lateOp) Open(c *stream.Context) error {
	o.watermark = stream.MinWatermark
	return o.passOp.Open(c)
}

func (o *lateOp) OnWatermark(ms int64, _ stream.Output) error { o.watermark = ms; return nil }

func (o *lateOp) Process(_ int, b *stream.Batch, out stream.Output) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range rowsOf(b) {
		if closes(r.time, o.granule) <= o.watermark {
			*o.late = append(*o.late, r)
		}
	}
	b.Release()
	return nil
}

// closes is the watermark from which on a row at ts is late.
func closes(ts, granule int64) int64 {
	return int64(math.Floor(float64(ts)/float64(granule)))*granule + granule - 1
}

// runLate runs the rows of src into a lateOp and returns the late ones in order of arrival.
func runLate(t failer, src *fakeSource, spec pipeline.TimeSpec, parallelism, batch int) ([]row, Status) {
	var mu sync.Mutex
	var late []row
	p := newPlan()
	s := p.source("in", parallelism, src, &spec)
	c := p.op("copy", 1, pass, rebalance(s))
	o := p.op("late", 1, func() stream.Operator { return &lateOp{granule: spec.Granule, mu: &mu, late: &late} }, forward(c))
	p.collect("out", 1, forward(o))
	j := p.job(t, Config{BatchRows: batch})
	mustRun(t, j)
	return late, j.Status()
}

// With one split, exactly the rows are late that would be if a watermark followed each row, however they are
// fetched and batched.
func TestLatenessOfOneSplit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		granule := rapid.Int64Range(1, 50).Draw(rt, "granule")
		delay := rapid.Int64Range(0, 30).Draw(rt, "delay")
		ts := rapid.SliceOfN(rapid.Int64Range(-100, 100), 1, 300).Draw(rt, "times")
		for i := range ts { // drift, so that watermarks move all the time
			ts[i] += int64(i) * rapid.SampledFrom([]int64{0, 1, 1, 2}).Draw(rt, "drift")
		}
		var want []row
		high := stream.MinWatermark
		for i, x := range ts {
			if high != stream.MinWatermark && closes(x, granule) <= high-delay {
				want = append(want, row{0, int64(i), int64(i) % 17, x})
			}
			high = max(high, x)
		}
		src := newFakeSource(1)
		src.feed(0, ts...)
		src.finish()
		src.poll = randomly(rapid.Uint64().Draw(rt, "poll"), 64)
		got, _ := runLate(rt, src, pipeline.TimeSpec{Delay: time.Duration(delay) * time.Millisecond, Granule: granule},
			1, rapid.IntRange(1, 80).Draw(rt, "batch"))
		if !slices.Equal(got, want) {
			rt.Fatalf("granule %d delay %d times %v:\nlate %v\nwant %v", granule, delay, ts, got, want)
		}
	})
}

// With several splits, none of which is more disordered than the delay, no row is late whatever the splits' sizes and
// pace.
func TestNoRowIsLateWithinTheDelay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		splits := rapid.IntRange(1, 5).Draw(rt, "splits")
		delay := rapid.Int64Range(0, 100).Draw(rt, "delay")
		src := newFakeSource(splits)
		slow := rapid.IntRange(0, splits-1).Draw(rt, "slow") // a leader that answers late and in pieces
		var pieces []int64
		src.splits[slow].behind = true
		for i := range splits {
			ts := make([]int64, rapid.IntRange(0, 400).Draw(rt, "rows"))
			step := rapid.Int64Range(1, 40).Draw(rt, "step")
			for k := range ts {
				ts[k] = int64(k)*step + rapid.Int64Range(0, delay).Draw(rt, "disorder")
			}
			if i == slow {
				pieces = ts
				continue
			}
			src.feed(i, ts...)
			src.finish(i)
		}
		go func() {
			for ; len(pieces) > 0; pieces = pieces[min(50, len(pieces)):] {
				src.feed(slow, pieces[:min(50, len(pieces))]...)
				runtime.Gosched()
			}
			src.finish()
		}()
		src.poll = randomly(rapid.Uint64().Draw(rt, "poll"), 64)
		parallelism := rapid.IntRange(1, 4).Draw(rt, "parallelism")
		got, st := runLate(rt, src, pipeline.TimeSpec{
			Delay: time.Duration(delay) * time.Millisecond, Granule: rapid.Int64Range(1, 50).Draw(rt, "granule"), Idle: time.Hour,
		}, parallelism, rapid.IntRange(1, 80).Draw(rt, "batch"))
		if len(got) > 0 {
			rt.Fatalf("%d rows are late, the first %v", len(got), got[0])
		}
		if n := st.Nodes[0].Total.Cuts; n > 0 {
			rt.Fatalf("%d cuts", n)
		}
	})
}

// A split that would cut before every other row is limited, and the rows it spares are not late.
func TestCutsAreLimited(t *testing.T) {
	var ts []int64
	for i := range int64(4000) {
		ts = append(ts, (i+1)*10, i*10) // each pair closes a granule and then falls into it
	}
	src := newFakeSource(1)
	src.feed(0, ts...)
	src.finish()
	late, st := runLate(t, src, pipeline.TimeSpec{Granule: 10}, 1, 512)
	cuts := st.Nodes[0].Total.Cuts
	if rest := int64(len(ts)-2*maxCutRun)/cutEvery + 1; cuts < maxCutRun || cuts > maxCutRun+rest {
		t.Errorf("%d cuts, want %d and at most %d more", cuts, maxCutRun, rest)
	}
	if len(late) < maxCutRun || len(late) >= 4000 {
		t.Errorf("%d rows are late", len(late))
	}
}

func TestClosedBy(t *testing.T) {
	for _, c := range []struct{ granule, ms, want int64 }{
		{0, 5, stream.MinWatermark},
		{10, stream.MinWatermark, stream.MinWatermark},
		{10, stream.MaxWatermark, stream.MaxWatermark},
		{10, 8, 0},
		{10, 9, 10},
		{10, 10, 10},
		{10, 19, 20},
		{10, -1, 0},
		{10, -2, -10},
		{10, -11, -10},
		{10, -12, -20},
		{1, 5, 6},
	} {
		s := newSplitTimes(0, c.granule, 0)
		if got := s.closedBy(c.ms); got != c.want {
			t.Errorf("closedBy(%d) of granule %d is %d, want %d", c.ms, c.granule, got, c.want)
		}
	}
}

func TestScanCountsClampedRows(t *testing.T) {
	s := newSplitTimes(5, 10, 0)
	s.grow(1, 0)
	s.limit = 100
	s.enter(0)
	if n := s.scan([]int64{50, 1000, 100, 99, 101}); n != 5 {
		t.Fatalf("scanned %d rows", n)
	}
	s.leave()
	if w, _ := s.combined(); w != 95 || s.clamped != 2 {
		t.Errorf("watermark %d, %d rows clamped; want 95, 2", w, s.clamped)
	}
}

// Close cuts are counted anew once rows have come in order for a while.
func TestCutLimitRecovers(t *testing.T) {
	s := newSplitTimes(0, 10, 0)
	s.grow(1, 0)
	at := int64(0)
	cuts := func(pairs int) (n int) {
		for range pairs {
			at += 10
			s.enter(0)
			for times := []int64{at + 10, at}; len(times) > 0; {
				k := s.scan(times)
				if times = times[k:]; len(times) > 0 {
					n++
					w, _ := s.combined()
					s.setSent(w)
				}
			}
			s.leave()
		}
		return n
	}
	if n := cuts(2 * maxCutRun); n < maxCutRun || n > maxCutRun+2*maxCutRun/cutEvery+1 {
		t.Fatalf("%d cuts", n)
	}
	quiet := times(cutEvery, at+100, 1)
	s.enter(0)
	if n := s.scan(quiet); n != len(quiet) {
		t.Fatal("cut in rows that are in order")
	}
	s.leave()
	at += 1000
	if n := cuts(100); n != 100 {
		t.Errorf("%d cuts of 100 after rows in order", n)
	}
}

// A row that other splits keep from being late needs no cut.
func TestNoCutWhileAnotherSplitHolds(t *testing.T) {
	src := newFakeSource(2)
	src.feed(0, 100, 5, 200, 7, 300, 9)
	src.feed(1, 1, 2, 3)
	src.finish()
	late, st := runLate(t, src, pipeline.TimeSpec{Granule: 10}, 1, 64)
	if n := st.Nodes[0].Total.Cuts; n != 0 || len(late) != 0 {
		t.Errorf("%d cuts, late %v", n, late)
	}
}

func TestIdleness(t *testing.T) {
	const idle = 1000
	s := newSplitTimes(0, 0, idle)
	s.grow(2, 0)
	caught, behind := stream.SplitState{CaughtUp: true}, stream.SplitState{}
	step := func(what string, active int64, st stream.SplitState, want splitState, recheck int64) {
		t.Helper()
		s.observe(0, st, active)
		if got := s.splits[0].state; got != want {
			t.Errorf("%s: state %d, want %d", what, got, want)
		}
		if got := s.recheck(active); got != recheck {
			t.Errorf("%s: recheck after %d, want %d", what, got, recheck)
		}
	}
	s.observe(1, stream.SplitState{Finished: true}, 0)
	step("not read, more is in the log", 0, behind, splitLive, 0)
	step("not read, nothing is in the log", 5, caught, splitIdle, -1)
	s.read(0)
	s.enter(0)
	s.scan([]int64{7})
	s.leave()
	step("caught up", 100, caught, splitLive, idle)
	step("not for long", 600, caught, splitLive, idle-500)
	s.splits[0].paused = true
	step("paused", 2000, caught, splitLive, 0)
	s.splits[0].paused = false
	step("resumed", 2100, caught, splitLive, idle)
	step("for long", 2100+idle, caught, splitIdle, -1)
	step("more is in the log", 9000, behind, splitLive, 0)
	step("finished", 9001, stream.SplitState{CaughtUp: true, Finished: true}, splitFinished, -1)

	s = newSplitTimes(0, 0, 0)
	s.grow(1, 0)
	step("never idle", 1<<50, caught, splitLive, -1)
}

func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name     string
		disorder int64
	}{{"in order", 0}, {"disorder", 2000}} {
		b.Run(c.name, func(b *testing.B) {
			ts := make([]int64, 4096)
			s := newSplitTimes(2000, 1000, 0)
			s.grow(4, 0)
			for i := range s.splits {
				s.splits[i].max = 0
			}
			x := uint64(1)
			base := int64(0)
			for b.Loop() {
				b.StopTimer()
				for i := range ts {
					x = x*6364136223846793005 + 1442695040888963407
					ts[i] = base + int64(i) - int64(x>>33)%(c.disorder+1)
				}
				base += 4096
				b.StartTimer()
				s.enter(0)
				if n := s.scan(ts); n != len(ts) {
					b.Fatal(n)
				}
				s.leave()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/row")
		})
	}
}
