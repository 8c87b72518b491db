// Package kafkatest gives tests a Kafka cluster on the loopback interface and an independent client, franz-go, to fill
// topics and to judge what was written. It holds no test of its own and no flowd code depends on it.
package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// EnvBrokers names the environment variable with the brokers of a real cluster to run tests against.
const EnvBrokers = "FLOWD_TEST_BROKERS"

// Timeout bounds what a test waits for.
const Timeout = 30 * time.Second

// Broker is a cluster for one test.
type Broker struct {
	Addrs []string
	// Fake is the embedded cluster, for faults; nil if the test runs against a real one.
	Fake *kfake.Cluster
	opts []kgo.Opt
}

// Open gives the cluster that EnvBrokers names, or else an embedded one.
func Open(t testing.TB) *Broker {
	t.Helper()
	if v := os.Getenv(EnvBrokers); v != "" {
		return &Broker{Addrs: strings.Split(v, ",")}
	}
	return Start(t)
}

// Start gives an embedded cluster of one broker, unless opts say otherwise. A test that needs one is skipped when it
// is to run against a real cluster.
func Start(t testing.TB, opts ...kfake.Opt) *Broker {
	t.Helper()
	if os.Getenv(EnvBrokers) != "" {
		t.Skip("needs the embedded broker, and " + EnvBrokers + " is set")
	}
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatalf("starting an embedded broker: %v", err)
	}
	t.Cleanup(c.Close)
	return &Broker{Addrs: c.ListenAddrs(), Fake: c}
}

// With makes the broker's own clients use opts, for clusters with TLS or SASL.
func (b *Broker) With(opts ...kgo.Opt) *Broker {
	b.opts = append(b.opts, opts...)
	return b
}

// Client makes a franz-go client that ends with the test.
func (b *Broker) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(append([]kgo.Opt{kgo.SeedBrokers(b.Addrs...)}, b.opts...), opts...)...)
	if err != nil {
		t.Fatalf("making a franz-go client: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// Admin makes an admin client that ends with the test.
func (b *Broker) Admin(t testing.TB) *kadm.Client {
	t.Helper()
	return kadm.NewClient(b.Client(t))
}

// Name makes a name that no other test uses.
func Name(prefix string) string {
	var r [4]byte
	_, _ = rand.Read(r[:])
	return prefix + "-" + hex.EncodeToString(r[:])
}

// Topic creates a topic with a name of its own.
func (b *Broker) Topic(t testing.TB, prefix string, partitions int32, configs ...string) string {
	t.Helper()
	name := Name(prefix)
	b.CreateTopic(t, name, partitions, configs...)
	return name
}

// CreateTopic creates a topic; configs are names and values in turn.
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int32, configs ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	set := map[string]*string{}
	for i := 0; i+1 < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	if _, err := b.Admin(t).CreateTopic(ctx, partitions, 1, set, name); err != nil {
		t.Fatalf("creating topic %s: %v", name, err)
	}
}

// Produce writes records in order. Each names its partition; Topic may be left out.
func (b *Broker) Produce(t testing.TB, topic string, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	c := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(64<<20), kgo.BrokerMaxWriteBytes(128<<20))
	if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("producing to %s: %v", topic, err)
	}
}

// Values makes a record of each value, all for one partition.
func Values(partition int32, values ...string) []*kgo.Record {
	var out []*kgo.Record
	for _, v := range values {
		out = append(out, &kgo.Record{Partition: partition, Value: []byte(v)})
	}
	return out
}

// Transaction writes records in one transaction and commits or aborts it.
func (b *Broker) Transaction(t testing.TB, topic string, commit bool, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	c := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic), kgo.TransactionalID(Name("txn")))
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("producing to %s in a transaction: %v", topic, err)
	}
	if err := c.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		t.Fatalf("ending a transaction: %v", err)
	}
}

// Consume reads all committed records of a topic up to its present end, by partition and offset.
func (b *Broker) Consume(t testing.TB, topic string) map[int32][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	admin := b.Admin(t)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		t.Fatalf("asking for the ends of %s: %v", topic, err)
	}
	from := map[int32]kgo.Offset{}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		s, _ := starts.Lookup(topic, o.Partition)
		if o.Offset > s.Offset {
			from[o.Partition] = kgo.NewOffset().At(s.Offset)
			left[o.Partition] = o.Offset
		}
	})
	out := map[int32][]*kgo.Record{}
	if len(left) == 0 {
		return out
	}
	c := b.Client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(200*time.Millisecond))
	for len(left) > 0 {
		fs := c.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("consuming %s: %v, still missing %v", topic, err, left)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				out[r.Partition] = append(out[r.Partition], r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return out
}

// DeleteBefore removes the records of a partition before offset.
func (b *Broker) DeleteBefore(t testing.TB, topic string, partition int32, offset int64) {
	t.Helper()
	os := kadm.Offsets{}
	os.AddOffset(topic, partition, offset, -1)
	if _, err := b.Admin(t).DeleteRecords(t.Context(), os); err != nil {
		t.Fatalf("deleting records of %s: %v", topic, err)
	}
}
