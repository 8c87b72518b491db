package engine

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"flowd/internal/race"
	"flowd/pipeline"
	"flowd/stream"
)

// endless is a source of rows that costs almost nothing: it says that a batch is full of what is still in it.
type endless struct {
	batches int
	keys    []int64
}

func (s *endless) Open(*stream.Context) error { return nil }
func (s *endless) Close() error               { return nil }
func (s *endless) Reader(c *stream.Context) (stream.Reader, error) {
	return &endlessReader{left: s.batches / c.Parallelism, keys: s.keys}, nil
}

type endlessReader struct {
	left int
	at   int64
	keys []int64
}

func (r *endlessReader) Poll(b *stream.Batch, _ *stream.RowErrors) (stream.Polled, error) {
	if r.left == 0 {
		return stream.Polled{End: true}, nil
	}
	r.left--
	n := b.Free()
	for _, c := range b.Cols {
		c.I64 = append(c.I64, r.keys[:n]...)
	}
	ts := b.OwnTime(n)
	for i := range ts {
		r.at++
		ts[i] = r.at
	}
	b.N = n
	return stream.Polled{Rows: n}, nil
}
func (r *endlessReader) Ready() <-chan struct{}      { return nil }
func (r *endlessReader) Splits() int                 { return 1 }
func (r *endlessReader) Split(int) stream.SplitState { return stream.SplitState{End: -1} }
func (r *endlessReader) Pause(int, bool)             {}
func (r *endlessReader) Close() error                { return nil }

// discard releases what it gets.
type discard struct{ counter }

// bare passes everything on.
type bare struct{}

func (bare) Open(*stream.Context) error { return nil }
func (bare) Process(_ int, b *stream.Batch, out stream.Output) error {
	return out.Emit(stream.PortMain, b)
}
func (bare) OnWatermark(int64, stream.Output) error { return nil }
func (bare) Close() error                           { return nil }

func perfKeys(n int) []int64 {
	keys := make([]int64, n)
	for i := range keys {
		keys[i] = int64(i) * 7919
	}
	return keys
}

// perfJob is source → hops tasks → sink, or with a keyed exchange at parallelism p in place of the hops.
func perfJob(t failer, batches, rows, hops, p int, chained, timed bool) *Job {
	b := newPlan()
	src := &endless{batches: batches, keys: perfKeys(rows)}
	var spec *pipeline.TimeSpec
	if timed {
		spec = &pipeline.TimeSpec{Granule: 1000}
	}
	last := b.source("in", p, src, spec)
	for i := range hops {
		name := string(rune('a' + i))
		if chained {
			last = b.chain(name, func() stream.Operator { return bare{} }, last)
			continue
		}
		last = b.op(name, p, func() stream.Operator { return bare{} }, forward(last))
	}
	in := forward(last)
	if p > 1 {
		in = keyed(last)
	}
	b.sink("out", p, func() stream.Sink { return &discard{} }, in)
	return b.job(t, Config{BatchRows: rows})
}

// A batch of one row through four tasks, and through none: the difference is four hops.
func BenchmarkHop(b *testing.B) {
	for _, c := range []struct {
		name    string
		hops    int
		chained bool
		timed   bool
	}{{"channel", 4, false, false}, {"channel and watermark", 4, false, true}, {"chained", 4, true, false}, {"none", 0, false, false}} {
		b.Run(c.name, func(b *testing.B) {
			stream.SetDebug(false)
			defer stream.SetDebug(true)
			j := perfJob(b, b.N, 1, c.hops, 1, c.chained, c.timed)
			b.ReportAllocs()
			b.ResetTimer()
			if err := j.Run(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkKeyedExchange(b *testing.B) {
	for _, rows := range []int{256, 1024, 4096} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			stream.SetDebug(false)
			defer stream.SetDebug(true)
			j := perfJob(b, b.N, rows, 0, 2, false, true)
			b.ReportAllocs()
			b.ResetTimer()
			if err := j.Run(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
		})
	}
}

// In the steady state nothing is allocated for a row, and next to nothing for a batch.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes pools forget")
	}
	stream.SetDebug(false)
	defer stream.SetDebug(true)
	for _, c := range []struct {
		name    string
		p, hops int
		chained bool
	}{{"channels", 1, 3, false}, {"chained", 1, 3, true}, {"exchange", 2, 1, false}} {
		t.Run(c.name, func(t *testing.T) {
			const rows = 64
			mallocs := func(batches int) uint64 {
				j := perfJob(t, batches, rows, c.hops, c.p, c.chained, true)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := j.Run(context.Background()); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return after.Mallocs - before.Mallocs
			}
			mallocs(1000)
			few, many := mallocs(1000), mallocs(41000)
			if perBatch := float64(int64(many)-int64(few)) / 40000; perBatch > 0.05 {
				t.Errorf("%.3f allocations a batch", perBatch)
			}
		})
	}
}
