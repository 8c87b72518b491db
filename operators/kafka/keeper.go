package kafka

import (
	"context"
	"maps"
	"time"

	"github.com/rs/zerolog"
)

// keep is the goroutine that keeps metadata fresh: leaders, new partitions, deleted topics, positions that left the
// log; and that commits offsets to the group.
func (f *RawFetcher) keep() {
	k := keeper{f: f, missing: map[string]time.Time{}, committed: map[topicPartition]int64{}, seen: f.positions()}
	again := time.NewTimer(0) // the next attempt after an error, or while something is not settled
	defer again.Stop()
	discover, stopDiscover := every(f.cfg.discover)
	defer stopDiscover()
	// A timer, for it measures from one commit to the next: a ticker would make up for a late one.
	commit := time.NewTimer(f.cfg.commitEvery)
	defer commit.Stop()
	if f.cfg.group == "" || f.cfg.commitEvery <= 0 {
		commit.Stop()
	}
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-commit.C:
			if isClosed(f.cfg.ended) {
				continue // and no more: the timer is not set again
			}
			k.commit(f.ctx)
			commit.Reset(f.cfg.commitEvery)
			continue
		case <-f.refresh:
			// Not sooner than the backoff says: many partitions may ask at once.
			if wait := time.Until(k.last.Add(minBackoff)); wait > 0 {
				again.Reset(wait)
				continue
			}
		case <-again.C:
		case <-discover:
		}
		k.last = time.Now()
		if k.update(f.ctx) {
			k.back.reset()
		} else if f.ctx.Err() == nil {
			again.Reset(k.back.wait())
		}
	}
}

// every is a ticker that may be absent.
func every(d time.Duration) (<-chan time.Time, func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// keeper is the state of the goroutine keep.
type keeper struct {
	f         *RawFetcher
	last      time.Time
	back      backoff
	cause     string
	missing   map[string]time.Time // topics not in the metadata, and since when
	committed map[topicPartition]int64
	seen      map[topicPartition]int64 // the positions at the last commit, which the next one commits
}

// update asks for metadata and acts on it. False: something is not settled, ask again soon.
func (k *keeper) update(ctx context.Context) bool {
	f := k.f
	c := f.client()
	md, err := c.metadata(ctx, f.cfg.topics)
	if err != nil {
		if ctx.Err() == nil {
			f.retries()
			_, why := c.classify(err)
			k.note(why)
		}
		return false
	}
	k.note("")
	settled := k.leaders(md)
	if !k.ranges(ctx, c) || !k.newPartitions(ctx, c, md) {
		settled = false
	}
	return settled
}

func (k *keeper) note(why string) {
	switch why {
	case k.cause:
	case "":
		k.f.log.Info().Msg("kafka: metadata again")
	default:
		k.f.log.Warn().Str("err", why).Msg("kafka: asking for metadata fails, trying again")
	}
	k.cause = why
}

// leaders notes who leads what and starts the goroutines of new leaders.
func (k *keeper) leaders(md *metadata) bool {
	f := k.f
	settled := true
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.mu.parts {
		t := md.topics[p.topic]
		if t == nil || t.code == codeUnknownTopic {
			k.topicMissing(p)
			settled = false
			continue
		}
		delete(k.missing, p.topic)
		if t.code != codeNone {
			f.troubleLocked(p, passing, codeText(t.code))
			settled = false
			continue
		}
		if t.id != ([16]byte{}) && p.topicID != ([16]byte{}) && t.id != p.topicID {
			p.outOfRange, p.recreated = true, true // what was read is gone: on_missing decides
		}
		p.topicID = t.id
		leader, err := md.leader(p.topicPartition)
		if err != nil {
			f.troubleLocked(p, passing, err.Error())
			settled = false
			continue
		}
		if p.leader != leader {
			p.leader = leader
			p.retryAt = time.Time{}
		}
		if f.mu.brokers[leader] == nil {
			b := &brokerFetcher{f: f, id: leader, wake: make(chan struct{}, 1)}
			f.mu.brokers[leader] = b
			f.done.Go(b.run)
		}
		f.wakeLocked(leader)
	}
	return settled
}

// topicMissing notes that a topic is not there, and fails when that has lasted.
func (k *keeper) topicMissing(p *partition) {
	f := k.f
	since, known := k.missing[p.topic]
	if !known {
		k.missing[p.topic] = time.Now()
		f.troubleLocked(p, passing, "the topic is gone")
		return
	}
	if d := time.Since(since); d > f.cfg.deleted && f.mu.err == nil {
		f.mu.err = permanentf("kafka: topic %s was deleted while it was read (gone for %s); position of partition %d was %d; create the topic again, or take it out of the pipeline",
			p.topic, d.Round(time.Second), p.id, p.position)
		f.notify()
	}
}

// ranges settles partitions whose position is not in the log.
func (k *keeper) ranges(ctx context.Context, c *client) bool {
	f := k.f
	f.mu.Lock()
	var lost []*partition
	leaders := map[*partition]int32{}
	for _, p := range f.mu.parts {
		if p.outOfRange && p.leader >= 0 && !p.finished {
			lost = append(lost, p)
			leaders[p] = p.leader
		}
	}
	f.mu.Unlock()
	settled := true
	for _, p := range lost {
		first, err := askOffset(ctx, c, leaders[p], p.topicPartition, timeEarliest, false)
		last := int64(-1)
		if err == nil {
			last, err = askOffset(ctx, c, leaders[p], p.topicPartition, timeLatest, f.cfg.committed)
		}
		if err != nil {
			settled = false
			continue
		}
		if !k.decide(p, first, last) {
			settled = false
		}
	}
	return settled
}

func askOffset(ctx context.Context, c *client, leader int32, p topicPartition, timestamp int64, committed bool) (int64, error) {
	answers, err := c.listOffsets(ctx, leader, []topicPartition{p}, timestamp, committed)
	if err != nil {
		return -1, err
	}
	a, ok := answers[p]
	if !ok {
		return -1, errFrame
	}
	return a.offset, a.err
}

// decide applies on_missing to p, whose log holds the offsets from first to before last. False: not yet.
func (k *keeper) decide(p *partition, first, last int64) bool {
	f := k.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p.chunks) > 0 && !p.paused {
		return false // what was fetched before is decoded first; only then is the position known
	}
	wanted := p.position
	if !p.recreated && wanted >= first && wanted <= last {
		p.outOfRange = false // a leader that was behind; the fetch is repeated after its backoff
		f.wakeLocked(p.leader)
		return true
	}
	why := "the records were deleted before they were read (retention)"
	switch {
	case p.recreated:
		why = "the topic was deleted and created anew"
	case wanted > last:
		why = "the log is shorter than that: the topic was created anew, or a leader change lost its end"
	}
	if f.cfg.onMissing == onMissingFail {
		if f.mu.err == nil {
			f.mu.err = permanentf("kafka: %s partition %d: offset %d is not in the log, which holds offsets %d to %d: %s; to go on, set on_missing: earliest or on_missing: latest, or start at offsets that exist, for example start: {offsets: {%d: %d}}",
				p.topic, p.id, wanted, first, last-1, why, p.id, first)
		}
		f.notify()
		return true
	}
	to := first
	if f.cfg.onMissing == onMissingLatest {
		to = last
	}
	f.log.Warn().Str("topic", p.topic).Int32("partition", p.id).Int64("offset", wanted).Int64("log_start", first).Int64("log_end", last).
		Int64("continue_at", to).Str("err", why).Msg("kafka: position is not in the log, on_missing applies")
	p.recreated, p.outOfRange = false, false
	f.account(p, -p.bytes)
	p.position = to
	p.drop(&f.buffers)
	p.end = -1
	if p.stop >= 0 && to >= p.stop {
		f.finishLocked(p)
		f.notify()
	}
	f.wakeLocked(p.leader)
	return true
}

// newPartitions adds partitions that have appeared, at their earliest record.
func (k *keeper) newPartitions(ctx context.Context, c *client, md *metadata) bool {
	f := k.f
	if f.cfg.scope == nil {
		return true
	}
	f.mu.Lock()
	known := map[topicPartition]bool{}
	for _, p := range f.mu.parts {
		known[p.topicPartition] = true
	}
	f.mu.Unlock()
	settled := true
	for _, tp := range f.cfg.scope(md) {
		if known[tp] {
			continue
		}
		leader, err := md.leader(tp)
		var first int64
		if err == nil {
			first, err = askOffset(ctx, c, leader, tp, timeEarliest, false)
		}
		if err != nil {
			settled = false
			continue
		}
		p := newPartition(tp, md.topics[tp.topic].id, first, -1, -1)
		f.log.Info().Str("topic", tp.topic).Int32("partition", tp.id).Int64("offset", first).Msg("kafka: new partition")
		f.mu.Lock()
		f.addLocked(p)
		f.mu.Unlock()
		f.notify()
		settled = false // its leader comes with the next round
	}
	return settled
}

// commit writes to the group the positions of one commitEvery ago, for those who watch the lag: what was handed out since
// may still be on its way to the sinks. Nothing here knows what they have written.
func (k *keeper) commit(ctx context.Context) {
	f := k.f
	now := f.positions()
	offsets := map[topicPartition]int64{}
	for p, position := range k.seen {
		if last, ok := k.committed[p]; !ok || last != position {
			offsets[p] = position
		}
	}
	k.seen = now
	if len(offsets) == 0 {
		return
	}
	c := f.client()
	if err := c.commit(ctx, f.cfg.group, offsets); err != nil {
		_, why := c.classify(err)
		commitFails(&f.log, f.cfg.group, why)
		return
	}
	maps.Copy(k.committed, offsets)
}

func commitFails(log *zerolog.Logger, group, why string) {
	log.Warn().Str("group", group).Str("err", why).Msg("kafka: committing offsets fails; only monitoring misses them")
}

// isClosed says whether c, on which nothing is sent, is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
