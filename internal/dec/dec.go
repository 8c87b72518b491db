// Package dec calculates with SQL decimals as 128-bit integer coefficients and never allocates; it is
// not a number that knows its own scale, and not arbitrary precision.
//
// A coefficient c at scale s stands for c / 10^s. The scale is a property of a column's type, so that
// functions take it as an argument instead of every value carrying it. Scales and precisions lie in
// 0..38; anything else is a bug of the caller and may panic. Rounding is HALF_UP as SQL and Java mean it:
// half goes away from zero.
//
// Decimals of at most 18 digits live in a plain int64 (short.go); the wide functions accept them through
// FromInt64.
package dec

import "math/bits"

// MaxPrecision is the largest number of decimal digits a coefficient has.
const MaxPrecision = 38

// Dec is a decimal's coefficient: a 128-bit integer in two's complement, Hi the high word and Lo the low
// one. Its scale lives in the column's type. Invariant: |coefficient| <= 10^38-1. Equal coefficients are
// equal structs; there is no negative zero.
type Dec struct {
	Hi int64
	Lo uint64
}

// FromInt64 returns v as a coefficient.
func FromInt64(v int64) Dec {
	return Dec{Hi: v >> 63, Lo: uint64(v)}
}

// Int64 returns the coefficient as an int64; ok is false when it does not fit, and v is then 0.
func (d Dec) Int64() (v int64, ok bool) {
	if !d.fits64() {
		return 0, false
	}
	return int64(d.Lo), true
}

// fits64 tells whether the high word is nothing but the low word's sign.
func (d Dec) fits64() bool {
	return d.Hi == int64(d.Lo)>>63
}

// Neg returns -d.
func (d Dec) Neg() Dec {
	lo, borrow := bits.Sub64(0, d.Lo, 0)
	return Dec{Hi: -d.Hi - int64(borrow), Lo: lo}
}

// Abs returns |d|.
func (d Dec) Abs() Dec {
	if d.Hi < 0 {
		return d.Neg()
	}
	return d
}

// Sign returns -1, 0 or +1.
func (d Dec) Sign() int {
	switch {
	case d.Hi < 0:
		return -1
	case d.Hi == 0 && d.Lo == 0:
		return 0
	}
	return 1
}

// IsZero tells whether d is 0.
func (d Dec) IsZero() bool {
	return d == Dec{}
}

// Cmp compares coefficients of the same scale: -1, 0 or +1 as d is less than, equal to or greater than o.
func (d Dec) Cmp(o Dec) int {
	switch {
	case d == o:
		return 0
	case d.Hi < o.Hi || d.Hi == o.Hi && d.Lo < o.Lo:
		return -1
	}
	return 1
}

// Fits tells whether |d| < 10^precision, that is, whether d has at most precision digits.
func Fits(d Dec, precision int) bool {
	m, _ := d.split()
	return m.less(pow128[precision])
}

// Digits returns the number of decimal digits of |d|, without leading zeros; that of 0 is 1.
func Digits(d Dec) int {
	m, _ := d.split()
	return m.digits()
}

// split returns magnitude and sign; the sign of 0 is plus.
func (d Dec) split() (m u128, neg bool) {
	a := d.Abs()
	return u128{uint64(a.Hi), a.Lo}, d.Hi < 0
}

// join is the inverse of split; ok is false when m has more than 38 digits.
func join(m u128, neg bool) (d Dec, ok bool) {
	if !m.less(pow128[MaxPrecision]) {
		return Dec{}, false
	}
	d = Dec{Hi: int64(m.hi), Lo: m.lo}
	if neg {
		d = d.Neg()
	}
	return d, true
}
