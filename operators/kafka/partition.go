package kafka

import (
	"time"

	"flowd/internal/recordbatch"
)

const (
	// partitionBytes is what is fetched of one partition at a time; it grows for a larger batch.
	partitionBytes = 1 << 20
	// responseBytes is what one fetch brings of all partitions.
	responseBytes = 4 << 20
	// pendingBytes bounds what one reader has fetched and not decoded, and again what paused partitions keep.
	pendingBytes = 16 << 20
	// pendingChunks is how many fetches of a partition may wait: one is decoded while the next arrives.
	pendingChunks = 2
)

// partition is the state of one partition of a reader. The fields below shared are guarded by RawFetcher.mu.
type partition struct {
	topicPartition
	index   int
	topicID [16]byte
	start   int64
	stop    int64 // −1: none

	// shared
	leader      int32
	position    int64 // next offset to return
	fetchOffset int64 // next offset to fetch; position ≤ fetchOffset
	maxBytes    int32
	chunks      []chunk // fetched and not decoded, in order; position lies in the first one
	bytes       int     // of chunks
	inflight    bool
	hold        bool // fetch nothing until the chunks are decoded: where the last one ends is not known
	paused      bool
	finished    bool // position ≥ stop
	outOfRange  bool // the log does not hold fetchOffset; the keeper decides
	recreated   bool // outOfRange because the topic has another id than before
	end         int64
	retryAt     time.Time
	back        backoff
	cause       string // why it is not fetched; "" if it is. Logged once
	causeSince  time.Time
}

// chunk is the record set of one fetch.
type chunk struct {
	data    []byte
	aborted []recordbatch.Aborted
	next    int64 // offset after it
}

func newPartition(tp topicPartition, id [16]byte, start, stop, end int64) *partition {
	p := &partition{
		topicPartition: tp, topicID: id, start: start, stop: stop, leader: -1, position: start, fetchOffset: start,
		maxBytes: partitionBytes, end: end,
	}
	// A start beyond the log end is out of range, whatever the stop: on_missing decides, as it does without a stop.
	p.outOfRange = stop >= 0 && end >= 0 && start > end
	p.finished = stop >= 0 && start >= stop && !p.outOfRange
	return p
}

// wanted says whether more of p may be fetched now.
func (p *partition) wanted(now time.Time) bool {
	return !p.paused && !p.finished && !p.inflight && !p.hold && !p.outOfRange &&
		len(p.chunks) < pendingChunks && p.bytes < 2*partitionBytes && !now.Before(p.retryAt) &&
		(p.stop < 0 || p.fetchOffset < p.stop)
}

// drop forgets what was fetched and not decoded; it will be fetched again.
func (p *partition) drop(free *buffers) {
	for i := range p.chunks {
		free.put(p.chunks[i].data)
		p.chunks[i] = chunk{}
	}
	p.chunks, p.bytes, p.hold = p.chunks[:0], 0, false
	p.fetchOffset = p.position
}

// caughtUp says whether everything that was in the log at the last answer has been returned.
func (p *partition) caughtUp() bool { return p.end >= 0 && p.position >= p.end }
