package engine

import (
	"strings"
	"testing"
	"time"

	"flowd/pipeline"
	"flowd/stream"
)

func TestSourceToSink(t *testing.T) {
	src := newFakeSource(3)
	for i := range 3 {
		src.feed(i, times(1000*(i+1), 0, 10)...)
	}
	src.finish()
	p := newPlan()
	rec, ops := newRecord(), newRecord()
	s := p.source("in", 1, src, &pipeline.TimeSpec{Delay: time.Second, Granule: 1000})
	o := p.op("mid", 1, func() stream.Operator { return &passOp{rec: ops} }, forward(s))
	c := p.chain("chained", pass, o)
	p.sink("out", 1, func() stream.Sink { return &collectSink{rec: rec} }, forward(c))
	j := p.job(t, Config{BatchRows: 64})
	mustRun(t, j)
	checkRows(t, src, rec.rows)
	if got := ops.log[len(ops.log)-1]; got != "w9223372036854775807" {
		t.Errorf("the last event is %s, not the final watermark", got)
	}
	if ops.finished != 1 || rec.flushed != 1 || rec.closed != 1 || src.opened != 1 || src.closed != 1 {
		t.Errorf("finished %d, flushed %d, closed %d, source opened %d, closed %d: want 1 each",
			ops.finished, rec.flushed, rec.closed, src.opened, src.closed)
	}
	st := j.Status()
	if st.State != Finished {
		t.Errorf("state %s", st.State)
	}
	for i, n := range st.Nodes {
		if i > 0 && n.Total.RowsIn != 6000 || i < 3 && n.Total.RowsOut != 6000 {
			t.Errorf("%s: %d rows in, %d out", n.Step, n.Total.RowsIn, n.Total.RowsOut)
		}
		if n.Kind != pipeline.SinkNode && n.Watermark != stream.MaxWatermark {
			t.Errorf("%s: watermark %d", n.Step, n.Watermark)
		}
	}
}

// checkRows fails unless got has every row of src once, and those of a split and key in order.
func checkRows(t failer, src *fakeSource, got []row) {
	t.Helper()
	type id struct{ split, key int64 }
	last := map[id]int64{}
	count := map[row]int{}
	for _, r := range got {
		count[r]++
		if seq, ok := last[id{r.split, r.key}]; ok && seq >= r.seq {
			t.Fatalf("split %d key %d: row %d came after %d", r.split, r.key, r.seq, seq)
		}
		last[id{r.split, r.key}] = r.seq
	}
	total := 0
	for _, sp := range src.splits {
		for _, r := range sp.rows {
			if total++; count[r] != 1 {
				t.Fatalf("row %v came %d times", r, count[r])
			}
		}
	}
	if total != len(got) {
		t.Fatalf("%d rows came of %d", len(got), total)
	}
}

func TestGraphChainsStatelessNodes(t *testing.T) {
	src := newFakeSource(1)
	p := newPlan()
	s := p.source("in", 2, src, nil)
	a := p.chain("a", pass, s)
	b := p.chain("b", pass, a) // two readers follow: they are tasks
	c := p.chain("c", pass, b)
	d := p.chain("d", pass, b)
	p.plan.Nodes[d].Step = "d"
	w := p.op("w", 3, pass, keyed(c))
	p.collect("out", 2, rebalance(w), forward(d))
	g, err := Build(p.plan, Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := `0: in/source > a/transform > b/transform x2
1: c/transform x2 <-0
2: d/transform x2 <-0
3: w/transform x3 <-1(keyed)
4: out/sink x2 <-3(rebalance) <-2
`
	if got := g.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if n := g.outputs(g.tasks[1]); n != 3 {
		t.Errorf("c sends to %d channels, want 3", n)
	}
}

func TestBuildRefuses(t *testing.T) {
	src := newFakeSource(1)
	bad := map[string]func(p *builder, s int){
		"forward from parallelism 2 to 3": func(p *builder, s int) { p.op("o", 3, pass, forward(s)) },
		"keyed without a key": func(p *builder, s int) {
			p.op("o", 2, pass, pipeline.Edge{Node: s, Exchange: pipeline.Keyed})
		},
		"no key column 7": func(p *builder, s int) {
			p.op("o", 2, pass, pipeline.Edge{Node: s, Exchange: pipeline.Keyed, Key: []int{7}})
		},
		"node 5 does not come":      func(p *builder, _ int) { p.op("o", 2, pass, forward(5)) },
		"nothing makes":             func(p *builder, s int) { p.op("o", 2, nil, forward(s)) },
		"parallelism 129":           func(p *builder, s int) { p.op("o", 129, pass, rebalance(s)) },
		"it has no inputs":          func(p *builder, _ int) { p.op("o", 1, pass) },
		"has no port 9":             func(p *builder, s int) { p.op("o", 2, pass, side(s, 9)) },
		"a second node of this":     func(p *builder, s int) { p.op("o", 2, pass, forward(s)); p.op("o", 2, pass, forward(s)) },
		"a source needs Source and": func(p *builder, _ int) { p.source("o", 1, nil, nil) },
	}
	for want, change := range bad {
		p := newPlan()
		change(p, p.source("in", 2, src, nil))
		_, err := Build(p.plan, Config{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
