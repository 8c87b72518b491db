package recordbatch

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is one record as a test sees it.
type record struct {
	Offset    int64
	Timestamp int64
	Key       []byte
	Value     []byte
	Headers   []Header
}

const wantAll = WantKey | WantHeaders | WantOffset | WantTimestamp

// withSlack joins data and gives them capacity for the bytes that a Reader may look at behind them.
func withSlack(data ...[]byte) []byte {
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

// readAllRecords reads with the given sizes of steps in turn until the end of the data or an error.
func readAllRecords(tb rapid.TB, r *Reader, want Want, steps ...int) ([]record, *Error) {
	tb.Helper()
	var recs Records
	var out []record
	for i := 0; ; i++ {
		recs.Reset()
		step := steps[i%len(steps)]
		n, err := r.Next(&recs, step)
		if n != recs.Len() || n > step {
			tb.Fatalf("Next said %d of %d and gave %d records", n, step, recs.Len())
		}
		if n > 0 && (err != nil || recs.Last < recs.First || r.NextOffset() <= recs.Last) {
			tb.Fatalf("%d records %d..%d with error %v, next offset %d", n, recs.First, recs.Last, err, r.NextOffset())
		}
		out = append(out, rows(tb, &recs, want)...)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				tb.Fatalf("an error of another type: %v", err)
			}
			return out, e
		}
		if n == 0 {
			return out, nil
		}
	}
}

// rows copies the records out.
func rows(tb rapid.TB, recs *Records, want Want) []record {
	tb.Helper()
	out := make([]record, recs.Len())
	for i := range out {
		if recs.Start[i] != Null && len(recs.Buf)-int(recs.End[i]) < slack {
			tb.Fatalf("%d bytes after record %d, promised are %d", len(recs.Buf)-int(recs.End[i]), i, slack)
		}
		rec := record{Value: cut(recs.Buf, recs.Start[i], recs.End[i])}
		if want&WantKey != 0 {
			rec.Key = cut(recs.Buf, recs.KeyStart[i], recs.KeyEnd[i])
		}
		if want&WantHeaders != 0 {
			err := ParseHeaders(recs.Buf[recs.HeaderStart[i]:recs.HeaderEnd[i]], recs.HeaderCount[i], func(k, v []byte) {
				rec.Headers = append(rec.Headers, Header{Key: string(k), Value: append(v[:0:0], v...)})
			})
			if err != nil {
				tb.Fatalf("headers of record %d: %v", i, err)
			}
		}
		if want&WantOffset != 0 {
			rec.Offset = recs.Offset[i]
			if i == 0 && recs.First != rec.Offset || i == len(out)-1 && recs.Last != rec.Offset {
				tb.Fatalf("record %d of %d has offset %d, First %d, Last %d", i, len(out), rec.Offset, recs.First, recs.Last)
			}
		}
		if want&WantTimestamp != 0 {
			rec.Timestamp = recs.Timestamp[i]
		}
		out[i] = rec
	}
	return out
}

func cut(buf []byte, start, end uint32) []byte {
	if start == Null {
		return nil
	}
	return append([]byte{}, buf[start:end]...)
}

// build makes a batch that begins at base.
func build(tb rapid.TB, codec Codec, base int64, p Producer, recs ...record) []byte {
	tb.Helper()
	b, err := NewBuilder(codec, 0)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range recs {
		b.Append(r.Key, r.Value, r.Headers, r.Timestamp)
	}
	return at(append([]byte(nil), b.Finish(p)...), base)
}

// at moves a batch to another base offset.
func at(batch []byte, base int64) []byte {
	binary.BigEndian.PutUint64(batch[posBaseOffset:], uint64(base))
	return batch
}

// seal corrects the length and the checksum of a batch that a test has changed.
func seal(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[posLength:], uint32(len(batch)-lengthEnd))
	binary.BigEndian.PutUint32(batch[posCRC:], crc32.Checksum(batch[posAttributes:], castagnoli))
	return batch
}

// forge makes a batch with any codec, count and bytes.
func forge(codec Codec, count, lastDelta int32, records []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(records)+slack)
	b[posMagic] = 2
	b[posAttributes+1] = byte(codec)
	binary.BigEndian.PutUint32(b[posLastOffsetDelta:], uint32(lastDelta))
	binary.BigEndian.PutUint32(b[posCount:], uint32(count))
	binary.BigEndian.PutUint64(b[posProducerID:], 1<<64-1)
	return seal(append(b, records...))
}

// values are n records with values alone.
func values(n int) []record {
	out := make([]record, n)
	for i := range out {
		out[i] = record{Value: []byte{byte('a' + i%26), byte(i)}, Timestamp: 1000 + int64(i)}
	}
	return out
}

func checksum(batch []byte) uint32 { return crc32.Checksum(batch[posAttributes:], castagnoli) }
