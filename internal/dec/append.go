package dec

import "math/bits"

// Append appends d in plain notation with exactly scale fraction digits, "-0.050" for -50 at scale 3; there
// is no point at scale 0.
func Append(dst []byte, d Dec, scale int) []byte {
	m, neg := d.split()
	var buf [maxDigits]byte
	// One step suffices: m.hi <= 2^63 < 10^19.
	hi, lo := bits.Div64(m.hi, m.lo, pow64[19])
	at := putDigits(&buf, maxDigits, lo)
	if hi != 0 {
		for at > maxDigits-19 {
			at--
			buf[at] = '0'
		}
		at = putDigits(&buf, at, hi)
	}
	return appendPlain(dst, neg, buf[at:], scale)
}

// Append64 is Append for decimals of one word; it takes any int64.
func Append64(dst []byte, v int64, scale int) []byte {
	var buf [maxDigits]byte
	at := putDigits(&buf, maxDigits, abs64(v))
	return appendPlain(dst, v < 0, buf[at:], scale)
}

// maxDigits is the length of 2^127.
const maxDigits = 39

const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748" +
	"4950515253545556575859606162636465666768697071727374757677787980818283848586878889909192939495969798" + "99"

// putDigits writes v so that it ends before end and returns where it starts. It writes nothing for 0.
func putDigits(buf *[maxDigits]byte, end int, v uint64) int {
	for v >= 10 {
		q := v / 100
		p := (v - q*100) * 2
		end -= 2
		buf[end], buf[end+1] = pairs[p], pairs[p+1]
		v = q
	}
	if v > 0 {
		end--
		buf[end] = byte('0' + v)
	}
	return end
}

const zeros = "00000000000000000000000000000000000000"

// appendPlain sets sign and point; digits has no leading zeros and is empty for 0.
func appendPlain(dst []byte, neg bool, digits []byte, scale int) []byte {
	if neg {
		dst = append(dst, '-')
	}
	whole := len(digits) - scale
	if whole > 0 {
		dst = append(dst, digits[:whole]...)
		digits = digits[whole:]
	} else {
		dst = append(dst, '0')
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	if whole < 0 {
		dst = append(dst, zeros[:-whole]...)
	}
	return append(dst, digits...)
}
