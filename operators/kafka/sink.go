package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"

	"flowd/internal/recordbatch"
	"flowd/operators"
	"flowd/stream"
)

// maxRow bounds one encoded row; larger ones could not be sent to any broker with usual limits.
const maxRow = 64 << 20

// sink is one instance of a kafka sink. The task encodes rows and collects batches; a producer sends them.
type sink struct {
	set    sinkSettings
	env    operators.SinkEnv
	tuning producerConfig
	limit  time.Duration // of Open's attempts

	c        *stream.Context
	out      stream.Output // of the last Write: where late rejections go
	encoder  operators.Encoder
	rejecter stream.Rejecter
	p        *producer
	target   int // size at which a batch is closed
	sticky   int // partition of rows without a key

	// scratch
	buf, text []byte
	ends      []uint32
	times     []int64
	headers   []recordbatch.Header
	cuts      []int
	errs      stream.RowErrors
}

var (
	_ stream.Sink    = (*sink)(nil)
	_ stream.Drained = (*sink)(nil)
)

func newSink(cfg *operators.Config, env operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
	set, ps := sinkOf(cfg, env)
	if len(ps) > 0 {
		return nil, ps
	}
	return func() stream.Sink {
		return &sink{set: set, env: env, tuning: defaultProducer(), limit: startLimit}
	}, nil
}

// Open connects, looks the topic up and gets a producer id.
func (s *sink) Open(c *stream.Context) error {
	s.c = c
	s.rejecter.Open(c)
	s.encoder = s.env.NewEncoder()
	codec, err := recordbatch.ParseCodec(s.set.compression)
	if err != nil {
		return stream.Permanent(fmt.Errorf("kafka: %w", err))
	}
	cl, err := newClient(&s.set.cluster, []string{s.set.topic}, c.Log)
	if err != nil {
		return permanentf("kafka: %w", err)
	}
	if err := s.open(c.Ctx, cl, codec); err != nil {
		cl.close()
		if isCancelled(c.Ctx, err) {
			return err
		}
		return stream.Permanent(err)
	}
	return nil
}

func (s *sink) open(ctx context.Context, cl *client, codec recordbatch.Codec) error {
	if err := cl.start(ctx, s.limit, protocol.Produce, protocol.InitProducerId); err != nil {
		return err
	}
	md, err := cl.findTopics(ctx, s.limit, []string{s.set.topic})
	if err != nil {
		return err
	}
	topic := md.topics[s.set.topic]
	if topic == nil || topic.code == codeUnknownTopic || len(topic.partitions) == 0 {
		return cl.unknownTopic(ctx, s.set.topic)
	}
	var id recordbatch.Producer
	if err := cl.retry(ctx, s.limit, func(ctx context.Context) (err error) { id, err = cl.initProducer(ctx); return err }); err != nil {
		return err
	}
	s.p = newProducer(cl, s.set.topic, topic.partitions, id, codec, s.tuning, s.c.Log, func() { s.c.Stats.Retries.Add(1) })
	s.p.maxBytes = cl.maxMessageBytes(ctx, s.set.topic)
	s.target = batchBytes
	if s.p.maxBytes > 0 {
		s.target = min(s.target, s.p.maxBytes)
	}
	s.sticky = s.c.Instance % len(topic.partitions)
	s.c.Log.Info().Str("topic", s.set.topic).Int("partitions", len(topic.partitions)).Int64("producer", id.ID).Msg("kafka: sink opened")
	return nil
}

// maxMessageBytes is the topic's limit of a batch; 0 if the broker does not tell.
func (c *client) maxMessageBytes(ctx context.Context, topic string) int {
	const topicResource = 2
	res, err := ask[*describeconfigs.Response](ctx, c, anyBroker, &describeconfigs.Request{Resources: []describeconfigs.RequestResource{
		{ResourceType: topicResource, ResourceName: topic, ConfigNames: []string{"max.message.bytes"}},
	}})
	if err != nil {
		return 0 // not every user may ask; then the broker refuses what is too large
	}
	for _, r := range res.Resources {
		for _, e := range r.ConfigEntries {
			if n, err := strconv.Atoi(e.ConfigValue); e.ConfigName == "max.message.bytes" && err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// Write encodes the rows of b and adds them to the batches of their partitions. It waits while too much is not
// acknowledged.
func (s *sink) Write(b *stream.Batch, out stream.Output) error {
	s.out = out
	defer b.Release()
	s.buf, s.ends = s.encoder.Encode(s.buf[:0], s.ends[:0], b, &s.errs)
	failed := s.errs.Len()
	for i := range s.errs.List {
		e := &s.errs.List[i]
		if b.Time != nil && e.Row >= 0 {
			e.Time = b.Time[e.Row]
		}
	}
	s.c.Stats.BytesOut.Add(int64(len(s.buf)))
	var err error
	if failed == 0 && len(s.set.keys) == 0 && s.set.partition < 0 && len(s.set.headers) == 0 {
		err = s.addKeyless(b)
	} else {
		err = s.addRows(b, failed)
	}
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	s.p.drainLocked(time.Now().Add(-lingerFor))
	s.p.mu.Unlock()
	return s.reject()
}

// addKeyless adds the encoded rows, a batch to one partition, the next to the next.
func (s *sink) addKeyless(b *stream.Batch) error {
	times := s.timesOf(b)
	start := uint32(0)
	p := s.p
	p.mu.Lock()
	if o := p.mu.parts[s.sticky]; o.open == nil || o.drained { // its batch has gone: at a low rate partitions take turns too
		s.sticky = (s.sticky + 1) % len(p.mu.parts)
	}
	p.mu.Unlock()
	for ends := s.ends; len(ends) > 0; {
		if err := s.room(); err != nil {
			return err
		}
		p.mu.Lock()
		o := p.mu.parts[s.sticky]
		bld := p.openLocked(o)
		size := bld.Size()
		if bld.Len() == 0 {
			size = 0
		}
		n := bld.AppendValues(s.buf, start, ends, times, s.target)
		p.mu.records += n
		p.mu.bytes += bld.Size() - size
		if n < len(ends) || bld.Size() >= s.target {
			p.closeLocked(o)
			s.sticky = (s.sticky + 1) % len(p.mu.parts)
		}
		p.mu.Unlock()
		if n > 0 {
			start = ends[n-1]
		}
		ends = ends[n:]
		if len(times) > 1 {
			times = times[n:]
		}
	}
	return nil
}

// timesOf is the timestamps of the selected rows, or a single one for all.
func (s *sink) timesOf(b *stream.Batch) []int64 {
	s.times = s.times[:0]
	switch {
	case b.Time == nil:
		return append(s.times, time.Now().UnixMilli())
	case b.Sel == nil:
		return b.Time[:b.N]
	}
	for _, i := range b.Sel {
		s.times = append(s.times, b.Time[i])
	}
	return s.times
}

// addRows adds the encoded rows one by one, each to the partition that its partition column or key says.
func (s *sink) addRows(b *stream.Batch, failed int) error {
	var bad map[int32]bool
	if failed > 0 {
		bad = make(map[int32]bool, failed)
		for _, e := range s.errs.List {
			bad[e.Row] = true
		}
	}
	now := time.Now().UnixMilli()
	p := s.p
	start := uint32(0)
	p.mu.Lock()
	for i, end := range s.ends {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		if bad[int32(row)] {
			continue
		}
		if p.mu.bytes >= s.tuning.limit {
			p.mu.Unlock()
			if err := s.room(); err != nil {
				return err
			}
			p.mu.Lock()
		}
		value := s.buf[start:end:end]
		start = end
		at := now
		if b.Time != nil {
			at = b.Time[row]
		}
		s.addRowLocked(b, row, value, at)
	}
	p.mu.Unlock()
	return nil
}

func (s *sink) addRowLocked(b *stream.Batch, row int, value []byte, at int64) {
	p := s.p
	s.text = s.text[:0]
	key := s.key(b, row)
	headers, extra := s.headersOf(b, row)
	which, err := s.partition(b, row, key)
	if size := len(value) + len(key) + extra; err == "" && size > maxRow {
		err = fmt.Sprintf("a record of %d bytes is too large, the limit is %d", size, maxRow)
	}
	if err != "" {
		s.errs.List = append(s.errs.List, stream.RowError{
			Row: int32(row), Msg: err, Split: -1, Offset: -1, Time: at,
			Raw: append([]byte{}, value[:min(len(value), maxRaw)]...),
		})
		return
	}
	o := p.mu.parts[which]
	bld := p.openLocked(o)
	if bld.Len() > 0 && bld.Size()+len(value)+len(key)+extra+64 > s.target {
		p.closeLocked(o)
		bld = p.openLocked(o)
	}
	size := bld.Size()
	if bld.Len() == 0 {
		size = 0
	}
	bld.Append(key, value, headers, at)
	p.mu.records++
	p.mu.bytes += bld.Size() - size
	if bld.Size() >= s.target {
		p.closeLocked(o)
		if key == nil && s.set.partition < 0 {
			s.sticky = (s.sticky + 1) % len(p.mu.parts)
		}
	}
}

// partition chooses the partition of a row; the text is why there is none.
func (s *sink) partition(b *stream.Batch, row int, key []byte) (int, string) {
	n := len(s.p.mu.parts)
	if s.set.partition >= 0 && !b.Cols[s.set.partition].IsNull(row) {
		v := b.Cols[s.set.partition].I64[row]
		if v < 0 || v >= int64(n) {
			return 0, fmt.Sprintf("partition %d does not exist: topic %s has partitions 0 to %d", v, s.set.topic, n-1)
		}
		return int(v), ""
	}
	if key != nil {
		return recordbatch.Partition(key, n), ""
	}
	return s.sticky, ""
}

// room waits until there is room for more.
func (s *sink) room() error {
	p := s.p
	p.mu.Lock()
	full := p.mu.bytes >= s.tuning.limit
	if full {
		p.drainLocked(time.Now()) // what is not full yet must go too, or nothing would ever make room
	}
	err := p.mu.err
	p.mu.Unlock()
	if !full || err != nil {
		return err
	}
	return p.wait(s.c.Ctx, func() bool { return p.mu.bytes < s.tuning.limit })
}

// reject deals with rows that could not be encoded, and with those the broker has refused since.
func (s *sink) reject() error {
	s.p.mu.Lock()
	s.errs.List = append(s.errs.List, s.p.mu.rejected...)
	s.p.mu.rejected = s.p.mu.rejected[:0]
	err := s.p.mu.err
	s.p.mu.Unlock()
	if err != nil {
		return err
	}
	return s.rejecter.Reject(&s.errs, s.out)
}

// OnDrained lets collected rows go as soon as their partition has nothing else on its way.
func (s *sink) OnDrained() error {
	s.p.mu.Lock()
	s.p.drainLocked(time.Now())
	s.p.mu.Unlock()
	return s.reject()
}

// Flush returns when every row was acknowledged, or has gone the way of on_error.
func (s *sink) Flush(ctx context.Context) error {
	p := s.p
	p.mu.Lock()
	p.drainLocked(time.Now())
	p.mu.Unlock()
	if err := p.wait(ctx, func() bool { return p.mu.records == 0 }); err != nil {
		return err
	}
	return s.reject()
}

// Close ends the connections; what was not flushed may be lost.
func (s *sink) Close() error {
	if s.p != nil {
		s.p.close()
	}
	return nil
}
