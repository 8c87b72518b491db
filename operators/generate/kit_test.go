package generate

import (
	"context"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"flowd/operators"
	"flowd/operators/operatortest"
	"flowd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are the keys of a generate source as text; a datagen rule is the key "datagen.FIELD".
type settings map[string]string

// config decodes s as the pipeline does: by the table of fields, with defaults.
func config(s settings) *operators.Config {
	cfg := &operators.Config{At: operators.Pos{Line: 3, Col: 5}, Values: map[string]operators.Value{}}
	for i, f := range configField().Fields {
		text, set := s[f.Name]
		if !set {
			text = f.Default
		}
		v := operators.Value{At: operators.Pos{Line: 4 + i, Col: 9}, Set: set, Text: text}
		if f.Type == operators.Integer && text != "" {
			var err error
			if v.Int, err = strconv.ParseInt(text, 10, 64); err != nil {
				panic(err)
			}
		}
		if set || f.Default != "" {
			cfg.Values[f.Name] = v
		}
	}
	var dict []operators.Entry
	for key, text := range s {
		if len(key) > 8 && key[:8] == "datagen." {
			at := operators.Pos{Line: 20, Col: 7}
			dict = append(dict, operators.Entry{Name: key[8:], NameAt: at, Value: operators.Value{At: operators.Pos{Line: 20, Col: 30}, Set: true, Text: text}})
		}
	}
	if dict != nil {
		cfg.Values["datagen"] = operators.Value{At: operators.Pos{Line: 19, Col: 7}, Set: true, Dict: dict}
	}
	return cfg
}

// whole is the schema of a table of Nexmark.
func whole(name string) *stream.Schema { return stream.Flatten(tableNamed(name).fields()) }

func build(t testing.TB, s settings, rows *stream.Schema, now func() time.Time) stream.Source {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	src, problems := connector(now).Source.New(config(s), operators.SourceEnv{Rows: rows})
	if problems != nil {
		t.Fatalf("problems: %+v", problems)
	}
	return src
}

// opened is the reader of an instance of a source that was just opened.
func opened(t testing.TB, src stream.Source, instance, parallelism int) stream.Reader {
	t.Helper()
	ctx := &stream.Context{Ctx: context.Background(), Stats: &stream.Stats{}, Log: zerolog.Nop(), Instance: instance, Parallelism: parallelism}
	if instance == 0 {
		if err := src.Open(ctx); err != nil {
			t.Fatal(err)
		}
	}
	r, err := src.Reader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// take reads n rows of one reader and gives each batch to visit.
func take(t testing.TB, src stream.Source, rows *stream.Schema, n int, visit func(*stream.Batch)) {
	t.Helper()
	r := opened(t, src, 0, 1)
	pool := stream.NewPool(rows, 1000, 1)
	for got := 0; got < n; {
		b := pool.TryGet()
		p, err := r.Poll(b, nil)
		if err != nil || p.Rows == 0 {
			t.Fatalf("after %d rows: %+v, %v", got, p, err)
		}
		got += p.Rows
		visit(b)
		b.Release()
	}
}

// texts is the first n rows as JSON.
func texts(t testing.TB, s settings, rows *stream.Schema, n int) []string {
	t.Helper()
	var out []string
	s2 := settings{"count": strconv.Itoa(n)}
	maps.Copy(s2, s)
	take(t, build(t, s2, rows, nil), rows, n, func(b *stream.Batch) { out = append(out, operatortest.Texts(b)...) })
	return out
}
