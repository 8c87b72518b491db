package dec

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

const nines = "99999999999999999999999999999999999999" // 10^38-1

func TestUnary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDec.Draw(t, "d")
		b := bigOf(d)
		if got, want := d.Neg(), ofBig(new(big.Int).Neg(b)); got != want {
			t.Fatalf("Neg %v", bigOf(got))
		}
		if got, want := d.Abs(), ofBig(new(big.Int).Abs(b)); got != want {
			t.Fatalf("Abs %v", bigOf(got))
		}
		if got := d.Sign(); got != b.Sign() {
			t.Fatalf("Sign %v", got)
		}
		if got := d.IsZero(); got != (b.Sign() == 0) {
			t.Fatalf("IsZero %v", got)
		}
		v, ok := d.Int64()
		if ok != b.IsInt64() || ok && v != b.Int64() || !ok && v != 0 {
			t.Fatalf("Int64 %v %v", v, ok)
		}
		if got, want := Digits(d), len(new(big.Int).Abs(b).String()); got != want {
			t.Fatalf("Digits %v, want %v", got, want)
		}
		p := anyScale.Draw(t, "precision")
		if got, want := Fits(d, p), new(big.Int).Abs(b).Cmp(ten(p)) < 0; got != want {
			t.Fatalf("Fits(%d) %v", p, got)
		}
	})
}

func TestFromInt64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		d := FromInt64(v)
		if got, ok := d.Int64(); !ok || got != v || bigOf(d).Int64() != v {
			t.Fatalf("%v: %+v", v, d)
		}
	})
}

func TestPow10(t *testing.T) {
	for n := 0; n <= MaxPrecision; n++ {
		if bigOf(Pow10Wide(n)).Cmp(ten(n)) != 0 {
			t.Errorf("Pow10Wide(%d) = %v", n, bigOf(Pow10Wide(n)))
		}
		if n <= ShortPrecision && Pow10(n) != ten(n).Int64() {
			t.Errorf("Pow10(%d) = %v", n, Pow10(n))
		}
	}
	for _, n := range []int{-1, MaxPrecision + 1} {
		mustPanic(t, func() { Pow10Wide(n) })
		mustPanic(t, func() { Fits(Dec{}, n) })
	}
	for _, n := range []int{-1, ShortPrecision + 1} {
		mustPanic(t, func() { Pow10(n) })
		mustPanic(t, func() { Parse64(nil, n, 0) })
	}
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

func TestAddSubMul(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDec.Draw(t, "a"), anyDec.Draw(t, "b")
		ra, rb := rat(a, 0), rat(b, 0)

		got, ok := Add(a, b)
		want, wantOK := coefficient(new(big.Rat).Add(ra, rb), 38, 0)
		result(t, "Add", got, ok, want, wantOK)

		got, ok = Sub(a, b)
		want, wantOK = coefficient(new(big.Rat).Sub(ra, rb), 38, 0)
		result(t, "Sub", got, ok, want, wantOK)

		got, ok = Mul(a, b)
		want, wantOK = coefficient(new(big.Rat).Mul(ra, rb), 38, 0)
		result(t, "Mul", got, ok, want, wantOK)

		if got, want := a.Cmp(b), ra.Cmp(rb); got != want {
			t.Fatalf("Cmp = %v, want %v", got, want)
		}
	})
}

func TestScaled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDec.Draw(t, "a"), anyDec.Draw(t, "b")
		sa, sb, s := anyScale.Draw(t, "sa"), anyScale.Draw(t, "sb"), anyScale.Draw(t, "s")
		ra, rb := rat(a, sa), rat(b, sb)

		got, ok := AddScaled(a, sa, b, sb, s)
		want, wantOK := coefficient(new(big.Rat).Add(ra, rb), 38, s)
		result(t, "AddScaled", got, ok, want, wantOK)

		got, ok = SubScaled(a, sa, b, sb, s)
		want, wantOK = coefficient(new(big.Rat).Sub(ra, rb), 38, s)
		result(t, "SubScaled", got, ok, want, wantOK)

		got, ok = MulScaled(a, sa, b, sb, s)
		want, wantOK = coefficient(new(big.Rat).Mul(ra, rb), 38, s)
		result(t, "MulScaled", got, ok, want, wantOK)

		if got, want := CmpScaled(a, sa, b, sb), ra.Cmp(rb); got != want {
			t.Fatalf("CmpScaled = %v, want %v", got, want)
		}
	})
}

// Equal values of different scales are too rare to be drawn.
func TestCmpScaledEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := anyScale.Draw(t, "k")
		a := coefficients(MaxPrecision-k).Draw(t, "a")
		b := ofBig(new(big.Int).Mul(bigOf(a), ten(k)))
		if CmpScaled(a, 0, b, k) != 0 || CmpScaled(b, k, a, 0) != 0 {
			t.Fatalf("%v and %v at scale %d differ", bigOf(a), bigOf(b), k)
		}
	})
}

func TestQuoRem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDec.Draw(t, "a"), nonZero.Draw(t, "b")
		sa, sb, s := anyScale.Draw(t, "sa"), anyScale.Draw(t, "sb"), anyScale.Draw(t, "s")
		ra, rb := rat(a, sa), rat(b, sb)
		quo := new(big.Rat).Quo(ra, rb)

		got, ok := Quo(a, sa, b, sb, s)
		want, wantOK := coefficient(quo, 38, s)
		result(t, "Quo", got, ok, want, wantOK)

		whole := new(big.Rat).SetInt(new(big.Int).Quo(quo.Num(), quo.Denom()))
		rem := new(big.Rat).Sub(ra, whole.Mul(whole, rb))
		got, ok = Rem(a, sa, b, sb, s)
		want, wantOK = coefficient(rem, 38, s)
		result(t, "Rem", got, ok, want, wantOK)
	})
	mustPanic(t, func() { Quo(FromInt64(1), 0, Dec{}, 0, 0) })
	mustPanic(t, func() { Rem(FromInt64(1), 0, Dec{}, 0, 0) })
}

func TestRescale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDec.Draw(t, "d")
		from, to := anyScale.Draw(t, "from"), anyScale.Draw(t, "to")
		got, ok := Rescale(d, from, to)
		want, wantOK := coefficient(rat(d, from), 38, to)
		result(t, "Rescale", got, ok, want, wantOK)
	})
}

func TestToInteger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, s := anyDec.Draw(t, "d"), anyScale.Draw(t, "s")
		b, p := bigOf(d), ten(s)
		if got, want := TruncTo(d, s), ofBig(new(big.Int).Quo(b, p)); got != want {
			t.Fatalf("TruncTo = %v, want %v", bigOf(got), bigOf(want))
		}
		floor := new(big.Int).Div(b, p) // Euclidean, which is floor for a positive divisor
		if got := Floor(d, s); got != ofBig(floor) {
			t.Fatalf("Floor = %v, want %v", bigOf(got), floor)
		}
		ceil := new(big.Int).Neg(b)
		ceil.Div(ceil, p).Neg(ceil)
		if got := Ceil(d, s); got != ofBig(ceil) {
			t.Fatalf("Ceil = %v, want %v", bigOf(got), ceil)
		}
	})
}

func TestEdges(t *testing.T) {
	limit, one := dec(nines), FromInt64(1)
	type call = func() (Dec, bool)
	for _, c := range []struct {
		name string
		got  call
		want string // "" is overflow
	}{
		{"max + 0", func() (Dec, bool) { return Add(limit, Dec{}) }, nines},
		{"max + 1", func() (Dec, bool) { return Add(limit, one) }, ""},
		{"max + max wraps", func() (Dec, bool) { return Add(limit, limit) }, ""},
		{"-max - max wraps", func() (Dec, bool) { return Sub(limit.Neg(), limit) }, ""},
		{"max - max", func() (Dec, bool) { return Sub(limit, limit) }, "0"},
		{"max * -1", func() (Dec, bool) { return Mul(limit, one.Neg()) }, "-" + nines},
		{"max * 2", func() (Dec, bool) { return Mul(limit, FromInt64(2)) }, ""},
		{"max * max", func() (Dec, bool) { return Mul(limit, limit) }, ""},
		{
			"2^63 * 2^63", func() (Dec, bool) { return Mul(FromInt64(math.MinInt64), FromInt64(math.MinInt64)) },
			"85070591730234615865843651857942052864",
		},
		{
			"0.9..9 * 0.9..9", func() (Dec, bool) { return MulScaled(limit, 38, limit, 38, 38) },
			"99999999999999999999999999999999999998",
		},
		{"0.9..9 to scale 0", func() (Dec, bool) { return Rescale(limit, 38, 0) }, "1"},
		{"max to scale 1", func() (Dec, bool) { return Rescale(limit, 0, 1) }, ""},
		{"0.5 to scale 0", func() (Dec, bool) { return Rescale(FromInt64(5), 1, 0) }, "1"},
		{"-0.5 to scale 0", func() (Dec, bool) { return Rescale(FromInt64(-5), 1, 0) }, "-1"},
		{"-0.4 to scale 0", func() (Dec, bool) { return Rescale(FromInt64(-4), 1, 0) }, "0"},
		{"0.45 to scale 0 rounds once", func() (Dec, bool) { return Rescale(FromInt64(45), 2, 0) }, "0"},
		{"max / 10^-38", func() (Dec, bool) { return Quo(limit, 0, one, 38, 38) }, ""},
		{"10^-38 / max", func() (Dec, bool) { return Quo(one, 38, limit, 0, 38) }, "0"},
		{"max / max", func() (Dec, bool) { return Quo(limit, 0, limit, 0, 37) }, "1" + zeros[:37]},
		{"10^37 / max", func() (Dec, bool) { return Quo(Pow10Wide(37), 0, limit, 0, 38) }, "1" + zeros[:37]},
		{"4 / (max * 10^-38) at 38", func() (Dec, bool) { return Quo(FromInt64(4), 0, limit, 38, 38) }, ""},
		{"1 / (max * 10^-38) at 37", func() (Dec, bool) { return Quo(one, 0, limit, 38, 37) }, "1" + zeros[:37]},
		{"max + 0 at one scale", func() (Dec, bool) { return AddScaled(limit, 5, Dec{}, 5, 5) }, nines},
		{"2 / 3", func() (Dec, bool) { return Quo(FromInt64(2), 0, FromInt64(3), 0, 2) }, "67"},
		{"-7 mod 3", func() (Dec, bool) { return Rem(FromInt64(-7), 0, FromInt64(3), 0, 0) }, "-1"},
		{"7 mod -3", func() (Dec, bool) { return Rem(FromInt64(7), 0, FromInt64(-3), 0, 0) }, "1"},
		{"max mod 10^-38 * 7", func() (Dec, bool) { return Rem(limit, 0, FromInt64(7), 38, 38) }, "2"},
	} {
		got, ok := c.got()
		switch {
		case ok != (c.want != ""):
			t.Errorf("%s: ok = %v", c.name, ok)
		case ok && got != dec(c.want):
			t.Errorf("%s = %v, want %s", c.name, bigOf(got), c.want)
		}
	}
	if (Dec{}).Neg() != (Dec{}) || Digits(Dec{}) != 1 {
		t.Error("zero has one form and one digit")
	}
	if limit.Neg() != dec("-"+nines) || !Fits(limit, 38) || Fits(Pow10Wide(38), 38) {
		t.Error("the limit is 10^38-1")
	}
}

// sink keeps the compiler from dropping what is measured.
var sink Dec

func TestArithmeticDoesNotAllocate(t *testing.T) {
	a, b := dec("-12345678901234567890123456789"), dec("98765432109876543210")
	noAllocs(t, "arithmetic", func() {
		sink, _ = AddScaled(a, 3, b, 7, 5)
		sink, _ = SubScaled(a, 3, b, 7, 5)
		sink, _ = MulScaled(a, 20, b, 20, 5)
		sink, _ = Quo(a, 3, b, 7, 20)
		sink, _ = Rem(a, 3, b, 7, 7)
		sink, _ = Rescale(a, 3, 1)
		sink, _ = Add(a, b)
		sink, _ = Mul(a, b)
		sink.Lo += uint64(CmpScaled(a, 3, b, 7) + Digits(a))
		sink = Floor(a, 3)
		sink = Ceil(a, 3)
	})
}

func BenchmarkArithmetic(b *testing.B) {
	small, other := FromInt64(1234567), FromInt64(-89012)
	x, y := dec("-12345678901234567890123456789"), dec("98765432109876543210")
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"Add", func() { sink, _ = Add(x, y) }},
		{"AddScaled", func() { sink, _ = AddScaled(x, 3, y, 7, 7) }},
		{"CmpScaled", func() { sink.Lo = uint64(CmpScaled(x, 3, y.Neg(), 7)) }},
		{"Mul", func() { sink, _ = Mul(small, other) }},
		{"MulScaled/short", func() { sink, _ = MulScaled(small, 2, other, 2, 2) }},
		{"MulScaled/wide", func() { sink, _ = MulScaled(x, 20, y, 18, 18) }},
		{"Quo/short", func() { sink, _ = Quo(small, 2, other, 2, 6) }},
		{"Quo/wide", func() { sink, _ = Quo(x, 10, y, 10, 18) }},
		{"Rem", func() { sink, _ = Rem(x, 3, y, 7, 7) }},
		{"Rescale", func() { sink, _ = Rescale(x, 10, 2) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.f()
			}
		})
	}
}
