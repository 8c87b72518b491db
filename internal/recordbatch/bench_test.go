package recordbatch

import (
	"fmt"
	"testing"
)

// bids makes n JSON values of about 200 bytes in one buffer, with their ends.
func bids(n int) (buf []byte, ends []uint32) {
	for i := range n {
		buf = fmt.Appendf(buf, `{"auction":%d,"bidder":%d,"price":%d,"channel":"channel-%d","url":"https://www.example.com/item/%d/view?ref=home","date_time":"2026-01-01 00:%02d:%02d.%03d","extra":"%032x"}`,
			1000+i*7919%5000, 2000+i*104729%9000, i*15485863%100000, i%1000, i*7919%100000, i/60000%60, i/1000%60, i%1000, i*2654435761)
		ends = append(ends, uint32(len(buf)))
	}
	return buf, ends
}

func bidBatch(tb testing.TB, codec Codec, n int) []byte {
	buf, ends := bids(n)
	times := make([]int64, n)
	for i := range times {
		times[i] = 1_767_225_600_000 + int64(i)
	}
	b, err := NewBuilder(codec, 0)
	if err != nil {
		tb.Fatal(err)
	}
	b.AppendValues(buf, 0, ends, times, 0)
	return withSlack(b.Finish(NoProducer))
}

func BenchmarkRead(b *testing.B) {
	const n = 4096
	read := func(b *testing.B, data []byte, want Want) {
		var r Reader
		var recs Records
		b.ReportAllocs()
		for b.Loop() {
			r.Reset(data, Options{StopOffset: -1, Want: want})
			recs.Reset()
			if got, err := r.Next(&recs, n); got != n || err != nil {
				b.Fatal(got, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	}
	for c := None; c <= Zstd; c++ {
		b.Run(c.String(), func(b *testing.B) { read(b, bidBatch(b, c, n), 0) })
	}
	b.Run("all_columns", func(b *testing.B) {
		read(b, bidBatch(b, None, n), WantKey|WantHeaders|WantOffset|WantTimestamp)
	})
}

func BenchmarkBuild(b *testing.B) {
	const n = 1024
	buf, ends := bids(n)
	times := make([]int64, n)
	for i := range times {
		times[i] = 1_767_225_600_000 + int64(i)
	}
	run := func(b *testing.B, c Codec, fill func(bb *Builder)) {
		bb, err := NewBuilder(c, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			bb.Reset()
			fill(bb)
			bb.Finish(NoProducer)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	}
	for c := None; c <= Zstd; c++ {
		b.Run("values/"+c.String(), func(b *testing.B) {
			run(b, c, func(bb *Builder) { bb.AppendValues(buf, 0, ends, times, 0) })
		})
	}
	b.Run("append/none", func(b *testing.B) {
		key := []byte("key-1234")
		run(b, None, func(bb *Builder) {
			start := uint32(0)
			for i, end := range ends {
				bb.Append(key, buf[start:end], nil, times[i])
				start = end
			}
		})
	})
}
