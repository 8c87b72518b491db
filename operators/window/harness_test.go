package window

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"flowd/operators/aggregate"
	"flowd/operators/expr"
	"flowd/stream"
)

func TestMain(m *testing.M) {
	stream.SetDebug(true)
	m.Run()
}

// row is a row of the test input: key columns k (bigint) and s (string), and v (bigint), each NULL if nil.
type row struct {
	t int64
	k *int64
	s *string
	v *int64
}

var (
	bigint      = stream.Type{ID: stream.BigInt}
	timeType    = stream.Type{ID: stream.Timestamp, Precision: 3, NotNull: true}
	inputSchema = stream.NewSchema(
		stream.ColumnDef{Name: "t", Type: timeType},
		stream.ColumnDef{Name: "k", Type: bigint},
		stream.ColumnDef{Name: "s", Type: stream.Type{ID: stream.String}},
		stream.ColumnDef{Name: "v", Type: bigint},
	)
)

type fataler interface {
	Helper()
	Fatal(...any)
}

func bind(t fataler, s *stream.Schema, src string) *expr.Bound {
	t.Helper()
	e, errs := expr.Parse(src)
	if len(errs) > 0 {
		t.Fatal(src, errs[0].Msg)
	}
	b, errs := e.Bind(&expr.Scope{Schema: s})
	if len(errs) > 0 {
		t.Fatal(src, errs[0].Msg)
	}
	return b
}

// query is a Config in the words of the pipeline language.
type query struct {
	Assigner
	keys   []string // columns or expressions
	aggs   []string // "COUNT(*) AS n"
	having string
	top    int
	by     []string // "n desc"
	per    []string
	ties   bool
	late   bool
}

func (q query) config(t fataler, in *stream.Schema) Config {
	t.Helper()
	c := Config{In: in, Assigner: q.Assigner, EmitLate: q.late}
	var groups, aggs []stream.ColumnDef
	for _, k := range q.keys {
		b := bind(t, in, k)
		col, ok := b.Column()
		if !ok {
			col = -1
		}
		c.Keys, c.KeyExprs = append(c.Keys, col), append(c.KeyExprs, b)
		groups = append(groups, stream.ColumnDef{Name: k, Type: b.Type()})
	}
	for _, a := range q.aggs {
		call, name, _ := strings.Cut(a, " AS ")
		f, arg, _ := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		ac := aggregate.Call{Func: f, Star: arg == "*", Grouped: true}
		var b *expr.Bound
		if !ac.Star {
			b = bind(t, in, arg)
			ac.Arg = b.Type()
		}
		s, err := aggregate.Resolve(ac)
		if err != nil {
			t.Fatal(err)
		}
		c.Aggs = append(c.Aggs, Agg{Spec: s, Arg: b})
		aggs = append(aggs, stream.ColumnDef{Name: name, Type: s.Type})
	}
	ranked := in
	if len(q.keys)+len(q.aggs) == 0 {
		groups = in.Columns
	}
	c.Out = OutputSchema(groups, aggs, timeType)
	if len(q.keys)+len(q.aggs) > 0 {
		ranked = c.Out
	}
	if q.having != "" {
		c.Having = bind(t, c.Out, q.having)
	}
	if q.top > 0 {
		c.Top = &Top{N: q.top, KeepTies: q.ties}
		for _, by := range q.by {
			e, dir, _ := strings.Cut(by, " desc")
			c.Top.By = append(c.Top.By, Order{Expr: bind(t, ranked, e), Desc: dir != e && strings.HasSuffix(by, " desc")})
		}
		for _, p := range q.per {
			c.Top.Per = append(c.Top.Per, ranked.Index(p))
		}
	}
	return c
}

// harness drives an operator and writes what it emits as lines of text.
type harness struct {
	t    fataler
	ctx  *stream.Context
	op   *operator
	pool *stream.Pool
	port [stream.NumPorts][]string
	// batches counts what went to PortMain.
	batches int
	sel     []int32
}

func newHarness(t fataler, c Config) *harness {
	t.Helper()
	h := &harness{t: t, ctx: &stream.Context{
		Ctx: context.Background(), Step: "w", Parallelism: 1, Log: zerolog.Nop(),
		Stats: &stream.Stats{}, OnError: stream.ErrorDivert, HashSeed: 99, BatchRows: 16, PoolLimit: 4,
	}}
	h.pool = stream.NewPool(c.In, 1<<13, 4)
	h.op = New(c)().(*operator)
	return h
}

func (h *harness) open() *harness {
	h.t.Helper()
	if err := h.op.Open(h.ctx); err != nil {
		h.t.Fatal(err)
	}
	return h
}

func (h *harness) Emit(port int, b *stream.Batch) error {
	if port == stream.PortMain {
		h.batches++
	}
	sel := b.Sel
	if sel == nil {
		for i := range b.N {
			sel = append(sel, int32(i))
		}
	}
	last := int32(-1)
	for _, i := range sel {
		if i <= last {
			h.t.Fatal("selection not ascending", sel)
		}
		last = i
		h.port[port] = append(h.port[port], line(b, int(i)))
	}
	b.Release()
	return nil
}

// line writes a row as "event time: values".
func line(b *stream.Batch, i int) string {
	var s strings.Builder
	if b.Time != nil {
		fmt.Fprintf(&s, "%d:", b.Time[i])
	}
	for j, c := range b.Cols {
		s.WriteByte(' ')
		switch {
		case c.IsNull(i):
			s.WriteString("-")
		case c.Kind == stream.KindBytes:
			fmt.Fprintf(&s, "%q", c.BytesAt(i))
		case c.Kind == stream.KindFloat64:
			fmt.Fprint(&s, c.F64[i])
		case c.Kind == stream.KindList:
			fmt.Fprint(&s, c.Child[0].I64[c.Off[i]:c.Off[i+1]])
		case b.Schema.Columns[j].Type.IsTimestamp():
			fmt.Fprint(&s, c.I64[i]/1000)
		default:
			fmt.Fprint(&s, c.I64[i])
		}
	}
	return s.String()
}

// batch makes a batch of rows; rows that are nil are there but not selected.
func (h *harness) batch(rows []*row) *stream.Batch {
	b, err := h.pool.Get(h.ctx.Ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	sel := h.sel[:0]
	for i, r := range rows {
		if r == nil {
			r = &row{t: 1 << 40, k: new(int64)}
		} else {
			sel = append(sel, int32(i))
		}
		b.Cols[0].AppendInt64(r.t * 1000)
		appendInt(b.Cols[1], r.k)
		if r.s == nil {
			b.Cols[2].AppendNull()
		} else {
			b.Cols[2].AppendString(*r.s)
		}
		appendInt(b.Cols[3], r.v)
		b.AppendTime(r.t)
		b.N++
	}
	h.sel = sel
	if len(sel) < len(rows) {
		b.Sel = append(b.SelBuf(), sel...)
	}
	h.ctx.Stats.RowsIn.Add(int64(b.Rows())) // as the engine does
	return b
}

func appendInt(c *stream.Column, v *int64) {
	if v == nil {
		c.AppendNull()
	} else {
		c.AppendInt64(*v)
	}
}

func (h *harness) rows(rows ...*row) {
	h.t.Helper()
	if err := h.op.Process(0, h.batch(rows), h); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) watermark(ms int64) {
	h.t.Helper()
	if err := h.op.OnWatermark(ms, h); err != nil {
		h.t.Fatal(err)
	}
}

// end closes the operator and checks that no batch is left out and every row is accounted for.
func (h *harness) end() {
	h.t.Helper()
	if err := h.op.Close(); err != nil {
		h.t.Fatal(err)
	}
	if n := h.pool.Out() + h.op.results.pool.Out(); n != 0 {
		h.t.Fatal(n, "batches are still out")
	}
	s := h.ctx.Stats
	if s.RowsIn.Load() != s.Absorbed.Load()+s.Late.Load()+s.Errors.Load() {
		h.t.Fatal("rows in", s.RowsIn.Load(), "absorbed", s.Absorbed.Load(), "late", s.Late.Load(), "errors", s.Errors.Load())
	}
}

// at makes a row of key k and value v.
func at(t, k, v int64) *row { return &row{t: t, k: &k, v: &v} }

func (h *harness) expect(t *testing.T, port int, want ...string) {
	t.Helper()
	if got := strings.Join(h.port[port], "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	h.port[port] = nil
}
