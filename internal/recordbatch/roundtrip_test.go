package recordbatch

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flowd/internal/race"
)

// drawRecords draws records as they come: null and empty keys and values, lengths on both sides of each varint size,
// timestamps in any order.
func drawRecords(t *rapid.T, most int) []record {
	bytesOf := rapid.Custom(func(t *rapid.T) []byte {
		switch rapid.IntRange(0, 29).Draw(t, "shape") {
		case 0, 1, 2:
			return nil
		case 3, 4:
			return []byte{}
		case 5:
			n := rapid.SampledFrom([]int{63, 64, 65, 8191, 8192}).Draw(t, "length")
			out := make([]byte, n)
			for i := range out {
				out[i] = byte(i * 7)
			}
			return out
		default:
			return rapid.SliceOfN(rapid.Byte(), 1, 12).Draw(t, "bytes")
		}
	})
	n := rapid.IntRange(1, most).Draw(t, "records")
	out := make([]record, n)
	for i := range out {
		r := record{Key: bytesOf.Draw(t, "key"), Value: bytesOf.Draw(t, "value")}
		r.Timestamp = rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 5000), rapid.Int64Range(0, 1<<50)).Draw(t, "time")
		for range rapid.SampledFrom([]int{0, 0, 0, 0, 1, 3}).Draw(t, "headers") {
			r.Headers = append(r.Headers, Header{Key: rapid.StringN(0, 5, 20).Draw(t, "header"), Value: bytesOf.Draw(t, "header value")})
		}
		out[i] = r
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	var r Reader // one for all, as a source has it
	builders := map[Codec]*Builder{}
	for c := None; c <= Zstd; c++ {
		b, err := NewBuilder(c, 0)
		if err != nil {
			t.Fatal(err)
		}
		builders[c] = b
	}
	rapid.Check(t, func(t *rapid.T) {
		var data []byte
		var all []record
		base := rapid.SampledFrom([]int64{0, 1, 1 << 40}).Draw(t, "base")
		next := base
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			b := builders[Codec(rapid.IntRange(0, 4).Draw(t, "codec"))]
			b.Reset()
			recs := drawRecords(t, 20)
			for i := range recs {
				recs[i].Offset = next + int64(i)
				b.Append(recs[i].Key, recs[i].Value, recs[i].Headers, recs[i].Timestamp)
			}
			if b.Len() != len(recs) {
				t.Fatalf("Len is %d after %d records", b.Len(), len(recs))
			}
			data = append(data, at(b.Finish(NoProducer), next)...)
			next += int64(len(recs) + rapid.IntRange(0, 3).Draw(t, "gap"))
			all = append(all, recs...)
		}
		last := all[len(all)-1].Offset
		from := rapid.Int64Range(base, last+1).Draw(t, "from")
		stop := int64(-1)
		if rapid.Bool().Draw(t, "stops") {
			stop = rapid.Int64Range(base, last+2).Draw(t, "stop")
		}
		want := Want(rapid.IntRange(0, int(wantAll)).Draw(t, "want"))
		steps := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 3).Draw(t, "steps")
		if rapid.Bool().Draw(t, "slack") {
			data = withSlack(data)
		} else {
			data = slices.Clip(data)
		}
		r.Reset(data, Options{FetchOffset: from, StopOffset: stop, Want: want, Committed: rapid.Bool().Draw(t, "committed")})
		got, err := readAllRecords(t, &r, want, steps...)
		if err != nil {
			t.Fatal(err)
		}
		var expected []record
		for _, rec := range all {
			if rec.Offset < from || stop >= 0 && rec.Offset >= stop {
				continue
			}
			if want&WantKey == 0 {
				rec.Key = nil
			}
			if want&WantHeaders == 0 {
				rec.Headers = nil
			}
			if want&WantOffset == 0 {
				rec.Offset = 0
			}
			if want&WantTimestamp == 0 {
				rec.Timestamp = 0
			}
			expected = append(expected, rec)
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Fatal(diff)
		}
		position := r.NextOffset()
		if r.Done() != (stop >= 0 && position >= stop) || !r.Done() && position != max(from, last+1) {
			t.Fatalf("next offset %d after %d, done %t, stop %d", position, last, r.Done(), stop)
		}
		for _, rec := range all {
			if stop >= 0 && rec.Offset >= max(from, stop) && rec.Offset < position {
				t.Fatalf("next offset %d is past the unread record %d", position, rec.Offset)
			}
		}
	})
}

func TestAppendValuesIsAppend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		buf := []byte("xx")
		start := uint32(len(buf))
		var ends []uint32
		var times []int64
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			n := rapid.SampledFrom([]int{0, 1, 57, 58, 63, 64, 200, 8200}).Draw(t, "length")
			for i := range n {
				buf = append(buf, byte(i))
			}
			ends = append(ends, uint32(len(buf)))
			times = append(times, rapid.Int64Range(0, 1<<44).Draw(t, "time"))
		}
		limit := rapid.SampledFrom([]int{0, 1, 300, 9000}).Draw(t, "limit")
		if rapid.Bool().Draw(t, "one time") {
			times = times[:1]
		}
		fast, _ := NewBuilder(None, 0)
		slow, _ := NewBuilder(None, 0)
		for done := 0; done < len(ends); {
			fast.Reset()
			slow.Reset()
			some := times
			if len(times) > 1 {
				some = times[done:]
			}
			n := fast.AppendValues(buf, start, ends[done:], some, limit)
			if n < 1 || limit == 0 && n != len(ends) || n > 1 && limit > 0 && fast.Size() > limit {
				t.Fatalf("added %d of %d, size %d, limit %d", n, len(ends)-done, fast.Size(), limit)
			}
			for i := range n {
				slow.Append(nil, buf[start:ends[done+i]], nil, some[min(i, len(some)-1)])
				start = ends[done+i]
			}
			done += n
			if a, b := fast.Finish(NoProducer), slow.Finish(NoProducer); string(a) != string(b) {
				t.Fatalf("batches differ:\n%x\n%x", a, b)
			}
		}
	})
}

// A batch that is sent again for another producer, or again as it was, holds the same bytes of records.
func TestFinishAgain(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		b, _ := NewBuilder(c, 0)
		if b.Finish(NoProducer) != nil {
			t.Error("a batch of no records")
		}
		for i := range 100 {
			b.Append([]byte("key"), fmt.Appendf(nil, "value %d", i), nil, int64(i))
		}
		p := Producer{ID: 7, Epoch: 3, Sequence: 12, Transactional: true}
		first := append([]byte(nil), b.Finish(p)...)
		other := append([]byte(nil), b.Finish(Producer{ID: 8, Epoch: 1})...)
		again := b.Finish(p)
		if string(first) != string(again) {
			t.Errorf("%s: finishing again for the same producer gives other bytes", c)
		}
		if string(first[headerSize:]) != string(other[headerSize:]) {
			t.Errorf("%s: finishing for another producer gives other records", c)
		}
		if first[posAttributes+1]&attrTransactional == 0 || other[posAttributes+1]&attrTransactional != 0 {
			t.Errorf("%s: transactional attribute", c)
		}
		var r Reader
		for _, batch := range [][]byte{first, other} {
			r.Reset(batch, Options{StopOffset: -1})
			if got, err := readAllRecords(t, &r, 0, 1000); err != nil || len(got) != 100 {
				t.Errorf("%s: %d records, %v", c, len(got), err)
			}
		}
		b.Append(nil, []byte("one more"), nil, 0)
		r.Reset(b.Finish(p), Options{StopOffset: -1})
		if got, err := readAllRecords(t, &r, 0, 1000); err != nil || len(got) != 101 {
			t.Errorf("%s: %d records after one more, %v", c, len(got), err)
		}
	}
}

func TestLevels(t *testing.T) {
	most := map[Codec]int{None: 0, Gzip: 9, Snappy: 0, LZ4: 9, Zstd: 22}
	for c := None; c <= Zstd; c++ {
		for level := -1; level <= 23; level++ {
			b, err := NewBuilder(c, level)
			if ok := level >= 0 && level <= most[c]; ok != (err == nil) {
				t.Errorf("%s level %d: %v", c, level, err)
			}
			if err != nil {
				continue
			}
			for range 500 {
				b.Append(nil, []byte("a value that comes again and again"), nil, 0)
			}
			batch := b.Finish(NoProducer)
			if got := Codec(batch[posAttributes+1] & attrCodec); got != c {
				t.Errorf("%s level %d: the batch has codec %s", c, level, got)
			}
			var r Reader
			r.Reset(batch, Options{StopOffset: -1})
			if got, err := readAllRecords(t, &r, 0, 1000); err != nil || len(got) != 500 {
				t.Errorf("%s level %d: %d records, %v", c, level, len(got), err)
			}
		}
	}
	if _, err := NewBuilder(5, 0); err == nil {
		t.Error("a builder for codec 5")
	}
	for i, name := range codecNames {
		if c, err := ParseCodec(name); err != nil || int(c) != i || c.String() != name {
			t.Errorf("codec %q: %v, %v", name, c, err)
		}
	}
	if _, err := ParseCodec("brotli"); err == nil {
		t.Error("brotli is known")
	}
}

// Compressing what does not compress is left out.
func TestIncompressible(t *testing.T) {
	noise := make([]byte, 1000)
	x := uint64(1)
	for i := range noise {
		x = x*6364136223846793005 + 1442695040888963407
		noise[i] = byte(x >> 56)
	}
	for c := None; c <= Zstd; c++ {
		batch := build(t, c, 0, NoProducer, record{Value: noise})
		if got := Codec(batch[posAttributes+1] & attrCodec); got != None {
			t.Errorf("%s: %d bytes with codec %s", c, len(batch), got)
		}
	}
}

func TestLogAppendTime(t *testing.T) {
	batch := build(t, None, 0, NoProducer, values(3)...)
	batch[posAttributes+1] |= attrLogAppendTime
	binary.BigEndian.PutUint64(batch[posMaxTimestamp:], 77)
	var r Reader
	r.Reset(seal(batch), Options{StopOffset: -1, Want: WantTimestamp})
	got, err := readAllRecords(t, &r, WantTimestamp, 10)
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for _, rec := range got {
		if rec.Timestamp != 77 {
			t.Errorf("timestamp %d, expected the time of the append, 77", rec.Timestamp)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, c := range []Codec{None, Snappy, LZ4, Zstd} {
		data := bidBatch(t, c, 2000)
		var r Reader
		var recs Records
		read := func() {
			r.Reset(data, Options{StopOffset: -1, Want: wantAll, Committed: true})
			for {
				recs.Reset()
				n, err := r.Next(&recs, 500)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					return
				}
			}
		}
		read()
		// A few for a batch of 2,000 records: the codecs' own.
		if n := testing.AllocsPerRun(50, read); n > 3 || c == None && n > 0 {
			t.Errorf("reading %s: %v allocations for a batch", c, n)
		}
	}
	buf, ends := bids(2000)
	for c := None; c <= Zstd; c++ {
		b, _ := NewBuilder(c, 0)
		write := func() {
			b.Reset()
			b.AppendValues(buf, 0, ends, []int64{1}, 0)
			b.Finish(NoProducer)
		}
		write()
		if n := testing.AllocsPerRun(50, write); n > 3 || c == None && n > 0 {
			t.Errorf("building %s: %v allocations for a batch", c, n)
		}
	}
}
