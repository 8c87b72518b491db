package dec

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func (x u128) big() *big.Int {
	v := new(big.Int).SetUint64(x.hi)
	v.Lsh(v, 64)
	return v.Add(v, new(big.Int).SetUint64(x.lo))
}

func (x u256) big() *big.Int {
	v := x.hi.big()
	v.Lsh(v, 128)
	return v.Add(v, x.lo.big())
}

// words are mostly at the edges, where guesses of quotient digits go wrong and carries run through.
var words = rapid.OneOf(
	rapid.Uint64(),
	rapid.SampledFrom([]uint64{0, 1, 2, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1}),
)

func draw128(t *rapid.T, label string) u128 {
	return u128{words.Draw(t, label+".hi"), words.Draw(t, label+".lo")}
}

func TestWideMul(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := draw128(t, "x"), draw128(t, "y")
		if got, want := mul128(x, y).big(), new(big.Int).Mul(x.big(), y.big()); got.Cmp(want) != 0 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestWideDiv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := u256{draw128(t, "hi"), draw128(t, "lo")}, draw128(t, "d")
		if rapid.Bool().Draw(t, "short") {
			d.hi = 0
		}
		if d.isZero() {
			t.Skip()
		}
		if got, want := mod(n, d).big(), new(big.Int).Mod(n.big(), d.big()); got.Cmp(want) != 0 {
			t.Fatalf("mod = %v, want %v", got, want)
		}
		n.hi = mod(u256{lo: n.hi}, d) // now the quotient fits
		q, r := div(n, d)
		wantQ, wantR := new(big.Int).QuoRem(n.big(), d.big(), new(big.Int))
		if q.big().Cmp(wantQ) != 0 || r.big().Cmp(wantR) != 0 {
			t.Fatalf("div = %v rest %v, want %v rest %v", q.big(), r.big(), wantQ, wantR)
		}
	})
}

// The guess of a digit from equal top words has a branch of its own, which is rare.
func TestWideDivEqualTop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := u128{words.Draw(t, "d.hi") | 1<<63, rapid.Uint64Min(1).Draw(t, "d.lo")}
		n := u128{d.hi, rapid.Uint64Max(d.lo-1).Draw(t, "n.lo")}
		n0 := words.Draw(t, "n0")
		all := u256{u128{0, n.hi}, u128{n.lo, n0}}.big()
		wantQ, wantR := new(big.Int).QuoRem(all, d.big(), new(big.Int))
		q, r := divDigit(n, n0, d)
		if q != wantQ.Uint64() || r.big().Cmp(wantR) != 0 {
			t.Fatalf("divDigit = %v rest %v, want %v rest %v", q, r.big(), wantQ, wantR)
		}
	})
}

func TestWideAddSubShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := u256{draw128(t, "xh"), draw128(t, "xl")}, u256{draw128(t, "yh"), draw128(t, "yl")}
		x.hi.hi >>= 1
		y.hi.hi >>= 1
		sum := x.add(y)
		if want := new(big.Int).Add(x.big(), y.big()); sum.big().Cmp(want) != 0 {
			t.Fatalf("sum %v, want %v", sum.big(), want)
		}
		if sum.sub(y) != x {
			t.Fatalf("sum - y = %v, want %v", sum.sub(y).big(), x.big())
		}
		if got, want := x.less(y), x.big().Cmp(y.big()) < 0; got != want {
			t.Fatalf("less = %v, want %v", got, want)
		}
		m, n := x.lo, rapid.IntRange(0, 191).Draw(t, "shift")
		want := new(big.Int).Lsh(m.big(), uint(n))
		want.And(want, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)))
		if got := shift256(m, n).big(); got.Cmp(want) != 0 {
			t.Fatalf("shift = %v, want %v", got, want)
		}
	})
}
