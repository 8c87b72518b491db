package kafka

import (
	"context"
	"strings"
	"testing"

	"flowd/internal/kafkatest"
	"flowd/operators"
	"flowd/stream"
)

// textEncoder writes the first column; "unencodable" is an error.
type textEncoder struct{}

func (textEncoder) Encode(dst []byte, ends []uint32, b *stream.Batch, errs *stream.RowErrors) ([]byte, []uint32) {
	each := func(i int) {
		if v := b.Cols[0].BytesAt(i); string(v) == "unencodable" {
			errs.Add(i, "it cannot be encoded")
		} else {
			dst = append(dst, v...)
		}
		ends = append(ends, uint32(len(dst)))
	}
	if b.Sel == nil {
		for i := range b.N {
			each(i)
		}
	} else {
		for _, i := range b.Sel {
			each(int(i))
		}
	}
	return dst, ends
}

// errorOutput keeps what goes to x.errors.
type errorOutput struct {
	msgs, raws []string
}

func (o *errorOutput) Emit(port int, b *stream.Batch) error {
	defer b.Release()
	if port == stream.PortErrors {
		for i := range b.N {
			o.msgs = append(o.msgs, string(b.Cols[1].BytesAt(i)))
			o.raws = append(o.raws, string(b.Cols[2].BytesAt(i)))
		}
	}
	return nil
}

type sinkTest struct {
	t    testing.TB
	sink *sink
	c    *stream.Context
	pool *stream.Pool
	out  errorOutput
	log  *logBuffer
}

func sinkEnv(cols ...stream.ColumnDef) operators.SinkEnv {
	return operators.SinkEnv{
		Pipeline: "pipe", Step: "out", Rows: stream.NewSchema(append([]stream.ColumnDef{textColumn}, cols...)...),
		NewEncoder: func() operators.Encoder { return textEncoder{} }, Delivery: "at_least_once", Parallelism: 1,
	}
}

func newSinkTest(t testing.TB, b *kafkatest.Broker, o object, policy stream.ErrorPolicy, cols ...stream.ColumnDef) *sinkTest {
	t.Helper()
	if _, ok := o["brokers"]; !ok {
		o["brokers"] = strings.Join(b.Addrs, ",")
	}
	env := sinkEnv(cols...)
	newOne, ps := Connector().Sink.New(config(o), env)
	if len(ps) > 0 {
		t.Fatalf("problems: %+v", ps)
	}
	s := &sinkTest{t: t, sink: newOne().(*sink), log: &logBuffer{}}
	s.c = streamContext(t, s.log)
	s.c.OnError = policy
	s.pool = s.c.NewPool(env.Rows)
	return s
}

func (s *sinkTest) open() *sinkTest {
	s.t.Helper()
	if err := s.sink.Open(s.c); err != nil {
		s.t.Fatalf("opening: %v", err)
	}
	s.t.Cleanup(func() {
		if err := s.sink.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return s
}

// batch makes a batch of texts with event times 1, 2, …; fill adds the other columns.
func (s *sinkTest) batch(values []string, fill func(b *stream.Batch, i int)) *stream.Batch {
	b, err := s.pool.Get(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	for i, v := range values {
		b.Cols[0].AppendString(v)
		b.AppendTime(int64(i + 1))
		if fill != nil {
			fill(b, i)
		}
	}
	b.N = len(values)
	return b
}

func (s *sinkTest) write(values ...string) error {
	for len(values) > 0 {
		n := min(len(values), 64)
		if err := s.sink.Write(s.batch(values[:n], nil), &s.out); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

func (s *sinkTest) mustWrite(values ...string) {
	s.t.Helper()
	if err := s.write(values...); err != nil {
		s.t.Fatalf("writing: %v; log:\n%s", err, s.log)
	}
}

func (s *sinkTest) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), kafkatest.Timeout)
	defer cancel()
	return s.sink.Flush(ctx)
}

func (s *sinkTest) mustFlush() {
	s.t.Helper()
	if err := s.flush(); err != nil {
		s.t.Fatalf("flushing: %v; log:\n%s", err, s.log)
	}
}
