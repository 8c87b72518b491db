package window

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"flowd/internal/race"
	"flowd/operators/expr"
	"flowd/stream"
)

var tumble10 = Assigner{Size: 10, Every: 10}

func counts(a Assigner) query {
	return query{Assigner: a, keys: []string{"k"}, aggs: []string{"COUNT(*) AS n"}}
}

func TestFiringTime(t *testing.T) {
	h := newHarness(t, counts(tumble10).config(t, inputSchema)).open()
	h.rows(at(0, 1, 0), at(9, 1, 0), at(10, 1, 0))
	h.watermark(8)
	h.expect(t, stream.PortMain)
	h.watermark(9)
	h.expect(t, stream.PortMain, "9: 1 2 0 10")
	h.rows(at(9, 1, 0), at(10, 1, 0)) // the first is late
	h.watermark(9)
	h.watermark(5) // watermarks do not go back
	h.expect(t, stream.PortMain)
	h.watermark(stream.MaxWatermark)
	h.expect(t, stream.PortMain, "19: 1 2 10 20")
	if n := h.ctx.Stats.Late.Load(); n != 1 {
		t.Errorf("%d late", n)
	}
	h.expect(t, stream.PortLate) // nobody reads it
	h.end()
}

// TestLateForSome: a row late for one sliding window counts in those that are open.
func TestLateForSome(t *testing.T) {
	h := newHarness(t, counts(Assigner{Size: 10, Every: 5}).config(t, inputSchema)).open()
	h.rows(at(6, 1, 0))
	h.watermark(9) // [0, 10) fires
	h.rows(at(7, 1, 0), at(4, 1, 0))
	h.watermark(stream.MaxWatermark)
	h.expect(t, stream.PortMain, "9: 1 1 0 10", "14: 1 2 5 15")
	if n := h.ctx.Stats.Late.Load(); n != 1 {
		t.Errorf("%d late", n)
	}
	h.end()
}

// TestFarApart: windows years apart, before 1970 and near the limits, without a look at those between.
func TestFarApart(t *testing.T) {
	for _, a := range []Assigner{{Size: 1, Every: 1}, {Size: 1000, Every: 1, Offset: math.MaxInt64}, {Size: 7, Every: 3, Offset: -1 << 62}, {Size: maxSize, Every: 1}} {
		h := newHarness(t, counts(a).config(t, inputSchema)).open()
		times := []int64{-maxTime, -1, 0, 5_000_000_000_000, maxTime}
		for _, ts := range times {
			h.rows(at(ts, 1, 0))
		}
		if a.Size/a.Every > 1000 {
			h.watermark(-maxTime - a.Size) // one window, not all of them
			h.end()
			continue
		}
		h.watermark(stream.MaxWatermark)
		got := map[int64]int64{}
		for _, line := range h.port[stream.PortMain] {
			var end, k, n, ws, we int64
			if _, err := fmt.Sscanf(line, "%d: %d %d %d %d", &end, &k, &n, &ws, &we); err != nil {
				t.Fatal(line, err)
			}
			if we-ws != a.Size || end != we-1 {
				t.Errorf("%s: window of %d", line, we-ws)
			}
			got[n]++
		}
		// Each time is in Size/Every windows; −1 and 0 share some.
		if a.Size == 1 && (got[1] != 5 || len(got) != 1) || a.Size == 1000 && (got[1] != 3002 || got[2] != 999) {
			t.Errorf("%+v: %v", a, got)
		}
		h.end()
	}
}

func TestUnusableTimes(t *testing.T) {
	h := newHarness(t, counts(tumble10).config(t, inputSchema)).open()
	h.rows(at(5, 1, 0), at(maxTime+1, 2, 0), at(7, 1, 0), nil)
	h.rows(at(math.MinInt64, 3, 0), at(math.MaxInt64, 3, 0))
	h.watermark(stream.MaxWatermark)
	h.expect(t, stream.PortMain, "9: 1 2 0 10")
	if got := h.port[stream.PortErrors]; len(got) != 3 || !strings.Contains(got[1], "event time -9223372036854775808 ms is too far from 1970 for a window") {
		t.Errorf("errors %q", got)
	}
	h.end()
}

func TestEmptyWindows(t *testing.T) {
	h := newHarness(t, query{Assigner: tumble10, aggs: []string{"COUNT(*) AS n", "MAX(v) AS m"}}.config(t, inputSchema)).open()
	h.rows()
	h.watermark(100)
	h.rows(&row{t: 105}, &row{t: 141})
	h.watermark(stream.MaxWatermark)
	h.expect(t, stream.PortMain, "109: 1 - 100 110", "149: 1 - 140 150")
	if h.batches != 1 {
		t.Errorf("%d batches for windows that fire together", h.batches)
	}
	h.end()
}

// TestRowErrors: rows whose keys, arguments or results cannot be computed follow on_error, each once.
func TestRowErrors(t *testing.T) {
	q := query{Assigner: tumble10, keys: []string{"k"}, aggs: []string{"SUM(10 / v) AS a", "MAX(20 / v) AS b"}}
	h := newHarness(t, q.config(t, inputSchema)).open()
	h.rows(at(1, 1, 5), at(2, 1, 0), at(3, 2, 10))
	h.watermark(stream.MaxWatermark)
	h.expect(t, stream.PortMain, "9: 1 2 4 0 10", "9: 2 1 2 0 10")
	if got := h.port[stream.PortErrors]; len(got) != 1 || !strings.HasPrefix(got[0], "2: ") {
		t.Errorf("errors %q", got)
	}
	h.end()

	h = newHarness(t, q.config(t, inputSchema))
	h.ctx.OnError = stream.ErrorFail
	h.open()
	if err := h.op.Process(0, h.batch([]*row{at(1, 1, 5), at(2, 1, 0)}), h); !errors.Is(err, stream.ErrRow) || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("error %v", err)
	}
	if n := h.pool.Out(); n != 0 {
		t.Errorf("%d batches are out after a failure", n)
	}
}

// TestResultErrors: a sum over its type loses the result row, and no input row is counted twice.
func TestResultErrors(t *testing.T) {
	big := int64(math.MaxInt64)
	for _, top := range []int{0, 1, 5} {
		q := query{Assigner: tumble10, keys: []string{"k"}, aggs: []string{"SUM(v) AS sum"}}
		if top > 0 {
			q.top, q.by = top, []string{"sum desc"}
		}
		if top == 5 {
			q.by = []string{"k"} // the sum is computed only for rows that are taken
		}
		h := newHarness(t, q.config(t, inputSchema)).open()
		h.rows(at(1, 1, big), at(2, 1, 1), at(3, 2, 7), at(11, 1, 3), at(12, 2, big), at(12, 2, big))
		h.watermark(stream.MaxWatermark)
		h.expect(t, stream.PortMain, "9: 2 7 0 10", "19: 1 3 10 20")
		got := h.port[stream.PortErrors]
		if len(got) != 2 || !strings.Contains(got[0], "SUM overflows BIGINT: the sum is 9223372036854775808; CAST") || !strings.HasPrefix(got[1], "19: ") {
			t.Errorf("top %d: errors %q", top, got)
		}
		if n := h.ctx.Stats.ResultErrors.Load(); n != 2 {
			t.Errorf("%d results counted as wrong", n)
		}
		h.end()
	}
}

// TestResultErrorFails: on_error: fail ends the job at the first result that cannot be made, and leaves no batch out.
func TestResultErrorFails(t *testing.T) {
	q := query{Assigner: tumble10, keys: []string{"k"}, aggs: []string{"SUM(v) AS sum"}, top: 1, by: []string{"sum desc"}}
	h := newHarness(t, q.config(t, inputSchema))
	h.ctx.OnError = stream.ErrorFail
	h.open()
	h.rows(at(1, 1, 1), at(11, 1, math.MaxInt64), at(12, 1, 1))
	if err := h.op.OnWatermark(stream.MaxWatermark, h); !errors.Is(err, stream.ErrRow) || !strings.Contains(err.Error(), "SUM overflows BIGINT") {
		t.Errorf("error %v", err)
	}
	if err := h.op.Close(); err != nil {
		t.Error(err)
	}
	if n := h.op.results.pool.Out(); n != 0 {
		t.Errorf("%d batches are out", n)
	}
}

func TestTopTies(t *testing.T) {
	for _, c := range []struct {
		ties bool
		want []string
	}{
		{false, []string{"9: 3 2 0 10", "9: 1 2 0 10"}},
		{true, []string{"9: 3 2 0 10", "9: 1 2 0 10", "9: 4 2 0 10"}},
	} {
		q := counts(tumble10)
		q.top, q.by, q.ties = 2, []string{"n desc"}, c.ties
		h := newHarness(t, q.config(t, inputSchema)).open()
		for i, k := range []int64{3, 1, 2, 4, 1, 3, 4} {
			h.rows(at(int64(i), k, 0))
		}
		h.watermark(9)
		h.expect(t, stream.PortMain, c.want...)
		h.end()
	}
}

// TestRankingPrunes offers many more rows than are kept, in orders that are hard on pruning.
func TestRankingPrunes(t *testing.T) {
	orders := map[string]func(i int) int64{
		"up": func(i int) int64 { return int64(i) }, "down": func(i int) int64 { return int64(-i) },
		"same": func(int) int64 { return 7 }, "random": func(int) int64 { return rand.Int64N(100) },
	}
	for name, value := range orders {
		for _, ties := range []bool{false, true} {
			for _, by := range []string{"v", "v desc", "s", "v + 1 desc"} {
				q := query{Assigner: Assigner{Size: 2000, Every: 1000}, top: 3, by: []string{by}, ties: ties}
				h := newHarness(t, q.config(t, inputSchema)).open()
				m := &model{query: q, watermark: stream.MinWatermark, windows: map[int64][]*row{}}
				clear(seqs)
				if by == "s" {
					m.by = []string{"v"} // s is made of v so that their orders agree
				}
				for i := 0; i < 3000; {
					var rows []*row
					for range 500 {
						r := at(int64(i), 1, value(i))
						r.s = new(fmt.Sprintf("%08d", *r.v+4000))
						seqs[r] = i
						rows = append(rows, r)
						m.add(r)
						i++
					}
					h.rows(rows...)
				}
				if name != "same" && h.ctx.Stats.StateRows.Load() > 3*3*80 {
					t.Errorf("%s by %s holds %d rows", name, by, h.ctx.Stats.StateRows.Load())
				}
				m.advance(math.MaxInt64)
				h.watermark(stream.MaxWatermark)
				if !slices.Equal(h.port[stream.PortMain], m.out) {
					t.Errorf("%s by %s ties %v: %d rows instead of %d", name, by, ties, len(h.port[stream.PortMain]), len(m.out))
				}
				h.end()
			}
		}
	}
}

// TestRankLists keeps columns that are lists.
func TestRankLists(t *testing.T) {
	elem := stream.Type{ID: stream.BigInt}
	in := stream.NewSchema(stream.ColumnDef{Name: "v", Type: bigint}, stream.ColumnDef{Name: "l", Type: stream.Type{ID: stream.Array, Elem: &elem}})
	h := newHarness(t, query{Assigner: tumble10, top: 2, by: []string{"v"}}.config(t, in)).open()
	b, err := h.pool.Get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []int64{3, 1, 2} {
		b.Cols[0].AppendInt64(v)
		if v == 1 {
			b.Cols[1].AppendNull()
		} else {
			for j := range v {
				b.Cols[1].Child[0].AppendInt64(10*v + j)
			}
			b.Cols[1].EndList()
		}
		b.AppendTime(int64(i))
		b.N++
	}
	h.ctx.Stats.RowsIn.Add(int64(b.N))
	if err := h.op.Process(0, b, h); err != nil {
		t.Fatal(err)
	}
	h.watermark(9)
	h.expect(t, stream.PortMain, "9: 1 - 0 10", "9: 2 [20 21] 0 10")
	h.end()
}

func TestBudget(t *testing.T) {
	h := newHarness(t, counts(tumble10).config(t, inputSchema))
	h.ctx.StateBytes = 1 << 20
	h.open()
	feed := func(keys int64) (err error) {
		for k := int64(0); k < keys && err == nil; k += 1000 {
			var rows []*row
			for i := range int64(1000) {
				rows = append(rows, at(k/10_000*10, k+i, 0))
			}
			err = h.op.Process(0, h.batch(rows), h)
		}
		return err
	}
	if err := feed(20_000); err != nil {
		t.Fatal(err)
	}
	if n := h.ctx.Stats.StateBytes.Load(); n < 20_000*16 || n > 1<<20 {
		t.Errorf("%d bytes of state", n)
	}
	h.watermark(1_000_000)
	if n := h.ctx.Stats.StateRows.Load(); n != 0 {
		t.Errorf("%d rows of state are left", n)
	}
	h = newHarness(t, counts(tumble10).config(t, inputSchema))
	h.ctx.StateBytes = 1 << 20
	h.open()
	err := feed(200_000)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"1048576 bytes", "raise state.memory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q is without %q", err, want)
		}
	}
	if retried := stream.Permanent(errors.New("x")); fmt.Sprintf("%T", err) != fmt.Sprintf("%T", retried) {
		t.Errorf("error is a %T", err)
	}
	if n := h.pool.Out(); n != 0 {
		t.Errorf("%d batches are out", n)
	}
}

// TestManySlices spreads the rows of a batch over more slices than are dealt out directly.
func TestManySlices(t *testing.T) {
	for _, step := range []int64{1, 3, 10, 1_000_000_000_000} {
		for _, a := range []Assigner{tumble10, {Size: 1, Every: 1}, {Size: 30, Every: 10, Offset: 3}} {
			q := counts(a)
			h := newHarness(t, q.config(t, inputSchema)).open()
			m := &model{query: q, watermark: stream.MinWatermark, windows: map[int64][]*row{}}
			var rows []*row
			for _, i := range rand.Perm(1000) {
				r := at(int64(i)*step-500, int64(i%3), 0)
				rows = append(rows, r)
				if i%7 == 0 {
					rows = append(rows, nil)
				}
				m.add(r)
			}
			h.rows(rows...)
			m.advance(math.MaxInt64)
			h.watermark(stream.MaxWatermark)
			if !slices.Equal(h.port[stream.PortMain], m.out) {
				t.Errorf("step %d, %+v: %d rows instead of %d", step, a, len(h.port[stream.PortMain]), len(m.out))
			}
			h.end()
		}
	}
}

// TestHashed takes the batch's hash when told to, and only then.
func TestHashed(t *testing.T) {
	for _, hashed := range []bool{false, true} {
		c := counts(tumble10).config(t, inputSchema)
		c.Hashed = hashed
		h := newHarness(t, c).open()
		b := h.batch([]*row{at(1, 1, 0), at(2, 2, 0), at(3, 1, 0)})
		copy(b.OwnHash(3), []uint64{5, 6, 7}) // nonsense: equal keys hash differently
		if err := h.op.Process(0, b, h); err != nil {
			t.Fatal(err)
		}
		h.watermark(9)
		if got, want := len(h.port[stream.PortMain]), map[bool]int{false: 2, true: 3}[hashed]; got != want {
			t.Errorf("hashed %v: %d rows, want %d", hashed, got, want)
		}
		h.end()
	}
}

func TestConfigErrors(t *testing.T) {
	for want, c := range map[string]Config{
		"both must be positive":                    {},
		"would leave gaps":                         {Assigner: Assigner{Size: 5, Every: 6}},
		"longer than 10000 years":                  {Assigner: Assigner{Size: maxSize + 1, Every: 1}},
		"needs aggregate, group_by or top":         {Assigner: tumble10},
		"n must be positive":                       {Assigner: tumble10, Top: &Top{}},
		"1 group expressions for 2 keys":           {Assigner: tumble10, Keys: []int{0, 1}, KeyExprs: make([]*expr.Bound, 1)},
		"output schema has 0 columns instead of 3": {Assigner: tumble10, Keys: []int{0}, Out: stream.NewSchema()},
	} {
		h := newHarness(t, Config{In: inputSchema})
		h.op = New(c)().(*operator)
		if err := h.op.Open(h.ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestOutputSchema(t *testing.T) {
	s := OutputSchema([]stream.ColumnDef{{Name: "k", Type: bigint}}, []stream.ColumnDef{{Name: "n", Type: bigint.Required()}}, stream.Type{ID: stream.TimestampLTZ, Precision: 6})
	if got, want := s.String(), "k bigint, n bigint not null, window_start timestamp_ltz(3) not null, window_end timestamp_ltz(3) not null"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestAllocs: in the steady state neither rows nor windows allocate.
func TestAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("sync.Pool forgets under the race detector")
	}
	top := counts(Assigner{Size: 10_000, Every: 2_000})
	top.top, top.by, top.ties = 1, []string{"n desc"}, true
	text := counts(Assigner{Size: 2000, Every: 2000})
	text.keys = []string{"k", "s"}
	text.aggs = allAggs
	for name, q := range map[string]query{
		"tumble": counts(Assigner{Size: 2000, Every: 2000}), "slide top": top, "text": text,
		"rank": {Assigner: Assigner{Size: 4000, Every: 2000}, top: 3, by: []string{"v desc"}},
	} {
		h := newHarness(t, q.config(t, inputSchema))
		h.ctx.BatchRows, h.ctx.OnError = 4096, stream.ErrorFail
		h.open()
		clock := int64(0)
		var rows []*row
		for i := range 4000 {
			r := at(0, int64(i*7%500), int64(i*31%1000))
			r.s = new(fmt.Sprint("text ", *r.k))
			rows = append(rows, r)
		}
		out := &discard{}
		step := func() {
			for i, r := range rows {
				r.t = clock + int64(i) - int64(i*17%1500)
			}
			clock += int64(len(rows))
			if err := h.op.Process(0, h.batch(rows), out); err != nil {
				t.Fatal(err)
			}
			if err := h.op.OnWatermark(clock-1500, out); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			step()
		}
		before := out.rows
		a := testing.AllocsPerRun(20, step)
		if out.rows == before {
			t.Errorf("%s: nothing came out", name)
		}
		// sync.Pool may lose headers to the collector now and then.
		if a > 1 {
			t.Errorf("%s: %v allocations for 4000 rows and the windows they close", name, a)
		}
	}
}

type discard struct{ rows int }

func (d *discard) Emit(_ int, b *stream.Batch) error {
	d.rows += b.Rows()
	b.Release()
	return nil
}
