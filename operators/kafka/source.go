package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"flowd/internal/nearest"
	"flowd/internal/recordbatch"
	"flowd/operators"
	"flowd/stream"
)

// source reads topics; readers share what Open has found out.
type source struct {
	set      sourceSettings
	env      operators.SourceEnv
	tuning   fetcherConfig
	limit    time.Duration // of Open's attempts
	client   *client
	context  *stream.Context
	progress *progress
	// topics in the order that decides the assignment: as listed, or by name.
	topics []string
	splits []split
}

// split is a partition as Open has found it.
type split struct {
	topicPartition
	id               [16]byte
	start, stop, end int64
}

var _ stream.Source = (*source)(nil)

func newSource(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
	set, ps := sourceOf(cfg, env)
	if len(ps) > 0 {
		return nil, ps
	}
	return &source{set: set, env: env, tuning: defaultFetcher(), limit: startLimit}, nil
}

// Open connects, finds topics and partitions, and resolves start and stop.
func (s *source) Open(c *stream.Context) error {
	s.context, s.progress = c, &progress{ctx: c.Ctx}
	var err error
	if s.client, err = newClient(&s.set.cluster, s.set.topics, c.Log); err != nil {
		return permanentf("kafka: %w", err)
	}
	if err := s.open(c.Ctx); err != nil {
		if isCancelled(c.Ctx, err) {
			return err
		}
		return stream.Permanent(err)
	}
	c.Log.Info().Strs("topics", s.topics).Int("partitions", len(s.splits)).Msg("kafka: source opened")
	return nil
}

func (s *source) open(ctx context.Context) error {
	if err := s.client.start(ctx, s.limit, protocol.Fetch, protocol.ListOffsets); err != nil {
		return err
	}
	parts, ids, err := s.find(ctx)
	if err != nil {
		return err
	}
	return s.resolve(ctx, parts, ids)
}

// Close commits how far the readers of a job that ended well have come, and frees the connections of Open.
func (s *source) Close() error {
	if s.client != nil {
		s.commitLast()
		s.client.close()
	}
	return nil
}

// find lists the partitions of all topics, by topic and number.
func (s *source) find(ctx context.Context) ([]topicPartition, map[topicPartition][16]byte, error) {
	md, err := s.client.findTopics(ctx, s.limit, s.set.topics)
	if err != nil {
		return nil, nil, err
	}
	s.topics = s.set.topics
	if s.set.pattern != nil {
		s.topics = slices.DeleteFunc(md.names(), func(n string) bool { return !s.set.pattern.MatchString(n) })
		if len(s.topics) == 0 && (s.set.discover == 0 || s.set.stop.kind != 0) {
			return nil, nil, fmt.Errorf("kafka: no topic matches %q; %s", s.set.patternText, nearest.Hint(s.set.patternText, md.names()))
		}
	}
	var parts []topicPartition
	ids := map[topicPartition][16]byte{}
	for _, name := range s.topics {
		t := md.topics[name]
		if t == nil || t.code == codeUnknownTopic {
			return nil, nil, s.client.unknownTopic(ctx, name)
		}
		for _, p := range t.partitions {
			tp := topicPartition{name, p.id}
			parts = append(parts, tp)
			ids[tp] = t.id
		}
	}
	return parts, ids, nil
}

// newTopicGrace is how long a topic may be unknown at the start: a broker learns of a new topic a moment after it was
// created.
const newTopicGrace = time.Second

// findTopics asks for topics, or all if there are none, and waits a moment for those that are unknown.
func (c *client) findTopics(ctx context.Context, limit time.Duration, topics []string) (*metadata, error) {
	var md *metadata
	began := time.Now()
	err := c.retry(ctx, limit, func(ctx context.Context) (err error) {
		if md, err = c.metadata(ctx, topics); err != nil {
			return err
		}
		for _, name := range topics {
			t := md.topics[name]
			switch {
			case t == nil || t.code == codeUnknownTopic || t.code == codeNone && len(t.partitions) == 0:
				if time.Since(began) < min(newTopicGrace, limit/2) {
					return fmt.Errorf("topic %s: %w", name, codeError(codeUnknownTopic))
				}
			case t.code != codeNone:
				return fmt.Errorf("topic %s: %w", name, codeError(t.code))
			}
		}
		return nil
	})
	return md, err
}

// unknownTopic is the error for a topic that is not there. Topics are not created: a misspelt name would go unnoticed.
func (c *client) unknownTopic(ctx context.Context, name string) error {
	hint := ""
	if md, err := c.metadata(ctx, nil); err == nil {
		if hint = nearest.Hint(name, md.names()); hint != "" {
			hint = "; " + hint
		}
	}
	return fmt.Errorf("kafka: topic %q does not exist on %s%s (to create it: kafka-topics.sh --bootstrap-server %s --create --topic %s)",
		name, strings.Join(c.cluster.Brokers, ","), hint, c.cluster.Brokers[0], name)
}

// resolve turns start and stop into numbers.
func (s *source) resolve(ctx context.Context, parts []topicPartition, ids map[topicPartition][16]byte) error {
	now := time.Now()
	start, err := s.positions(ctx, "start", &s.set.start, parts, now)
	if err != nil {
		return err
	}
	stop := map[topicPartition]int64{}
	if s.set.stop.kind != 0 {
		if stop, err = s.positions(ctx, "stop", &s.set.stop, parts, now); err != nil {
			return err
		}
	}
	end, err := s.client.offsetsAt(ctx, s.limit, parts, timeLatest, s.set.committed)
	if err != nil {
		return err
	}
	for _, p := range parts {
		sp := split{topicPartition: p, id: ids[p], start: start[p], stop: -1, end: end[p]}
		if o, ok := stop[p]; ok {
			sp.stop = o
		}
		s.splits = append(s.splits, sp)
	}
	return nil
}

// positions resolves one of start and stop for all partitions.
func (s *source) positions(ctx context.Context, name string, pos *position, parts []topicPartition, now time.Time) (map[topicPartition]int64, error) {
	at := func(timestamp int64, parts []topicPartition) (map[topicPartition]int64, error) {
		return s.client.offsetsAt(ctx, s.limit, parts, timestamp, s.set.committed)
	}
	switch pos.kind {
	case atEarliest:
		return at(timeEarliest, parts)
	case atLatest:
		return at(timeLatest, parts)
	case atTimestamp:
		out, err := at(pos.millis(now), parts)
		if err != nil {
			return nil, err
		}
		return s.fill(out, parts, timeLatest, at, func(p topicPartition) bool { return out[p] < 0 })
	case atOffsets:
		rest := timeEarliest
		if name == "stop" {
			rest = timeLatest
		}
		out := map[topicPartition]int64{}
		for id, o := range pos.offsets {
			if !slices.Contains(parts, topicPartition{s.topics[0], id}) {
				return nil, fmt.Errorf("kafka: %s names partition %d, but topic %s has partitions 0 to %d", name, id, s.topics[0], len(parts)-1)
			}
			out[topicPartition{s.topics[0], id}] = o
		}
		return s.fill(out, parts, rest, at, func(p topicPartition) bool { _, ok := out[p]; return !ok })
	case atCommitted:
		out, err := s.client.committedOffsets(ctx, s.limit, s.set.group, parts)
		if err != nil {
			return nil, err
		}
		missing := func(p topicPartition) bool { _, ok := out[p]; return !ok }
		rest := timeEarliest
		switch pos.fallback {
		case onMissingLatest:
			rest = timeLatest
		case onMissingFail:
			if i := slices.IndexFunc(parts, missing); i >= 0 {
				return nil, fmt.Errorf("kafka: group %s has no committed offset for %s partition %d, and %s says {committed: fail}; use {committed: earliest} or {committed: latest} to begin without one",
					s.set.group, parts[i].topic, parts[i].id, name)
			}
		}
		return s.fill(out, parts, rest, at, missing)
	}
	return nil, fmt.Errorf("kafka: %s has no position", name)
}

// fill asks for the offset at timestamp of the parts that out lacks.
func (s *source) fill(out map[topicPartition]int64, parts []topicPartition, timestamp int64,
	at func(int64, []topicPartition) (map[topicPartition]int64, error), lacks func(topicPartition) bool,
) (map[topicPartition]int64, error) {
	var rest []topicPartition
	for _, p := range parts {
		if lacks(p) {
			rest = append(rest, p)
		}
	}
	if len(rest) == 0 {
		return out, nil
	}
	more, err := at(timestamp, rest)
	maps.Copy(out, more)
	return out, err
}

// owner is the instance that reads partition p: those of one topic go round, and each topic begins one further. A topic
// found later has no place in the order of topics, on which all instances would have to agree: its name gives one.
func (s *source) owner(p topicPartition, parallelism int) int {
	t := slices.Index(s.topics, p.topic)
	if t < 0 {
		h := fnv.New32a()
		_, _ = h.Write([]byte(p.topic))
		t = int(h.Sum32() >> 1)
	}
	return (t + int(p.id)) % parallelism
}

// Reader opens the reader of one instance.
func (s *source) Reader(c *stream.Context) (stream.Reader, error) {
	if s.client == nil {
		return nil, errors.New("kafka: Reader before Open")
	}
	cl, err := s.client.twin(s.set.topics)
	if err != nil {
		return nil, stream.Permanent(err)
	}
	cfg := s.tuning
	cols, want := metaColumns(&s.env)
	cfg.want = want | recordbatch.WantOffset | recordbatch.WantTimestamp
	cfg.committed = s.set.committed
	cfg.group = s.set.group
	cfg.ended = c.Ctx.Done()
	cfg.onMissing = s.set.onMissing
	cfg.topics = s.set.topics
	if s.set.stop.kind == 0 && s.set.discover > 0 {
		cfg.discover = s.set.discover
		cfg.scope = func(md *metadata) []topicPartition { return s.scope(md, c.Instance, c.Parallelism) }
	}
	r := &reader{
		decoder: s.env.NewDecoder(), stats: c.Stats, needTime: s.env.NeedTime, columns: cols, progress: s.progress,
		raw: newRawFetcher(cl, cfg, s.parts(c.Instance, c.Parallelism), c.Log, func() { c.Stats.Retries.Add(1) }),
	}
	return r, nil
}

// scope lists the partitions of an instance that the metadata name.
func (s *source) scope(md *metadata, instance, parallelism int) []topicPartition {
	var out []topicPartition
	for name, t := range md.topics {
		if t.code != codeNone || s.set.pattern != nil && (t.internal || !s.set.pattern.MatchString(name)) {
			continue
		}
		for _, p := range t.partitions {
			if tp := (topicPartition{name, p.id}); s.owner(tp, parallelism) == instance {
				out = append(out, tp)
			}
		}
	}
	slices.SortFunc(out, func(a, b topicPartition) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id))
	})
	return out
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
