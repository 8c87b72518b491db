package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"flowd/operators/expr"
	"flowd/stream"
)

// runner drives the operators of a plan in one goroutine: what is emitted goes to its readers at once, and a
// watermark visits the nodes in order.
type runner struct {
	t     *testing.T
	plan  *Plan
	ops   [][]stream.Operator
	turn  int
	sinks map[string][]string
	pools []*stream.Pool // by source node
}

// port is the output of an instance.
type port struct {
	r              *runner
	node, instance int
}

func newRunner(t *testing.T, plan *Plan) *runner {
	r := &runner{t: t, plan: plan, sinks: make(map[string][]string), ops: make([][]stream.Operator, len(plan.Nodes)), pools: make([]*stream.Pool, len(plan.Nodes))}
	for i, n := range plan.Nodes {
		if n.Kind == SourceNode {
			r.pools[i] = stream.NewPool(n.Schemas[stream.PortMain], 64, 1<<20)
		}
		if n.Kind != OperatorNode {
			continue
		}
		for k := range n.Parallelism {
			op := n.NewOperator()
			c := &stream.Context{
				Ctx: context.Background(), Job: "t", Step: n.Step, Instance: k, Parallelism: n.Parallelism,
				Stats: &stream.Stats{}, OnError: n.OnError, HashSeed: 7, BatchRows: 64, PoolLimit: 1 << 20,
			}
			if err := op.Open(c); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { op.Close() })
			r.ops[i] = append(r.ops[i], op)
		}
	}
	return r
}

// Emit shares a batch out to the readers of the port, each with a header of its own.
func (p port) Emit(number int, b *stream.Batch) error {
	defer b.Release()
	if want := p.r.plan.Nodes[p.node].Schemas[number]; want == nil || !sameColumns(want, b.Schema) {
		return fmt.Errorf("node %d emits %v on port %d, planned was %v", p.node, b.Schema, number, want)
	}
	for i, n := range p.r.plan.Nodes {
		for input, e := range n.Inputs {
			if e.Node != p.node || e.Port != number {
				continue
			}
			if err := p.r.deliver(i, input, e, b, p.instance); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *runner) deliver(node, input int, e Edge, b *stream.Batch, from int) error {
	n := r.plan.Nodes[node]
	to := from
	switch e.Exchange {
	case Rebalance:
		r.turn++
		to = r.turn % n.Parallelism
	case Keyed:
		hash := make([]uint64, b.N)
		stream.HashRows(hash, b, e.Key, 7)
		for k := range n.Parallelism {
			s := b.Share()
			s.Hash = hash
			rows := b.Sel
			if rows == nil {
				for i := range b.N {
					rows = append(rows, int32(i))
				}
			}
			sel := s.SelBuf()
			for _, i := range rows {
				if int(hash[i]>>57)*n.Parallelism>>7 == k {
					sel = append(sel, i)
				}
			}
			s.Sel = sel
			if err := r.process(node, k, input, s); err != nil {
				return err
			}
		}
		return nil
	}
	return r.process(node, to, input, b.Share())
}

func (r *runner) process(node, instance, input int, b *stream.Batch) error {
	n := r.plan.Nodes[node]
	if n.Kind == OperatorNode {
		return r.ops[node][instance].Process(input, b, port{r, node, instance})
	}
	defer b.Release()
	for i := range b.N {
		if b.Sel != nil && !slices.Contains(b.Sel, int32(i)) {
			continue
		}
		var cells []string
		for c, col := range b.Cols {
			text := "NULL"
			if !col.IsNull(i) {
				text = string(expr.AppendValue(nil, b.Schema.Columns[c].Type, col, i))
			}
			cells = append(cells, text)
		}
		r.sinks[n.Step] = append(r.sinks[n.Step], strings.Join(cells, " "))
	}
	return nil
}

func (r *runner) watermark(ms int64) {
	for i, ops := range r.ops {
		for k, op := range ops {
			if err := op.OnWatermark(ms, port{r, i, k}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// bid is a row of the test's source.
type bid struct{ auction, price, at int64 }

// feed sends bids from each instance of the only source in turn, with a watermark behind each batch.
func (r *runner) feed(bids []bid) {
	n := r.plan.Nodes[0]
	timer := n.Time.NewTimer()
	for at := 0; at < len(bids); at += 50 {
		b, err := r.pools[0].Get(context.Background())
		if err != nil {
			r.t.Fatal(err)
		}
		part := bids[at:min(at+50, len(bids))]
		for c, col := range n.Schemas[stream.PortMain].Columns {
			for _, x := range part {
				v, ok := map[string]int64{"auction": x.auction, "bidder": x.price % 7, "price": x.price, "date_time": x.at * 1000}[col.Name]
				if !ok {
					r.t.Fatalf("no values for %s", col.Name)
				}
				b.Cols[c].AppendInt64(v)
			}
		}
		b.N = len(part)
		var errs stream.RowErrors
		if err := timer.EventTime(b, &errs); err != nil || errs.Len() > 0 {
			r.t.Fatal(err, errs)
		}
		if err := (port{r, 0, at / 50 % n.Parallelism}).Emit(stream.PortMain, b); err != nil {
			r.t.Fatal(err)
		}
		r.watermark(part[len(part)-1].at - 1)
	}
	r.watermark(stream.MaxWatermark)
}

func runPlan(t *testing.T, text string, bids []bid) map[string][]string {
	t.Helper()
	_, plan, diags := load(t, "t.yaml", text)
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	r := newRunner(t, plan)
	r.feed(bids)
	for _, rows := range r.sinks {
		slices.Sort(rows)
	}
	return r.sinks
}

func someBids(n int) []bid {
	rnd := rand.New(rand.NewPCG(1, 2))
	var out []bid
	at := int64(1767225600_000)
	for range n {
		at += rnd.Int64N(40)
		out = append(out, bid{1 + rnd.Int64N(9), 50 + rnd.Int64N(100), at})
	}
	return out
}

const bidSource = "name: t\nparallelism: %d\nsources: {bids: {generate: {nexmark: bids}}}\n"

// The rows do not depend on the number of instances, whichever way a step is cut into nodes.
func TestParallelismChangesNothing(t *testing.T) {
	bids := someBids(3000)
	for name, steps := range map[string]string{
		"filter":     "{where: price > 100, select: [auction, twice: price * 2]}",
		"top":        "{window: {slide: 10s, every: 2s, offset: 700ms}, group_by: auction, aggregate: {num: COUNT(*)}, top: {n: 2, by: num desc, ties: keep}}",
		"having":     "{where: price <> 60, window: {tumble: 3s}, group_by: [auction, odd: bidder % 2], aggregate: {num: COUNT(*), s: SUM(price)}, having: num > 3, add: {t: s + num}}",
		"composite":  "{window: {tumble: 5s}, group_by: {a: auction % 3, b: bidder}, aggregate: {m: SUM(price) - COUNT(*), n: COUNT(*)}, having: m > 200, top: {n: 3, by: 'm desc, n, a', per: b}, drop: n}",
		"rank rows":  "{where: bidder > 1, window: {slide: 4s, every: 1s}, top: {n: 1, by: price desc, ties: keep}, select: [price, auction, window_start, window_end]}",
		"global":     "{window: {tumble: 2s}, aggregate: {n: COUNT(*), high: MAX(price)}, select: [window_end, n]}",
		"pruned":     "{window: {tumble: 2s}, aggregate: {n: COUNT(*), m: SUM(price) / 2}, select: window_end}",
		"none left":  "{window: {tumble: 2s}, aggregate: {n: COUNT(*)}, select: window_end}",
		"no columns": "{window: {tumble: 2s}, group_by: auction, aggregate: {n: COUNT(*)}, select: window_end}",
	} {
		t.Run(name, func(t *testing.T) {
			text := bidSource + "transforms: {s: " + steps + "}\nsinks: {out: {discard: }}\n"
			one := runPlan(t, strings.Replace(text, "%d", fmt.Sprint(1), 1), bids)["out"]
			if len(one) == 0 {
				t.Fatal("no rows")
			}
			for _, p := range []int{2, 3} {
				if many := runPlan(t, strings.Replace(text, "%d", fmt.Sprint(p), 1), bids)["out"]; !slices.Equal(one, many) {
					t.Errorf("%d rows with one instance, %d with %d:\n%s\n---\n%s", len(one), len(many), p, strings.Join(one[:min(8, len(one))], "\n"), strings.Join(many[:min(8, len(many))], "\n"))
				}
			}
		})
	}
}

// The hot items are those of a loop over all windows.
func TestHotItems(t *testing.T) {
	bids := someBids(2000)
	counts := make(map[int64]map[int64]int64)
	for _, b := range bids {
		for end := b.at - b.at%2000 + 2000; end <= b.at-b.at%2000+10000; end += 2000 {
			if counts[end] == nil {
				counts[end] = make(map[int64]int64)
			}
			counts[end][b.auction]++
		}
	}
	var want []string
	for end, m := range counts {
		high := int64(0)
		for _, n := range m {
			high = max(high, n)
		}
		for a, n := range m {
			if n == high {
				want = append(want, fmt.Sprintf("%d %d %d", a, n, end))
			}
		}
	}
	slices.Sort(want)
	text := bidSource + `transforms:
  hot:
    window: {slide: 10s, every: 2s}
    group_by: auction
    aggregate: {num: COUNT(*)}
    top: {n: 1, by: num desc, ties: keep}
    select: [auction, num, end: 'TIMESTAMPDIFF(SECOND, TIMESTAMP ''2026-01-01 00:00:00'', window_end)']
sinks: {out: {discard: }}
`
	for _, p := range []int{1, 3} {
		got := runPlan(t, strings.Replace(text, "%d", fmt.Sprint(p), 1), bids)["out"]
		for i, row := range got {
			var a, n, end int64
			if _, err := fmt.Sscan(row, &a, &n, &end); err != nil {
				t.Fatal(err)
			}
			got[i] = fmt.Sprintf("%d %d %d", a, n, 1767225600_000+end*1000)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("parallelism %d: %d rows, not %d:\n%v\n%v", p, len(got), len(want), got[:min(5, len(got))], want[:5])
		}
	}
}
