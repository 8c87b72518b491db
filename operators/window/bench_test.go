package window

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"flowd/stream"
)

// The benchmarks feed batches of 4096 rows whose times rise by a fixed step with up to 2 s of disorder, a watermark
// behind each batch, and count in ns per input row, windows included. A key is popular with a probability that falls
// with its number, roughly as Nexmark's hot auctions are, or equally likely.

type benchInput struct {
	keys     int64
	perSlice int64 // rows in 2 s of event time
	hot      bool
	disorder int64
}

func run(b *testing.B, q query, in benchInput) {
	defer stream.SetDebug(stream.SetDebug(false))
	schema := stream.NewSchema(stream.ColumnDef{Name: "k", Type: bigint}, stream.ColumnDef{Name: "v", Type: bigint})
	h := newHarness(b, q.config(b, schema))
	h.ctx.BatchRows, h.ctx.OnError = 4096, stream.ErrorFail
	h.pool = stream.NewPool(schema, 4096, 4)
	h.open()
	const rows = 4096
	rnd := rand.New(rand.NewPCG(1, 2))
	keys, values, lag := make([][]int64, 64), make([]int64, rows), make([]int64, rows)
	for i := range keys {
		for range rows {
			k := rnd.Int64N(in.keys)
			if in.hot && rnd.IntN(2) == 0 {
				k = rnd.Int64N(100)
			}
			keys[i] = append(keys[i], k)
		}
	}
	for i := range rows {
		values[i] = rnd.Int64N(1000)
		lag[i] = int64(i) * 2000 / in.perSlice
		if in.disorder > 0 {
			lag[i] -= rnd.Int64N(in.disorder)
		}
	}
	out := &discard{}
	clock := int64(0) // in rows
	step := func(n int) {
		bt, err := h.pool.Get(h.ctx.Ctx)
		if err != nil {
			b.Fatal(err)
		}
		bt.Cols[0].I64 = append(bt.Cols[0].I64, keys[n%len(keys)]...)
		bt.Cols[1].I64 = append(bt.Cols[1].I64, values...)
		bt.N = rows
		now := clock * 2000 / in.perSlice
		ts := bt.OwnTime(rows)
		for i, l := range lag {
			ts[i] = now + l
		}
		clock += rows
		if err := h.op.Process(0, bt, out); err != nil {
			b.Fatal(err)
		}
		if err := h.op.OnWatermark(clock*2000/in.perSlice-in.disorder, out); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for clock < 2*12_000*in.perSlice/2000 { // two windows of 10 s and their disorder
		step(n)
		n++
	}
	b.ResetTimer()
	before := cpu()
	total := 0
	for ; total < b.N; total += rows {
		step(n)
		n++
	}
	b.ReportMetric(float64(cpu()-before)/float64(total), "cpu-ns/row")
}

// cpu is the processor time of the process, which other processes cannot disturb as much as the clock.
func cpu() int64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return r.Utime.Nano() + r.Stime.Nano()
}

func BenchmarkTumble(b *testing.B) {
	q := counts(Assigner{Size: 10_000, Every: 10_000})
	for _, in := range []benchInput{
		{keys: 30_000, perSlice: 1 << 20, hot: true, disorder: 2000},
		{keys: 30_000, perSlice: 1 << 20, disorder: 2000},
		{keys: 30_000, perSlice: 1 << 20},
		{keys: 30_000, perSlice: 1 << 15, disorder: 2000},
		{keys: 1_000_000, perSlice: 1 << 20, disorder: 2000},
	} {
		b.Run(fmt.Sprintf("%d keys, %d rows in 2s, hot %v, disorder %d", in.keys, in.perSlice, in.hot, in.disorder), func(b *testing.B) { run(b, q, in) })
	}
}

// BenchmarkSlide is query 5 of Nexmark: the keys with the highest count of each 10 s, every 2 s.
func BenchmarkSlide(b *testing.B) {
	q := counts(Assigner{Size: 10_000, Every: 2_000})
	q.top, q.by, q.ties = 1, []string{"n desc"}, true
	for _, in := range []benchInput{
		{keys: 30_000, perSlice: 1 << 20, hot: true, disorder: 2000},
		{keys: 30_000, perSlice: 1 << 20, disorder: 2000},
		{keys: 30_000, perSlice: 1 << 17, disorder: 2000},
		{keys: 30_000, perSlice: 1 << 14, disorder: 2000},
	} {
		b.Run(fmt.Sprintf("%d keys, %d rows in 2s, hot %v, disorder %d", in.keys, in.perSlice, in.hot, in.disorder), func(b *testing.B) { run(b, q, in) })
	}
}

// BenchmarkLongSlide has many slices in a window: a minute of every second.
func BenchmarkLongSlide(b *testing.B) {
	q := counts(Assigner{Size: 60_000, Every: 1_000})
	q.top, q.by = 3, []string{"n desc"}
	in := benchInput{keys: 10_000, perSlice: 1 << 17, disorder: 2000}
	run(b, q, in)
}

func BenchmarkAggregates(b *testing.B) {
	q := counts(Assigner{Size: 10_000, Every: 10_000})
	q.aggs = []string{"COUNT(*) AS n", "SUM(v) AS sum", "MAX(v) AS v"}
	run(b, q, benchInput{keys: 30_000, perSlice: 1 << 20, disorder: 2000})
}

func BenchmarkGlobal(b *testing.B) {
	run(b, query{Assigner: tumble10s, aggs: []string{"MAX(v) AS v"}}, benchInput{keys: 30_000, perSlice: 1 << 20, disorder: 2000})
}

func BenchmarkRank(b *testing.B) {
	run(b, query{Assigner: tumble10s, top: 1, by: []string{"v desc"}}, benchInput{keys: 30_000, perSlice: 1 << 20, disorder: 2000})
}

var tumble10s = Assigner{Size: 10_000, Every: 10_000}
