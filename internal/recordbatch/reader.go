package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// Options say what of a record set is wanted.
type Options struct {
	// FetchOffset is the offset that was asked for. The first batch may begin before it; those records are left out.
	FetchOffset int64
	// StopOffset ends the reading: records from it on are not returned. -1 is no end; 0, the zero value, stops at once.
	StopOffset int64
	// Committed leaves out the records of aborted transactions (isolation level read_committed). Aborted is then the
	// list of the same fetch response.
	Committed bool
	Aborted   []Aborted
	// MaxBatchBytes bounds a batch, compressed and decompressed; 0 is DefaultMaxBatchBytes.
	MaxBatchBytes int
	Want          Want
}

// Reader reads the record set of one partition from a fetch response. One goroutine uses it. Make one per goroutine
// rather than one per partition: it keeps a decompression buffer as large as the largest batch it has met.
type Reader struct {
	opt  Options
	data []byte // the record set
	full []byte // data and slack
	pos  int    // of the next batch in data
	next int64  // NextOffset
	end  int64  // one past the last offset of the batches seen in data, -1 if none

	batch   batch
	txn     transactions
	dec     []byte // memory of decompressed batches
	own     []byte // memory of data that came without slack
	err     *Error
	resume  int64 // where Skip goes on: the offset, -1 if unknown,
	after   int   // and the place in data
	stopped bool

	batches      int64
	decompressed int64
}

// batch is the open batch.
type batch struct {
	full []byte // buffer with slack
	b    []byte // buffer up to the end of the records
	p    int    // of the next record
	left int    // records from p on

	base      int64 // offset
	lastDelta int
	delta     int // of the last record read, -1 before the first
	baseTime  int64
	maxTime   int64
	logAppend bool
}

// Reset begins a record set: the bytes of one partition in a fetch response. data is not written to and must not
// change while its records are in use. Give it 8 bytes of capacity past its length, as any slice of a larger response
// has; otherwise it is copied.
func (r *Reader) Reset(data []byte, o Options) {
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = DefaultMaxBatchBytes
	}
	o.MaxBatchBytes = min(o.MaxBatchBytes, maxData)
	if len(data) > maxData {
		data = data[:maxData] // what is cut off is fetched again
	}
	if cap(data)-len(data) < slack {
		r.own = append(append(r.own[:0], data...), make([]byte, slack)...)
		data = r.own[:len(data)]
	}
	r.opt, r.data, r.full = o, data, data[:len(data)+slack]
	r.pos, r.next, r.end = 0, o.FetchOffset, -1
	r.batch = batch{}
	r.err, r.stopped = nil, false
	r.txn.reset(o.Aborted, o.Committed)
	r.checkStop()
}

// NextOffset is the position: the offset after the last returned record, moved on past batches that hold nothing to
// return (control batches, aborted or compacted records). It is what to fetch, and to store in a checkpoint.
func (r *Reader) NextOffset() int64 { return r.next }

// Done tells that the position has reached StopOffset.
func (r *Reader) Done() bool { return r.stopped }

// BatchesRead counts the batches met since the Reader was made, those without a wanted record included.
func (r *Reader) BatchesRead() int64 { return r.batches }

// BytesDecompressed counts the bytes that decompression has made since the Reader was made.
func (r *Reader) BytesDecompressed() int64 { return r.decompressed }

// Next adds up to most records to recs and returns how many. It may read several batches, but records of one call, and
// all records in recs, are in one buffer. 0 and no error for an empty recs is the end of the data; for a recs that
// holds records it may also mean that the next one is in another buffer: Reset recs and call again.
//
// A batch that cannot be read gives an *Error, after all records before it were returned, and again until Skip or
// Reset.
func (r *Reader) Next(recs *Records, most int) (int, error) {
	n := 0
	for n < most && r.err == nil {
		if r.batch.left == 0 && !r.open(recs) {
			break
		}
		if !recs.sameBuffer(r.batch.full) {
			break
		}
		recs.Buf = r.batch.full
		n += r.frame(recs, most-n)
	}
	if n == 0 && r.err != nil {
		return 0, r.err
	}
	return n, nil
}

// Skip goes on after the batch that Next has refused, and tells whether that is possible: it is not if the bytes do
// not tell where, in offsets, the batch ends (nor for Incomplete, which has to be fetched again). NextOffset is then
// unchanged. Where the next batch cannot be found in the data, only the position moves and the data are at their end.
func (r *Reader) Skip() bool {
	if r.err == nil || r.resume < 0 {
		return false
	}
	r.err = nil
	r.next, r.end = max(r.next, r.resume), r.resume
	r.pos = min(r.after, len(r.data))
	r.batch = batch{}
	r.checkStop()
	return true
}

// fail notes an error of the batch that begins at base.
func (r *Reader) fail(kind Kind, base, resume int64, after int, format string, args ...any) {
	r.err = &Error{Offset: max(base, r.next), Kind: kind, Msg: fmt.Sprintf(format, args...)}
	r.resume, r.after = resume, after
	r.batch = batch{}
}

// checkStop notes that the position has reached the end.
func (r *Reader) checkStop() {
	if r.opt.StopOffset >= 0 && r.next >= r.opt.StopOffset {
		r.stopped = true
		r.batch = batch{}
	}
}

// passed moves the position past a batch.
func (r *Reader) passed(last int64) {
	r.next = max(r.next, last+1)
	r.checkStop()
}

// open finds the next batch with records that may be wanted. It returns false at the end, on an error, and if the batch
// is compressed while recs holds records: its decompression may overwrite them.
func (r *Reader) open(recs *Records) bool {
	for !r.stopped && r.pos < len(r.data) {
		h, ok := r.header()
		if !ok {
			return false
		}
		if r.opt.StopOffset >= 0 && h.base >= r.opt.StopOffset {
			r.next = max(r.next, r.opt.StopOffset)
			r.checkStop()
			return false
		}
		skip := h.count == 0 || h.last < r.next
		if h.control {
			skip = skip || !r.opt.Committed
		} else {
			skip = skip || r.txn.aborted(h)
		}
		if !skip {
			if h.codec != None && recs.Len() > 0 {
				return false
			}
			if !r.records(h) {
				return false
			}
		}
		r.pos, r.end = h.after, h.last+1
		r.batches++
		switch {
		case skip:
			r.passed(h.last)
		case h.control:
			if !r.marker(h) {
				return false
			}
			r.passed(h.last)
		default:
			return true
		}
	}
	return false
}

// header is what the header of a batch says.
type header struct {
	start, after int // in data
	base, last   int64
	count        int
	codec        Codec
	control      bool
	txn          bool
	producer     int64
}

// header reads and checks the header of the batch at pos, and its checksum. It returns false at the end of the data
// and on an error.
func (r *Reader) header() (header, bool) {
	d := r.data[r.pos:]
	var h header
	if len(d) <= posMagic {
		return h, r.incomplete(r.next, headerSize)
	}
	h.base = int64(binary.BigEndian.Uint64(d[posBaseOffset:]))
	length := int64(int32(binary.BigEndian.Uint32(d[posLength:])))
	magic := int8(d[posMagic])
	size := length + lengthEnd
	known := length > 0 && size <= int64(len(d))
	h.start, h.after = r.pos, r.pos+int(max(size, 0))
	if magic == 0 || magic == 1 {
		resume := int64(-1)
		if known && h.base >= 0 && h.base < math.MaxInt64 {
			resume = h.base + 1
		}
		r.fail(Unsupported, h.base, resume, h.after,
			"message format v%d, from before Kafka 0.11, is not read: copy the topic with a current producer, or start after this offset", magic)
		return h, false
	}
	if magic != 2 {
		r.fail(Unsupported, h.base, -1, h.after, "message format v%d is not known: expected v2", magic)
		return h, false
	}
	if length < headerSize-lengthEnd {
		r.fail(Corrupt, h.base, -1, h.after, "a length of %d bytes", length)
		return h, false
	}
	if size > int64(r.opt.MaxBatchBytes) {
		resume, after := r.unverified(h)
		r.fail(TooLarge, h.base, resume, after, "%d bytes, over the limit of %d", size, r.opt.MaxBatchBytes)
		return h, false
	}
	if !known {
		return h, r.incomplete(h.base, int(size))
	}
	d = d[:size]
	want := binary.BigEndian.Uint32(d[posCRC:])
	if got := crc32.Checksum(d[posAttributes:], castagnoli); got != want {
		resume, after := r.unverified(h)
		r.fail(Corrupt, h.base, resume, after, "checksum %08x, expected %08x", got, want)
		return h, false
	}
	delta := int32(binary.BigEndian.Uint32(d[posLastOffsetDelta:]))
	count := int32(binary.BigEndian.Uint32(d[posCount:]))
	if h.base < 0 || delta < 0 || h.base > math.MaxInt64-1-int64(delta) {
		r.fail(Corrupt, h.base, -1, h.after, "base offset %d, last offset delta %d", h.base, delta)
		return h, false
	}
	h.last = h.base + int64(delta)
	if h.base < r.end {
		r.fail(Corrupt, h.base, h.last+1, h.after, "it begins before the end of the one before, %d", r.end)
		return h, false
	}
	if count < 0 || int64(count) > int64(delta)+1 {
		r.fail(Corrupt, h.base, h.last+1, h.after, "%d records in %d offsets", count, int64(delta)+1)
		return h, false
	}
	h.count = int(count)
	attributes := binary.BigEndian.Uint16(d[posAttributes:])
	h.codec = Codec(attributes & attrCodec)
	h.control = attributes&attrControl != 0
	h.txn = attributes&attrTransactional != 0
	h.producer = int64(binary.BigEndian.Uint64(d[posProducerID:]))
	return h, true
}

// incomplete ends the data inside a batch: an error if it is the first one. It returns false.
func (r *Reader) incomplete(base int64, need int) bool {
	if r.pos == 0 {
		r.fail(Incomplete, base, -1, len(r.data), "its %d bytes were cut to %d by the fetch size", need, len(r.data))
		r.err.Need = need
	} else {
		r.pos = len(r.data)
	}
	return false
}

// unverified is where to go on after a batch whose header cannot be trusted: at the batch behind it if that one has a
// right checksum; or where the header says if two of its fields agree, but then what the data hold behind it is left to
// the next fetch; otherwise -1.
func (r *Reader) unverified(h header) (resume int64, after int) {
	if h.base < 0 {
		return -1, len(r.data)
	}
	if base, ok := r.batchAt(h.after); ok && base > max(h.base, r.next-1) {
		return base, h.after
	}
	d := r.data[h.start:]
	if len(d) < headerSize {
		return -1, len(r.data)
	}
	delta := int32(binary.BigEndian.Uint32(d[posLastOffsetDelta:]))
	count := int32(binary.BigEndian.Uint32(d[posCount:]))
	if count <= 0 || count-1 != delta || h.base > math.MaxInt64-int64(count) {
		return -1, len(r.data)
	}
	return h.base + int64(count), len(r.data)
}

// batchAt tells whether a whole batch with a right checksum stands at pos, and its base offset.
func (r *Reader) batchAt(pos int) (base int64, ok bool) {
	if pos < 0 || pos+headerSize > len(r.data) {
		return 0, false
	}
	d := r.data[pos:]
	size := int64(int32(binary.BigEndian.Uint32(d[posLength:]))) + lengthEnd
	if size < headerSize || size > int64(len(d)) || d[posMagic] != 2 {
		return 0, false
	}
	ok = crc32.Checksum(d[posAttributes:size], castagnoli) == binary.BigEndian.Uint32(d[posCRC:])
	return int64(binary.BigEndian.Uint64(d[posBaseOffset:])), ok
}

// records opens the records of a batch, decompressed if need be.
func (r *Reader) records(h header) bool {
	d := r.data[h.start:h.after]
	b := batch{
		full:      r.full,
		b:         r.full[:h.after],
		p:         h.start + headerSize,
		left:      h.count,
		base:      h.base,
		lastDelta: int(h.last - h.base),
		delta:     -1,
		baseTime:  int64(binary.BigEndian.Uint64(d[posBaseTimestamp:])),
		maxTime:   int64(binary.BigEndian.Uint64(d[posMaxTimestamp:])),
		logAppend: binary.BigEndian.Uint16(d[posAttributes:])&attrLogAppendTime != 0,
	}
	if h.codec != None {
		if h.codec > Zstd {
			r.fail(Unsupported, h.base, h.last+1, h.after, "compression %d is not known", uint8(h.codec))
			return false
		}
		dec, err := decompress(r.dec, h.codec, d[headerSize:], r.opt.MaxBatchBytes)
		r.decompressed += int64(len(dec))
		if errors.Is(err, errLimit) {
			r.dec = nil // grown for nothing
			r.fail(TooLarge, h.base, h.last+1, h.after, "%d bytes decompress to more than the limit of %d", len(d), r.opt.MaxBatchBytes)
			return false
		}
		r.dec = dec
		if err != nil {
			r.fail(Corrupt, h.base, h.last+1, h.after, "decompressing %s: %v", h.codec, err)
			return false
		}
		b.full, b.b, b.p = dec[:len(dec)+slack], dec, 0
	}
	if n := len(b.b) - b.p; h.count > n/minRecord {
		r.fail(Corrupt, h.base, h.last+1, h.after, "%d records in %d bytes", h.count, n)
		return false
	}
	r.batch = b
	return true
}

// marker takes note of the control record in the open batch and closes it.
func (r *Reader) marker(h header) bool {
	b := r.batch
	r.batch = batch{}
	abort, ok := isAbort(b.b, b.p)
	if !ok {
		r.fail(Corrupt, h.base, h.last+1, h.after, "a control record that cannot be read")
		return false
	}
	if abort {
		r.txn.end(h.producer)
	}
	return true
}
