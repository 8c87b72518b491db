package lab

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/kafkatest"
)

// Broker is a Kafka with the ways to fill and to read its topics as lists of lines.
type Broker struct {
	*kafkatest.Broker
}

// Open gives an embedded Kafka, or the one that FLOWD_TEST_BROKERS names; opts are for the embedded one.
func Open(t testing.TB, opts ...kfake.Opt) *Broker {
	t.Helper()
	if os.Getenv(kafkatest.EnvBrokers) != "" {
		return &Broker{kafkatest.Open(t)}
	}
	return &Broker{kafkatest.Start(t, opts...)}
}

// Addr is the bootstrap address as pipelines write it.
func (b *Broker) Addr() string { return strings.Join(b.Addrs, ",") }

// Fill makes a topic with a name of its own and puts record i into partition of(i), or i mod n where of is nil. Its
// batches are small, so that readers need many of them.
func (b *Broker) Fill(t testing.TB, name string, partitions int, records []string, of func(i int) int, opts ...kgo.Opt) string {
	t.Helper()
	topic := b.Topic(t, name, int32(partitions))
	if len(records) == 0 {
		return topic
	}
	cl := b.Client(t, append([]kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic),
		kgo.MaxBufferedRecords(1 << 20), kgo.ProducerBatchMaxBytes(64 << 10),
	}, opts...)...)
	if of == nil {
		of = func(i int) int { return i % partitions }
	}
	rs := make([]*kgo.Record, len(records))
	for i, r := range records {
		rs[i] = &kgo.Record{Partition: int32(of(i)), Value: []byte(r)}
	}
	if err := cl.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatalf("filling topic %s: %v", topic, err)
	}
	return topic
}

// Partitions reads a topic up to its present end as an independent client: committed records by partition.
func (b *Broker) Partitions(t testing.TB, topic string) [][]string {
	t.Helper()
	var out [][]string
	for id, rs := range b.Consume(t, topic) {
		for int(id) >= len(out) {
			out = append(out, nil)
		}
		for _, r := range rs {
			out[id] = append(out[id], string(r.Value))
		}
	}
	return out
}

// Rows is Partitions in one sorted list.
func (b *Broker) Rows(t testing.TB, topic string) []string {
	t.Helper()
	out := slices.Concat(b.Partitions(t, topic)...)
	slices.Sort(out)
	return out
}
