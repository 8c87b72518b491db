package dec

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The tests calculate everything a second time with math/big and compare.

func bigOf(d Dec) *big.Int {
	v := big.NewInt(d.Hi)
	v.Lsh(v, 64)
	return v.Add(v, new(big.Int).SetUint64(d.Lo))
}

// ofBig is for integers that fit 128 bits.
func ofBig(v *big.Int) Dec {
	lo := new(big.Int).And(v, new(big.Int).SetUint64(1<<64-1))
	hi := new(big.Int).Rsh(v, 64) // arithmetic: rounds down
	return Dec{Hi: hi.Int64(), Lo: lo.Uint64()}
}

func dec(s string) Dec {
	v, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return ofBig(v)
}

func ten(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func rat(d Dec, scale int) *big.Rat {
	return new(big.Rat).SetFrac(bigOf(d), ten(scale))
}

// coefficient is v at scale, HALF_UP; ok is false from 10^precision on.
func coefficient(v *big.Rat, precision, scale int) (Dec, bool) {
	v = new(big.Rat).Mul(v, new(big.Rat).SetInt(ten(scale)))
	num, den := new(big.Int).Abs(v.Num()), v.Denom()
	// floor((2*num + den) / (2*den))
	num.Lsh(num, 1).Add(num, den)
	q := num.Div(num, new(big.Int).Lsh(den, 1))
	if q.Cmp(ten(precision)) >= 0 {
		return Dec{}, false
	}
	if v.Sign() < 0 {
		q.Neg(q)
	}
	return ofBig(q), true
}

// coefficients draws every length equally often, and often what lies next to a power of ten, of two, or
// half of one.
func coefficients(digits int) *rapid.Generator[Dec] {
	return rapid.Custom(func(t *rapid.T) Dec {
		limit := ten(digits)
		v := new(big.Int)
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			v.Set(ten(rapid.IntRange(0, digits).Draw(t, "ten")))
			v.Add(v, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
		case 1:
			v.Mul(big.NewInt(5), ten(rapid.IntRange(0, digits).Draw(t, "five")))
			v.Add(v, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
		case 2:
			v.Lsh(big.NewInt(1), uint(rapid.IntRange(0, 127).Draw(t, "two")))
			v.Add(v, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
		default:
			v.Lsh(new(big.Int).SetUint64(rapid.Uint64().Draw(t, "hi")), 64)
			v.Add(v, new(big.Int).SetUint64(rapid.Uint64().Draw(t, "lo")))
			v.Mod(v, ten(rapid.IntRange(0, digits).Draw(t, "digits")))
		}
		v.Abs(v)
		if v.Cmp(limit) >= 0 {
			v.Sub(limit, big.NewInt(1))
		}
		if rapid.Bool().Draw(t, "neg") {
			v.Neg(v)
		}
		return ofBig(v)
	})
}

var (
	anyDec   = coefficients(MaxPrecision)
	anyScale = rapid.IntRange(0, MaxPrecision)
	nonZero  = anyDec.Filter(func(d Dec) bool { return !d.IsZero() })
)

// result compares what a function returned with the oracle.
func result(t *rapid.T, what string, got Dec, gotOK bool, want Dec, wantOK bool) {
	if got != want || gotOK != wantOK {
		t.Fatalf("%s = %v, %v, want %v, %v", what, bigOf(got), gotOK, bigOf(want), wantOK)
	}
}

func noAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocations per run, want 0", what, n)
	}
}
