package kafka

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"flowd/internal/kafkatest"
	"flowd/operators"
	"flowd/stream"
)

func TestMain(m *testing.M) {
	stream.SetDebug(true)
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// object builds a decoded configuration: maps are objects, dict is a Dict, []string a List.
type object map[string]any

type (
	dict  []entry
	entry struct {
		name  string
		value any
	}
)

func config(o object) *operators.Config {
	c := &operators.Config{At: operators.Pos{Line: 1, Col: 1}, Values: map[string]operators.Value{}}
	for k, v := range o {
		c.Values[k] = value(v)
	}
	return c
}

func value(v any) operators.Value {
	out := operators.Value{Set: true, At: operators.Pos{Line: 2, Col: 3}}
	switch v := v.(type) {
	case string:
		out.Text = v
		out.Scalars = true
	case int:
		out.Int = int64(v)
	case bool:
		out.Bool = v
	case time.Duration:
		out.Dur = v
	case object:
		out.Object = config(v)
	case []string:
		for _, s := range v {
			out.List = append(out.List, value(s))
		}
	case dict:
		for _, e := range v {
			out.Dict = append(out.Dict, operators.Entry{Name: e.name, NameAt: operators.Pos{Line: 2, Col: 3}, Value: value(e.value)})
		}
	default:
		panic(fmt.Sprintf("config value %T", v))
	}
	return out
}

// textDecoder makes one string row of each value. A value that begins with "bad" is an error, "none" makes no row and
// "two" makes two.
type textDecoder struct{}

func (textDecoder) Decode(b *stream.Batch, recs *operators.RawRecords, from []uint32, errs *stream.RowErrors) []uint32 {
	for i := range recs.Start {
		if recs.Start[i] == operators.NullRecord {
			b.Cols[0].AppendNull()
			b.N++
			from = append(from, uint32(i))
			continue
		}
		v := recs.Buf[recs.Start[i]:recs.End[i]]
		rows := 1
		switch {
		case bytes.HasPrefix(v, []byte("bad")):
			errs.Add(i, "it is bad")
			continue
		case string(v) == "none":
			rows = 0
		case string(v) == "two":
			rows = 2
		}
		for range rows {
			b.Cols[0].AppendBytes(v)
			b.N++
			from = append(from, uint32(i))
		}
	}
	return from
}

var textColumn = stream.ColumnDef{Name: "value", Type: stream.Type{ID: stream.String}}

// sourceTest reads a topic through the contract of stream.Source.
type sourceTest struct {
	t       testing.TB
	src     *source
	readers []stream.Reader
	c       *stream.Context
	pool    *stream.Pool
	errs    stream.RowErrors
	meta    []string
	log     *logBuffer
	end     bool
}

func streamContext(t testing.TB, log *logBuffer) *stream.Context {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return &stream.Context{Ctx: ctx, Job: "job", Step: "step", Parallelism: 1, Log: zerolog.New(log), Stats: &stream.Stats{}, BatchRows: 64, PoolLimit: 8}
}

func newSourceTest(t testing.TB, b *kafkatest.Broker, o object, meta ...string) *sourceTest {
	t.Helper()
	if _, ok := o["brokers"]; !ok {
		o["brokers"] = strings.Join(b.Addrs, ",")
	}
	cols := []stream.ColumnDef{textColumn}
	for _, m := range meta {
		all := Metadata()
		cols = append(cols, all[slices.IndexFunc(all, func(c stream.ColumnDef) bool { return c.Name == m })])
	}
	s := &sourceTest{t: t, meta: meta, log: &logBuffer{}}
	env := operators.SourceEnv{
		Pipeline: "pipe", Step: "step", Rows: stream.NewSchema(cols...), Decoded: 1, NeedTime: true,
		NewDecoder: func() operators.Decoder { return textDecoder{} },
	}
	src, ps := Connector().Source.New(config(o), env)
	if len(ps) > 0 {
		t.Fatalf("problems: %+v", ps)
	}
	s.src = src.(*source)
	s.c = streamContext(t, s.log)
	s.pool = s.c.NewPool(env.Rows)
	return s
}

// open opens the source and parallelism readers, all to be closed with the test.
func (s *sourceTest) open(parallelism int) *sourceTest {
	s.t.Helper()
	if err := s.src.Open(s.c); err != nil {
		s.t.Fatalf("opening: %v", err)
	}
	s.t.Cleanup(func() {
		s.closeReaders()
		if err := s.src.Close(); err != nil {
			s.t.Error(err)
		}
	})
	for i := range parallelism {
		c := *s.c
		c.Instance, c.Parallelism = i, parallelism
		r, err := s.src.Reader(&c)
		if err != nil {
			s.t.Fatal(err)
		}
		s.readers = append(s.readers, r)
	}
	return s
}

func (s *sourceTest) closeReaders() {
	for _, r := range s.readers {
		if err := r.Close(); err != nil {
			s.t.Error(err)
		}
	}
	s.readers = nil
}

// openError opens the source, which must fail.
func (s *sourceTest) openError() error {
	s.t.Helper()
	err := s.src.Open(s.c)
	_ = s.src.Close()
	if err == nil {
		s.t.Fatal("Open did not fail")
	}
	return err
}

// row is one row as text: "topic/0@5 value".
type row struct {
	split string
	value string
	meta  []string
	time  int64
}

// poll takes what reader i has, or waits for a short while for it.
func (s *sourceTest) poll(i int, wait time.Duration) ([]row, error) {
	s.t.Helper()
	b := s.pool.TryGet()
	if b == nil {
		s.t.Fatal("the pool is empty")
	}
	defer b.Release()
	r := s.readers[i]
	p, err := r.Poll(b, &s.errs)
	if err != nil {
		return nil, err
	}
	if p.End {
		s.end = true
	}
	if p.Rows != b.N {
		s.t.Fatalf("Polled.Rows is %d, the batch has %d", p.Rows, b.N)
	}
	if b.N == 0 {
		if !p.End && wait > 0 {
			select {
			case <-r.Ready():
			case <-time.After(wait):
			}
		}
		return nil, nil
	}
	if len(b.Time) != b.N {
		s.t.Fatalf("%d times for %d rows", len(b.Time), b.N)
	}
	for ci, c := range b.Cols {
		if c.Len() != b.N {
			s.t.Fatalf("column %d has %d rows of %d", ci, c.Len(), b.N)
		}
	}
	var rows []row
	for k := range b.N {
		x := row{split: r.Split(p.Split).ID, value: string(b.Cols[0].BytesAt(k)), time: b.Time[k]}
		if b.Cols[0].IsNull(k) {
			x.value = "NULL"
		}
		for m := range s.meta {
			x.meta = append(x.meta, text(b.Cols[1+m], k))
		}
		rows = append(rows, x)
	}
	return rows, nil
}

func text(c *stream.Column, i int) string {
	if c.IsNull(i) {
		return "NULL"
	}
	switch c.Kind {
	case stream.KindInt64:
		return strconv.FormatInt(c.I64[i], 10)
	case stream.KindBytes:
		return string(c.BytesAt(i))
	case stream.KindList:
		var parts []string
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			parts = append(parts, string(c.Child[0].BytesAt(int(k)))+"="+text(c.Child[1], int(k)))
		}
		return strings.Join(parts, ",")
	}
	return "?"
}

// read polls until n rows and errors came, the end, or an error.
func (s *sourceTest) read(n int) ([]row, error) {
	s.t.Helper()
	var out []row
	deadline := time.Now().Add(kafkatest.Timeout)
	for i := 0; len(out)+s.errs.Len() < n && !s.allEnded(i); i++ {
		if time.Now().After(deadline) {
			s.t.Fatalf("only %d of %d rows after %s; log:\n%s", len(out), n, kafkatest.Timeout, s.log)
		}
		rows, err := s.poll(i%len(s.readers), 10*time.Millisecond)
		if err != nil {
			return out, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

func (s *sourceTest) allEnded(int) bool { return s.end && len(s.readers) == 1 }

// values reads n rows, which must come without an error.
func (s *sourceTest) values(n int) []string {
	s.t.Helper()
	rows, err := s.read(n)
	if err != nil {
		s.t.Fatalf("reading: %v; log:\n%s", err, s.log)
	}
	return values(rows)
}

func values(rows []row) []string {
	out := []string{}
	for _, r := range rows {
		out = append(out, r.value)
	}
	return out
}

// readToEnd reads a bounded source with one reader.
func (s *sourceTest) readToEnd() []string {
	s.t.Helper()
	out := s.values(1 << 30)
	if !s.end {
		s.t.Fatal("no end")
	}
	return out
}

// fail polls until an error comes.
func (s *sourceTest) fail() error {
	s.t.Helper()
	_, err := s.read(1 << 30)
	if err == nil {
		s.t.Fatal("no error")
	}
	return err
}

// quiet says whether nothing comes for a while.
func (s *sourceTest) quiet() {
	s.t.Helper()
	for range 15 {
		rows, err := s.poll(0, 20*time.Millisecond)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(rows) > 0 {
			s.t.Fatalf("unexpected rows: %v", values(rows))
		}
	}
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(kafkatest.Timeout)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, kafkatest.Timeout)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func numbers(prefix string, from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, prefix+strconv.Itoa(i))
	}
	return out
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}
