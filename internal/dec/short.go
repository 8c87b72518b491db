package dec

import "math/bits"

// ShortPrecision is the largest precision whose coefficients are kept in one int64.
const ShortPrecision = 18

// Mul64 returns a*b exactly, whatever the operands.
func Mul64(a, b int64) Dec {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	// The unsigned product counts a negative operand as 2^64 more than it is.
	return Dec{Hi: int64(hi) - (a>>63)&b - (b>>63)&a, Lo: lo}
}

// Parse64 is Parse for decimals of one word: precision and scale lie in 0..18. Short plain numbers, as
// data has them, are read in one pass; everything else goes the way of Parse.
func Parse64(b []byte, precision, scale int) (v int64, st Status) {
	i, neg := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i, neg = 1, b[0] == '-'
	}
	var m uint64
	point, start := -1, i
	if len(b)-start > ShortPrecision+1 { // at most 19 digits: m cannot wrap
		return parse64Slow(b, precision, scale)
	}
	for ; i < len(b); i++ {
		if c := b[i] - '0'; c <= 9 {
			m = m*10 + uint64(c)
		} else if b[i] == '.' && point < 0 {
			point = i
		} else {
			return parse64Slow(b, precision, scale)
		}
	}
	digits, fraction := i-start, 0
	if point >= 0 {
		digits--
		fraction = i - point - 1
	}
	if digits == 0 || fraction > scale {
		return parse64Slow(b, precision, scale)
	}
	hi, m := bits.Mul64(m, uint64(Pow10(scale-fraction)))
	if hi != 0 || m >= uint64(Pow10(precision)) {
		return 0, Overflow
	}
	return sign64(m, neg), OK
}

func parse64Slow(b []byte, precision, scale int) (v int64, st Status) {
	_ = Pow10(precision) // panics if out of range
	d, st := Parse(b, precision, scale)
	return int64(d.Lo), st
}

// abs64 is |v| without the exception of -2^63.
func abs64(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func sign64(m uint64, neg bool) int64 {
	if neg {
		return -int64(m)
	}
	return int64(m)
}
