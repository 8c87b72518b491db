package pipeline

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowd/operators"
	"flowd/stream"
)

// fakeRegistry has connectors with the tables that real ones have, as far as the language cares, and nothing behind
// them.
func fakeRegistry() *operators.Registry {
	cluster := []operators.Field{
		{Name: "brokers", Type: operators.Any, Doc: "Addresses, host:port.", Example: "broker1:9092"},
		{Name: "tls", Type: operators.Object, Bare: "enabled", Doc: "Encryption.", Fields: []operators.Field{
			{Name: "enabled", Type: operators.Bool, Default: "true"}, {Name: "ca", Type: operators.Text}, {Name: "cert", Type: operators.Text}, {Name: "key", Type: operators.Text},
		}},
		{Name: "sasl", Type: operators.Object, Doc: "Who to log in as.", Fields: []operators.Field{
			{Name: "mechanism", Type: operators.Enum, Enum: []string{"plain", "scram_sha_256", "scram_sha_512"}, Default: "scram_sha_512"},
			{Name: "username", Type: operators.Text, Required: true},
			{Name: "password", Type: operators.Text, Required: true, Secret: true},
		}},
	}
	position := func(name, def string) operators.Field {
		return operators.Field{Name: name, Type: operators.Object, Bare: "at", Default: def, Doc: "A place in the log.", Fields: []operators.Field{
			{Name: "at", Type: operators.Enum, Enum: []string{"earliest", "latest", "committed"}},
			{Name: "timestamp", Type: operators.Instant},
			{Name: "committed", Type: operators.Enum, Enum: []string{"earliest", "latest", "fail"}},
			{Name: "offsets", Type: operators.Dict, Elem: &operators.Field{Name: "offset", Type: operators.Integer}},
		}}
	}
	str := stream.Type{ID: stream.String, NotNull: true}
	file := operators.Field{Name: "file", Type: operators.Object, Bare: "path", Fields: []operators.Field{
		{Name: "path", Type: operators.Text, Required: true, Doc: "The file."}, {Name: "follow", Type: operators.Bool, Default: "false"},
	}}
	nothing := func(cfg *operators.Config, env operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
		return func() stream.Sink { return fakeSink{} }, nil
	}
	return &operators.Registry{
		Connectors: []operators.Connector{
			{
				Name: "kafka", Doc: "Topics.", Source: &operators.SourceType{
					Config: operators.Field{Type: operators.Object, Bare: "topic", Example: "clicks", Fields: append([]operators.Field{
						{Name: "topic", Type: operators.Text, Doc: "The topic."},
						{Name: "topics", Type: operators.List, Elem: &operators.Field{Type: operators.Text}},
						{Name: "topic_pattern", Type: operators.Text},
						{Name: "group", Type: operators.Text},
						position("start", "earliest"), position("stop", ""),
						{Name: "on_missing", Type: operators.Enum, Enum: []string{"fail", "earliest", "latest"}, Default: "fail"},
						{Name: "discover", Type: operators.Duration, Default: "1m"},
						{Name: "isolation", Type: operators.Enum, Enum: []string{"read_committed", "read_uncommitted"}, Default: "read_committed"},
					}, cluster...)},
					Metadata: []stream.ColumnDef{
						{Name: "_key", Type: stream.Type{ID: stream.Bytes}},
						{Name: "_topic", Type: str},
						{Name: "_offset", Type: stream.Type{ID: stream.BigInt, NotNull: true}},
						{Name: "_timestamp", Type: stream.Type{ID: stream.TimestampLTZ, Precision: 3, NotNull: true}},
					},
					RecordTime: true,
					New: func(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
						if cfg.IsSet("topic") == cfg.IsSet("topics") {
							return nil, []operators.Problem{{Pos: cfg.At, Code: "F023", Msg: "kafka needs exactly one of topic, topics", Hint: "for example kafka: clicks"}}
						}
						return fakeSource{env}, nil
					},
				},
				Sink: &operators.SinkType{New: func(cfg *operators.Config, env operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
					if key := cfg.Get("key"); key.Set && env.Rows.Index(key.Text) < 0 {
						return nil, []operators.Problem{{Pos: key.At, Len: len(key.Text), Code: "F031", Msg: fmt.Sprintf("unknown field %q", key.Text), Hint: "the key is a column of the rows that are written"}}
					}
					return nothing(cfg, env)
				}, Config: operators.Field{Type: operators.Object, Bare: "topic", Fields: append([]operators.Field{
					{Name: "topic", Type: operators.Text, Required: true, Doc: "The topic to write."},
					{Name: "key", Type: operators.Text},
					{Name: "compression", Type: operators.Enum, Enum: []string{"none", "lz4", "zstd"}, Default: "lz4"},
					{Name: "transactional_id", Type: operators.Text, Later: true},
				}, cluster...)}},
			},
			{
				Name: "file", Doc: "Files of JSON lines.",
				Source: &operators.SourceType{Config: file, New: func(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
					return fakeSource{env}, nil
				}},
				Sink: &operators.SinkType{Config: file, New: nothing},
			},
			{Name: "generate", Doc: "Made rows.", Source: &operators.SourceType{
				NoFormat: true,
				Config: operators.Field{Type: operators.Object, Fields: []operators.Field{
					{Name: "nexmark", Type: operators.Enum, Enum: []string{"bids", "auctions", "persons"}},
					{Name: "datagen", Type: operators.Dict, Elem: &operators.Field{Type: operators.Any}},
					{Name: "seed", Type: operators.Integer, Default: "42"},
					{Name: "count", Type: operators.Integer},
				}},
				Schema: func(cfg *operators.Config) *operators.KnownSchema {
					if cfg.String("nexmark") != "bids" {
						return nil
					}
					big := stream.Type{ID: stream.BigInt, NotNull: true}
					return &operators.KnownSchema{
						Fields: []stream.Field{
							{Name: "auction", Type: big},
							{Name: "bidder", Type: big},
							{Name: "price", Type: big},
							{Name: "channel", Type: str},
							{Name: "url", Type: str},
							{Name: "date_time", Type: stream.Type{ID: stream.Timestamp, Precision: 3, NotNull: true}},
							{Name: "extra", Type: str},
						},
						Time: "date_time", Watermark: 4 * time.Second,
					}
				},
				New: func(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
					return fakeSource{env}, nil
				},
			}},
			{Name: "stdout", Doc: "Rows on standard output.", Sink: &operators.SinkType{Config: operators.Field{Type: operators.Object, Example: "{}"}, New: nothing}},
			{Name: "discard", Doc: "Counts and throws away.", Sink: &operators.SinkType{Config: operators.Field{Type: operators.Object, Example: "{}"}, NoFormat: true, New: nothing}},
		},
		Formats: []operators.Format{
			{
				Name: "json", Doc: "One JSON object a record.", Fields: []operators.Field{{Name: "unknown", Type: operators.Enum, Enum: []string{"ignore", "fail"}, Default: "ignore"}},
				NewDecoder: func(cfg *operators.Config, declared []stream.Field, want *stream.Schema) (func() operators.Decoder, []operators.Problem) {
					return nil, nil
				},
				NewEncoder: func(cfg *operators.Config, rows *stream.Schema) (func() operators.Encoder, []operators.Problem) {
					return nil, nil
				},
			},
			{
				Name: "raw", Doc: "The bytes as they are.",
				NewDecoder: func(cfg *operators.Config, declared []stream.Field, want *stream.Schema) (func() operators.Decoder, []operators.Problem) {
					if len(declared) != 1 {
						return nil, []operators.Problem{{Pos: cfg.At, Msg: "raw needs a schema of one field", Hint: "for example schema: {line: string}"}}
					}
					return nil, nil
				},
				NewEncoder: func(cfg *operators.Config, rows *stream.Schema) (func() operators.Encoder, []operators.Problem) {
					return nil, nil
				},
			},
		},
	}
}

type fakeSource struct{ env operators.SourceEnv }

func (fakeSource) Open(*stream.Context) error                    { return nil }
func (fakeSource) Reader(*stream.Context) (stream.Reader, error) { return nil, nil }
func (fakeSource) Close() error                                  { return nil }

type fakeSink struct{}

func (fakeSink) Open(*stream.Context) error                   { return nil }
func (fakeSink) Write(b *stream.Batch, _ stream.Output) error { b.Release(); return nil }
func (fakeSink) Flush(context.Context) error                  { return nil }
func (fakeSink) Close() error                                 { return nil }

var testEnv = map[string]string{"P": "4", "TOPIC": "clicks", "EMPTY": "", "PASSWORD": "hunter2-from-env", "HOME_CURRENCY": "USD", "TEXT": "many words, with: signs"}

var testFiles = map[string]string{
	"schemas/bid.yaml":            "auction: bigint not null\nbidder: bigint\nprice: bigint\nchannel: string\ndate_time: timestamp\n",
	"schemas/broken.yaml":         "auction: bigint not null\nprice: bigin\n",
	"/run/secrets/pw":             "hunter2-from-file\n",
	"/run/secrets/kafka_password": "hunter2-from-file\n",
}

func testOptions() Options {
	return Options{
		Registry: fakeRegistry(),
		Env:      func(name string) (string, bool) { v, ok := testEnv[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := testFiles[name]; ok {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
	}
}

// load parses and compiles one text.
func load(t testing.TB, name, text string, set ...string) (*Spec, *Plan, Diagnostics) {
	t.Helper()
	opts := testOptions()
	opts.Set = set
	return Load([]File{{name, []byte(text)}}, opts)
}

func rendered(t testing.TB, ds Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := ds.Format(&b, "text", false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares got with a file, or rewrites it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test -rewrite accepts):\n--- want\n%s--- got\n%s", path, want, got)
	}
}

func yamlFiles(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
