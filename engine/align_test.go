package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"flowd/pipeline"
	"flowd/stream"
)

// lab is a task that a test hands messages to. What its operator and its receivers see is written down.
type lab struct {
	task *task
	out  chan stream.Message
	seen []string
	pool *stream.Pool
	name map[int64]string
}

func newLab(inputs int) *lab {
	l := &lab{name: map[int64]string{}, out: make(chan stream.Message, 1024)}
	j := &Job{graph: &Graph{plan: &pipeline.Plan{}, cfg: Config{}.withDefaults()}}
	t := &task{job: j, ctx: context.Background(), live: inputs, inputs: make([]input, inputs)}
	t.merge, t.align, t.aside = newMerger(inputs), newAligner(inputs), newSetAside(inputs)
	n := &node{plan: &pipeline.Node{}, task: t, stats: &stream.Stats{}, op: labOp{l}}
	n.ports[stream.PortMain].edges = []*edge{{from: n, dests: []dest{{ch: l.out}}}}
	t.nodes, t.meter.stats = []*node{n}, n.stats
	l.task, l.pool = t, stream.NewPool(rowSchema, 1, 1<<20)
	return l
}

// labOp writes down rows; watermarks, barriers and the like are seen by the receiver.
type labOp struct{ l *lab }

func (labOp) Open(*stream.Context) error { return nil }
func (o labOp) Process(_ int, b *stream.Batch, _ stream.Output) error {
	o.l.collect()
	o.l.seen = append(o.l.seen, o.l.name[b.Cols[0].I64[0]])
	b.Release()
	return nil
}
func (labOp) OnWatermark(int64, stream.Output) error { return nil }
func (labOp) Close() error                           { return nil }

func (l *lab) collect() {
	for len(l.out) > 0 {
		switch m := <-l.out; m.Kind {
		case stream.MsgBarrier:
			l.seen = append(l.seen, fmt.Sprintf("|%d", m.Barrier.Checkpoint))
		case stream.MsgWatermark:
			l.seen = append(l.seen, fmt.Sprintf("w%d", m.Watermark))
		case stream.MsgIdle:
			l.seen = append(l.seen, "idle")
		case stream.MsgEnd:
			l.seen = append(l.seen, "end")
		}
	}
}

// send hands the task one message in the notation of testdata/align.
func (l *lab) send(input int, text string) error {
	m := stream.Message{Input: int32(input)}
	switch {
	case text == "end":
		m.Kind = stream.MsgEnd
	case text == "idle":
		m.Kind, m.Watermark = stream.MsgIdle, stream.MinWatermark
	case text[0] == '|':
		n, err := strconv.Atoi(text[1:])
		if err != nil {
			return err
		}
		m.Kind, m.Barrier = stream.MsgBarrier, stream.Barrier{Checkpoint: stream.CheckpointID(n)}
	case text[0] == 'w':
		n, err := strconv.ParseInt(text[1:], 10, 64)
		if err != nil {
			return err
		}
		m.Kind, m.Watermark = stream.MsgWatermark, n
	default:
		id := int64(len(l.name))
		l.name[id] = text
		m.Kind, m.Batch = stream.MsgBatch, l.pool.TryGet()
		for c := range 3 {
			m.Batch.Cols[c].AppendInt64(id)
		}
		m.Batch.N = 1
	}
	if err := l.task.accept(m); err != nil {
		return err
	}
	if l.task.live == 0 && m.Kind != stream.MsgBatch {
		if err := l.task.end(false); err != nil {
			return err
		}
	}
	l.collect()
	return nil
}

func TestAlignScripts(t *testing.T) {
	datadriven.RunTest(t, "testdata/align", func(t *testing.T, d *datadriven.TestData) string {
		var lines [][]string
		for s := range strings.SplitSeq(strings.TrimSpace(d.Input), "\n") {
			lines = append(lines, strings.Fields(s))
		}
		l := newLab(len(lines))
		for col := 0; ; col++ {
			more := false
			for i, line := range lines {
				if col >= len(line) {
					continue
				}
				if more = true; line[col] == "." {
					continue
				}
				if err := l.send(i, line[col]); err != nil {
					d.Fatalf(t, "input %d: %v", i, err)
				}
			}
			if !more {
				break
			}
		}
		l.task.aside.release()
		if n := l.pool.Out(); n != 0 {
			d.Fatalf(t, "%d batches were not released", n)
		}
		return strings.Join(l.seen, " ") + "\n"
	})
}

// A row is seen in the epoch in which it was sent, whatever the interleaving, and rows of an input stay in order.
func TestAlignEpochs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.IntRange(1, 4).Draw(t, "inputs")
		scripts := make([][]string, inputs)
		epochs := rapid.IntRange(0, 4).Draw(t, "epochs")
		for i := range scripts {
			for e := range epochs + 1 {
				for k := range rapid.IntRange(0, 3).Draw(t, "rows") {
					scripts[i] = append(scripts[i], fmt.Sprintf("%c-%d-%d", 'a'+i, e, k))
				}
				if e < epochs && rapid.IntRange(0, 5).Draw(t, "finished") == 0 {
					break
				}
				if e < epochs {
					scripts[i] = append(scripts[i], fmt.Sprintf("|%d", e+1))
				}
			}
			scripts[i] = append(scripts[i], "end")
		}
		rest := make([][]string, inputs)
		left := 0
		for i, s := range scripts {
			rest[i] = s
			left += len(s)
		}
		l := newLab(inputs)
		for ; left > 0; left-- {
			live := make([]int, 0, inputs)
			for i, s := range rest {
				if len(s) > 0 {
					live = append(live, i)
				}
			}
			i := rapid.SampledFrom(live).Draw(t, "next")
			if err := l.send(i, rest[i][0]); err != nil {
				t.Fatal(err)
			}
			rest[i] = rest[i][1:]
		}
		epoch := 0
		got := make([][]string, inputs)
		for _, s := range l.seen {
			switch {
			case s == "end":
			case s[0] == '|':
				epoch++
				if s != fmt.Sprintf("|%d", epoch) {
					t.Fatalf("barrier %s in place of |%d: %v", s, epoch, l.seen)
				}
			default:
				if e, _ := strconv.Atoi(strings.Split(s, "-")[1]); e != epoch {
					t.Fatalf("%s came in epoch %d: %v", s, epoch, l.seen)
				}
				got[s[0]-'a'] = append(got[s[0]-'a'], s)
			}
		}
		for i, s := range scripts {
			s = slices.DeleteFunc(slices.Clone(s), func(x string) bool { return x == "end" || x[0] == '|' })
			if !slices.Equal(s, got[i]) {
				t.Fatalf("input %d: sent %v, seen %v", i, s, got[i])
			}
		}
		if last := l.seen[len(l.seen)-1]; last != "end" {
			t.Fatalf("the last message is %s", last)
		}
	})
}

// Control messages of a blocked input do not pile up.
func TestSetAsideMergesProgress(t *testing.T) {
	l := newLab(2)
	script := []string{"|1", "w1", "idle", "w2", "w3", "idle", "a1", "w4", "w5"}
	for _, s := range script {
		if err := l.send(0, s); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		if err := l.send(0, "w6"); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.task.aside.count; n != 3 {
		t.Errorf("%d messages are set aside, want 3", n)
	}
	l.task.aside.release()
	if n := l.pool.Out(); n != 0 {
		t.Errorf("%d batches were not released", n)
	}
}
