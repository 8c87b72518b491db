package kafka

import (
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// brokerFetcher is the goroutine that fetches from one broker.
type brokerFetcher struct {
	f    *RawFetcher
	id   int32
	wake chan struct{}
	turn int // partition to ask for first
	back backoff
	lost int // requests without an answer in a row
}

func (f *RawFetcher) wakeLocked(broker int32) {
	if b := f.mu.brokers[broker]; b != nil {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

func (b *brokerFetcher) run() {
	var req *fetchCall
	calls := callTimer{parent: b.f.ctx}
	defer calls.close()
	for b.f.ctx.Err() == nil {
		if req == nil { // the first one, or the last one was lost and may still be in use
			req = &fetchCall{broker: b.id, committed: b.f.cfg.committed, buffers: &b.f.buffers}
		}
		wait := b.prepare(req)
		if len(req.parts) == 0 {
			b.sleep(wait)
			continue
		}
		c := b.f.client()
		timeout := time.Duration(req.maxWait)*time.Millisecond + 2*b.f.cfg.maxWait + b.f.cfg.grace
		if err := calls.do(c, timeout, req); err != nil {
			parts := append([]fetchPart(nil), req.parts...)
			req = nil
			b.failed(c, parts, err)
			continue
		}
		b.lost = 0
		b.back.reset()
		b.deliver(req)
	}
}

func (b *brokerFetcher) sleep(d time.Duration) {
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-b.wake:
	case <-after:
	case <-b.f.ctx.Done():
	}
}

// prepare fills req with what may be fetched now. If that is nothing, the result says when to look again; 0: when
// woken.
func (b *brokerFetcher) prepare(req *fetchCall) time.Duration {
	f := b.f
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	req.parts = req.parts[:0]
	req.maxBytes = responseBytes
	wait := time.Duration(0)
	maxWait := f.cfg.maxWait
	n := len(f.mu.parts)
	for i := range n {
		p := f.mu.parts[(b.turn+i)%n]
		if p.leader != b.id || p.finished {
			continue
		}
		if f.mu.bytes >= pendingBytes || !p.wanted(now) {
			if d := p.retryAt.Sub(now); d > 0 && (wait == 0 || d < wait) {
				wait = d
			}
			// A long poll for the others must not keep this one waiting once it is wanted again.
			if p.paused {
				maxWait = min(maxWait, 100*time.Millisecond)
			} else {
				maxWait = min(maxWait, 20*time.Millisecond)
			}
			continue
		}
		p.inflight = true
		req.parts = append(req.parts, fetchPart{p.topicPartition, p.index, p.fetchOffset, p.maxBytes})
		if p.maxBytes > partitionBytes && len(req.parts) > 1 {
			last := len(req.parts) - 1 // a broker sends a batch over the limits only for the first partition
			req.parts[0], req.parts[last] = req.parts[last], req.parts[0]
		}
		req.maxBytes = max(req.maxBytes, p.maxBytes)
	}
	b.turn++
	req.maxWait = int32(maxWait.Milliseconds())
	req.limit = int(req.maxBytes) + f.cfg.maxBatchBytes + responseBytes
	return wait
}

// failed deals with a request that got no answer.
func (b *brokerFetcher) failed(c *client, parts []fetchPart, err error) {
	f := b.f
	if f.ctx.Err() != nil {
		return
	}
	f.retries()
	b.lost++
	wait := b.back.wait()
	class, why := c.classify(err)
	until := time.Now().Add(wait)
	f.mu.Lock()
	for _, part := range parts {
		p := f.mu.parts[part.index]
		b.landedLocked(p)
		if p.leader == b.id {
			p.retryAt = until
			f.troubleLocked(p, class, why)
		}
	}
	f.mu.Unlock()
	if b.lost%3 == 0 {
		f.rebuild(c)
	}
	f.wakeKeeper()
}

// landedLocked notes that a fetch of p is over. If p has moved meanwhile, its new leader's goroutine has been waiting.
func (b *brokerFetcher) landedLocked(p *partition) {
	p.inflight = false
	if p.leader != b.id {
		b.f.wakeLocked(p.leader)
	}
}

// troubleLocked notes why p cannot be fetched and logs it, if it is news.
func (f *RawFetcher) troubleLocked(p *partition, class errorClass, why string) {
	now := time.Now()
	if p.cause != why {
		if p.cause == "" {
			p.causeSince = now
		}
		p.cause = why
		f.log.Warn().Str("topic", p.topic).Int32("partition", p.id).Int32("broker", p.leader).Str("err", why).
			Msg("kafka: fetching fails, trying again")
	}
	if class == final && now.Sub(p.causeSince) > f.cfg.giveUp && f.mu.err == nil {
		f.mu.err = permanentf("kafka: fetching %s partition %d: %s", p.topic, p.id, why)
		f.notify()
	}
}

// fineLocked notes that p is fetched.
func (f *RawFetcher) fineLocked(p *partition) {
	if p.cause != "" {
		f.log.Info().Str("topic", p.topic).Int32("partition", p.id).Int32("broker", p.leader).
			Dur("after", time.Since(p.causeSince)).Msg("kafka: fetching again")
		p.cause = ""
	}
	p.back.reset()
}

// deliver hands the answer to the reader.
func (b *brokerFetcher) deliver(req *fetchCall) {
	f := b.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range req.parts {
		b.landedLocked(f.mu.parts[part.index])
	}
	if req.errorCode != codeNone {
		for _, part := range req.parts {
			b.refusedLocked(f.mu.parts[part.index], req.errorCode)
		}
		return
	}
	some := false
	for i := range req.results {
		r := &req.results[i]
		if r.part < 0 {
			continue
		}
		part := req.parts[r.part]
		p := f.mu.parts[part.index]
		if p.fetchOffset != part.offset || p.leader != b.id || p.finished || p.outOfRange {
			f.buffers.put(r.data) // it was moved while the fetch was under way
			continue
		}
		if r.code == codeNone && r.logStart > part.offset {
			r.code = codeOffsetOutOfRange
		}
		if r.code != codeNone {
			f.buffers.put(r.data)
			b.refusedLocked(p, r.code)
			continue
		}
		f.fineLocked(p)
		end := r.high
		if f.cfg.committed {
			end = r.stable
		}
		some = some || p.end != end
		p.end = end
		if f.takeLocked(p, r) {
			some = true
		}
	}
	if some {
		f.notify()
	}
}

// takeLocked makes the data of r a chunk of p.
func (f *RawFetcher) takeLocked(p *partition, r *fetchResult) bool {
	if len(r.data) == 0 {
		return false
	}
	s := scan(r.data, p.fetchOffset)
	if s.need > int(p.maxBytes) && s.need <= f.cfg.maxBatchBytes {
		p.maxBytes = int32(s.need)
		f.buffers.put(r.data)
		return false
	}
	if s.need > 0 && s.need <= f.cfg.maxBatchBytes {
		f.buffers.put(r.data) // cut by the limit of the whole response: next time it comes first
		p.maxBytes = max(p.maxBytes, partitionBytes+1)
		return false
	}
	data := r.data
	if s.size > 0 && !s.bad {
		data = data[:s.size] // a batch that is cut comes again: if it is too large, that must not be found twice
	}
	p.chunks = append(p.chunks, chunk{data: data, aborted: r.aborted, next: s.next})
	p.bytes += len(data)
	f.account(p, len(data))
	p.hold = s.bad || s.next == p.fetchOffset
	p.fetchOffset = s.next
	return true
}

// refusedLocked deals with an error code for p.
func (b *brokerFetcher) refusedLocked(p *partition, code int16) {
	f := b.f
	f.retries()
	p.retryAt = time.Now().Add(p.back.wait())
	switch {
	case code == codeOffsetOutOfRange:
		p.outOfRange = true
	case code == codeTopicAuthorization:
		f.troubleLocked(p, final, codeText(code)+": the user may not read the topic; the cluster's administrator can grant it")
	case retriable(code):
		f.troubleLocked(p, passing, codeText(code))
	default:
		f.troubleLocked(p, final, codeText(code))
	}
	f.wakeKeeper()
}

// wakeKeeper asks for fresh metadata.
func (f *RawFetcher) wakeKeeper() {
	select {
	case f.refresh <- struct{}{}:
	default:
	}
}

var _ protocol.Message = (*fetchCall)(nil)
