package operatortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"flowd/internal/dec"
	"flowd/operators/format"
	"flowd/stream"
)

const (
	// patience is how long anything may take before it counts as stuck. It is no measure of speed.
	patience = 30 * time.Second
	// poolLimit is the size of an instance's pools: enough for what the contract lets a step hold.
	poolLimit = 8
	// runs is how often an examination is repeated with other batch sizes.
	runs = 12
	// held is how many batches a reader of the output keeps before it releases the first.
	held = 3
)

// Row is one row: for each column nil, bool, int, int64, float64, string, []byte or dec.Dec. Timestamps are µs,
// decimals their coefficient, as in stream.Column.
type Row []any

// Context makes what the engine would lend instance of parallelism. It ends with the test.
func Context(t testing.TB, instance, parallelism int) *stream.Context {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("stuck for %v: most likely a batch is never released", patience))
	t.Cleanup(cancel)
	return &stream.Context{
		Ctx: ctx, Job: "examination", Step: "step", Instance: instance, Parallelism: parallelism, Log: zerolog.Nop(),
		Stats: &stream.Stats{}, HashSeed: 1, BatchRows: 64, PoolLimit: poolLimit,
	}
}

// Append adds a row to a batch that is being built; time is its event time in ms, if the batch has any.
func Append(b *stream.Batch, row Row) {
	for i, c := range b.Cols {
		switch v := row[i].(type) {
		case nil:
			c.AppendNull()
		case bool:
			var n int64
			if v {
				n = 1
			}
			c.AppendInt64(n)
		case int:
			c.AppendInt64(int64(v))
		case int64:
			c.AppendInt64(v)
		case float64:
			c.AppendFloat64(v)
		case string:
			c.AppendString(v)
		case []byte:
			c.AppendBytes(v)
		case dec.Dec:
			if c.Kind == stream.KindWide {
				c.AppendWide(v.Hi, v.Lo)
			} else {
				c.AppendInt64(int64(v.Lo))
			}
		default:
			panic(fmt.Sprintf("operatortest: a row cannot hold a %T", v))
		}
	}
	b.N++
}

// Texts is the selected rows of b as JSON.
func Texts(b *stream.Batch) []string { return textsFrom(b, 0) }

// textsFrom leaves out the first selected rows.
func textsFrom(b *stream.Batch, first int) []string {
	out := make([]string, 0, b.Rows()-first)
	for i := first; i < b.Rows(); i++ {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		out = append(out, string(format.AppendJSONRow(nil, b, row)))
	}
	return out
}

// environment switches on what every examination checks besides its subject. Call it first.
func environment(t *testing.T) {
	t.Helper()
	before := stream.SetDebug(true)
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		stream.SetDebug(before)
		goleak.VerifyNone(t, running)
	})
}

// newRand is the randomness of run; a failure can be repeated.
func newRand(run int) *rand.Rand { return rand.New(rand.NewPCG(uint64(run), 7)) }

// within fails the test if f does not return. The subject runs in a goroutine of its own, which is lost then.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s blocks", what)
	}
}

// shelf keeps batches for a while before it releases them, and checks that they do not change meanwhile.
type shelf struct {
	t     testing.TB
	kept  []*stream.Batch
	texts [][]string
}

func (s *shelf) put(b *stream.Batch) {
	s.kept, s.texts = append(s.kept, b), append(s.texts, Texts(b))
	if len(s.kept) > held {
		s.drop()
	}
}

func (s *shelf) drop() {
	s.t.Helper()
	if now := Texts(s.kept[0]); !equal(now, s.texts[0]) {
		s.t.Errorf("a batch changed after it was sent:\n was %v\n is  %v", s.texts[0], now)
	}
	s.kept[0].Release()
	s.kept, s.texts = s.kept[1:], s.texts[1:]
}

func (s *shelf) clear() {
	for len(s.kept) > 0 {
		s.drop()
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// difference describes the first place where two lists of rows differ.
func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d rows, want %d; row %d is missing: %s", len(got), len(want), i, want[i])
		case i >= len(want):
			return fmt.Sprintf("%d rows, want %d; row %d is one too many: %s", len(got), len(want), i, got[i])
		case got[i] != want[i]:
			return fmt.Sprintf("row %d of %d:\n got  %s\n want %s", i, len(want), got[i], want[i])
		}
	}
	return "no difference"
}
