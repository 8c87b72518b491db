package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"flowd/engine"
	"flowd/internal/devbroker"
	"flowd/operators/builtin"
	"flowd/pipeline"
	"flowd/stream"
)

func TestMain(m *testing.M) {
	stream.SetDebug(true) // whoever reads a batch it no longer owns reads nonsense
	goleak.VerifyTestMain(m)
}

// compile turns a pipeline's text into a plan.
func compile(t *testing.T, text string, set ...string) *pipeline.Plan {
	t.Helper()
	reg := builtin.Registry()
	spec, diags := pipeline.Parse([]pipeline.File{{Name: "test.yaml", Text: []byte(text)}},
		pipeline.Options{ReadFile: os.ReadFile, Registry: reg, Set: set})
	if diags.Err() {
		t.Fatalf("%s\n%v", text, diags)
	}
	plan, diags := pipeline.Compile(spec, reg)
	if diags.Err() {
		t.Fatalf("%s\n%v", text, diags)
	}
	return plan
}

// start makes a job of a plan; the seed is fixed so that a failure comes back.
func start(t *testing.T, plan *pipeline.Plan) *engine.Job {
	t.Helper()
	g, err := engine.Build(plan, engine.Config{Logger: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel), HashSeed: 7})
	if err != nil {
		t.Fatal(err)
	}
	return g.NewJob()
}

// finish runs a bounded pipeline to its end.
func finish(t *testing.T, text string, set ...string) engine.Status {
	t.Helper()
	job := start(t, compile(t, text, set...))
	if err := job.Run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return job.Status()
}

// counts sums one counter over all nodes.
func counts(s engine.Status, of func(engine.Counts) int64) (n int64) {
	for _, node := range s.Nodes {
		n += of(node.Total)
	}
	return n
}

// lines reads a file, gunzipped if its name says so, sorted.
func lines(t testing.TB, name string) []string {
	t.Helper()
	out := rawLines(t, name)
	slices.Sort(out)
	return out
}

func rawLines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	for s := bufio.NewScanner(r); s.Scan(); {
		if len(s.Bytes()) > 0 {
			out = append(out, s.Text())
		}
	}
	return out
}

// same fails the test if two sorted lists differ, and shows the first differences.
func same(t *testing.T, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	var b strings.Builder
	shown := 0
	i, j := 0, 0
	for (i < len(got) || j < len(want)) && shown < 10 {
		switch {
		case j == len(want) || i < len(got) && got[i] < want[j]:
			fmt.Fprintf(&b, "  not expected: %s\n", got[i])
			i++
			shown++
		case i == len(got) || want[j] < got[i]:
			fmt.Fprintf(&b, "  missing:      %s\n", want[j])
			j++
			shown++
		default:
			i++
			j++
		}
	}
	t.Errorf("%d rows, want %d; the first differences:\n%s", len(got), len(want), b.String())
}

// broker is an embedded Kafka, or the one that FLOWD_TEST_BROKERS names.
type broker struct {
	addr string
	cl   *kgo.Client
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	addr := os.Getenv("FLOWD_TEST_BROKERS")
	if addr == "" {
		b, err := devbroker.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		addr = b.Addr()
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &broker{addr, cl}
}

// topic makes a topic with a name of its own and fills partition i mod n with record i.
func (b *broker) topic(t *testing.T, name string, partitions int, records []string, of func(i int) int) string {
	t.Helper()
	name = strings.NewReplacer("/", "_", "=", "_", "#", "_").Replace(t.Name()) + "_" + name
	adm := kadm.NewClient(b.cl)
	resp, err := adm.CreateTopic(t.Context(), int32(partitions), 1, nil, name)
	if err == nil {
		err = resp.Err
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = adm.DeleteTopics(context.Background(), name) })
	if of == nil {
		of = func(i int) int { return i % partitions }
	}
	var failed error
	for i, r := range records {
		b.cl.Produce(t.Context(), &kgo.Record{Topic: name, Partition: int32(of(i)), Value: []byte(r)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	if err := b.cl.Flush(t.Context()); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return name
}

// consume reads a topic from its beginning to its present end as an independent client: records by partition.
func (b *broker) consume(t *testing.T, topic string) [][]string {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	parts := 0
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset; parts++ })
	out := make([][]string, parts)
	if left == 0 {
		return out
	}
	for left > 0 {
		f := cl.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			out[r.Partition] = append(out[r.Partition], string(r.Value))
			left--
		})
	}
	return out
}

// rows is consume in one sorted list.
func (b *broker) rows(t *testing.T, topic string) []string {
	t.Helper()
	out := slices.Concat(b.consume(t, topic)...)
	slices.Sort(out)
	return out
}

// fill replaces SOURCE and SINK of a query.
func fill(t *testing.T, file, source, sink string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "queries", file))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("SOURCE"), []byte(source), 1)
	return string(bytes.Replace(text, []byte("SINK"), []byte(sink), 1))
}
