package recordbatch

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzReader feeds any bytes, as they are and with the length and checksum of their first batch made right, so that
// the code behind the checksum is reached. Whatever comes, Next ends, stays inside the buffer, and moves the position
// forwards only.
func FuzzReader(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		one := build(f, c, 10, Producer{ID: 1, Transactional: true}, record{
			Key: []byte("k"), Value: bytes.Repeat([]byte("value "), 60),
			Headers: []Header{{Key: "h"}},
		}, record{Timestamp: 1 << 40})
		f.Add(one, int64(10), int64(-1), uint8(255), false)
		f.Add(append(one, build(f, c, 12, NoProducer, values(3)...)...), int64(11), int64(13), uint8(1), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, from, stop int64, bits uint8, exact bool) {
		data = withSlack(data)
		if bits&32 != 0 && len(data) >= headerSize {
			data[posMagic] = 2
			seal(data)
		}
		if exact {
			data = slices.Clip(data)
		}
		const limit = 1 << 20
		o := Options{
			FetchOffset: from, StopOffset: stop, Want: Want(bits) & wantAll, Committed: bits&16 != 0, MaxBatchBytes: limit,
			Aborted: []Aborted{{ProducerID: 1, FirstOffset: from}},
		}
		var r Reader
		r.Reset(data, o)
		position, last := r.NextOffset(), int64(-1)
		for range len(data) + 2 { // each round returns records or ends a batch
			got, err := readAllRecords(t, &r, o.Want, 1, 100)
			if r.NextOffset() < position {
				t.Fatalf("the position went from %d back to %d", position, r.NextOffset())
			}
			position = r.NextOffset()
			if o.Want&WantOffset != 0 {
				for _, rec := range got {
					if rec.Offset <= last || rec.Offset < from || stop >= 0 && rec.Offset >= stop {
						t.Fatalf("offset %d after %d, from %d to %d", rec.Offset, last, from, stop)
					}
					last = rec.Offset
				}
			}
			if err == nil || !r.Skip() {
				return
			}
		}
		t.Fatalf("still not at the end of %d bytes", len(data))
	})
}

func FuzzParseHeaders(f *testing.F) {
	f.Add([]byte{2, 'a', 1, 0, 2, 'b'}, int32(2))
	f.Fuzz(func(t *testing.T, raw []byte, count int32) {
		n := int32(0)
		if err := ParseHeaders(raw, count, func(key, value []byte) { n++ }); err == nil && n != count {
			t.Fatalf("%d headers of %d", n, count)
		}
	})
}
