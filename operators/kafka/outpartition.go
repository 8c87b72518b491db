package kafka

import (
	"time"

	"flowd/internal/recordbatch"
)

const (
	// batchBytes is the size at which a batch is closed, before compression.
	batchBytes = 512 << 10
	// unackedBytes bounds what a sink holds: rows that are collected, sent or waiting for their acknowledgement.
	unackedBytes = 32 << 20
	// requestBytes is how much of several partitions goes into one request.
	requestBytes = 4 << 20
	// lingerFor bounds how long a batch waits for more rows while the sink is busy; an idle one sends at once.
	lingerFor = 100 * time.Millisecond
	// keptBuilders is how many idle builders are kept.
	keptBuilders = 16
)

// outBatch is records of one partition on their way: filled by the task, then sent by the goroutine of a broker. Once
// it has been sent, its bytes never change: a retry must be recognised as a repetition.
type outBatch struct {
	builder  *recordbatch.Builder
	began    time.Time
	producer recordbatch.Producer
	bytes    []byte // finished; nil before the first attempt
	maybe    bool   // an attempt ended without an answer: the batch may have been written
}

// outPartition is a partition of the topic. All of it is guarded by producer.mu.
type outPartition struct {
	id     int32
	leader int32

	open    *outBatch   // being filled
	drained bool        // open may be sent as it is
	queue   []*outBatch // full ones, in order
	sending *outBatch   // being sent, or to be sent again: never more than one
	flying  bool        // sending is in a request

	// producer of the next batch: its sequence number counts the records of this partition.
	producer recordbatch.Producer

	retryAt    time.Time
	back       backoff
	cause      string
	causeSince time.Time
}

// ready says whether there is a batch to send now.
func (p *outPartition) ready(now time.Time) bool {
	if p.flying || now.Before(p.retryAt) {
		return false
	}
	return p.sending != nil || len(p.queue) > 0 || p.open != nil && p.drained
}

// take makes the next batch the one that is sent. Its sequence numbers follow the last one's.
func (p *outPartition) take() {
	if p.sending == nil {
		if len(p.queue) > 0 {
			p.sending = p.queue[0]
			copy(p.queue, p.queue[1:])
			p.queue[len(p.queue)-1] = nil
			p.queue = p.queue[:len(p.queue)-1]
		} else {
			p.sending, p.open, p.drained = p.open, nil, false
		}
		p.sending.producer = p.producer
		p.producer.Sequence = nextSequence(p.producer.Sequence, p.sending.builder.Len())
	}
	p.flying = true
}

// nextSequence adds n to a sequence number, which goes on at 0 after 2³¹−1.
func nextSequence(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & (1<<31 - 1)) }
