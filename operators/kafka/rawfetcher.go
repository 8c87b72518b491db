package kafka

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"flowd/internal/recordbatch"
)

// RawFetcher fetches partitions and frames their records: the way from the socket to (partition, records) without
// decoding, which a Reader stands on, and whose cost is the floor under every query. Next, Pause and Close belong to
// one goroutine. It runs one goroutine per leader broker, which fetches, and one that keeps the metadata fresh.
type RawFetcher struct {
	cfg     fetcherConfig
	log     zerolog.Logger
	retries func()
	buffers buffers
	ready   chan struct{}
	refresh chan struct{} // wakes the keeper
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup

	// of the caller's goroutine
	frames recordbatch.Reader
	cur    *partition // whose first chunk is open in frames, nil if none
	turn   int        // partition to ask first

	mu struct { // guards what is inside it, and the shared part of every partition
		sync.Mutex
		client   *client
		clients  int // made so far
		parts    []*partition
		brokers  map[int32]*brokerFetcher
		bytes    int // of chunks of partitions that are not paused
		paused   int // of chunks of paused ones
		finished int
		err      error
	}
}

// fetcherConfig is what a RawFetcher needs to know.
type fetcherConfig struct {
	committed     bool
	want          recordbatch.Want
	maxWait       time.Duration // of an empty fetch
	grace         time.Duration // beyond maxWait until a fetch counts as lost
	maxBatchBytes int
	discover      time.Duration // 0: never
	deleted       time.Duration // how long a topic may be missing
	giveUp        time.Duration // how long an error that looks permanent may last
	commitEvery   time.Duration
	group         string          // "": commit nothing
	ended         <-chan struct{} // closed when the job has failed or was cancelled: nothing is committed any more
	onMissing     string
	scope         func(*metadata) []topicPartition // all partitions of this reader, as the metadata have them; nil: fixed
	topics        []string                         // to ask metadata for; nil: all
}

func defaultFetcher() fetcherConfig {
	return fetcherConfig{
		maxWait: 500 * time.Millisecond, grace: 10 * time.Second, maxBatchBytes: recordbatch.DefaultMaxBatchBytes,
		deleted: 30 * time.Second, giveUp: startLimit, commitEvery: 5 * time.Second, onMissing: onMissingFail,
	}
}

// newRawFetcher starts fetching parts. It owns c from now on.
func newRawFetcher(c *client, cfg fetcherConfig, parts []*partition, log zerolog.Logger, retries func()) *RawFetcher {
	f := &RawFetcher{cfg: cfg, log: log, retries: retries, ready: make(chan struct{}, 1), refresh: make(chan struct{}, 1)}
	f.buffers.keep = 2*responseBytes + partitionBytes
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.mu.client = c
	f.mu.brokers = map[int32]*brokerFetcher{}
	for _, p := range parts {
		f.addLocked(p)
	}
	f.done.Go(f.keep)
	return f
}

// addLocked adds a partition; mu is held, or nobody else knows f yet.
func (f *RawFetcher) addLocked(p *partition) {
	p.index = len(f.mu.parts)
	f.mu.parts = append(f.mu.parts, p)
	if p.finished {
		f.mu.finished++
	}
}

// Close ends the fetching and waits for its goroutines.
func (f *RawFetcher) Close() error {
	f.cancel()
	f.done.Wait()
	f.mu.client.close()
	return nil
}

// Ready receives when Next may have something after it had nothing.
func (f *RawFetcher) Ready() <-chan struct{} { return f.ready }

func (f *RawFetcher) notify() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// Next adds up to most records of one partition to recs, which it resets, and returns the partition's number. n = 0
// without an error says that nothing is there now: wait for Ready. io.EOF says that every partition has reached its
// stop offset. A *recordbatch.Error is about partition part, and Skip goes on after it. recs is valid until the next
// call.
func (f *RawFetcher) Next(recs *recordbatch.Records, most int) (part, n int, err error) {
	recs.Reset()
	for {
		if f.cur == nil && !f.open() {
			f.mu.Lock()
			err, all := f.mu.err, f.mu.finished == len(f.mu.parts)
			f.mu.Unlock()
			switch {
			case err != nil:
				return -1, 0, err
			case all && f.cfg.scope == nil:
				return -1, 0, io.EOF
			}
			return -1, 0, nil
		}
		p := f.cur
		if n, err = f.frames.Next(recs, most); n > 0 {
			f.advance(p, f.frames.NextOffset())
			return p.index, n, nil
		}
		if err != nil {
			return p.index, 0, err
		}
		f.closeChunk()
	}
}

// Skip goes on after the batch that Next refused, if the data tell where it ends.
func (f *RawFetcher) Skip() bool {
	if f.cur == nil || !f.frames.Skip() {
		return false
	}
	f.advance(f.cur, f.frames.NextOffset())
	return true
}

// open takes the next chunk of a partition in turn.
func (f *RawFetcher) open() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.err != nil {
		return false
	}
	for i := range f.mu.parts {
		p := f.mu.parts[(f.turn+i)%len(f.mu.parts)]
		if len(p.chunks) == 0 || p.paused || p.finished {
			continue
		}
		f.cur, f.turn = p, p.index+1
		f.frames.Reset(p.chunks[0].data, recordbatch.Options{
			FetchOffset: p.position, StopOffset: p.stop, Committed: f.cfg.committed, Aborted: p.chunks[0].aborted,
			MaxBatchBytes: f.cfg.maxBatchBytes, Want: f.cfg.want,
		})
		return true
	}
	return false
}

func (f *RawFetcher) advance(p *partition, position int64) {
	f.mu.Lock()
	p.position = position
	f.mu.Unlock()
}

// closeChunk ends the first chunk of the current partition, which has been read to its end.
func (f *RawFetcher) closeChunk() {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.cur
	f.cur = nil
	c := p.chunks[0]
	p.position = max(p.position, f.frames.NextOffset())
	copy(p.chunks, p.chunks[1:])
	p.chunks[len(p.chunks)-1] = chunk{}
	p.chunks = p.chunks[:len(p.chunks)-1]
	p.bytes -= len(c.data)
	f.account(p, -len(c.data))
	f.buffers.put(c.data)
	if len(p.chunks) == 0 && p.hold || p.position < c.next && !f.frames.Done() {
		f.account(p, -p.bytes)
		p.drop(&f.buffers) // only decoding could tell where the chunk ended: go on from there
	}
	if p.stop >= 0 && p.position >= p.stop {
		f.finishLocked(p)
	}
	f.wakeLocked(p.leader)
}

func (f *RawFetcher) finishLocked(p *partition) {
	if !p.finished {
		p.finished = true
		f.mu.finished++
	}
	f.account(p, -p.bytes)
	p.drop(&f.buffers)
}

// account notes that bytes were added to the chunks of p.
func (f *RawFetcher) account(p *partition, bytes int) {
	if p.paused {
		f.mu.paused += bytes
	} else {
		f.mu.bytes += bytes
	}
}

// Pause stops or resumes partition i. What was fetched is kept, unless paused partitions hold too much already.
func (f *RawFetcher) Pause(i int, paused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.mu.parts[i]
	if p.paused == paused {
		return
	}
	f.account(p, -p.bytes)
	p.paused = paused
	f.account(p, p.bytes)
	if paused && f.cur == p {
		f.cur = nil // opened again at its position
	}
	if paused && f.mu.paused > pendingBytes {
		f.account(p, -p.bytes)
		p.drop(&f.buffers)
	}
	if !paused {
		f.wakeLocked(p.leader)
		f.notify() // what was kept can be had again
	}
}

// fail ends everything: Next returns err from now on.
func (f *RawFetcher) fail(err error) {
	f.mu.Lock()
	if f.mu.err == nil {
		f.mu.err = err
	}
	f.mu.Unlock()
	f.notify()
}

// partition is the state of partition i.
func (f *RawFetcher) partition(i int) (id topicPartition, position, end int64, caughtUp, finished bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.mu.parts[i]
	return p.topicPartition, p.position, p.end, p.caughtUp(), p.finished
}

// positions is where each partition stands of which something was read.
func (f *RawFetcher) positions() map[topicPartition]int64 {
	out := map[topicPartition]int64{}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.mu.parts {
		if p.position != p.start {
			out[p.topicPartition] = p.position
		}
	}
	return out
}

// Partitions is the number of partitions so far.
func (f *RawFetcher) Partitions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.mu.parts)
}

// rebuild replaces a client whose connections do not answer.
func (f *RawFetcher) rebuild(old *client) {
	f.mu.Lock()
	if f.mu.client != old || f.ctx.Err() != nil {
		f.mu.Unlock()
		return
	}
	twin, err := old.twin(old.transport.MetadataTopics)
	if err != nil {
		f.mu.Unlock()
		f.fail(err) // files of tls that could be read at the start are gone
		return
	}
	f.mu.client = twin
	f.mu.clients++
	f.mu.Unlock()
	old.close()
}

func (f *RawFetcher) client() *client {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.client
}

// asBatchError is err as an error about a batch.
func asBatchError(err error) (*recordbatch.Error, bool) {
	var e *recordbatch.Error
	return e, errors.As(err, &e)
}
