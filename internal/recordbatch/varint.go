package recordbatch

import "math/bits"

// Varints are zigzag-encoded in 7-bit groups, least significant first, as in Protocol Buffers.

// varint decodes the varint at b[p:] and returns the position after it, or a negative position if it is cut off or does
// not fit 64 bits.
func varint(b []byte, p int) (int64, int) {
	var u uint64
	for shift := uint(0); shift < 64; shift += 7 {
		if uint(p) >= uint(len(b)) {
			return 0, -1
		}
		c := b[p]
		p++
		if shift == 63 && c > 1 {
			return 0, -1
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), p
		}
	}
	return 0, -1
}

// varint32 is varint for values that must fit 32 bits.
func varint32(b []byte, p int) (int, int) {
	v, q := varint(b, p)
	if q < 0 || int64(int32(v)) != v || q-p > 5 {
		return 0, -1
	}
	return int(v), q
}

// appendVarint appends v.
func appendVarint(b []byte, v int64) []byte {
	u := uint64(v<<1) ^ uint64(v>>63)
	for u >= 0x80 {
		b = append(b, byte(u)|0x80)
		u >>= 7
	}
	return append(b, byte(u))
}

// varintLen returns how many bytes appendVarint appends.
func varintLen(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	return (bits.Len64(u|1) + 6) / 7
}
