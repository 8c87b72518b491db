// Package devbroker is the embedded Kafka broker of `flowd dev`, examples and benchmarks: it speaks the real
// protocol over TCP on loopback and keeps its topics in memory. It is no broker for data that must last.
package devbroker

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is a running embedded broker.
type Broker struct {
	cluster *kfake.Cluster
}

// Start listens on 127.0.0.1, on a free port.
func Start() (*Broker, error) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(2),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": "1000"}))
	if err != nil {
		return nil, fmt.Errorf("starting the embedded broker: %w", err)
	}
	return &Broker{c}, nil
}

// Addr is the bootstrap address.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// CreateTopic makes a topic; that it exists already is no error. Records are kept however old their timestamps are,
// because made-up data is often from long ago. With keepBytes above 0 a partition forgets its oldest records beyond
// that size.
func (b *Broker) CreateTopic(topic string, partitions int, keepBytes int64) error {
	cfg := map[string]string{"retention.ms": "-1"}
	if keepBytes > 0 {
		cfg["retention.bytes"] = strconv.FormatInt(keepBytes, 10)
		cfg["segment.bytes"] = strconv.FormatInt(max(keepBytes/4, 1<<20), 10)
	}
	err := b.cluster.CreateTopic(topic, int32(partitions), cfg)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating topic %s: %w", topic, err)
	}
	return nil
}

// Records is how many records a topic has had.
func (b *Broker) Records(topic string) (n int64) {
	for _, p := range b.cluster.PartitionInfos(topic) {
		n += p.HighWatermark
	}
	return n
}

// Close ends the broker and forgets its topics.
func (b *Broker) Close() { b.cluster.Close() }

// Tail calls f for each record of the topics at addr from their beginning, in order within a partition, until ctx
// ends or f returns false.
func Tail(ctx context.Context, addr string, topics []string, f func(topic string, partition int32, value []byte) bool) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topics...), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("reading %v: %w", topics, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if !f(r.Topic, r.Partition, r.Value) {
				return nil
			}
		}
	}
	return nil
}
