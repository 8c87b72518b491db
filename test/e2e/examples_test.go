package e2e

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/devbroker"
	"flowd/internal/kafkatest"
	"flowd/operators/builtin"
	"flowd/pipeline"
	"flowd/test/lab"
)

var rewrite = flag.Bool("rewrite", false, "write the results of the examples as their expected output")

// TestExamples runs every pipeline under examples/pipelines from its input to its expected output, through Kafka.
func TestExamples(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/pipelines/*/pipeline.yaml")
	if err != nil || len(dirs) < 4 {
		t.Fatalf("found %d examples, error %v", len(dirs), err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			emb, err := devbroker.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer emb.Close()
			b := &lab.Broker{Broker: &kafkatest.Broker{Addrs: []string{emb.Addr()}}}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := []string{"kafka=" + b.Addr()}
			spec, diags := pipeline.Parse([]pipeline.File{{Name: file, Text: text}}, pipeline.Options{Registry: builtin.Registry(), Set: set})
			if diags.Err() {
				t.Fatal(diags)
			}
			for _, s := range spec.Sources {
				load(t, emb, s.Connection.String("topic"), lab.RawLines(t, filepath.Join(dir, "input", s.Name+".jsonl")))
				set = append(set, "sources."+s.Name+".kafka.stop=latest")
			}
			for _, s := range spec.Sinks {
				if err := emb.CreateTopic(s.Connection.String("topic"), 1, 0); err != nil {
					t.Fatal(err)
				}
			}
			lab.Finish(t, string(text), set...)
			for _, s := range spec.Sinks {
				name := filepath.Join(dir, "expected", s.Name+".jsonl")
				got := b.Rows(t, s.Connection.String("topic"))
				if *rewrite {
					if err := os.WriteFile(name, []byte(strings.Join(append(got, ""), "\n")), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("%s has no expected output for sink %s", dir, s.Name)
				}
				lab.Same(t, got, lab.Lines(t, name))
			}
		})
	}
}

// load fills a topic of one partition with records whose timestamps do not depend on the clock.
func load(t *testing.T, b *devbroker.Broker, topic string, records []string) {
	t.Helper()
	if err := b.CreateTopic(topic, 1, 0); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i, r := range records {
		cl.Produce(t.Context(), &kgo.Record{Value: []byte(r), Timestamp: time.UnixMilli(1767225600000 + int64(i))}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
