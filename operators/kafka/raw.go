package kafka

import (
	"context"

	"github.com/rs/zerolog"

	"flowd/internal/recordbatch"
)

// RawConfig says what OpenRaw fetches.
type RawConfig struct {
	Cluster   Cluster
	Topics    []string
	Committed bool             // leave out records of open and aborted transactions
	Want      recordbatch.Want // beside the values
	Log       zerolog.Logger
	// Instance of Parallelism: the share of the partitions to fetch, as a source of that parallelism has it. The zero
	// values fetch all.
	Instance, Parallelism int
}

// OpenRaw fetches topics from their beginning to their present end, past which Next returns io.EOF. It is the way of a
// source without its decoder, for measuring what fetching and framing cost.
func OpenRaw(ctx context.Context, cfg RawConfig) (*RawFetcher, error) {
	s := &source{limit: startLimit, set: sourceSettings{
		cluster: cfg.Cluster, topics: cfg.Topics, committed: cfg.Committed,
		start: position{kind: atEarliest}, stop: position{kind: atLatest},
	}}
	c, err := newClient(&s.set.cluster, cfg.Topics)
	if err != nil {
		return nil, err
	}
	s.client = c
	if err := s.open(ctx); err != nil {
		c.close()
		return nil, err
	}
	fc := defaultFetcher()
	fc.committed, fc.want, fc.topics = cfg.Committed, cfg.Want, cfg.Topics
	return newRawFetcher(c, fc, s.parts(cfg.Instance, max(cfg.Parallelism, 1)), cfg.Log, func() {}), nil
}

// parts is the share of an instance of the partitions that Open has found.
func (s *source) parts(instance, parallelism int) []*partition {
	var parts []*partition
	for _, sp := range s.splits {
		if s.owner(sp.topicPartition, parallelism) == instance {
			parts = append(parts, newPartition(sp.topicPartition, sp.id, sp.start, sp.stop, sp.end))
		}
	}
	return parts
}
