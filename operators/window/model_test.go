package window

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowd/stream"
)

// model is the meaning of windows in the plainest form: a list of rows per window.
type model struct {
	query
	watermark int64
	windows   map[int64][]*row // by end
	out, lost []string
}

func (m *model) ends(t int64) []int64 {
	var ends []int64
	first := t - (((t-m.Offset)%m.Every)+m.Every)%m.Every
	for s := first; s > t-m.Size; s -= m.Every {
		ends = append(ends, s+m.Size)
	}
	return ends
}

func (m *model) add(r *row) {
	late := true
	for _, e := range m.ends(r.t) {
		if e-1 > m.watermark {
			late = false
			m.windows[e] = append(m.windows[e], r)
		}
	}
	if late {
		m.lost = append(m.lost, inputLine(r))
	}
}

func inputLine(r *row) string { return fmt.Sprintf("%d: %s", r.t, r.values()) }

func (r *row) values() string {
	return fmt.Sprintf("%d %s %s %s", r.t, number(r.k), quoted(r.s), number(r.v))
}

func quoted(s *string) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%q", *s)
}

func number(v *int64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func (m *model) advance(w int64) {
	var ends []int64
	for e := range m.windows {
		if e-1 <= w {
			ends = append(ends, e)
		}
	}
	slices.Sort(ends)
	for _, e := range ends {
		rows := m.windows[e]
		delete(m.windows, e)
		// A window is put together slice by slice.
		g := m.Grain()
		slices.SortStableFunc(rows, func(a, b *row) int {
			return cmp.Compare(floor(a.t, g, m.Offset), floor(b.t, g, m.Offset))
		})
		m.fire(e, rows)
	}
	m.watermark = w
}

// result is a row of the output with what having and top look at.
type result struct {
	text string
	n, v *int64 // what by and per name: n or v
	k    *int64
	seq  int
}

func (m *model) fire(end int64, rows []*row) {
	var results []*result
	if len(m.aggs) == 0 && len(m.keys) == 0 {
		for _, r := range rows {
			results = append(results, &result{text: r.values(), v: r.v, k: r.k, seq: r.seq()})
		}
	} else {
		results = m.groups(rows)
	}
	if m.having != "" { // n > 1
		results = slices.DeleteFunc(results, func(r *result) bool { return *r.n <= 1 })
	}
	if m.top > 0 {
		results = m.first(results)
	}
	for _, r := range results {
		m.out = append(m.out, fmt.Sprintf("%d: %s %d %d", end-1, r.text, end-m.Size, end))
	}
}

// seqs numbers rows as they arrive, for ties.
var seqs = map[*row]int{}

func (r *row) seq() int { return seqs[r] }

func (m *model) groups(rows []*row) []*result {
	var order []string
	groups := map[string][]*row{}
	for _, r := range rows {
		var key []string
		for _, k := range m.keys {
			switch k {
			case "k":
				key = append(key, number(r.k))
			case "s":
				key = append(key, quoted(r.s))
			case "k + 1":
				n := r.k
				if n != nil {
					n = new(*n + 1)
				}
				key = append(key, number(n))
			}
		}
		name := strings.Join(key, " ")
		if groups[name] == nil {
			order = append(order, name)
		}
		groups[name] = append(groups[name], r)
	}
	var results []*result
	for i, name := range order {
		in := groups[name]
		n := int64(len(in))
		var sum, highest *int64
		var count int64
		var text *string
		for _, r := range in {
			if r.v != nil {
				count++
				if sum == nil {
					sum = new(int64)
				}
				*sum += *r.v
				if highest == nil || *r.v > *highest {
					highest = r.v
				}
			}
			if r.s != nil && (text == nil || *r.s < *text) {
				text = r.s
			}
		}
		parts := []string{fmt.Sprint(n), number(sum), number(highest), quoted(text), fmt.Sprint(count)}
		parts = parts[:len(m.aggs)]
		if name != "" {
			parts = append([]string{name}, parts...)
		}
		results = append(results, &result{text: strings.Join(parts, " "), n: &n, v: highest, k: in[0].k, seq: i})
	}
	return results
}

func (m *model) first(results []*result) []*result {
	field := func(r *result, name string) *int64 {
		switch name {
		case "n":
			return r.n
		case "k":
			return r.k
		case "v + 1":
			if r.v == nil {
				return nil
			}
			return new(*r.v + 1)
		}
		return r.v
	}
	compareNull := func(a, b *int64) int {
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return -1
		case b == nil:
			return 1
		}
		return cmp.Compare(*a, *b)
	}
	rank := func(a, b *result) int {
		for _, by := range m.by {
			name, desc := strings.CutSuffix(by, " desc")
			if c := compareNull(field(a, name), field(b, name)); c != 0 {
				if desc {
					return -c
				}
				return c
			}
		}
		return 0
	}
	per := func(a, b *result) int {
		if len(m.per) == 0 {
			return 0
		}
		return compareNull(a.k, b.k)
	}
	slices.SortFunc(results, func(a, b *result) int { return cmp.Or(per(a, b), rank(a, b), cmp.Compare(a.seq, b.seq)) })
	var out []*result
	for i, r := range results {
		before, beaten := 0, 0
		for _, o := range results[:i] {
			if per(o, r) == 0 {
				before++
				if rank(o, r) < 0 {
					beaten++
				}
			}
		}
		if before < m.top || m.ties && beaten < m.top {
			out = append(out, r)
		}
	}
	return out
}

var allAggs = []string{"COUNT(*) AS n", "SUM(v) AS sum", "MAX(v) AS v", "MIN(s) AS low", "COUNT(v) AS c"}

func drawQuery(t *rapid.T) query {
	every := rapid.Int64Range(1, 12).Draw(t, "every")
	q := query{late: true}
	q.Assigner = Assigner{Size: every, Every: every, Offset: rapid.Int64Range(-20, 20).Draw(t, "offset")}
	if rapid.Bool().Draw(t, "sliding") {
		q.Size += rapid.Int64Range(0, 30).Draw(t, "longer")
	}
	if rapid.IntRange(0, 3).Draw(t, "rank") == 0 {
		q.top, q.by = rapid.IntRange(1, 4).Draw(t, "top"), rapid.SampledFrom([][]string{{"v desc"}, {"v"}, {"k", "v desc"}, {"v + 1 desc"}}).Draw(t, "by")
	} else {
		q.aggs = allAggs
		q.keys = rapid.SampledFrom([][]string{nil, {"k"}, {"s"}, {"k", "s"}, {"k + 1"}}).Draw(t, "keys")
		if rapid.IntRange(0, 2).Draw(t, "having") == 0 {
			q.having = "n > 1"
		}
		if rapid.Bool().Draw(t, "with top") {
			q.top, q.by = rapid.IntRange(1, 4).Draw(t, "top"), rapid.SampledFrom([][]string{{"n desc"}, {"n"}, {"v"}, {"n desc", "v"}, {"v + 1"}}).Draw(t, "by")
		}
	}
	if q.top > 0 {
		q.ties = rapid.Bool().Draw(t, "ties")
		if (len(q.keys) == 0 && len(q.aggs) == 0 || slices.Contains(q.keys, "k")) && rapid.Bool().Draw(t, "per") {
			q.per = []string{"k"}
		}
	}
	return q
}

// TestModel runs random queries over random rows, watermarks and batches and compares with the model.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		h := newHarness(t, q.config(t, inputSchema))
		h.ctx.BatchRows = rapid.SampledFrom([]int{1, 3, 64}).Draw(t, "batch rows")
		h.open()
		m := &model{query: q, watermark: stream.MinWatermark, windows: map[int64][]*row{}}
		clear(seqs)
		origin := rapid.SampledFrom([]int64{0, -1000, 1_700_000_000_000}).Draw(t, "origin")
		clock := origin
		spread := rapid.SampledFrom([]int64{3, 25, 400}).Draw(t, "spread")
		var batch []*row
		flush := func() {
			if len(batch) > 0 {
				h.rows(batch...)
				batch = nil
			}
		}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 19).Draw(t, "op"); {
			case op < 15:
				r := &row{t: clock + rapid.Int64Range(-spread, spread/2).Draw(t, "t")}
				if rapid.IntRange(0, 5).Draw(t, "has k") > 0 {
					r.k = new(rapid.Int64Range(0, 4).Draw(t, "k"))
				}
				if rapid.IntRange(0, 5).Draw(t, "has s") > 0 {
					r.s = new(rapid.SampledFrom([]string{"", "a", "bc", "a longer text"}).Draw(t, "s"))
				}
				if rapid.IntRange(0, 5).Draw(t, "has v") > 0 {
					r.v = new(rapid.Int64Range(-3, 9).Draw(t, "v"))
				}
				seqs[r] = len(seqs)
				m.add(r)
				batch = append(batch, r)
				clock += rapid.Int64Range(0, 3).Draw(t, "on")
			case op == 15:
				batch = append(batch, nil)
			case op == 16:
				flush()
				h.op.blocks.clear() // as when memory is short
			default:
				flush()
				w := clock - rapid.Int64Range(-5, spread).Draw(t, "delay")
				if rapid.IntRange(0, 9).Draw(t, "jump") == 0 {
					clock += 1_000_000
				}
				m.advance(max(w, m.watermark))
				h.watermark(w)
			}
		}
		flush()
		m.advance(math.MaxInt64)
		h.watermark(stream.MaxWatermark)
		if got, want := strings.Join(h.port[stream.PortMain], "\n"), strings.Join(m.out, "\n"); got != want {
			t.Fatalf("%+v\ngot\n%s\nwant\n%s", q, got, want)
		}
		if got, want := strings.Join(h.port[stream.PortLate], "\n"), strings.Join(m.lost, "\n"); got != want {
			t.Fatalf("late\ngot\n%s\nwant\n%s", got, want)
		}
		if n := h.ctx.Stats.Late.Load(); n != int64(len(m.lost)) {
			t.Fatalf("%d late rows counted, %d are", n, len(m.lost))
		}
		if n := h.ctx.Stats.StateRows.Load(); n != 0 {
			t.Fatalf("%d rows of state are left", n)
		}
		h.end()
	})
}
