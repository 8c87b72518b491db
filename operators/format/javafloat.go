package format

import (
	"math"
	"slices"
	"strconv"
)

// appendDouble appends f as a JSON value in the notation of Java: the shortest digits that read back as f (as a float32 if
// bits is 32), at least one after the point, and an exponent unless 0.001 ≤ |f| < 10,000,000. What JSON has no number for
// becomes a string.
func appendDouble(dst []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case abs < 1e7 && f == math.Trunc(f) && (f != 0 || !math.Signbit(f)):
		return append(strconv.AppendInt(dst, int64(f), 10), ".0"...)
	case f == 0 || abs >= 1e-3 && abs < 1e7:
		n := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
		return withPoint(dst, n)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	// Go writes 1e+10 and 1e-05 where Java writes 1.0E10 and 1.0E-5.
	e := len(dst) - 1
	for dst[e] != 'e' {
		e--
	}
	var exp [4]byte
	digits := exp[:copy(exp[:], dst[e+2:])]
	neg := dst[e+1] == '-'
	dst = append(withPoint(dst[:e], n), 'E')
	if neg {
		dst = append(dst, '-')
	}
	if digits[0] == '0' {
		digits = digits[1:]
	}
	return append(dst, digits...)
}

// withPoint gives the number from n on a fraction if it has none.
func withPoint(dst []byte, n int) []byte {
	if slices.Contains(dst[n:], '.') {
		return dst
	}
	return append(dst, ".0"...)
}
