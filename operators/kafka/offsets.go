package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"
)

// topicPartition names a partition.
type topicPartition struct {
	topic string
	id    int32
}

// Timestamps with a meaning in ListOffsets.
const (
	timeEarliest int64 = -2
	timeLatest   int64 = -1
)

// offsetAnswer is what a leader said about one partition.
type offsetAnswer struct {
	offset int64 // −1: no record at or after the timestamp
	err    error
}

// listOffsets asks the leader of parts for the offset at timestamp, all in one request. Under committed the latest
// offset is the last stable one. The error is one of the connection; answers may have their own.
func (c *client) listOffsets(ctx context.Context, leader int32, parts []topicPartition, timestamp int64, committed bool) (map[topicPartition]offsetAnswer, error) {
	req := &listoffsets.Request{ReplicaID: -1}
	if committed {
		req.IsolationLevel = 1
	}
	for _, p := range parts {
		part := listoffsets.RequestPartition{Partition: p.id, CurrentLeaderEpoch: -1, Timestamp: timestamp}
		if n := len(req.Topics); n > 0 && req.Topics[n-1].Topic == p.topic {
			req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
		} else {
			req.Topics = append(req.Topics, listoffsets.RequestTopic{Topic: p.topic, Partitions: []listoffsets.RequestPartition{part}})
		}
	}
	res, err := ask[*listoffsets.Response](ctx, c, leader, req)
	if err != nil {
		return nil, err
	}
	out := map[topicPartition]offsetAnswer{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			out[topicPartition{t.Topic, p.Partition}] = offsetAnswer{p.Offset, codeError(p.ErrorCode)}
		}
	}
	return out, nil
}

// offsetsAt asks for the offset at timestamp of all parts, whoever leads them, and tries until startLimit what may
// pass.
func (c *client) offsetsAt(ctx context.Context, limit time.Duration, parts []topicPartition, timestamp int64, committed bool) (map[topicPartition]int64, error) {
	out := map[topicPartition]int64{}
	var topics []string
	for _, p := range parts {
		if len(topics) == 0 || topics[len(topics)-1] != p.topic {
			topics = append(topics, p.topic)
		}
	}
	err := c.retry(ctx, limit, func(ctx context.Context) error {
		md, err := c.metadata(ctx, topics)
		if err != nil {
			return err
		}
		byLeader := map[int32][]topicPartition{}
		for _, p := range parts {
			if _, done := out[p]; done {
				continue
			}
			leader, err := md.leader(p)
			if err != nil {
				return err
			}
			byLeader[leader] = append(byLeader[leader], p)
		}
		for leader, ps := range byLeader {
			answers, err := c.listOffsets(ctx, leader, ps, timestamp, committed)
			if err != nil {
				return fmt.Errorf("asking broker %d for offsets: %w", leader, err)
			}
			for _, p := range ps {
				a, ok := answers[p]
				if !ok {
					return fmt.Errorf("%w: no offset of %s partition %d", errFrame, p.topic, p.id)
				}
				if a.err != nil {
					return fmt.Errorf("offset of %s partition %d: %w", p.topic, p.id, a.err)
				}
				out[p] = a.offset
			}
		}
		return nil
	})
	return out, err
}

// leader is the broker that leads p.
func (m *metadata) leader(p topicPartition) (int32, error) {
	t := m.topics[p.topic]
	if t == nil {
		return -1, fmt.Errorf("topic %s: %w", p.topic, codeError(codeUnknownTopic))
	}
	if t.code != codeNone {
		return -1, fmt.Errorf("topic %s: %w", p.topic, codeError(t.code))
	}
	for _, q := range t.partitions {
		if q.id == p.id {
			if q.leader < 0 {
				return -1, fmt.Errorf("%s partition %d has no leader: %w", p.topic, p.id, codeError(5))
			}
			return q.leader, nil
		}
	}
	return -1, fmt.Errorf("%s partition %d: %w", p.topic, p.id, codeError(codeUnknownTopic))
}

// coordinator is the broker that keeps the offsets of group.
func (c *client) coordinator(ctx context.Context, group string) (int32, error) {
	res, err := ask[*findcoordinator.Response](ctx, c, anyBroker, &findcoordinator.Request{Key: group})
	if err != nil {
		return -1, err
	}
	return res.NodeID, codeError(res.ErrorCode)
}

// committedOffsets reads the offsets committed to group; partitions without one are not in the result.
func (c *client) committedOffsets(ctx context.Context, limit time.Duration, group string, parts []topicPartition) (map[topicPartition]int64, error) {
	req := &offsetfetch.Request{GroupID: group}
	for _, p := range parts {
		if n := len(req.Topics); n > 0 && req.Topics[n-1].Name == p.topic {
			req.Topics[n-1].PartitionIndexes = append(req.Topics[n-1].PartitionIndexes, p.id)
		} else {
			req.Topics = append(req.Topics, offsetfetch.RequestTopic{Name: p.topic, PartitionIndexes: []int32{p.id}})
		}
	}
	out := map[topicPartition]int64{}
	err := c.retry(ctx, limit, func(ctx context.Context) error {
		broker, err := c.coordinator(ctx, group)
		if err != nil {
			return fmt.Errorf("finding the coordinator of group %s: %w", group, err)
		}
		res, err := ask[*offsetfetch.Response](ctx, c, broker, req)
		if err != nil {
			return err
		}
		if res.ErrorCode == codeGroupNotFound {
			return nil // it has not committed anything yet
		}
		if err := codeError(res.ErrorCode); err != nil {
			return fmt.Errorf("offsets of group %s: %w", group, err)
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == codeGroupNotFound {
					continue
				}
				if err := codeError(p.ErrorCode); err != nil {
					return fmt.Errorf("offset of group %s in %s partition %d: %w", group, t.Name, p.PartitionIndex, err)
				}
				if p.CommittedOffset >= 0 {
					out[topicPartition{t.Name, p.PartitionIndex}] = p.CommittedOffset
				}
			}
		}
		return nil
	})
	return out, err
}

// commit writes offsets to group, which no member may be using.
func (c *client) commit(ctx context.Context, group string, offsets map[topicPartition]int64) error {
	broker, err := c.coordinator(ctx, group)
	if err != nil {
		return fmt.Errorf("finding the coordinator of group %s: %w", group, err)
	}
	byTopic := map[string][]offsetcommit.RequestPartition{}
	for p, o := range offsets {
		byTopic[p.topic] = append(byTopic[p.topic], offsetcommit.RequestPartition{PartitionIndex: p.id, CommittedOffset: o, CommitTimestamp: -1, CommittedLeaderEpoch: -1})
	}
	req := &offsetcommit.Request{GroupID: group, GenerationID: -1, RetentionTimeMs: -1}
	for t, ps := range byTopic {
		req.Topics = append(req.Topics, offsetcommit.RequestTopic{Name: t, Partitions: ps})
	}
	res, err := ask[*offsetcommit.Response](ctx, c, broker, req)
	if err != nil {
		return err
	}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if err := codeError(p.ErrorCode); err != nil {
				return fmt.Errorf("%s partition %d: %w", t.Name, p.PartitionIndex, err)
			}
		}
	}
	return nil
}
