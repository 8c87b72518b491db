package dec

import "math/bits"

// Add returns a+b for operands of one scale; ok is false when |a+b| >= 10^38.
func Add(a, b Dec) (sum Dec, ok bool) {
	lo, c := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(uint64(a.Hi), uint64(b.Hi), c)
	sum = Dec{Hi: int64(hi), Lo: lo}
	// 2*(10^38-1) is above 2^127, so the sum may come out with the wrong sign before it is too long.
	if (a.Hi^sum.Hi)&(b.Hi^sum.Hi) < 0 || !Fits(sum, MaxPrecision) {
		return Dec{}, false
	}
	return sum, true
}

// Sub returns a-b for operands of one scale; ok is false when |a-b| >= 10^38.
func Sub(a, b Dec) (diff Dec, ok bool) {
	return Add(a, b.Neg())
}

// Mul returns a*b exactly; the scale of the product is the sum of the scales. ok is false when
// |a*b| >= 10^38.
func Mul(a, b Dec) (product Dec, ok bool) {
	if a.fits64() && b.fits64() { // at most 2^126, which is less than 10^38
		return Mul64(int64(a.Lo), int64(b.Lo)), true
	}
	x, xneg := a.split()
	y, yneg := b.split()
	n := mul128(x, y)
	if !n.hi.isZero() {
		return Dec{}, false
	}
	return join(n.lo, xneg != yneg)
}

// CmpScaled compares the values of a at scale sa and b at scale sb exactly: -1, 0 or +1. It cannot overflow.
func CmpScaled(a Dec, sa int, b Dec, sb int) int {
	if sa == sb || a.Hi^b.Hi < 0 {
		return a.Cmp(b)
	}
	x, neg := a.split()
	y, _ := b.split()
	m := max(sa, sb)
	n, o := grow(x, m-sa), grow(y, m-sb)
	switch {
	case n == o:
		return 0
	case n.less(o) != neg:
		return -1
	}
	return 1
}

// AddScaled returns a+b, calculated exactly and then rounded HALF_UP to scale; ok is false when
// |result| >= 10^38.
func AddScaled(a Dec, sa int, b Dec, sb, scale int) (sum Dec, ok bool) {
	if sa == sb && sb == scale {
		return Add(a, b)
	}
	x, xneg := a.split()
	y, yneg := b.split()
	m := max(sa, sb)
	n, o := grow(x, m-sa), grow(y, m-sb)
	switch {
	case xneg == yneg:
		n = n.add(o)
	case n.less(o):
		n, xneg = o.sub(n), yneg
	default:
		n = n.sub(o)
	}
	return rescale(n, xneg, m, scale)
}

// SubScaled returns a-b, calculated exactly and then rounded HALF_UP to scale; ok is false when
// |result| >= 10^38.
func SubScaled(a Dec, sa int, b Dec, sb, scale int) (diff Dec, ok bool) {
	return AddScaled(a, sa, b.Neg(), sb, scale)
}

// MulScaled returns a*b, calculated exactly and then rounded HALF_UP to scale; ok is false when
// |result| >= 10^38.
func MulScaled(a Dec, sa int, b Dec, sb, scale int) (product Dec, ok bool) {
	x, xneg := a.split()
	y, yneg := b.split()
	return rescale(mul128(x, y), xneg != yneg, sa+sb, scale)
}

// Quo returns a/b rounded HALF_UP to scale; ok is false when |result| >= 10^38. That b is not zero is the
// caller's duty: it panics otherwise.
func Quo(a Dec, sa int, b Dec, sb, scale int) (quotient Dec, ok bool) {
	x, xneg := a.split()
	y, yneg := b.split()
	if y.isZero() {
		panic("dec: Quo by zero")
	}
	if x.isZero() {
		return Dec{}, true
	}
	var n u256
	switch k := scale + sb - sa; {
	case k <= 0:
		// The divisor grows instead. Beyond 128 bits it is more than twice x, and the quotient rounds to 0.
		d := grow(y, -k)
		if !d.hi.isZero() {
			return Dec{}, true
		}
		n, y = u256{lo: x}, d.lo
	case x.digits()+k > 2*MaxPrecision:
		// x*10^k >= 10^76 > 10^38 * y.
		return Dec{}, false
	case k <= MaxPrecision:
		n = grow(x, k)
	default:
		n = mul128(grow(x, k-MaxPrecision).lo, pow128[MaxPrecision]) // the first product has <= 38 digits
	}
	q, ok := quoHalfUp(n, y)
	if !ok {
		return Dec{}, false
	}
	return join(q, xneg != yneg)
}

// Rem returns what is left of a after dividing by b towards zero, with the sign of a, as SQL's MOD:
// calculated exactly and then rounded HALF_UP to scale. ok is false when |result| >= 10^38. That b is not
// zero is the caller's duty: it panics otherwise.
func Rem(a Dec, sa int, b Dec, sb, scale int) (remainder Dec, ok bool) {
	x, xneg := a.split()
	y, _ := b.split()
	if y.isZero() {
		panic("dec: Rem by zero")
	}
	m := max(sa, sb)
	if d := grow(y, m-sb); d.hi.isZero() {
		x = mod(grow(x, m-sa), d.lo)
	} // otherwise |b| > |a|, and a itself remains; it is at scale m, as only b had to grow
	return rescale(u256{lo: x}, xneg, m, scale)
}
