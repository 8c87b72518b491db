package generate

import "math/bits"

// The generator of randomness is a counter-based one: value n of a stream is the SplitMix64 finaliser (G. Steele, D. Lea,
// C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) of the stream's key plus n times the
// golden ratio. Any value can be had without those before it.

const golden = 0x9E3779B97F4A7C15

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// keyOf is the key of the stream called name under seed.
func keyOf(seed int64, name string) uint64 {
	h := mix(uint64(seed) + golden)
	for _, c := range []byte(name) {
		h = mix(h ^ uint64(c))
	}
	return h
}

// random is value n of the stream key: 64 even bits.
func random(key, n uint64) uint64 { return mix(key + n*golden) }

// split takes from the bits r a number below n and the bits that remain. Few bits are lost while n is small.
func split(r, n uint64) (v, rest uint64) { return bits.Mul64(r, n) }

// below is a number below n from the bits r. Its bias is below n/2⁶⁴.
func below(r, n uint64) uint64 {
	v, _ := bits.Mul64(r, n)
	return v
}

// unit is a number in [0, 1) from the bits r.
func unit(r uint64) float64 { return float64(r>>11) * (1.0 / (1 << 53)) }

// appendLetters adds n letters a–z that follow from the bits r.
func appendLetters(dst []byte, r uint64, n int) []byte {
	for ; n > 0; n -= 8 {
		r = mix(r + golden)
		for i, w := 0, r; i < min(n, 8); i, w = i+1, w>>8 {
			dst = append(dst, 'a'+byte(w&0xFF*26>>8))
		}
	}
	return dst
}

// appendWord adds a text of 3 to most−1 characters, letters and now and then (1 in 13) special, as Nexmark's nextString
// makes them; spaces at its ends are cut off.
func appendWord(dst []byte, r uint64, most int, special byte) []byte {
	n, r := split(r, uint64(most-3))
	begin := len(dst)
	for left := int(n) + 3; left > 0; left -= 4 {
		r = mix(r + golden)
		for i, w := 0, r; i < min(left, 4); i, w = i+1, w>>16 {
			if w&0xFF*13>>8 == 0 {
				if special != ' ' || len(dst) > begin {
					dst = append(dst, special)
				}
				continue
			}
			dst = append(dst, 'a'+byte(w>>8&0xFF*26>>8))
		}
	}
	for special == ' ' && len(dst) > begin && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
