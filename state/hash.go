package state

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// KeyGroups is the number of key groups: the unit in which state is spread over instances and stored.
const KeyGroups = 128

// Group is the key group of a hash: its top 7 bits. Tables take their slot from the low bits.
func Group(hash uint64) int { return int(hash >> 57) }

// Instance is the instance, of parallelism, that owns a key group: contiguous ranges, as even as can be.
func Instance(group, parallelism int) int { return group * parallelism / KeyGroups }

// The hash is a multiply-fold in the manner of wyhash: fixed for ever, because it decides which key group a key
// is in and so where its state is found again. testdata/hash.golden pins it.
const (
	mulA = 0xa0761d6478bd642f
	mulB = 0xe7037ed1a0b428db
	mulC = 0x8ebc6af09c88c6e3
)

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// HashInt64 hashes an integer under the job's seed. All integer types, dates, times and timestamps use it.
func HashInt64(seed uint64, v int64) uint64 {
	return fold(fold(uint64(v)^mulA, seed^mulB), mulC)
}

// HashFloat64 hashes a float: −0 as 0 and every NaN as one.
func HashFloat64(seed uint64, v float64) uint64 {
	if v == 0 {
		v = 0
	}
	b := math.Float64bits(v)
	if v != v {
		b = 0x7ff8000000000000
	}
	if v == 0 {
		b = 0
	}
	return HashInt64(seed, int64(b))
}

// HashNull is the hash of NULL.
func HashNull(seed uint64) uint64 { return fold(seed^mulB, mulC^0x6e756c6c) }

// HashBytes hashes text or bytes.
func HashBytes(seed uint64, b []byte) uint64 {
	h := seed ^ mulA
	n := len(b)
	for len(b) > 16 {
		h = fold(binary.LittleEndian.Uint64(b)^mulB, binary.LittleEndian.Uint64(b[8:])^h)
		b = b[16:]
	}
	var lo, hi uint64
	switch {
	case len(b) >= 8:
		lo, hi = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[len(b)-8:])
	case len(b) >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	case len(b) > 0:
		lo = uint64(b[0])<<16 | uint64(b[len(b)/2])<<8 | uint64(b[len(b)-1])
	}
	return fold(fold(lo^mulB, hi^h), mulC^uint64(n))
}

// Combine folds the hash of a further key column into h.
func Combine(h, next uint64) uint64 { return fold(h^mulC, next^mulA) }
