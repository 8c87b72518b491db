package dec

import "math/bits"

// Rescale returns the coefficient at scale to of the value that d is at scale from, HALF_UP when digits
// are dropped; ok is false when |result| >= 10^38.
func Rescale(d Dec, from, to int) (Dec, bool) {
	if from == to {
		return d, true
	}
	m, neg := d.split()
	return rescale(u256{lo: m}, neg, from, to)
}

// Floor returns the largest integer (scale 0) not above the value of d.
func Floor(d Dec, scale int) Dec {
	q, rest := truncate(d, scale)
	if rest && d.Hi < 0 {
		q = step(q, -1)
	}
	return q
}

// Ceil returns the smallest integer (scale 0) not below the value of d.
func Ceil(d Dec, scale int) Dec {
	q, rest := truncate(d, scale)
	if rest && d.Hi >= 0 {
		q = step(q, +1)
	}
	return q
}

// TruncTo returns the value of d without its fraction, as an integer (scale 0): rounded towards zero.
func TruncTo(d Dec, scale int) Dec {
	q, _ := truncate(d, scale)
	return q
}

// truncate divides by 10^scale towards zero; rest tells whether something was cut off.
func truncate(d Dec, scale int) (q Dec, rest bool) {
	m, neg := d.split()
	quo, rem := div(u256{lo: m}, pow128[scale])
	q = Dec{Hi: int64(quo.hi), Lo: quo.lo}
	if neg {
		q = q.Neg()
	}
	return q, !rem.isZero()
}

// step adds what cannot overflow: it follows a division by ten at least.
func step(d Dec, by int64) Dec {
	lo, c := bits.Add64(d.Lo, uint64(by), 0)
	return Dec{Hi: d.Hi + by>>63 + int64(c), Lo: lo}
}

// rescale brings the magnitude n < 2*10^76 from one scale to another; from may be up to 76, the scale of
// a product.
func rescale(n u256, neg bool, from, to int) (Dec, bool) {
	if from > to {
		q, ok := shrink(n, from-to)
		if !ok {
			return Dec{}, false
		}
		return join(q, neg)
	}
	if !n.hi.isZero() { // already more than 38 digits, and it would only get more
		return Dec{}, false
	}
	n = mul128(n.lo, pow128[to-from])
	if !n.hi.isZero() {
		return Dec{}, false
	}
	return join(n.lo, neg)
}

// shrink returns n / 10^k HALF_UP for n < 2*10^76 and k in 1..76.
func shrink(n u256, k int) (q u128, ok bool) {
	if k <= MaxPrecision {
		return quoHalfUp(n, pow128[k])
	}
	// Two floors in a row are one floor, so only the half has to be added before the first.
	n = n.add(mul128(pow128[MaxPrecision], pow128[k-MaxPrecision].half()))
	q, _ = div(n, pow128[MaxPrecision]) // fits: n < 3*10^76
	q, _ = div(u256{lo: q}, pow128[k-MaxPrecision])
	return q, true
}

// grow returns m * 10^k for k in 0..38; it fits for every m.
func grow(m u128, k int) u256 {
	if k == 0 {
		return u256{lo: m}
	}
	return mul128(m, pow128[k])
}
