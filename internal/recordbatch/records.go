package recordbatch

import (
	"slices"
	"unsafe"
)

// Null marks in Start and KeyStart (and their ends) what is null. It equals operators.NullRecord.
const Null = ^uint32(0)

// Want selects what of a record is returned besides its value.
type Want uint8

// What a reader may want besides the value.
const (
	WantKey Want = 1 << iota
	WantHeaders
	WantOffset
	WantTimestamp
)

// Records are records of one buffer, as columns. The zero value is ready for use; its slices are kept and filled again
// after Reset, so one Records per goroutine allocates only until it has grown to the largest batch.
type Records struct {
	// Buf holds the bytes of all records. It is the fetched data itself or, for a compressed batch, memory of the
	// Reader: in both cases it stays valid until the Reader's next Next with a Records that was reset, or the
	// Reader's Reset. It has at least 8 bytes after the last record.
	Buf []byte

	// Value of record i: Buf[Start[i]:End[i]]; both are Null for a null value.
	Start, End []uint32

	// Key, with WantKey: as the value.
	KeyStart, KeyEnd []uint32

	// Headers, with WantHeaders: HeaderCount[i] of them in Buf[HeaderStart[i]:HeaderEnd[i]], for ParseHeaders.
	HeaderStart, HeaderEnd []uint32
	HeaderCount            []int32

	Offset    []int64 // with WantOffset
	Timestamp []int64 // with WantTimestamp: ms since 1970, the time of the append where the topic says so, -1 if none

	// First and Last are the offsets of the first and the last record; meaningless if there are none.
	First, Last int64
}

// Len returns the number of records.
func (r *Records) Len() int { return len(r.Start) }

// Reset removes all records and keeps the memory of the columns.
func (r *Records) Reset() {
	r.Buf = nil
	r.Start, r.End = r.Start[:0], r.End[:0]
	r.KeyStart, r.KeyEnd = r.KeyStart[:0], r.KeyEnd[:0]
	r.HeaderStart, r.HeaderEnd, r.HeaderCount = r.HeaderStart[:0], r.HeaderEnd[:0], r.HeaderCount[:0]
	r.Offset, r.Timestamp = r.Offset[:0], r.Timestamp[:0]
	r.First, r.Last = 0, 0
}

// sameBuffer tells whether records of buf can be added.
func (r *Records) sameBuffer(buf []byte) bool {
	return len(r.Start) == 0 || unsafe.SliceData(r.Buf) == unsafe.SliceData(buf)
}

// grow makes room for n more records in the wanted columns.
func (r *Records) grow(n int, want Want) {
	r.Start, r.End = slices.Grow(r.Start, n), slices.Grow(r.End, n)
	if want&WantKey != 0 {
		r.KeyStart, r.KeyEnd = slices.Grow(r.KeyStart, n), slices.Grow(r.KeyEnd, n)
	}
	if want&WantHeaders != 0 {
		r.HeaderStart, r.HeaderEnd = slices.Grow(r.HeaderStart, n), slices.Grow(r.HeaderEnd, n)
		r.HeaderCount = slices.Grow(r.HeaderCount, n)
	}
	if want&WantOffset != 0 {
		r.Offset = slices.Grow(r.Offset, n)
	}
	if want&WantTimestamp != 0 {
		r.Timestamp = slices.Grow(r.Timestamp, n)
	}
}
