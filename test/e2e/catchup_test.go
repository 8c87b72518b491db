package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"flowd/engine"
	"flowd/pipeline"
	"flowd/test/lab"
)

// The history that a job catches up with: partitions of very different length that cover the same five minutes, one
// that is empty, rows up to two seconds out of order within their partition. Whoever takes the progress of the
// fastest partition, or of the records as they happen to arrive, for the progress of all loses rows here.
var (
	historySizes = []int{30_000, 20_000, 10_000, 3_000, 0}
	historyBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
)

const (
	historySpan  = 300_000 // ms
	historyDelay = 2_000   // ms; a row is less than that behind the rows before it
	historyKeys  = 40
)

type event struct {
	key string
	at  int64 // ms
}

// history is the events of each partition in the order of its log.
func history() [][]event {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]event, len(historySizes))
	for p, n := range historySizes {
		for i := range n {
			at := historyBegin + int64(i)*historySpan/int64(n)
			if i > 0 { // the first is the earliest, so that no window lies before the history
				at = max(historyBegin, at-r.Int64N(historyDelay))
			}
			out[p] = append(out[p], event{fmt.Sprintf("k%02d", r.IntN(historyKeys)), at})
		}
	}
	return out
}

// watermarkOf is where the watermark stands when everything has been read: at the slowest partition that has rows.
func watermarkOf(parts [][]event) int64 {
	low := int64(1 << 62)
	for _, p := range parts {
		last := int64(0)
		for _, e := range p {
			last = max(last, e.at)
		}
		if len(p) > 0 {
			low = min(low, last-historyDelay)
		}
	}
	return low
}

// truth counts events by key in windows of size ms every step ms that a watermark closes, as JSON rows.
func truth(parts [][]event, size, step, watermark int64) []string {
	type cell struct {
		key   string
		start int64
	}
	counts := map[cell]int{}
	for _, p := range parts {
		for _, e := range p {
			for start := e.at - e.at%step; start > e.at-size; start -= step {
				if start+size-1 <= watermark {
					counts[cell{e.key, start}]++
				}
			}
		}
	}
	const layout = "2006-01-02 15:04:05.000Z"
	var out []string
	for c, n := range counts {
		out = append(out, fmt.Sprintf(`{"key":%q,"n":%d,"window_start":%q}`, c.key, n, time.UnixMilli(c.start).UTC().Format(layout)))
	}
	slices.Sort(out)
	return out
}

const catchUpPipeline = `
name: catch_up
kafka: %s
sources:
  events:
    kafka: {topic: %s%s}
    schema: {key: string, at: bigint}
    time: TO_TIMESTAMP_LTZ(at, 3)
    watermark: {delay: 2s%s}
transforms:
  tumbling:
    from: events
    window: {tumble: 10s}
    group_by: key
    aggregate: {n: COUNT(*)}
    select: [key, n, window_start]
  sliding:
    from: events
    window: {slide: 10s, every: 2s}
    group_by: key
    aggregate: {n: COUNT(*)}
    select: [key, n, window_start]
sinks:
  tumbling_out:
    from: tumbling
    kafka: %s
  sliding_out:
    from: sliding
    kafka: %s
`

// catchUp is a broker with the history in a topic, and what must come of it.
type catchUp struct {
	*lab.Broker
	parts   [][]event
	topic   string
	slow    atomic.Int32 // partition whose leader is slow, −1: none
	pause   atomic.Int64 // ns before each of its answers
	delayed atomic.Int32 // fetches of it
}

func newCatchUp(t *testing.T) *catchUp {
	c := &catchUp{Broker: lab.Open(t, kfake.NumBrokers(2)), parts: history()}
	c.slow.Store(-1)
	var records []string
	var of []int
	for p, events := range c.parts {
		for _, e := range events {
			records = append(records, fmt.Sprintf(`{"key":%q,"at":%d}`, e.key, e.at))
			of = append(of, p)
		}
	}
	c.topic = c.Fill(t, "history", len(c.parts), records, func(i int) int { return of[i] },
		kgo.ProducerBatchMaxBytes(8<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if c.Fake == nil {
		return c
	}
	// The slow broker lets other connections pass while it thinks, and gives little at a time.
	const slowBroker = 0
	c.Fake.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req, ok := r.(*kmsg.FetchRequest)
		if !ok || c.Fake.CurrentNode() != slowBroker || len(req.Topics) == 0 || req.Topics[0].Topic != c.topic {
			return nil, nil, false
		}
		c.delayed.Add(1)
		req.MaxBytes = 8 << 10
		c.Fake.SleepControl(func() { time.Sleep(time.Duration(c.pause.Load())) })
		return nil, nil, false
	})
	return c
}

// lead makes one partition the slow broker's, which takes a good part of a second for it, and all others the fast one's.
func (c *catchUp) lead(t *testing.T, slow int32) {
	t.Helper()
	c.delayed.Store(0)
	c.slow.Store(slow)
	c.pause.Store(int64(2*time.Millisecond) * int64(historySizes[0]) / int64(historySizes[slow]))
	for p := range int32(len(c.parts)) {
		leader := int32(1)
		if p == slow {
			leader = 0
		}
		if err := c.Fake.MoveTopicPartition(c.topic, p, leader); err != nil {
			t.Fatal(err)
		}
	}
}

// outs makes the topics of one run's results.
func (c *catchUp) outs(t *testing.T) (tumbling, sliding string) {
	return c.Fill(t, "tumbling", 3, nil, nil), c.Fill(t, "sliding", 3, nil, nil)
}

func (c *catchUp) check(t *testing.T, s engine.Status, tumbling, sliding string, watermark int64) {
	t.Helper()
	lab.Same(t, c.Rows(t, tumbling), truth(c.parts, 10_000, 10_000, watermark))
	lab.Same(t, c.Rows(t, sliding), truth(c.parts, 10_000, 2_000, watermark))
	if n := lab.Counts(s, lab.Late); n != 0 {
		t.Errorf("%d rows were late", n)
	}
	if c.slow.Load() >= 0 && c.delayed.Load() < 10 {
		t.Errorf("the slow broker answered %d fetches: it was not slow", c.delayed.Load())
	}
}

// TestCatchUp replays the history to its end, at any parallelism, whichever partition is slow.
func TestCatchUp(t *testing.T) {
	c := newCatchUp(t)
	for _, v := range []struct {
		name, watermark string
		slow            int32
	}{
		{"longest is slow", "", 0},
		{"shortest is slow", "", 3},
		{"aligned", ", align: 1s", 0},
		{"aligned to the shortest", ", align: 1s", 3},
	} {
		for p := 1; p <= 4; p++ {
			t.Run(fmt.Sprintf("%s/parallelism=%d", v.name, p), func(t *testing.T) {
				if c.Fake != nil {
					c.lead(t, v.slow)
				}
				tumbling, sliding := c.outs(t)
				text := fmt.Sprintf(catchUpPipeline, c.Addr(), c.topic, ", stop: latest", v.watermark, tumbling, sliding)
				s := lab.Finish(t, text, fmt.Sprintf("parallelism=%d", p))
				c.check(t, s, tumbling, sliding, 1<<62)
			})
		}
	}
}

// TestCatchUpAndStay replays the history without an end. The empty partition holds nothing back, the windows that the
// slowest partition's watermark closes are all there, and no other.
func TestCatchUpAndStay(t *testing.T) {
	c := newCatchUp(t)
	watermark := watermarkOf(c.parts)
	want := int64(len(truth(c.parts, 10_000, 10_000, watermark)) + len(truth(c.parts, 10_000, 2_000, watermark)))
	for _, p := range []int{1, 4} {
		t.Run(fmt.Sprintf("parallelism=%d", p), func(t *testing.T) {
			if c.Fake != nil {
				c.lead(t, 0)
			}
			tumbling, sliding := c.outs(t)
			text := fmt.Sprintf(catchUpPipeline, c.Addr(), c.topic, "", ", idle: 1h", tumbling, sliding)
			job := lab.Start(t, lab.Compile(t, text, fmt.Sprintf("parallelism=%d", p)))
			ended := make(chan error, 1)
			go func() { ended <- job.Run(context.WithoutCancel(t.Context())) }()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			patience := time.NewTimer(time.Minute)
			defer patience.Stop()
			for written := int64(0); written < want; {
				select {
				case <-tick.C:
					written = 0
					for _, n := range job.Status().Nodes {
						if n.Kind == pipeline.SinkNode {
							written += n.Total.RowsIn
						}
					}
				case err := <-ended:
					t.Fatalf("the job ended: %v", err)
				case <-patience.C:
					job.Stop()
					t.Fatalf("%d of %d rows after a minute (%v)\n%+v", written, want, <-ended, job.Status())
				}
			}
			job.Stop()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			c.check(t, job.Status(), tumbling, sliding, watermark)
		})
	}
}
