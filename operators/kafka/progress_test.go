package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"flowd/internal/kafkatest"
)

// groupTest is a source of one topic of two partitions, the first with 100 records, and the group it commits to.
type groupTest struct {
	*sourceTest
	b            *kafkatest.Broker
	topic, group string
	cancel       context.CancelCauseFunc // of the job
}

func newGroupTest(t *testing.T, commitEvery time.Duration) *groupTest {
	t.Helper()
	b := kafkatest.Open(t)
	g := &groupTest{b: b, topic: b.Topic(t, "commit", 2), group: kafkatest.Name("group")}
	b.Produce(t, g.topic, kafkatest.Values(0, numbers("v", 0, 100)...)...)
	g.sourceTest = newSourceTest(t, b, object{"topic": g.topic, "group": g.group})
	g.src.tuning.commitEvery = commitEvery
	g.c.Ctx, g.cancel = context.WithCancelCause(context.Background())
	t.Cleanup(func() { g.cancel(nil) })
	g.open(1)
	return g
}

// committed is the offset of the first partition, −1 if there is none.
func (g *groupTest) committed() int64 {
	g.t.Helper()
	os, err := g.b.Admin(g.t).FetchOffsets(g.t.Context(), g.group)
	if err != nil {
		return -1
	}
	if _, ok := os.Lookup(g.topic, 1); ok {
		g.t.Error("a partition of which nothing was read is committed")
	}
	o, ok := os.Lookup(g.topic, 0)
	if !ok {
		return -1
	}
	return o.At
}

func (g *groupTest) closeSource() {
	g.t.Helper()
	if err := g.src.Close(); err != nil {
		g.t.Error(err)
	}
}

func TestOffsetsAreCommittedToTheGroup(t *testing.T) {
	g := newGroupTest(t, 20*time.Millisecond)
	g.values(64)
	eventually(t, "commit of what was handed out", func() bool { return g.committed() == 64 })
	g.values(36)
	eventually(t, "commit of the rest", func() bool { return g.committed() == 100 })
}

// TestLastCommit closes what has read 100 records of a job that ends in several ways. The context of one that ends well
// ends as well, once its tasks have.
func TestLastCommit(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name          string
		before, after func(cancel context.CancelCauseFunc) // the closing of the readers
		want          int64
	}{
		{"well", nil, func(cancel context.CancelCauseFunc) { cancel(nil) }, 100},
		{"well, its context goes on", nil, nil, 100},
		{"failed elsewhere", func(cancel context.CancelCauseFunc) { cancel(boom) }, nil, -1},
		{"cancelled", func(cancel context.CancelCauseFunc) { cancel(nil) }, nil, -1},
		{"failed in a step of the reader's task", nil, func(cancel context.CancelCauseFunc) { cancel(boom) }, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGroupTest(t, time.Hour)
			g.values(100)
			if c.before != nil {
				c.before(g.cancel)
			}
			g.closeReaders()
			if got := g.committed(); got != -1 {
				t.Errorf("%d is committed although the sinks may not have flushed", got)
			}
			if c.after != nil {
				c.after(g.cancel)
			}
			g.closeSource()
			if got := g.committed(); got != c.want {
				t.Errorf("%d is committed, want %d", got, c.want)
			}
		})
	}
}

// TestCommitsLag calls the commits of a keeper by hand.
func TestCommitsLag(t *testing.T) {
	g := newGroupTest(t, time.Hour)
	f := g.readers[0].(*reader).raw
	k := keeper{f: f, committed: map[topicPartition]int64{}}
	for _, step := range []struct {
		rows int
		want int64
	}{{64, -1}, {36, 64}, {0, 100}, {0, 100}} {
		g.values(step.rows)
		k.commit(t.Context())
		if got := g.committed(); got != step.want {
			t.Errorf("after %d more rows and a commit %d is committed, want %d", step.rows, got, step.want)
		}
	}
}

func TestNothingIsCommittedOnceTheJobHasFailed(t *testing.T) {
	g := newGroupTest(t, 20*time.Millisecond)
	g.values(64)
	eventually(t, "commit of what was handed out", func() bool { return g.committed() == 64 })
	g.cancel(errors.New("boom"))
	g.values(36)
	time.Sleep(200 * time.Millisecond) // ten commits' time
	if got := g.committed(); got != 64 {
		t.Errorf("%d is committed after the failure", got)
	}
}
