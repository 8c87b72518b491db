package format

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The scanner reads a record eight bytes at a time. base points to the first byte of the buffer, positions count from
// there, and a load may begin anywhere up to the end of the record: the buffer has slack bytes after it.

const slack = 8

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load reads the eight bytes at p, the first one lowest, whatever the byte order of the machine.
func load(base unsafe.Pointer, p int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, p))[:])
}

// at reads the byte at p.
func at(base unsafe.Pointer, p int) byte { return *(*byte)(unsafe.Add(base, p)) }

// textStops marks, with the high bit of its byte, the first byte of w that ends a run of plain text: a quote, a backslash, a
// control character or a byte of a non-ASCII character. Marks after the first one may be wrong. A byte from 0x80 on needs no
// test of its own: of the two differences at least one keeps its high bit.
func textStops(w uint64) uint64 {
	quote := (w ^ ones*'"') - ones
	slash := (w ^ ones*'\\') - ones
	control := w - ones*0x20
	return (quote | slash | control) & highs
}

// nonDigits marks the bytes of w that are no digits. Marks after the first one may be wrong.
func nonDigits(w uint64) uint64 {
	t := w ^ ones*'0'
	return ((t + ones*0x76) | t) & highs
}

// firstMark is the index of the first marked byte, 8 if there is none.
func firstMark(m uint64) int { return bits.TrailingZeros64(m) >> 3 }

// eightDigits is the value of eight digits, the first one in the lowest byte.
func eightDigits(w uint64) uint64 {
	w &= ones * 0x0F
	w = w*10 + w>>8
	const pairs = 0x000000FF000000FF
	return ((w&pairs)*(100+1000000<<32) + (w>>16&pairs)*(1+10000<<32)) >> 32
}

// store writes the eight bytes of w at p, the lowest first.
func store(base unsafe.Pointer, p int, w uint64) {
	binary.LittleEndian.PutUint64((*[8]byte)(unsafe.Add(base, p))[:], w)
}
