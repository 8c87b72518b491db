package engine

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"flowd/stream"
)

func TestMergeScripts(t *testing.T) {
	datadriven.RunTest(t, "testdata/merge", func(t *testing.T, d *datadriven.TestData) string {
		var inputs int
		d.ScanArgs(t, "inputs", &inputs)
		m := newMerger(inputs)
		var out strings.Builder
		for line := range strings.SplitSeq(strings.TrimSpace(d.Input), "\n") {
			input, what, _ := strings.Cut(line, " ")
			i, err := strconv.Atoi(input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			var p progress
			switch what {
			case "idle":
				p = m.fallIdle(i)
			case "max":
				p = m.watermark(i, stream.MaxWatermark)
			default:
				ms, err := strconv.ParseInt(what, 10, 64)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				p = m.watermark(i, ms)
			}
			out.WriteString(line + ":")
			switch {
			case p == raised && m.merged == stream.MaxWatermark:
				out.WriteString(" max")
			case p == raised:
				fmt.Fprintf(&out, " %d", m.merged)
			case p == woke:
				out.WriteString(" awake")
			case p == fellIdle:
				out.WriteString(" idle")
			}
			out.WriteByte('\n')
		}
		return out.String()
	})
}

// The merged watermark never goes back, is never above a live input that has not been overtaken while idle, and is
// the minimum of the live inputs whenever that is higher than before.
func TestMergeNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.IntRange(1, 4).Draw(t, "inputs")
		m := newMerger(inputs)
		model := make([]inputTime, inputs)
		for i := range model {
			model[i].watermark = stream.MinWatermark
		}
		last := stream.MinWatermark
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, inputs-1).Draw(t, "input")
			var p progress
			if rapid.Bool().Draw(t, "idle") {
				model[i].idle = true
				p = m.fallIdle(i)
			} else {
				w := rapid.Int64Range(0, 20).Draw(t, "watermark")
				model[i] = inputTime{watermark: max(model[i].watermark, w)}
				p = m.watermark(i, w)
			}
			low, live := stream.MaxWatermark, false
			for _, in := range model {
				if !in.idle {
					low, live = min(low, in.watermark), true
				}
			}
			want := last
			if live {
				want = max(last, low)
			}
			if m.merged != want || (p == raised) != (want > last) || m.idle != !live {
				t.Fatalf("inputs %v: merged %d (%d, idle %t), want %d after %d", model, m.merged, p, m.idle, want, last)
			}
			last = want
		}
	})
}
