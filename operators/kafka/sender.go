package kafka

import (
	"fmt"
	"time"

	"flowd/internal/recordbatch"
	"flowd/stream"
)

// brokerSender is the goroutine that sends to one broker: one request at a time, with at most one batch a partition.
// With more in flight a broker may take them out of order and then refuses what it thinks is a gap.
type brokerSender struct {
	p    *producer
	id   int32
	wake chan struct{}
	turn int
	lost int
}

// flight is a partition in a request.
type flight struct {
	o     *outPartition
	batch *outBatch
}

func (s *brokerSender) run() {
	var req *produceCall
	var flights []flight
	calls := callTimer{parent: s.p.ctx}
	defer calls.close()
	for s.p.ctx.Err() == nil {
		var wait time.Duration
		flights, wait = s.collect(flights[:0])
		if len(flights) == 0 {
			s.sleep(wait)
			continue
		}
		if req == nil { // the first one, or the last one was lost and may still be in use
			req = &produceCall{broker: s.id, topic: s.p.topic, timeout: int32(s.p.tuning.timeout.Milliseconds())}
		}
		flights = s.finish(req, flights)
		if len(flights) == 0 {
			continue
		}
		s.p.mu.Lock()
		c := s.p.mu.client
		s.p.mu.Unlock()
		if err := calls.do(c, s.p.tuning.timeout+s.p.tuning.grace, req); err != nil {
			req = nil
			s.failed(c, flights, err)
			continue
		}
		s.lost = 0
		s.settle(req, flights)
	}
}

func (s *brokerSender) sleep(d time.Duration) {
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-s.wake:
	case <-after:
	case <-s.p.ctx.Done():
	}
}

// collect takes the batches to send now. If there is none, the duration says when to look again; 0: when woken.
func (s *brokerSender) collect(flights []flight) ([]flight, time.Duration) {
	p := s.p
	now := time.Now()
	wait := time.Duration(0)
	size := 0
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.mu.parts)
	for i := range n {
		o := p.mu.parts[(s.turn+i)%n]
		if o.leader != s.id {
			continue
		}
		if !o.ready(now) {
			if d := o.retryAt.Sub(now); d > 0 && (wait == 0 || d < wait) {
				wait = d
			}
			continue
		}
		if size >= requestBytes {
			s.turn += i
			break
		}
		o.take()
		size += o.sending.builder.Size()
		flights = append(flights, flight{o, o.sending})
	}
	return flights, wait
}

// finish compresses and stamps batches that were not sent before, outside the lock: they belong to this goroutine now.
func (s *brokerSender) finish(req *produceCall, flights []flight) []flight {
	req.parts = req.parts[:0]
	keep := flights[:0]
	for _, f := range flights {
		if f.batch.bytes == nil {
			f.batch.bytes = f.batch.builder.Finish(f.batch.producer)
			if s.p.maxBytes > 0 && len(f.batch.bytes) > s.p.maxBytes {
				s.p.mu.Lock()
				s.tooLargeLocked(f, fmt.Sprintf("max.message.bytes of the topic is %d", s.p.maxBytes))
				s.p.mu.Unlock()
				continue
			}
		}
		req.parts = append(req.parts, producePart{id: f.o.id, records: f.batch.bytes})
		keep = append(keep, f)
	}
	return keep
}

// failed deals with a request that got no answer: its batches may have been written or not. They are sent again as
// they are; the broker knows them by their sequence numbers.
func (s *brokerSender) failed(c *client, flights []flight, err error) {
	p := s.p
	if p.ctx.Err() != nil {
		return
	}
	p.retries()
	s.lost++
	class, why := c.classify(err)
	now := time.Now()
	p.mu.Lock()
	for _, f := range flights {
		f.batch.maybe = true
		f.o.flying = false
		if f.o.leader != s.id {
			p.wakeLocked(f.o) // it has moved meanwhile: its new leader's goroutine has been waiting
			continue
		}
		f.o.retryAt = now.Add(f.o.back.wait())
		p.troubleLocked(f.o, class, why)
	}
	rebuild := s.lost%3 == 0 && p.mu.client == c
	if rebuild {
		twin, err := c.twin([]string{p.topic})
		if err != nil {
			p.failLocked(stream.Permanent(err))
			rebuild = false
		} else {
			p.mu.client = twin
		}
	}
	p.mu.Unlock()
	if rebuild {
		c.close()
	}
	poke(p.refresh)
}

// settle deals with the answers.
func (s *brokerSender) settle(req *produceCall, flights []flight) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range flights {
		s.settleLocked(f, &req.parts[i])
		if f.o.leader != s.id {
			p.wakeLocked(f.o)
		}
	}
	p.notify()
}

func (s *brokerSender) settleLocked(f flight, a *producePart) {
	p, o := s.p, f.o
	code := a.code
	if !a.answered {
		code = -1
	}
	switch code {
	case codeNone, codeDuplicateSequence: // 46: written before, an answer was lost
		p.fineLocked(o)
		o.sending, o.flying = nil, false
		p.releaseLocked(f.batch)
		return
	case codeMessageTooLarge, codeRecordListTooLarge:
		s.tooLargeLocked(f, "the broker refuses it ("+codeText(code)+")")
		return
	case codeOutOfOrderSequence, codeInvalidProducerEpoch, codeUnknownProducer, codeInvalidProducerMap:
		s.strangerLocked(f, code)
		return
	}
	p.retries()
	o.flying = false
	o.retryAt = time.Now().Add(o.back.wait())
	switch code {
	case -1, 7, 13, codeNotEnoughReplicasDone:
		f.batch.maybe = true // may have been written
	}
	why := codeText(code)
	if a.message != "" {
		why += ": " + a.message
	}
	switch {
	case retriable(code):
		p.troubleLocked(o, passing, why)
	case code == codeTopicAuthorization || code == codeClusterAuthorization:
		p.failLocked(permanentf("kafka: writing topic %s: %s: user %q lacks the right; the cluster's administrator can grant it", p.topic, why, p.mu.client.cluster.user()))
	default:
		p.failLocked(permanentf("kafka: writing %s partition %d: the broker refuses a batch of %d rows: %s", p.topic, o.id, f.batch.builder.Len(), why))
	}
	poke(p.refresh)
}

// strangerLocked deals with a broker that does not know the producer or its sequence any more. If the batch was never
// sent before, it has certainly not been written, and a new producer id can begin at 0. Otherwise nobody can tell
// whether writing it again makes duplicates.
func (s *brokerSender) strangerLocked(f flight, code int16) {
	p, o := s.p, f.o
	if f.batch.maybe {
		p.failLocked(permanentf("kafka: %s partition %d: %s after an attempt without an answer: the broker has lost the producer's state, and whether %d rows were written cannot be told; start the pipeline again from where it is sure",
			p.topic, o.id, codeText(code), f.batch.builder.Len()))
		return
	}
	c := p.mu.client
	p.mu.Unlock()
	p.retries()
	id, err := c.initProducer(p.ctx)
	p.mu.Lock()
	o.flying = false
	o.retryAt = time.Now().Add(o.back.wait())
	if err != nil {
		class, why := c.classify(err)
		p.troubleLocked(o, class, why) // sent again as it is, and refused again
		return
	}
	p.troubleLocked(o, passing, codeText(code)+": the broker has lost the producer's state; going on with a new producer id")
	// This partition alone goes on under the new id: the others have batches on their way under the old one.
	f.batch.producer = id
	f.batch.bytes = f.batch.builder.Finish(id)
	o.producer = id
	o.producer.Sequence = nextSequence(0, f.batch.builder.Len())
}

// tooLargeLocked splits a batch that is too large, or rejects its only row. It was not written.
func (s *brokerSender) tooLargeLocked(f flight, why string) {
	p, o := s.p, f.o
	o.sending, o.flying = nil, false
	o.producer = f.batch.producer // its sequence numbers are free again
	recs, err := unpack(f.batch.bytes)
	if err != nil {
		panic(fmt.Sprintf("kafka: a batch of our own cannot be read: %v", err))
	}
	n := recs.Len()
	if n == 1 {
		v := recs.Buf[:0]
		if recs.Start[0] != recordbatch.Null {
			v = recs.Buf[recs.Start[0]:recs.End[0]]
		}
		p.mu.rejected = append(p.mu.rejected, stream.RowError{
			Row: -1, Topic: p.topic, Split: o.id, Offset: -1, Time: recs.Timestamp[0],
			Msg: fmt.Sprintf("a record of %d bytes is too large for topic %s: %s", len(f.batch.bytes), p.topic, why),
			Raw: append([]byte{}, v[:min(len(v), maxRaw)]...),
		})
		p.releaseLocked(f.batch)
		p.notify()
		return
	}
	halves := []*outBatch{p.repackLocked(recs, 0, n/2), p.repackLocked(recs, n/2, n)}
	for _, h := range halves {
		p.mu.records += h.builder.Len()
		p.mu.bytes += h.builder.Size()
	}
	p.releaseLocked(f.batch)
	o.queue = append(halves, o.queue...)
	p.wakeLocked(o)
}

// unpack reads a batch back.
func unpack(batch []byte) (*recordbatch.Records, error) {
	var r recordbatch.Reader
	r.Reset(batch, recordbatch.Options{
		StopOffset: -1, MaxBatchBytes: 1 << 30,
		Want: recordbatch.WantKey | recordbatch.WantHeaders | recordbatch.WantTimestamp,
	})
	recs := &recordbatch.Records{}
	_, err := r.Next(recs, 1<<31-1)
	return recs, err
}

// repackLocked makes a batch of records from to to.
func (p *producer) repackLocked(recs *recordbatch.Records, from, to int) *outBatch {
	b := &outBatch{builder: p.builderLocked(), began: time.Now()}
	cut := func(start, end uint32) []byte {
		if start == recordbatch.Null {
			return nil
		}
		return recs.Buf[start:end:end]
	}
	for i := from; i < to; i++ {
		var headers []recordbatch.Header
		_ = recordbatch.ParseHeaders(recs.Buf[recs.HeaderStart[i]:recs.HeaderEnd[i]], recs.HeaderCount[i], func(k, v []byte) {
			headers = append(headers, recordbatch.Header{Key: string(k), Value: v})
		}) // written by ourselves
		b.builder.Append(cut(recs.KeyStart[i], recs.KeyEnd[i]), cut(recs.Start[i], recs.End[i]), headers, recs.Timestamp[i])
	}
	return b
}
