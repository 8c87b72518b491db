package recordbatch

import (
	"fmt"
	"testing"
)

// slackCopy gives data capacity for the bytes that a Reader may look at behind it.
func slackCopy(data ...[]byte) []byte {
	n := 0
	for _, d := range data {
		n += len(d)
	}
	out := make([]byte, 0, n+slack)
	for _, d := range data {
		out = append(out, d...)
	}
	return out
}

func TestSmoke(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		b, err := NewBuilder(c, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			b.Append(nil, fmt.Appendf(nil, "value %d", i), nil, int64(i))
		}
		var r Reader
		var recs Records
		r.Reset(b.Finish(NoProducer), Options{StopOffset: -1})
		n, err := r.Next(&recs, 5000)
		if n != 1000 || err != nil {
			t.Fatal(c, n, err)
		}
		for i := range 1000 {
			if got, want := string(recs.Buf[recs.Start[i]:recs.End[i]]), fmt.Sprintf("value %d", i); got != want {
				t.Fatalf("%s: record %d is %q, want %q", c, i, got, want)
			}
		}
		if r.NextOffset() != 1000 || recs.First != 0 || recs.Last != 999 {
			t.Fatal(r.NextOffset(), recs.First, recs.Last)
		}
	}
}
