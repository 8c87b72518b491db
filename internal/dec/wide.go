package dec

import "math/bits"

// u128 and u256 are the unsigned integers behind the decimal operations: a magnitude, and what a product
// of two magnitudes or a magnitude times a power of ten needs (10^76 < 2^253).
type (
	u128 struct{ hi, lo uint64 }
	u256 struct{ hi, lo u128 }
)

func (x u128) isZero() bool { return x.hi|x.lo == 0 }

func (x u128) less(y u128) bool {
	return x.hi < y.hi || x.hi == y.hi && x.lo < y.lo
}

func (x u128) half() u128 {
	return u128{x.hi >> 1, x.hi<<63 | x.lo>>1}
}

func (x u128) bitLen() int {
	if x.hi != 0 {
		return 64 + bits.Len64(x.hi)
	}
	return bits.Len64(x.lo)
}

// shl shifts by 0..127 bits. Go defines a shift by 64 and more as 0, which is what is wanted here.
func (x u128) shl(n int) u128 {
	if n >= 64 {
		return u128{x.lo << (n - 64), 0}
	}
	return u128{x.hi<<n | x.lo>>(64-n), x.lo << n}
}

// digits counts decimal digits; that of 0 is 1.
func (x u128) digits() int {
	// 1233/4096 is a little over log10(2): the estimate is exact or one too low.
	n := x.bitLen() * 1233 >> 12
	if n < len(pow128) && !x.less(pow128[n]) {
		n++
	}
	return max(n, 1)
}

func add128(x, y u128) (sum u128, carry uint64) {
	sum.lo, carry = bits.Add64(x.lo, y.lo, 0)
	sum.hi, carry = bits.Add64(x.hi, y.hi, carry)
	return sum, carry
}

func sub128(x, y u128) (diff u128, borrow uint64) {
	diff.lo, borrow = bits.Sub64(x.lo, y.lo, 0)
	diff.hi, borrow = bits.Sub64(x.hi, y.hi, borrow)
	return diff, borrow
}

// mul128 is schoolbook multiplication in base 2^64.
func mul128(x, y u128) u256 {
	h0, w0 := bits.Mul64(x.lo, y.lo)
	if x.hi|y.hi == 0 {
		return u256{lo: u128{h0, w0}}
	}
	h1, l1 := bits.Mul64(x.hi, y.lo)
	h2, l2 := bits.Mul64(x.lo, y.hi)
	h3, l3 := bits.Mul64(x.hi, y.hi)

	w1, c := bits.Add64(h0, l1, 0)
	w2, c := bits.Add64(h1, h2, c)
	w3 := h3 + c
	w1, c = bits.Add64(w1, l2, 0)
	w2, c = bits.Add64(w2, l3, c)
	w3 += c
	return u256{u128{w3, w2}, u128{w1, w0}}
}

func (x u256) less(y u256) bool {
	return x.hi.less(y.hi) || x.hi == y.hi && x.lo.less(y.lo)
}

// add expects that the sum fits.
func (x u256) add(y u256) u256 {
	lo, c := add128(x.lo, y.lo)
	hi, _ := add128(x.hi, y.hi)
	hi, _ = add128(hi, u128{0, c})
	return u256{hi, lo}
}

// sub expects x >= y.
func (x u256) sub(y u256) u256 {
	lo, b := sub128(x.lo, y.lo)
	hi, _ := sub128(x.hi, y.hi)
	hi, _ = sub128(hi, u128{0, b})
	return u256{hi, lo}
}

// div divides n by d. It expects n.hi < d, which is to say that the quotient fits in 128 bits.
func div(n u256, d u128) (q, r u128) {
	if d.hi == 0 {
		var rem uint64
		q.hi, rem = bits.Div64(n.hi.lo, n.lo.hi, d.lo)
		q.lo, rem = bits.Div64(rem, n.lo.lo, d.lo)
		return q, u128{0, rem}
	}
	if n.hi.isZero() && n.lo.less(d) {
		return u128{}, n.lo
	}
	// Knuth's algorithm D with two digits of 64 bits: shift until the divisor's top bit is set, so that a
	// digit of the quotient guessed from the top words is at most two too large.
	s := bits.LeadingZeros64(d.hi)
	d = d.shl(s)
	top := n.hi.shl(s)
	top.lo |= n.lo.hi >> (64 - s)
	low := n.lo.shl(s)
	q.hi, r = divDigit(top, low.hi, d)
	q.lo, r = divDigit(r, low.lo, d)
	return q, u128{r.hi >> s, r.hi<<(64-s) | r.lo>>s}
}

// divDigit divides the three words (n, n0) by d: one step of long division. It expects n < d and d's top
// bit set.
func divDigit(n u128, n0 uint64, d u128) (q uint64, r u128) {
	var rem, carry uint64
	if n.hi >= d.hi { // equal, as n < d: the digit would be 2^64 or one or two less
		q = 1<<64 - 1
		rem, carry = bits.Add64(n.lo, d.hi, 0)
	} else {
		q, rem = bits.Div64(n.hi, n.lo, d.hi)
	}
	hi, lo := bits.Mul64(q, d.lo)
	for carry == 0 && (u128{rem, n0}).less(u128{hi, lo}) {
		q--
		rem, carry = bits.Add64(rem, d.hi, 0)
		var b uint64
		lo, b = bits.Sub64(lo, d.lo, 0)
		hi -= b
	}
	r, _ = sub128(u128{rem, n0}, u128{hi, lo}) // a carry out of rem is taken back by this borrow
	return q, r
}

// mod returns n mod d, whatever the size of the quotient.
func mod(n u256, d u128) u128 {
	if !n.hi.less(d) {
		_, n.hi = div(u256{lo: n.hi}, d)
	}
	_, r := div(n, d)
	return r
}

// quoHalfUp returns n/d rounded HALF_UP. It expects n + d/2 < 2^256; ok is false when the quotient
// exceeds 128 bits.
func quoHalfUp(n u256, d u128) (q u128, ok bool) {
	// floor((n + floor(d/2)) / d) is HALF_UP for odd d too: the remainder needed to carry is ceil(d/2).
	n = n.add(u256{lo: d.half()})
	if !n.hi.less(d) {
		return u128{}, false
	}
	q, _ = div(n, d)
	return q, true
}
