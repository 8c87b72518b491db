package transform_test

import (
	"strings"
	"testing"

	"flowd/internal/race"
	"flowd/operators/expr"
	"flowd/operators/operatortest"
	"flowd/operators/transform"
	"flowd/stream"
)

var in = stream.NewSchema(
	stream.ColumnDef{Name: "a", Type: stream.Type{ID: stream.BigInt}},
	stream.ColumnDef{Name: "b", Type: stream.Type{ID: stream.BigInt, NotNull: true}},
	stream.ColumnDef{Name: "s", Type: stream.Type{ID: stream.String}},
)

func bind(t testing.TB, src string, s *stream.Schema) *expr.Bound {
	t.Helper()
	e, errs := expr.Parse(src)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	b, errs := e.Bind(&expr.Scope{Schema: s})
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return b
}

// config is where b > 1, select s, q: a / b, a.
func config(t testing.TB) transform.Config {
	q := bind(t, "a / (b - 3)", in)
	return transform.Config{
		In:    in,
		Where: bind(t, "b > 1", in),
		Out: stream.NewSchema(in.Columns[2],
			stream.ColumnDef{Name: "q", Type: q.Type()},
			stream.ColumnDef{Name: "up", Type: stream.Type{ID: stream.String}}, in.Columns[0]),
		Columns: []transform.Column{{From: 2}, {From: -1, Expr: q}, {From: -1, Expr: bind(t, "UPPER(s)", in)}, {From: 0}},
	}
}

func events() []operatortest.Event {
	return []operatortest.Event{
		{Row: operatortest.Row{10, 1, "filtered"}, Time: 1},
		{Row: operatortest.Row{10, 2, "x"}, Time: 2},
		{Row: operatortest.Row{7, 3, "zero"}, Time: 3},
		{Row: operatortest.Row{nil, 4, nil}, Time: 4},
		{Row: operatortest.Row{9, 6, "y"}, Time: 5},
	}
}

func TestWhereAndSelect(t *testing.T) {
	operatortest.Operator(t, operatortest.OperatorTest{
		New: transform.New(config(t)), In: []*stream.Schema{in}, Events: events(), OnError: stream.ErrorDivert,
		Want: [stream.NumPorts][]string{
			stream.PortMain: {
				`{"s":"x","q":-10,"up":"X","a":10}`,
				`{"s":null,"q":null,"up":null,"a":null}`,
				`{"s":"y","q":3,"up":"Y","a":9}`,
			},
			stream.PortErrors: {
				// raw is the row as JSON, in base64 as bytes are: {"a":7,"b":3,"s":"zero"}
				`{"step":"step","error":"a / (b - 3): division by zero","raw":"eyJhIjo3LCJiIjozLCJzIjoiemVybyJ9","topic":null,"partition":null,"offset":null,"timestamp":"1970-01-01 00:00:00.003Z"}`,
			},
		},
	})
}

func TestDropKeepsTheOthers(t *testing.T) {
	operatortest.Operator(t, operatortest.OperatorTest{
		New: transform.New(config(t)), In: []*stream.Schema{in}, Events: events(), OnError: stream.ErrorDrop,
		Want: [stream.NumPorts][]string{stream.PortMain: {
			`{"s":"x","q":-10,"up":"X","a":10}`, `{"s":null,"q":null,"up":null,"a":null}`, `{"s":"y","q":3,"up":"Y","a":9}`,
		}},
	})
}

func TestOnlyWhere(t *testing.T) {
	operatortest.Operator(t, operatortest.OperatorTest{
		New: transform.New(transform.Config{In: in, Out: in, Where: bind(t, "s LIKE '%e%'", in)}), In: []*stream.Schema{in}, Events: events(),
		Want: [stream.NumPorts][]string{stream.PortMain: {`{"a":10,"b":1,"s":"filtered"}`, `{"a":7,"b":3,"s":"zero"}`}},
	})
}

type discarding struct{}

func (discarding) Emit(_ int, b *stream.Batch) error { b.Release(); return nil }

func TestFailNamesTheWaysOn(t *testing.T) {
	c := operatortest.Context(t, 0, 1)
	op := transform.New(config(t))()
	if err := op.Open(c); err != nil {
		t.Fatal(err)
	}
	pool := c.NewPool(in)
	b := pool.TryGet()
	operatortest.Append(b, operatortest.Row{7, 3, "zero"})
	err := op.Process(0, b, discarding{})
	if err == nil || !strings.Contains(err.Error(), "division by zero") || !strings.Contains(err.Error(), "on_error: drop") {
		t.Errorf("error %v", err)
	}
	if pool.Out() != 0 {
		t.Error("the batch of a failed Process was not released")
	}
	if err := op.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled memory at random")
	}
	c := operatortest.Context(t, 0, 1)
	c.BatchRows, c.PoolLimit = 1024, 4
	op := transform.New(config(t))()
	if err := op.Open(c); err != nil {
		t.Fatal(err)
	}
	pool := c.NewPool(in)
	step := func() {
		b := pool.TryGet()
		for i := range int64(1024) {
			b.Cols[0].AppendInt64(i)
			b.Cols[1].AppendInt64(i&1 + 1) // b − 3 is never 0
			b.Cols[2].AppendString("text")
		}
		b.N = 1024
		if err := op.Process(0, b, discarding{}); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 0.5 {
		t.Errorf("%.1f allocations a batch of 1024 rows", n)
	}
}
