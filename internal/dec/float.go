package dec

import (
	"math"
	"strconv"
)

// Float64 returns the float64 nearest to the value of d, ties to even.
func (d Dec) Float64(scale int) float64 {
	m, neg := d.split()
	f := float(m, scale)
	if neg {
		return -f
	}
	return f
}

func float(m u128, scale int) float64 {
	// Up to 2^53, and for powers of ten up to 10^22, both operands are exact, and a division rounds once.
	if m.hi == 0 && m.lo <= 1<<53 && scale < len(pow64) {
		return float64(m.lo) / float64(pow64[scale])
	}
	// A quotient of 64 bits or more, with a bit that says whether there is a remainder, rounds as the
	// exact one does.
	d := pow128[scale]
	shift := max(0, 64+d.bitLen()-m.bitLen())
	q, r := div(shift256(m, shift), d)
	sticky := !r.isZero()
	exp := -shift
	if n := q.bitLen() - 64; n > 0 {
		low := q.lo << (64 - n)
		q = u128{0, q.hi<<(64-n) | q.lo>>n}
		sticky = sticky || low != 0
		exp += n
	}
	if sticky {
		q.lo |= 1 // far below the 53 bits that stay: it only breaks ties
	}
	return math.Ldexp(float64(q.lo), exp) // exact: 10^-38 .. 10^38 is far from the ends of the range
}

// shift256 shifts by 0..191 bits.
func shift256(m u128, n int) u256 {
	if n >= 128 {
		return u256{hi: m.shl(n - 128)}
	}
	w := u256{lo: m.shl(n)}
	switch {
	case n > 64:
		w.hi = u128{m.hi >> (128 - n), m.hi<<(n-64) | m.lo>>(128-n)}
	case n > 0:
		w.hi = u128{0, m.hi >> (64 - n)}
	}
	return w
}

// FromFloat64 returns the coefficient of f, rounded HALF_UP to scale. f counts as the shortest decimal
// number that reads back as f, as in Java's BigDecimal.valueOf: 1.005 at scale 2 is 1.01, although the
// float64 lies a little below. ok is false for NaN, for infinities and when |result| >= 10^38.
func FromFloat64(f float64, scale int) (d Dec, ok bool) {
	var buf [32]byte
	// NaN and infinities are written as words, which Parse refuses.
	d, st := Parse(strconv.AppendFloat(buf[:0], f, 'e', -1, 64), MaxPrecision, scale)
	return d, st == OK
}
