package recordbatch

import "encoding/binary"

// Murmur2 is the hash of the Java client's partitioner: MurmurHash2 (Austin Appleby, 32 bits, public domain) with the
// seed 0x9747b28c.
func Murmur2(b []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k = (k ^ k>>24) * m
		h = h*m ^ k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// Partition returns the partition, of n > 0, that the Java client's default partitioner gives to a record with this
// key. It has no answer for records without a key: the caller spreads those.
func Partition(key []byte, n int) int {
	return int(Murmur2(key)&0x7fffffff) % n
}
