package recordbatch

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

var all = Options{StopOffset: -1, Want: wantAll, Committed: true}

// Each change of one byte of a batch is noticed or harmless. The checksum does not cover the base offset (a change
// moves the records, and is noticed only if that overlaps the batch before) and the leader epoch (not used).
func TestCorruptByte(t *testing.T) {
	recs := values(20)
	recs[3].Key, recs[5].Headers = []byte("k"), []Header{{Key: "h", Value: []byte("v")}}
	for c := None; c <= Zstd; c++ {
		clean := withSlack(build(t, c, 100, NoProducer, recs...), build(t, None, 120, NoProducer, values(2)...))
		first := len(build(t, c, 100, NoProducer, recs...))
		var r Reader
		r.Reset(clean, all)
		expected, err := readAllRecords(t, &r, wantAll, 7)
		if err != nil || len(expected) != 22 {
			t.Fatal(len(expected), err)
		}
		bad := withSlack(clean)
		for i := posLength; i < first; i++ {
			for _, flip := range []byte{1, 0x80, 0xff} {
				copy(bad, clean)
				bad[i] ^= flip
				r.Reset(bad, all)
				got, err := readAllRecords(t, &r, wantAll, 7)
				if i >= posLeaderEpoch && i < posMagic {
					if err != nil || !cmp.Equal(got, expected) {
						t.Fatalf("%s, byte %d: the leader epoch matters: %v", c, i, err)
					}
					continue
				}
				if err == nil || len(got) != 0 {
					t.Fatalf("%s, byte %d changed by %#x: %d records, error %v", c, i, flip, len(got), err)
				}
				if r.NextOffset() != 0 {
					t.Fatalf("%s, byte %d: the position moved to %d", c, i, r.NextOffset())
				}
				if strings.Contains(err.Msg, "checksum") {
					if !r.Skip() || r.NextOffset() != 120 {
						t.Fatalf("%s, byte %d: Skip goes on at %d, expected 120", c, i, r.NextOffset())
					}
					got, err := readAllRecords(t, &r, wantAll, 7)
					if len(got) == 0 && i < lengthEnd { // the length is wrong: the rest is left to the next fetch
						got = expected[20:]
					}
					if err != nil || !cmp.Equal(got, expected[20:]) {
						t.Fatalf("%s, byte %d: after Skip %d records, %v", c, i, len(got), err)
					}
				}
			}
		}
	}
}

// Wherever the data are cut, the whole batches before the cut are read, and a cut in the first one says what it needs.
func TestTruncated(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		one, two := build(t, c, 0, NoProducer, values(10)...), build(t, c, 10, NoProducer, values(10)...)
		data := withSlack(one, two)
		var r Reader
		for n := range len(data) {
			r.Reset(withSlack(data[:n]), all)
			got, err := readAllRecords(t, &r, wantAll, 100)
			switch {
			case n == 0:
				if err != nil {
					t.Fatalf("%s: no data: %v", c, err)
				}
			case n < len(one):
				if err == nil || err.Kind != Incomplete || err.Need > len(one) || n > posMagic && err.Need != len(one) {
					t.Fatalf("%s: %d of %d bytes: %+v", c, n, len(one), err)
				}
				if r.Skip() {
					t.Fatalf("%s: skipped a batch that has to be fetched again", c)
				}
			case err != nil || len(got) != 10 || r.NextOffset() != 10:
				t.Fatalf("%s: cut in the second batch at %d: %d records, next %d, %v", c, n-len(one), len(got), r.NextOffset(), err)
			}
		}
	}
}

func TestCompacted(t *testing.T) {
	// Offsets 100..109, of which 102 and 107 are left; an empty batch 110..119; a batch 130..131 after a gap.
	sparse := build(t, None, 0, NoProducer, values(10)...)
	var body []byte
	p := headerSize
	for delta := range 10 {
		size, q := varint32(sparse, p)
		if delta == 2 || delta == 7 {
			body = append(body, sparse[p:q+size]...)
		}
		p = q + size
	}
	data := withSlack(at(forge(None, 2, 9, body), 100), at(forge(None, 0, 9, nil), 110), build(t, None, 130, NoProducer, values(2)...))
	offsets := func(from, stop int64) (out []int64, next int64) {
		var r Reader
		r.Reset(data, Options{FetchOffset: from, StopOffset: stop, Want: WantOffset})
		recs, err := readAllRecords(t, &r, WantOffset, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			out = append(out, rec.Offset)
		}
		return out, r.NextOffset()
	}
	for _, tc := range []struct {
		from, stop int64
		want       []int64
		next       int64
	}{
		{100, -1, []int64{102, 107, 130, 131}, 132},
		{103, -1, []int64{107, 130, 131}, 132},
		{108, -1, []int64{130, 131}, 132},
		{100, 105, []int64{102}, 105},
		{100, 108, []int64{102, 107}, 110},
		{110, 115, nil, 120},
		{100, 125, []int64{102, 107}, 125},
		{100, 131, []int64{102, 107, 130}, 131},
		{100, 100, nil, 100},
		{131, -1, []int64{131}, 132},
		{132, -1, nil, 132},
	} {
		got, next := offsets(tc.from, tc.stop)
		if !cmp.Equal(got, tc.want) || next != tc.next {
			t.Errorf("from %d to %d: %v, next %d; expected %v, next %d", tc.from, tc.stop, got, next, tc.want, tc.next)
		}
	}
}

// Malformed batches with a right checksum: each gives its kind of error after the records before the fault, does not
// move the position, and can be skipped.
func TestMalformed(t *testing.T) {
	good := build(t, None, 0, NoProducer, values(3)...)[headerSize:]
	record := func(fields ...[]byte) []byte { // of the fields after the length
		var body []byte
		for _, f := range fields {
			body = append(body, f...)
		}
		return append(appendVarint(nil, int64(len(body))), body...)
	}
	v := func(n int64) []byte { return appendVarint(nil, n) }
	none := []byte{0}
	endless := bytes.Repeat([]byte{0xff}, 12)
	for name, tc := range map[string]struct {
		batch []byte
		kind  Kind
		read  int
	}{
		"negative count":            {forge(None, -1, 2, good), Corrupt, 0},
		"500 M records":             {forge(None, 500_000_000, math.MaxInt32, good), Corrupt, 0},
		"500 M records, gzip":       {forge(Gzip, 500_000_000, math.MaxInt32, gzipOf(good)), Corrupt, 0},
		"more records than offsets": {forge(None, 3, 1, good), Corrupt, 0},
		"more records than bytes":   {forge(None, 4, 5, good[:27]), Corrupt, 0},
		"one record too many":       {forge(None, 4, 5, append(append([]byte{}, good...), 2, 0, 0, 0, 0, 0, 0)), Corrupt, 3},
		"bytes after the last":      {forge(None, 2, 2, good), Corrupt, 2},
		"negative record length":    {forge(None, 1, 0, append(v(-5), good...)), Corrupt, 0},
		"record length 5":           {forge(None, 1, 0, append(v(5), good...)), Corrupt, 0},
		"record past the batch":     {forge(None, 1, 0, append(v(1000), good...)), Corrupt, 0},
		"record past 4 GiB":         {forge(None, 1, 0, append(v(math.MaxInt32), good...)), Corrupt, 0},
		"endless length":            {forge(None, 1, 0, endless), Corrupt, 0},
		"length of 64 bits":         {forge(None, 1, 0, append(v(1<<40), good...)), Corrupt, 0},
		"endless timestamp":         {forge(None, 1, 0, record(none, endless)), Corrupt, 0},
		"timestamp past the record": {forge(None, 1, 0, record(none, bytes.Repeat([]byte{0x80}, 5))), Corrupt, 0},
		"negative offset":           {forge(None, 1, 0, record(none, v(0), v(-1), v(-1), v(-1), v(0))), Corrupt, 0},
		"offset past the batch":     {forge(None, 1, 4, record(none, v(0), v(5), v(-1), v(-1), v(0))), Corrupt, 0},
		"offset of 64 bits":         {forge(None, 1, 4, record(none, v(0), v(1<<33), v(-1), v(-1), v(0))), Corrupt, 0},
		"the same offset twice": {forge(None, 2, 4, append(record(none, v(0), v(1), v(-1), v(-1), v(0)),
			record(none, v(0), v(1), v(-1), v(-1), v(0))...)), Corrupt, 1},
		"key length -2":         {forge(None, 1, 0, record(none, v(0), v(0), v(-2), v(-1), v(0))), Corrupt, 0},
		"key past the record":   {forge(None, 1, 0, record(none, v(0), v(0), v(20), v(-1), v(0))), Corrupt, 0},
		"endless key length":    {forge(None, 1, 0, record(none, v(0), v(0), endless)), Corrupt, 0},
		"value length -2":       {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(-2), v(0))), Corrupt, 0},
		"value past the record": {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(4), v(0))), Corrupt, 0},
		"endless value length":  {forge(None, 1, 0, record(none, v(0), v(0), v(-1), endless)), Corrupt, 0},
		"no headers count":      {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(2), []byte("ab"))), Corrupt, 0},
		"headers -1":            {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(-1), v(-1))), Corrupt, 0},
		"500 M headers":         {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(-1), v(500_000_000))), Corrupt, 0},
		"header key -1":         {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(-1), v(1), v(-1), v(-1))), Corrupt, 0},
		"header value past it":  {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(-1), v(1), v(0), v(9))), Corrupt, 0},
		"bytes after headers":   {forge(None, 1, 0, record(none, v(0), v(0), v(-1), v(-1), v(0), []byte{0})), Corrupt, 0},
		"codec 5":               {forge(5, 3, 2, good), Unsupported, 0},
		"not gzip":              {forge(Gzip, 3, 2, good), Corrupt, 0},
		"not snappy":            {forge(Snappy, 3, 2, good), Corrupt, 0},
		"not lz4":               {forge(LZ4, 3, 2, good), Corrupt, 0},
		"not zstd":              {forge(Zstd, 3, 2, good), Corrupt, 0},
		"nothing to decompress": {forge(Zstd, 3, 2, nil), Corrupt, 0},
		"snappy that declares":  {forge(Snappy, 3, 2, []byte{0xff, 0xff, 0xff, 0x1f, 0}), Corrupt, 0},
		"xerial cut in a length": {forge(Snappy, 3, 2, append(append([]byte{}, xerialMagic...),
			0, 0, 0, 1, 0, 0, 0, 1, 0, 0)), Corrupt, 0},
		"xerial block past the data": {forge(Snappy, 3, 2, append(append([]byte{}, xerialMagic...),
			0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0)), Corrupt, 0},
	} {
		t.Run(name, func(t *testing.T) {
			delta := int64(binary.BigEndian.Uint32(tc.batch[posLastOffsetDelta:]))
			next := 50 + delta + 1
			data := withSlack(at(tc.batch, 50), build(t, None, next, NoProducer, values(2)...))
			var r Reader
			o := all
			o.FetchOffset = 50
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r.Reset(data, o)
			got, err := readAllRecords(t, &r, wantAll, 100)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
				t.Errorf("%d MiB allocated for %d bytes", used>>20, len(tc.batch))
			}
			if err == nil || err.Kind != tc.kind || len(got) != tc.read || err.Offset < 50+int64(tc.read) {
				t.Fatalf("%d records, error %v", len(got), err)
			}
			if tc.read == 0 && r.NextOffset() != 50 {
				t.Errorf("the position moved to %d", r.NextOffset())
			}
			var recs Records
			if n, again := r.Next(&recs, 10); n != 0 || !errors.Is(again, error(err)) {
				t.Errorf("asked again: %d, %v", n, again)
			}
			if !r.Skip() || r.NextOffset() != next {
				t.Fatalf("skipped to %d, expected %d", r.NextOffset(), next)
			}
			if got, err := readAllRecords(t, &r, wantAll, 100); err != nil || len(got) != 2 {
				t.Fatalf("after Skip: %d records, %v", len(got), err)
			}
		})
	}
}

// What a header cannot be: these batches have no end that could be trusted.
func TestBadHeader(t *testing.T) {
	change := func(pos int, bytes ...byte) []byte {
		b := build(t, None, 5, NoProducer, values(3)...)
		copy(b[pos:], bytes)
		binary.BigEndian.PutUint32(b[posCRC:], checksum(b))
		return withSlack(b)
	}
	for name, tc := range map[string]struct {
		data []byte
		kind Kind
		says string
	}{
		"format v0":            {change(posMagic, 0), Unsupported, "copy the topic"},
		"format v1":            {change(posMagic, 1), Unsupported, "copy the topic"},
		"format v3":            {change(posMagic, 3), Unsupported, "not known"},
		"negative length":      {change(posLength, 0xff, 0xff, 0xff, 0xff), Corrupt, "length"},
		"length 0":             {change(posLength, 0, 0, 0, 0), Corrupt, "length"},
		"length of 48":         {change(posLength, 0, 0, 0, 48), Corrupt, "length"},
		"length of 2 GiB":      {change(posLength, 0x7f, 0xff, 0xff, 0xff), TooLarge, "limit"},
		"negative base":        {change(posBaseOffset, 0xff), Corrupt, "base offset"},
		"base at the end":      {change(posBaseOffset, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), Corrupt, "base offset"},
		"negative last offset": {change(posLastOffsetDelta, 0xff), Corrupt, "delta"},
		"overlapping the one before": {
			withSlack(build(t, None, 5, NoProducer, values(3)...), build(t, None, 7, NoProducer, values(3)...)),
			Corrupt, "before the end",
		},
	} {
		var r Reader
		r.Reset(tc.data, all)
		_, err := readAllRecords(t, &r, wantAll, 100)
		if err == nil || err.Kind != tc.kind || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
		before := r.NextOffset()
		if skipped := r.Skip(); skipped && r.NextOffset() <= before || !skipped && r.NextOffset() != before {
			t.Errorf("%s: skipped %t, from %d to %d", name, skipped, before, r.NextOffset())
		}
	}
}

func gzipOf(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// Data that decompress to 1 GiB stop at the limit.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 1 GiB four times")
	}
	const size = 1 << 30
	zeros := make([]byte, 1<<20)
	fill := func(w interface {
		Write([]byte) (int, error)
		Close() error
	},
	) {
		for range size / len(zeros) {
			w.Write(zeros)
		}
		w.Close()
	}
	var gz, lz, zs, zsDeclared bytes.Buffer
	fill(gzip.NewWriter(&gz))
	fill(lz4.NewWriter(&lz))
	enc, err := zstd.NewWriter(&zs, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	fill(enc)
	enc.ResetContentSize(&zsDeclared, size)
	fill(enc)
	many := bytes.Repeat(enc.EncodeAll(zeros, nil), 1024) // frames of 1 MiB each
	snappyBlock := binary.AppendUvarint(nil, size)
	snappyBlock = append(snappyBlock, 0, 0) // a literal of one zero, then copies of 64 from one byte before
	snappyBlock = append(snappyBlock, bytes.Repeat([]byte{63<<2 | 2, 1, 0}, size/64)...)
	for name, b := range map[string][]byte{
		"gzip":             forge(Gzip, 3, 2, gz.Bytes()),
		"gzip in members":  forge(Gzip, 3, 2, bytes.Repeat(gzipOf(zeros), 1024)),
		"lz4":              forge(LZ4, 3, 2, lz.Bytes()),
		"zstd":             forge(Zstd, 3, 2, zs.Bytes()),
		"zstd with size":   forge(Zstd, 3, 2, zsDeclared.Bytes()),
		"zstd in frames":   forge(Zstd, 3, 2, many),
		"snappy":           forge(Snappy, 3, 2, snappyBlock),
		"snappy in xerial": forge(Snappy, 3, 2, xerial(snappyBlock[:1<<20], snappyBlock[:1<<20])),
	} {
		t.Run(name, func(t *testing.T) {
			var r Reader
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r.Reset(b, all)
			got, err := readAllRecords(t, &r, wantAll, 100)
			runtime.ReadMemStats(&after)
			if len(got) != 0 || err == nil || err.Kind != TooLarge && !strings.HasPrefix(name, "snappy") {
				t.Fatalf("%d records, %v", len(got), err)
			}
			// In all, not at once: buffers double up to the limit, and what was outgrown is garbage.
			if used := after.TotalAlloc - before.TotalAlloc; used > 3*DefaultMaxBatchBytes {
				t.Errorf("%d MiB allocated in all", used>>20)
			}
			if r.BytesDecompressed() > DefaultMaxBatchBytes+1<<20 {
				t.Errorf("%d bytes made", r.BytesDecompressed())
			}
			t.Logf("%d compressed bytes: %v; %d MiB allocated", len(b), err, (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

// xerial frames snappy blocks as the Java client does.
func xerial(blocks ...[]byte) []byte {
	out := append(append([]byte{}, xerialMagic...), 0, 0, 0, 1, 0, 0, 0, 1)
	for _, b := range blocks {
		out = binary.BigEndian.AppendUint32(out, uint32(len(b)))
		out = append(out, b...)
	}
	return out
}

// The limit is exact, whatever the codec makes of memory, and a batch within it is read.
func TestLimit(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		for _, size := range []int{3000, 64 << 10, 300_000, 1 << 20, 5 << 20} {
			recs := []record{{Value: bytes.Repeat([]byte("abcdefg "), size/8)}}
			batch := withSlack(build(t, c, 0, NoProducer, recs...))
			raw := len(build(t, None, 0, NoProducer, recs...)) - headerSize
			if c == None {
				raw += headerSize
			}
			for limit, ok := range map[int]bool{raw: true, raw - 1: false, raw + 1: true, raw / 2: false, 3 * raw: true} {
				var r Reader
				o := all
				o.MaxBatchBytes = limit
				r.Reset(batch, o)
				got, err := readAllRecords(t, &r, wantAll, 100)
				if ok && (err != nil || !bytes.Equal(got[0].Value, recs[0].Value)) || !ok && (err == nil || err.Kind != TooLarge) {
					t.Errorf("%s, %d bytes, limit %d: %v", c, raw, limit, err)
				}
				if !ok && (!r.Skip() || r.NextOffset() != 1) {
					t.Errorf("%s: a batch over the limit is not skipped", c)
				}
			}
		}
	}
}
