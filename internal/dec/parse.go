package dec

import "math/bits"

// Status is what came of reading a number. It is not an error value, as it is made per record.
type Status uint8

// The outcomes of Parse.
const (
	OK       Status = iota
	Syntax          // not a number
	Overflow        // a number, but after rounding |coefficient| >= 10^precision
)

func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Syntax:
		return "syntax"
	case Overflow:
		return "overflow"
	}
	return "unknown"
}

// Parse reads all of b as a decimal number and returns its coefficient, rounded HALF_UP to scale. The
// grammar is
//
//	[+-] (digits [. digits?] | . digits) ([eE] [+-] digits)
//
// with sign and exponent optional and no space anywhere. The time is linear in len(b) and independent of
// the exponent's value. Unless the status is OK, d is 0.
func Parse(b []byte, precision, scale int) (d Dec, st Status) {
	limit := pow128[precision]
	n, ok := scan(b)
	if !ok {
		return Dec{}, Syntax
	}
	// kept is how many digits, from the first that is not zero, stand at or above the last place of scale.
	kept := n.point + int64(scale)
	if len(n.digits) == 0 || kept < 0 {
		return Dec{}, OK
	}
	if kept > int64(precision) {
		return Dec{}, Overflow
	}
	m := n.leading(int(kept))
	if !m.less(limit) {
		return Dec{}, Overflow
	}
	d, _ = join(m, n.neg)
	return d, OK
}

// number is a number taken apart: 0.digits * 10^point.
type number struct {
	neg bool
	// digits starts with the first digit that is not zero, is empty if there is none, and may contain the
	// decimal point, which has no meaning there.
	digits []byte
	point  int64
}

// scan checks the grammar and finds the parts.
func scan(b []byte) (n number, ok bool) {
	i := 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i, n.neg = 1, b[0] == '-'
	}
	start, first, dot := i, -1, -1
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && dot < 0 {
			dot = i
		} else if c-'0' > 9 {
			break
		} else if c != '0' && first < 0 {
			first = i
		}
	}
	end := i
	if dot < 0 {
		dot = end
	}
	if end == start || end == start+1 && dot == start {
		return number{}, false
	}
	exponent, ok := scanExponent(b[end:])
	if !ok {
		return number{}, false
	}
	if first >= 0 {
		n.digits = b[first:end]
		n.point = exponent + int64(dot-first)
		if first > dot {
			n.point++ // the point itself lies between
		}
	}
	return n, true
}

// exponentLimit is where exponents stop growing: more than any input is long, and so far from wrapping that
// a digit more and an input's length do no harm.
const exponentLimit = 1 << 56

// scanExponent reads nothing or "e[+-]digits".
func scanExponent(b []byte) (e int64, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	if b[0]|0x20 != 'e' {
		return 0, false
	}
	b = b[1:]
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg, b = b[0] == '-', b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		} else if e < exponentLimit {
			e = e*10 + int64(c)
		}
	}
	if neg {
		e = -e
	}
	return e, true
}

// leading returns the number made of the first k digits, 0 <= k <= 38, rounded HALF_UP by the next one;
// missing digits are zeros.
func (n number) leading(k int) u128 {
	var hi, lo uint64 // hi counts units of 10^19
	p := 0
	next := func() uint64 {
		if p < len(n.digits) && n.digits[p] == '.' {
			p++
		}
		if p >= len(n.digits) {
			return 0
		}
		p++
		return uint64(n.digits[p-1] - '0')
	}
	for ; k > 19; k-- {
		hi = hi*10 + next()
	}
	for ; k > 0; k-- {
		lo = lo*10 + next()
	}
	var m u128
	m.hi, m.lo = bits.Mul64(hi, pow64[19])
	m, _ = add128(m, u128{0, lo})
	if next() >= 5 {
		m, _ = add128(m, u128{0, 1})
	}
	return m
}
