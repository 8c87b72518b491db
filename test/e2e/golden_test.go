package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"flowd/test/lab"
)

// queries are the Nexmark queries whose results a real Flink 2.2.0 computed over the same 100,004 bids.
var queries = []string{"q0", "q1", "q2", "tc", "tb", "q5", "q5c", "q7", "q7m"}

const bidsFile = "testdata/nexmark/bids.jsonl.gz"

func TestGoldenFromFile(t *testing.T) {
	for _, q := range queries {
		want := lab.Lines(t, filepath.Join("testdata", "queries", q+".jsonl.gz"))
		for _, p := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/parallelism=%d", q, p), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out") + "/"
				text := fill(t, q+".yaml", "file: {path: "+bidsFile+"}", "file: {path: "+out+"}")
				lab.Finish(t, text, fmt.Sprintf("parallelism=%d", p))
				var got []string
				names, err := filepath.Glob(out + "*.jsonl")
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range names {
					got = append(got, lab.RawLines(t, n)...)
				}
				lab.Same(t, sorted(got), want)
			})
		}
	}
}

func TestGoldenThroughKafka(t *testing.T) {
	b := lab.Open(t)
	bids := lab.RawLines(t, bidsFile)
	const parts = 4
	in := b.Fill(t, "bids", parts, bids, nil)
	for _, q := range queries {
		want := lab.Lines(t, filepath.Join("testdata", "queries", q+".jsonl.gz"))
		for _, p := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("%s/parallelism=%d", q, p), func(t *testing.T) {
				out := b.Fill(t, "out", 3, nil, nil)
				text := "kafka: " + b.Addr() + "\n" + fill(t, q+".yaml", "kafka: {topic: "+in+", stop: latest}", "kafka: {topic: "+out+"}")
				s := lab.Finish(t, text, fmt.Sprintf("parallelism=%d", p))
				lab.Same(t, b.Rows(t, out), want)
				if n := lab.Counts(s, lab.Late); n != 0 {
					t.Errorf("%d rows were late", n)
				}
			})
		}
	}
}
