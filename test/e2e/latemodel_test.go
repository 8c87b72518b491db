package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowd/test/lab"
)

// lateRow is a row of the model: event time in ms and key.
type lateRow struct {
	at  int64
	key int
}

// lateWindow is a window of the model: size, every and offset in ms.
type lateWindow struct{ size, every, offset int64 }

func (w lateWindow) yaml() string {
	s := fmt.Sprintf("{tumble: %dms", w.size)
	if w.every != w.size {
		s = fmt.Sprintf("{slide: %dms, every: %dms", w.size, w.every)
	}
	return s + fmt.Sprintf(", offset: %dms}", w.offset)
}

// model counts rows by window and key as if the watermark followed every record: a row is in each window that is not
// closed yet, and late if there is none. [s, e) is closed from watermark e − 1 on.
func (w lateWindow) model(rows []lateRow, delay int64) (counts []string, late int) {
	type cell struct {
		start int64
		key   int
	}
	n := map[cell]int{}
	watermark := int64(-1 << 60)
	for _, r := range rows {
		taken := false
		first := (r.at-w.offset)/w.every*w.every + w.offset
		for start := first + w.every; start > r.at-w.size; start -= w.every {
			if start <= r.at && start+w.size-1 > watermark {
				n[cell{start, r.key}]++
				taken = true
			}
		}
		if !taken {
			late++
		}
		watermark = max(watermark, r.at-delay)
	}
	for c, count := range n {
		counts = append(counts, fmt.Sprintf(`{"k":%d,"n":%d,"window_start":"%s"}`, c.key, count, time.UnixMilli(c.start).UTC().Format("2006-01-02 15:04:05.000")))
	}
	slices.Sort(counts)
	return counts, late
}

// TestLateRowsModel: which rows are late in which windows is what a watermark after every record would make it,
// whatever the window, the parallelism and the number of windows behind one source. The file is one split, so some
// readers have none.
func TestLateRowsModel(t *testing.T) {
	windows := []lateWindow{{10000, 10000, 0}, {10000, 2000, 0}, {10000, 10000, 3000}, {3000, 1000, 500}, {2000, 1000, 0}}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		var rows []lateRow
		var text strings.Builder
		now := int64(1767225600000)
		for range 6000 {
			now += r.Int64N(40)
			back := r.Int64N(1500)
			if r.IntN(20) == 0 {
				back = r.Int64N(15000)
			}
			row := lateRow{now - back, r.IntN(5)}
			rows = append(rows, row)
			fmt.Fprintf(&text, `{"k":%d,"ts":"%s"}`+"\n", row.key, time.UnixMilli(row.at).UTC().Format("2006-01-02 15:04:05.000"))
		}
		in := filepath.Join(t.TempDir(), "in.jsonl")
		if err := os.WriteFile(in, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		delay := []int64{0, 500, 2000, 1999}[seed]
		for _, parallelism := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("seed=%d/parallelism=%d", seed, parallelism), func(t *testing.T) {
				dir := t.TempDir()
				steps, sinks := "", ""
				for i, w := range windows {
					steps += fmt.Sprintf("  w%d:\n    from: rows\n    window: %s\n    group_by: k\n    aggregate: {n: COUNT(*)}\n    select: [k, n, window_start]\n", i, w.yaml())
					sinks += fmt.Sprintf("  out%d:\n    from: w%d\n    file: {path: %s/%d/}\n", i, i, dir, i)
				}
				s := lab.Finish(t, fmt.Sprintf("name: late\nsources:\n  rows:\n    file: {path: %s}\n    schema: {k: int, ts: timestamp}\n    time: ts\n    watermark: %dms\ntransforms:\n%ssinks:\n%s",
					in, delay, steps, sinks), fmt.Sprintf("parallelism=%d", parallelism))
				for i, w := range windows {
					want, late := w.model(rows, delay)
					var got []string
					names, err := filepath.Glob(fmt.Sprintf("%s/%d/*.jsonl", dir, i))
					if err != nil {
						t.Fatal(err)
					}
					for _, n := range names {
						got = append(got, lab.RawLines(t, n)...)
					}
					lab.Same(t, sorted(got), want)
					counted := int64(0)
					for _, n := range s.Nodes {
						if n.Step == fmt.Sprintf("w%d", i) {
							counted += n.Total.Late
						}
					}
					if counted != int64(late) {
						t.Errorf("%s: %d late rows, the model has %d", w.yaml(), counted, late)
					}
				}
			})
		}
	}
}
