package dec

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var grammar = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE]([+-]?[0-9]+))?$`)

// parseOracle is for exponents that math/big can bear; usable is false beyond.
func parseOracle(s string, precision, scale int) (d Dec, st Status, usable bool) {
	m := grammar.FindStringSubmatch(s)
	if m == nil {
		return Dec{}, Syntax, true
	}
	if m[4] != "" {
		if e, err := strconv.Atoi(m[4]); err != nil || e > 2000 || e < -2000 {
			return Dec{}, OK, false
		}
	}
	v, ok := new(big.Rat).SetString(s)
	if !ok {
		return Dec{}, OK, false
	}
	d, ok = coefficient(v, precision, scale)
	if !ok {
		return Dec{}, Overflow, true
	}
	return d, OK, true
}

func TestParse(t *testing.T) {
	long := strings.Repeat("0", 1000)
	for _, c := range []struct {
		in               string
		precision, scale int
		want             string
		st               Status
	}{
		{"0", 38, 0, "0", OK},
		{"-0", 38, 0, "0", OK},
		{"+0.00", 38, 2, "0", OK},
		{"1.005", 10, 2, "101", OK},
		{"-1.005", 10, 2, "-101", OK},
		{"1.0049999", 10, 2, "100", OK},
		{"0.005", 10, 2, "1", OK},
		{"0.0049999", 10, 2, "0", OK},
		{".5", 10, 1, "5", OK},
		{"5.", 10, 1, "50", OK},
		{".5", 10, 0, "1", OK},
		{"12e2", 10, 0, "1200", OK},
		{"12E-1", 10, 1, "12", OK},
		{"12e+0", 10, 1, "120", OK},
		{"99.99", 4, 2, "9999", OK},
		{"99.994", 4, 2, "9999", OK},
		{"99.995", 4, 2, "", Overflow},
		{"100", 4, 2, "", Overflow},
		{nines, 38, 0, nines, OK},
		{"-" + nines, 38, 0, "-" + nines, OK},
		{nines + ".4", 38, 0, nines, OK},
		{nines + ".5", 38, 0, "", Overflow},
		{"1" + zeros, 38, 0, "", Overflow},
		{"0." + nines, 38, 38, nines, OK},
		{"." + nines + "5", 38, 38, "", Overflow},
		{long + "1" + long + "e-1000", 38, 0, "1", OK},
		{"0." + long + "1e1001", 38, 0, "1", OK},
		{"1e999999999", 38, 0, "", Overflow},
		{"1e-999999999", 38, 38, "0", OK},
		{"0e999999999999999999999999999999", 38, 0, "0", OK},
		{"1e99999999999999999999999999999999999999", 38, 0, "", Overflow},
		{"-1e-99999999999999999999999999999999999999", 38, 0, "0", OK},
		{"1e37", 38, 0, "1" + zeros[:37], OK},
		{"1e38", 38, 0, "", Overflow},
		{"5e-1", 38, 0, "1", OK},
		{"5e-2", 38, 0, "0", OK},
		{"", 38, 0, "", Syntax},
		{"+", 38, 0, "", Syntax},
		{".", 38, 0, "", Syntax},
		{"-.", 38, 0, "", Syntax},
		{"e5", 38, 0, "", Syntax},
		{".e5", 38, 0, "", Syntax},
		{"1e", 38, 0, "", Syntax},
		{"1e+", 38, 0, "", Syntax},
		{"1e5.", 38, 0, "", Syntax},
		{"1.2.3", 38, 0, "", Syntax},
		{"--1", 38, 0, "", Syntax},
		{" 1", 38, 0, "", Syntax},
		{"1 ", 38, 0, "", Syntax},
		{"1_000", 38, 0, "", Syntax},
		{"0x1", 38, 0, "", Syntax},
		{"NaN", 38, 0, "", Syntax},
		{"١", 38, 0, "", Syntax},
		{"1e99999999x", 38, 0, "", Syntax},
	} {
		got, st := Parse([]byte(c.in), c.precision, c.scale)
		var want Dec
		if c.st == OK {
			want = dec(c.want)
		}
		if got != want || st != c.st {
			t.Errorf("Parse(%.50q, %d, %d) = %v, %v, want %v, %v", c.in, c.precision, c.scale, bigOf(got), st, bigOf(want), c.st)
		}
	}
}

// However long an exponent is, it must not wrap around to a harmless one.
func TestParseExponentDoesNotWrap(t *testing.T) {
	for length := 3; length < 45; length++ {
		for first := '1'; first <= '9'; first++ {
			e := string(first) + strings.Repeat("0", length-1)
			if d, st := Parse([]byte("1e"+e), 38, 2); st != Overflow || !d.IsZero() {
				t.Errorf("1e%s = %v, %v", e, bigOf(d), st)
			}
			if d, st := Parse([]byte("1e-"+e), 38, 2); st != OK || !d.IsZero() {
				t.Errorf("1e-%s = %v, %v", e, bigOf(d), st)
			}
		}
	}
}

func TestParse64Edges(t *testing.T) {
	for _, c := range []struct {
		in    string
		scale int
		want  int64
		st    Status
	}{
		{"18446744073709551617", 0, 0, Overflow}, // 2^64 + 1
		{"+184467440737095516170", 0, 0, Overflow},
		{"1844674407370955161.7", 0, 0, Overflow},
		{"999999999999999999", 0, 999999999999999999, OK},
		{"-999999999999999999", 0, -999999999999999999, OK},
		{"1000000000000000000", 0, 0, Overflow},
		{"9999999999999999999", 0, 0, Overflow},
		{"0000000000000000000000007", 0, 7, OK},
		{".000000000000000001", 18, 1, OK},
		{"1", 18, 0, Overflow},
		{"-.5", 0, -1, OK},
		{"1e-1", 1, 1, OK},
		{"", 0, 0, Syntax},
		{"-", 0, 0, Syntax},
		{".", 0, 0, Syntax},
		{"1.2.3", 5, 0, Syntax},
	} {
		if got, st := Parse64([]byte(c.in), ShortPrecision, c.scale); got != c.want || st != c.st {
			t.Errorf("Parse64(%q, 18, %d) = %d, %v, want %d, %v", c.in, c.scale, got, st, c.want, c.st)
		}
	}
}

func TestStatusString(t *testing.T) {
	for s, want := range map[Status]string{OK: "ok", Syntax: "syntax", Overflow: "overflow", 9: "unknown"} {
		if got := s.String(); got != want {
			t.Errorf("%d: %q, want %q", s, got, want)
		}
	}
}

// numbers draws mostly numbers, long and short.
var numbers = rapid.OneOf(
	rapid.StringMatching(`[+-]?[0-9]{0,45}(\.[0-9]{0,45})?([eE][+-]?[0-9]{1,3})?`),
	rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{0,6})?`),
	rapid.StringMatching(`-?0{0,50}[1-9]0{0,40}(\.0{0,40}[0-9]?)?`),
	rapid.StringMatching(`[0-9eE+\-. ]{0,12}`),
)

func TestParseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkParse(t, numbers.Draw(t, "s"),
			rapid.IntRange(1, 38).Draw(t, "precision"), rapid.IntRange(0, 38).Draw(t, "scale"))
	})
}

// fataler is what rapid.T and testing.T share.
type fataler interface {
	Fatalf(format string, args ...any)
}

func checkParse(t fataler, s string, precision, scale int) {
	got, st := Parse([]byte(s), precision, scale)
	want, wantSt, usable := parseOracle(s, precision, scale)
	if usable && (got != want || st != wantSt) {
		t.Fatalf("Parse(%q, %d, %d) = %v %v, want %v %v", s, precision, scale, bigOf(got), st, bigOf(want), wantSt)
	}
	if st != OK && !got.IsZero() || !Fits(got, precision) {
		t.Fatalf("Parse(%q, %d, %d) = %v %v", s, precision, scale, bigOf(got), st)
	}
	if precision <= ShortPrecision && scale <= ShortPrecision {
		v, st64 := Parse64([]byte(s), precision, scale)
		if FromInt64(v) != got || st64 != st {
			t.Fatalf("Parse64(%q, %d, %d) = %v %v, Parse %v %v", s, precision, scale, v, st64, bigOf(got), st)
		}
	}
	if st == OK {
		back, st := Parse(Append(nil, got, scale), precision, scale)
		if back != got || st != OK {
			t.Fatalf("%v at scale %d does not survive Append and Parse: %v %v", bigOf(got), scale, bigOf(back), st)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.005", ".5", "5.", "1e999999999", nines + ".5", "e", "0.00000000000000000001e20"} {
		f.Add([]byte(s), uint8(38), uint8(2))
	}
	f.Fuzz(func(t *testing.T, b []byte, precision, scale uint8) {
		checkParse(t, string(b), int(precision%38)+1, int(scale%39))
	})
}

func TestParseHugeIsLinear(t *testing.T) {
	start := time.Now()
	for _, s := range []string{
		"1e999999999999999999", "1e-999999999999999999",
		strings.Repeat("9", 1e6), "0." + strings.Repeat("0", 1e6) + "1", "1e" + strings.Repeat("9", 1e6),
	} {
		Parse([]byte(s), 38, 10)
	}
	if d := time.Since(start); d > 5*time.Second { // it takes milliseconds; quadratic would take minutes
		t.Errorf("took %v", d)
	}
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		d     Dec
		scale int
		want  string
	}{
		{Dec{}, 0, "0"},
		{Dec{}, 3, "0.000"},
		{Dec{}, 38, "0." + zeros},
		{FromInt64(-50), 3, "-0.050"},
		{FromInt64(-1), 38, "-0." + zeros[:37] + "1"},
		{FromInt64(5), 1, "0.5"},
		{FromInt64(10), 1, "1.0"},
		{FromInt64(math.MinInt64), 0, "-9223372036854775808"},
		{dec(nines), 0, nines},
		{dec("-" + nines), 38, "-0." + nines},
		{dec("10000000000000000000"), 0, "10000000000000000000"},
		{dec("10000000000000000001"), 19, "1.0000000000000000001"},
	} {
		if got := string(Append([]byte("x"), c.d, c.scale)); got != "x"+c.want {
			t.Errorf("Append(%v, %d) = %s, want x%s", bigOf(c.d), c.scale, got, c.want)
		}
		if v, ok := c.d.Int64(); ok {
			if got := string(Append64([]byte("x"), v, c.scale)); got != "x"+c.want {
				t.Errorf("Append64(%v, %d) = %s, want x%s", v, c.scale, got, c.want)
			}
		}
	}
}

func TestAppendProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, s := anyDec.Draw(t, "d"), anyScale.Draw(t, "s")
		got, want := string(Append(nil, d, s)), rat(d, s).FloatString(s)
		if got != want {
			t.Fatalf("Append = %s, want %s", got, want)
		}
		if v, ok := d.Int64(); ok {
			if got := string(Append64(nil, v, s)); got != want {
				t.Fatalf("Append64 = %s, want %s", got, want)
			}
		}
	})
}

func TestFloat64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, s := anyDec.Draw(t, "d"), anyScale.Draw(t, "s")
		want, _ := rat(d, s).Float64() // nearest, ties to even
		if got := d.Float64(s); got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("Float64 = %v, want %v", got, want)
		}
	})
}

// Values in the middle between two floats, and next to it, are too rare to be drawn.
func TestFloat64Ties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := new(big.Int).SetUint64(rapid.Uint64Range(1<<53, 1<<54-1).Draw(t, "m") | 1)
		k := rapid.IntRange(0, 20).Draw(t, "k")
		// m/2^k = m*5^k / 10^k
		m.Mul(m, new(big.Int).Exp(big.NewInt(5), big.NewInt(int64(k)), nil))
		extra := rapid.IntRange(0, 38-len(m.String())).Draw(t, "extra")
		if m.Mul(m, ten(extra)); k+extra > 38 {
			t.Skip()
		}
		d := ofBig(m.Add(m, big.NewInt(rapid.Int64Range(-1, 1).Draw(t, "off"))))
		want, _ := rat(d, k+extra).Float64()
		if got := d.Float64(k + extra); got != want {
			t.Fatalf("Float64(%v, %d) = %v, want %v", m, k+extra, got, want)
		}
	})
}

func TestFromFloat64(t *testing.T) {
	for _, c := range []struct {
		f     float64
		scale int
		want  string
		ok    bool
	}{
		{0, 2, "0", true},
		{math.Copysign(0, -1), 2, "0", true},
		{1.005, 2, "101", true}, // 1.00499999999999989… in binary
		{-2.5, 0, "-3", true},
		{0.1, 38, "1" + zeros[:37], true},
		{1e37, 0, "1" + zeros[:37], true},
		{1e38, 0, "0", false},
		{math.MaxFloat64, 0, "0", false},
		{math.SmallestNonzeroFloat64, 38, "0", true},
		{math.NaN(), 0, "0", false},
		{math.Inf(-1), 0, "0", false},
	} {
		if got, ok := FromFloat64(c.f, c.scale); got != dec(c.want) || ok != c.ok {
			t.Errorf("FromFloat64(%v, %d) = %v, %v, want %s, %v", c.f, c.scale, bigOf(got), ok, c.want, c.ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1e6, 1e6)).Draw(t, "f")
		s := anyScale.Draw(t, "s")
		v, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
		got, ok := FromFloat64(f, s)
		want, wantOK := coefficient(v, 38, s)
		result(t, "FromFloat64", got, ok, want, wantOK)
	})
}

func TestMul64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		if got := Mul64(a, b); got != ofBig(product) {
			t.Fatalf("Mul64 = %v, want %v", bigOf(got), product)
		}
	})
}

func TestTextDoesNotAllocate(t *testing.T) {
	long, short := []byte("-1234567890123456789012345.678901234567"), []byte("-12345.67")
	d := dec("-12345678901234567890123456789")
	buf := make([]byte, 0, 64)
	var f float64
	var v int64
	noAllocs(t, "text", func() {
		sink, _ = Parse(long, 38, 10)
		v, _ = Parse64(short, 18, 2)
		v, _ = Parse64(long, 18, 2)
		buf = Append(buf[:0], d, 7)
		buf = Append64(buf[:0], -1234567, 2)
		f += d.Float64(7)
		sink, _ = FromFloat64(-1234.5678e10, 7)
	})
	_ = v
}

func BenchmarkText(b *testing.B) {
	long, short := []byte("-1234567890123456789012345.678901234567"), []byte("-12345.67")
	d := dec("-12345678901234567890123456789")
	buf := make([]byte, 0, 64)
	var f float64
	var v int64
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"Parse/long", func() { sink, _ = Parse(long, 38, 10) }},
		{"Parse/short", func() { sink, _ = Parse(short, 38, 2) }},
		{"Parse64", func() { v, _ = Parse64(short, 18, 2) }},
		{"Append", func() { buf = Append(buf[:0], d, 7) }},
		{"Append64", func() { buf = Append64(buf[:0], -1234567, 2) }},
		{"Float64/short", func() { f = sink.Float64(2) }},
		{"Float64/wide", func() { f = d.Float64(7) }},
		{"FromFloat64", func() { sink, _ = FromFloat64(-12345.67, 2) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.f()
			}
		})
	}
	_, _ = f, v
}
