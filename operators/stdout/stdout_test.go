package stdout

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"flowd/operators"
	"flowd/operators/format"
	"flowd/operators/operatortest"
	"flowd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var schema = stream.NewSchema(
	stream.ColumnDef{Name: "id", Type: stream.Type{ID: stream.BigInt}},
	stream.ColumnDef{Name: "name", Type: stream.Type{ID: stream.String}},
)

func newSink(t testing.TB, c operators.Connector) stream.Sink {
	t.Helper()
	encoder, problems := format.JSON().NewEncoder(nil, schema)
	if problems != nil {
		t.Fatal(problems)
	}
	f, problems := c.Sink.New(&operators.Config{}, operators.SinkEnv{Rows: schema, NewEncoder: encoder, Parallelism: 2})
	if problems != nil {
		t.Fatal(problems)
	}
	return f()
}

func TestExaminer(t *testing.T) {
	var rows []operatortest.Row
	for i := range 300 {
		rows = append(rows, operatortest.Row{i, strings.Repeat("é", i%7)})
	}
	operatortest.Sink(t, operatortest.SinkTest{
		New: func(t *testing.T) (stream.Sink, func() []string) {
			var b bytes.Buffer
			return newSink(t, To(&b)), func() []string {
				text, whole := strings.CutSuffix(b.String(), "\n")
				if !whole && text != "" {
					t.Fatalf("the output ends within a line: %q", text)
				}
				if text == "" {
					return nil
				}
				return strings.Split(text, "\n")
			}
		},
		Schema: schema, Rows: rows,
	})
}

// writes remembers each Write.
type writes struct {
	all  []string
	fail bool
}

func (w *writes) Write(p []byte) (int, error) {
	if w.fail {
		return 3, errors.New("broken pipe")
	}
	w.all = append(w.all, string(p))
	return len(p), nil
}

// TestWholeLines checks that rows are gathered, shown when the input is drained, and never cut: two instances share one output.
func TestWholeLines(t *testing.T) {
	w := &writes{}
	c := To(w)
	a, b := newSink(t, c), newSink(t, c)
	pool := stream.NewPool(schema, 4096, 4)
	for i, s := range []stream.Sink{a, b} {
		if err := s.Open(operatortest.Context(t, i, 2)); err != nil {
			t.Fatal(err)
		}
	}
	put := func(s stream.Sink, n int) {
		t.Helper()
		batch := pool.TryGet()
		for i := range n {
			operatortest.Append(batch, operatortest.Row{i, "somebody or other"})
		}
		if err := s.Write(batch, nil); err != nil {
			t.Fatal(err)
		}
	}
	put(a, 3)
	put(b, 3)
	if len(w.all) != 0 {
		t.Errorf("written before the input was drained: %q", w.all)
	}
	for _, s := range []stream.Sink{a, b} {
		if err := s.(stream.Drained).OnDrained(); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.all) != 2 {
		t.Errorf("%d writes for two drained sinks", len(w.all))
	}
	for range 5 {
		put(a, 4096) // more than is ever gathered
	}
	if len(w.all) < 5 {
		t.Errorf("rows pile up: %d writes", len(w.all))
	}
	for _, text := range w.all {
		if !strings.HasSuffix(text, "\n") || !strings.HasPrefix(text, "{") {
			t.Errorf("not whole lines: %.60q", text)
		}
	}
	w.fail = true
	put(b, 1)
	if err := b.Flush(context.Background()); err == nil || err.Error() != "writing to the standard output: broken pipe" {
		t.Errorf("%v", err)
	}
}

func TestNoAllocations(t *testing.T) {
	s := newSink(t, To(&nothing{}))
	if err := s.Open(operatortest.Context(t, 0, 1)); err != nil {
		t.Fatal(err)
	}
	pool := stream.NewPool(schema, 1024, 1)
	run := func() {
		b := pool.TryGet()
		for range 1024 {
			b.Cols[0].AppendInt64(5)
			b.Cols[1].AppendString("somebody")
		}
		b.N = 1024
		if err := s.Write(b, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		run()
	}
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("%v allocations for 1024 rows", n)
	}
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
