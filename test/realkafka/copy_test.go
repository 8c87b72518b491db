package realkafka

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/kafkatest"
	"flowd/test/lab"
)

// numbered is the records from to to, which a copy leaves as they are.
func numbered(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf(`{"id":%d,"v":"value %d"}`, i, i))
	}
	return out
}

// copyOf is a pipeline that copies a topic to its present end; the texts are further settings of source and sink.
func copyOf(b *lab.Broker, in, out, source, sink string) string {
	return fmt.Sprintf(`name: copy
kafka: %s
sources:
  records:
    kafka: {topic: %s, stop: latest%s}
    schema: {id: int not null, v: string}
sinks:
  out:
    from: records
    kafka: {topic: %s%s}
`, b.Addr(), in, source, out, sink)
}

// TestTransactions reads a log of committed, aborted and open transactions between plain records.
func TestTransactions(t *testing.T) {
	b := open(t)
	in := b.Topic(t, "in", 2)
	records := func(from, to int) (out []*kgo.Record) {
		for i, v := range numbered(from, to) {
			out = append(out, &kgo.Record{Partition: int32(i % 2), Value: []byte(v)})
		}
		return out
	}
	b.Transaction(t, in, true, records(0, 1000)...)
	b.Transaction(t, in, false, records(1000, 2000)...)
	b.Produce(t, in, records(2000, 2100)...)
	for i := range 20 { // short ones, one like the other
		b.Transaction(t, in, i%3 == 0, records(2100+10*i, 2110+10*i)...)
	}
	open := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(in), kgo.TransactionalID(kafkatest.Name("open")))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := open.ProduceSync(t.Context(), records(3000, 3010)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.Produce(t, in, records(4000, 4010)...) // behind the open transaction: not yet stable

	committed := slices.Concat(numbered(0, 1000), numbered(2000, 2100))
	all := slices.Concat(numbered(0, 2300), numbered(3000, 3010), numbered(4000, 4010))
	for i := range 20 {
		if i%3 == 0 {
			committed = append(committed, numbered(2100+10*i, 2110+10*i)...)
		}
	}
	check := func(name, source string, want []string) {
		t.Run(name, func(t *testing.T) {
			for _, p := range []string{"1", "2"} {
				out := b.Fill(t, "out", 1, nil, nil)
				lab.Finish(t, copyOf(b, in, out, source, ""), "parallelism="+p)
				slices.Sort(want)
				lab.Same(t, b.Rows(t, out), want)
			}
		})
	}
	check("read_committed", "", committed)
	check("read_uncommitted", ", isolation: read_uncommitted", all)
	if err := open.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	check("committed at last", "", slices.Concat(committed, numbered(3000, 3010), numbered(4000, 4010)))
}

// TestCompression reads what Java's codecs, through franz-go's and the broker's, have written, and writes what they read.
func TestCompression(t *testing.T) {
	b := open(t)
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		for _, broker := range []string{"producer", name} { // as it came, and written anew by the broker
			t.Run(name+"/broker="+broker, func(t *testing.T) {
				if broker == "none" {
					broker = "uncompressed"
				}
				in := b.Topic(t, "in", 1, "compression.type", broker)
				out := b.Topic(t, "out", 1, "compression.type", "producer")
				cl := b.Client(t, kgo.DefaultProduceTopic(in), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(10*time.Millisecond))
				want := numbered(0, 5000)
				for _, v := range want {
					cl.Produce(t.Context(), &kgo.Record{Value: []byte(v)}, nil)
				}
				if err := cl.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				lab.Finish(t, copyOf(b, in, out, "", ", compression: "+name))
				got := b.Consume(t, out)[0]
				var values []string
				codecs := map[uint8]int{}
				for _, r := range got {
					values = append(values, string(r.Value))
					codecs[r.Attrs.CompressionType()]++
				}
				if !slices.Equal(values, want) {
					t.Errorf("%d rows, want %d in order", len(values), len(want))
				}
				number := uint8(slices.Index([]string{"none", "gzip", "snappy", "lz4", "zstd"}, name))
				if len(codecs) != 1 || codecs[number] == 0 {
					t.Errorf("codecs of the rows: %v, want only %d", slices.Collect(maps.Keys(codecs)), number)
				}
			})
		}
	}
}

// TestGroupOffsets looks at the progress as a user's tools do.
func TestGroupOffsets(t *testing.T) {
	b := open(t)
	group := kafkatest.Name("watched")
	in, out := b.Fill(t, "in", 3, numbered(0, 1000), func(i int) int { return min(i%4, 2) }), b.Fill(t, "out", 1, nil, nil)
	lab.Finish(t, copyOf(b, in, out, ", group: "+group, ""), "parallelism=2")
	adm := b.Admin(t)
	ends, err := adm.ListEndOffsets(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := adm.FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(3) {
		end, _ := ends.Lookup(in, p)
		got, ok := committed.Lookup(in, p)
		if !ok || got.At != end.Offset {
			t.Errorf("partition %d: committed %d (%t), the end is %d", p, got.At, ok, end.Offset)
		}
	}
	// And a run that starts there has nothing left to read but what came since.
	b.Produce(t, in, kafkatest.Values(1, numbered(1000, 1010)...)...)
	lab.Finish(t, copyOf(b, in, out, ", group: "+group+", start: {committed: fail}", ""))
	want := numbered(0, 1010)
	slices.Sort(want)
	lab.Same(t, b.Rows(t, out), want)
}
