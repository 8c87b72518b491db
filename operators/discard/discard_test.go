package discard

import (
	"testing"

	"go.uber.org/goleak"

	"flowd/operators"
	"flowd/operators/operatortest"
	"flowd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var schema = stream.NewSchema(stream.ColumnDef{Name: "id", Type: stream.Type{ID: stream.BigInt}})

func newSink(t testing.TB) stream.Sink {
	t.Helper()
	f, problems := Connector().Sink.New(&operators.Config{}, operators.SinkEnv{Rows: schema, Parallelism: 1})
	if problems != nil {
		t.Fatal(problems)
	}
	return f()
}

// TestExaminer lets everything written arrive nowhere; the examiner compares the counters.
func TestExaminer(t *testing.T) {
	rows := make([]operatortest.Row, 200)
	for i := range rows {
		rows[i] = operatortest.Row{i}
	}
	operatortest.Sink(t, operatortest.SinkTest{
		New:    func(t *testing.T) (stream.Sink, func() []string) { return newSink(t), func() []string { return nil } },
		Schema: schema, Rows: rows, Want: []string{},
	})
}

func TestNoAllocations(t *testing.T) {
	s, ctx := newSink(t), operatortest.Context(t, 0, 1)
	if err := s.Open(ctx); err != nil {
		t.Fatal(err)
	}
	pool := stream.NewPool(schema, 10, 1)
	run := func() {
		b := pool.TryGet()
		operatortest.Append(b, operatortest.Row{nil})
		if err := s.Write(b, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, run); n > 1 { // the Row itself
		t.Errorf("%v allocations", n)
	}
}
