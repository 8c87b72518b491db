package realkafka

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/engine"
	"flowd/internal/kafkatest"
	"flowd/internal/realkafka"
	"flowd/test/lab"
)

const (
	killKeys = 50
	killRate = 3000 // records a second, so that there is something to fetch and to write at every moment
	kills    = 3
)

// TestBrokerKilled copies Kafka to Kafka while records keep coming and the broker is killed and started again. Each
// record must come out, and those of one key in their order; the idempotent producer leaves no duplicates.
func TestBrokerKilled(t *testing.T) {
	need(t)
	c, err := realkafka.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	if err := answers(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b := &lab.Broker{Broker: &kafkatest.Broker{Addrs: []string{c.Brokers()}}}
	in, out := b.Topic(t, "in", 4), b.Topic(t, "out", 3)

	job := lab.Start(t, lab.Compile(t, fmt.Sprintf(`
name: killed
kafka: %s
parallelism: 2
sources:
  bids:
    kafka: %s
    schema: {key: string not null, seq: bigint not null, price: bigint not null}
transforms:
  euros:
    select: [key, seq, price: price * 0.908]
sinks:
  out:
    kafka: {topic: %s, key: key}
`, c.Brokers(), in, out)))
	ended := make(chan error, 1)
	go func() { ended <- job.Run(context.WithoutCancel(t.Context())) }()
	stopped := false
	defer func() {
		if job.Stop(); !stopped {
			<-ended
		}
	}()

	g := generate(t, b, in)
	for range kills {
		progress(t, job, 2*killRate) // both ends are at work
		if err := c.KillBroker(); err != nil {
			t.Fatal(err)
		}
		if err := c.StartBroker(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	progress(t, job, killRate)
	sent := g.end(t)

	var total int64
	for _, n := range sent {
		total += int64(n)
	}
	arrived(t, b, out, total)
	job.Stop()
	err = <-ended
	if stopped = true; err != nil {
		t.Fatal(err)
	}
	judge(t, b, out, sent)
	retries := lab.Counts(job.Status(), func(c engine.Counts) int64 { return c.Retries })
	t.Logf("%d records, %d kills, %d retries", total, kills, retries)
	if retries < kills {
		t.Errorf("only %d retries: the kills did not meet the job at work", retries)
	}
}

// generator writes records at a steady rate, those of a key numbered, until it is told to end.
type generator struct {
	stop chan struct{}
	done chan struct{}
	sent []int // of each key
	err  error
}

func generate(t *testing.T, b *lab.Broker, topic string) *generator {
	cl := b.Client(t, kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(1<<20))
	g := &generator{stop: make(chan struct{}), done: make(chan struct{}), sent: make([]int, killKeys)}
	failed := make(chan error, 1)
	go func() {
		defer close(g.done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; {
			for range killRate / 100 {
				k := n % killKeys
				n++
				v := fmt.Sprintf(`{"key":"k%02d","seq":%d,"price":%d}`, k, g.sent[k], n)
				g.sent[k]++
				cl.Produce(context.Background(), &kgo.Record{Key: fmt.Appendf(nil, "k%02d", k), Value: []byte(v)}, func(_ *kgo.Record, err error) {
					if err != nil {
						select {
						case failed <- err:
						default:
						}
					}
				})
			}
			select {
			case <-tick.C:
			case <-g.stop:
				if g.err = cl.Flush(context.Background()); g.err == nil {
					select {
					case g.err = <-failed:
					default:
					}
				}
				return
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case <-g.stop:
		default:
			close(g.stop)
		}
		<-g.done
	})
	return g
}

// end returns how many records each key has, all of them in the topic.
func (g *generator) end(t *testing.T) []int {
	t.Helper()
	close(g.stop)
	<-g.done
	if g.err != nil {
		t.Fatalf("generating: %v", g.err)
	}
	return g.sent
}

// progress waits until n more rows have come to the sinks.
func progress(t *testing.T, job *engine.Job, n int64) {
	t.Helper()
	at := func() int64 {
		s := job.Status()
		if s.State != engine.Running && s.State != engine.Opening && s.State != engine.Created {
			t.Fatalf("the job is %s", s.State)
		}
		return s.Nodes[len(s.Nodes)-1].Total.RowsIn
	}
	until(t, at()+n, at)
}

// arrived waits until a topic has n records.
func arrived(t *testing.T, b *lab.Broker, topic string, n int64) {
	t.Helper()
	adm := b.Admin(t)
	until(t, n, func() (have int64) {
		ends, err := adm.ListEndOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(o kadm.ListedOffset) { have += o.Offset })
		return have
	})
}

func until(t *testing.T, n int64, at func() int64) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for have := at(); have < n; have = at() {
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%d of %d after %s", have, n, time.Since(began))
		}
		<-tick.C
	}
}

// judge reads the output and looks at each key's numbers.
func judge(t *testing.T, b *lab.Broker, topic string, sent []int) {
	t.Helper()
	next := map[string]int{}
	duplicates, back := 0, 0
	for p, values := range b.Partitions(t, topic) {
		for _, v := range values {
			var r struct {
				Key string
				Seq int
			}
			if err := json.Unmarshal([]byte(v), &r); err != nil {
				t.Fatalf("%s: %v", v, err)
			}
			switch want := next[r.Key]; {
			case r.Seq == want:
				next[r.Key]++
			case r.Seq > want:
				t.Errorf("key %s in partition %d: number %d comes after %d", r.Key, p, r.Seq, want-1)
				next[r.Key] = r.Seq + 1
			default:
				duplicates++
				back = max(back, want-r.Seq)
			}
		}
	}
	for k, n := range sent {
		if key := fmt.Sprintf("k%02d", k); next[key] != n {
			t.Errorf("key %s ends at %d, %d were sent", key, next[key], n)
		}
	}
	if duplicates > 0 {
		t.Errorf("%d duplicates, up to %d back", duplicates, back)
	}
}
