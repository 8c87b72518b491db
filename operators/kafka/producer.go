package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	"flowd/internal/recordbatch"
	"flowd/stream"
)

// producer writes batches of one topic idempotently: it owns the goroutines that send, one per leader broker, and the
// one that keeps leaders fresh. The task adds records and waits; everything shared is under mu.
type producer struct {
	topic    string
	codec    recordbatch.Codec
	log      zerolog.Logger
	retries  func()
	tuning   producerConfig
	maxBytes int // of a batch, compressed: the topic's max.message.bytes; 0 if unknown
	changed  chan struct{}
	refresh  chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu struct { // guards what is inside it, and all partitions
		sync.Mutex
		client   *client
		parts    []*outPartition
		brokers  map[int32]*brokerSender
		bytes    int // of records not acknowledged
		records  int // not acknowledged
		free     []*recordbatch.Builder
		rejected []stream.RowError // by the broker, for the task to deal with
		err      error
	}
}

// producerConfig has the times a test may want to shorten.
type producerConfig struct {
	timeout time.Duration // of a request at the broker
	grace   time.Duration // beyond timeout
	deleted time.Duration // how long the topic may be missing
	giveUp  time.Duration // how long an error that looks permanent may last
	limit   int           // of bytes not acknowledged
}

func defaultProducer() producerConfig {
	return producerConfig{timeout: 30 * time.Second, grace: 10 * time.Second, deleted: 30 * time.Second, giveUp: startLimit, limit: unackedBytes}
}

// initProducer asks for a producer id. Without a transactional id each answer is a new one, with epoch 0.
func (c *client) initProducer(ctx context.Context) (recordbatch.Producer, error) {
	// −1 and −1 are needed: zeros would name producer 0.
	res, err := ask[*initproducerid.Response](ctx, c, anyBroker, &initproducerid.Request{TransactionTimeoutMs: 60_000, ProducerID: -1, ProducerEpoch: -1})
	if err != nil {
		return recordbatch.NoProducer, err
	}
	if err := codeError(res.ErrorCode); err != nil {
		return recordbatch.NoProducer, fmt.Errorf("asking for a producer id: %w", err)
	}
	if res.ProducerID < 0 || res.ProducerEpoch < 0 {
		// A batch with a negative id would be written without any protection against duplicates.
		return recordbatch.NoProducer, fmt.Errorf("%w: producer id %d, epoch %d", errFrame, res.ProducerID, res.ProducerEpoch)
	}
	return recordbatch.Producer{ID: res.ProducerID, Epoch: res.ProducerEpoch}, nil
}

// newProducer starts sending. It owns c from now on.
func newProducer(c *client, topic string, parts []partitionMeta, id recordbatch.Producer, codec recordbatch.Codec, tuning producerConfig, log zerolog.Logger, retries func()) *producer {
	p := &producer{
		topic: topic, codec: codec, log: log, retries: retries, tuning: tuning,
		changed: make(chan struct{}, 1), refresh: make(chan struct{}, 1),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mu.client = c
	p.mu.brokers = map[int32]*brokerSender{}
	p.mu.Lock()
	for _, m := range parts {
		o := &outPartition{id: m.id, leader: -1, producer: id}
		p.mu.parts = append(p.mu.parts, o)
		if m.leader >= 0 {
			p.leaderLocked(o, m.leader)
		}
	}
	p.mu.Unlock()
	p.done.Go(p.keep)
	return p
}

// close ends the goroutines; what is not acknowledged may be lost.
func (p *producer) close() {
	p.cancel()
	p.done.Wait()
	p.mu.client.close()
}

func (p *producer) notify() { poke(p.changed) }

// poke leaves a message in a channel of capacity 1, if there is none.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// leaderLocked notes who leads o and starts the goroutine of a new leader.
func (p *producer) leaderLocked(o *outPartition, leader int32) {
	if o.leader != leader {
		o.leader = leader
		o.retryAt = time.Time{}
	}
	b := p.mu.brokers[leader]
	if b == nil {
		b = &brokerSender{p: p, id: leader, wake: make(chan struct{}, 1)}
		p.mu.brokers[leader] = b
		p.done.Go(b.run)
	}
	poke(b.wake)
}

// openLocked is the batch of o that takes the next record, a new one if there is none.
func (p *producer) openLocked(o *outPartition) *recordbatch.Builder {
	if o.open == nil {
		o.open = &outBatch{builder: p.builderLocked(), began: time.Now()}
	}
	return o.open.builder
}

func (p *producer) builderLocked() *recordbatch.Builder {
	if n := len(p.mu.free); n > 0 {
		b := p.mu.free[n-1]
		p.mu.free = p.mu.free[:n-1]
		return b
	}
	b, err := recordbatch.NewBuilder(p.codec, 0)
	if err != nil {
		panic(fmt.Sprintf("kafka: compression %v was checked: %v", p.codec, err))
	}
	return b
}

// closeLocked ends the open batch of o, which is full.
func (p *producer) closeLocked(o *outPartition) {
	o.queue = append(o.queue, o.open)
	o.open, o.drained = nil, false
	p.wakeLocked(o)
}

func (p *producer) wakeLocked(o *outPartition) {
	if b := p.mu.brokers[o.leader]; b != nil {
		poke(b.wake)
	}
}

// releaseLocked ends a batch that was acknowledged or rejected.
func (p *producer) releaseLocked(b *outBatch) {
	p.mu.records -= b.builder.Len()
	p.mu.bytes -= b.builder.Size()
	// The connection of an attempt without an answer may still read the bytes.
	if !b.maybe && len(p.mu.free) < keptBuilders && b.builder.Size() <= 2*batchBytes {
		b.builder.Reset()
		p.mu.free = append(p.mu.free, b.builder)
	}
	b.builder = nil
}

// drainLocked lets open batches go that began before when.
func (p *producer) drainLocked(when time.Time) {
	for _, o := range p.mu.parts {
		if o.open != nil && !o.drained && !o.open.began.After(when) {
			o.drained = true
			p.wakeLocked(o)
		}
	}
}

// wait waits until done, which is called with mu held, is true, the producer has failed, or ctx ends.
func (p *producer) wait(ctx context.Context, done func() bool) error {
	for {
		p.mu.Lock()
		err, ok := p.mu.err, done()
		p.mu.Unlock()
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// keep is the goroutine that asks for metadata when a sender wants it.
func (p *producer) keep() {
	var back backoff
	var missing time.Time
	cause := ""
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.refresh:
			if err := pause(p.ctx, minBackoff); err != nil {
				return
			}
		case <-timer.C:
		}
		p.mu.Lock()
		c := p.mu.client
		p.mu.Unlock()
		md, err := c.metadata(p.ctx, []string{p.topic})
		settled, why := false, ""
		if err != nil {
			if p.ctx.Err() != nil {
				return
			}
			p.retries()
			_, why = c.classify(err)
		} else {
			settled = p.leaders(md, &missing)
		}
		if why != cause && why != "" {
			p.log.Warn().Str("topic", p.topic).Str("err", why).Msg("kafka: asking for metadata fails, trying again")
		} else if why != cause {
			p.log.Info().Str("topic", p.topic).Msg("kafka: metadata again")
		}
		cause = why
		if settled {
			back.reset()
		} else {
			timer.Reset(back.wait())
		}
	}
}

// leaders acts on fresh metadata; false: something is missing, ask again.
func (p *producer) leaders(md *metadata, missing *time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := md.topics[p.topic]; t == nil || t.code == codeUnknownTopic {
		switch {
		case missing.IsZero():
			*missing = time.Now()
			p.log.Warn().Str("topic", p.topic).Msg("kafka: the topic is gone, waiting for it")
		case time.Since(*missing) > p.tuning.deleted:
			p.failLocked(permanentf("kafka: topic %s was deleted while it was written (gone for %s); create it again and start the pipeline anew", p.topic, time.Since(*missing).Round(time.Second)))
		}
		return false
	}
	*missing = time.Time{}
	settled := true
	for _, o := range p.mu.parts {
		leader, err := md.leader(topicPartition{p.topic, o.id})
		if err != nil {
			p.troubleLocked(o, passing, err.Error())
			settled = false
			continue
		}
		p.leaderLocked(o, leader)
	}
	return settled
}

func (p *producer) failLocked(err error) {
	if p.mu.err == nil {
		p.mu.err = err
	}
	p.notify()
}

// troubleLocked notes why o cannot be written and logs it, if it is news.
func (p *producer) troubleLocked(o *outPartition, class errorClass, why string) {
	now := time.Now()
	if o.cause != why {
		if o.cause == "" {
			o.causeSince = now
		}
		o.cause = why
		p.log.Warn().Str("topic", p.topic).Int32("partition", o.id).Int32("broker", o.leader).Str("err", why).
			Msg("kafka: writing fails, trying again")
	}
	if class == final && now.Sub(o.causeSince) > p.tuning.giveUp {
		p.failLocked(permanentf("kafka: writing %s partition %d: %s", p.topic, o.id, why))
	}
}

func (p *producer) fineLocked(o *outPartition) {
	if o.cause != "" {
		p.log.Info().Str("topic", p.topic).Int32("partition", o.id).Int32("broker", o.leader).
			Dur("after", time.Since(o.causeSince)).Msg("kafka: writing again")
		o.cause = ""
	}
	o.back.reset()
}
