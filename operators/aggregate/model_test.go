package aggregate

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"flowd/internal/dec"
	"flowd/state"
	"flowd/state/hashmap"
	"flowd/stream"
)

var modelTypes = []stream.Type{
	{ID: stream.TinyInt},
	{ID: stream.SmallInt},
	{ID: stream.Int},
	{ID: stream.BigInt},
	{ID: stream.BigInt, NotNull: true},
	{ID: stream.Decimal, Precision: 18, Scale: 4},
	{ID: stream.Decimal, Precision: 38, Scale: 0},
	{ID: stream.Decimal, Precision: 30, Scale: 10},
	{ID: stream.Double},
	{ID: stream.Float},
	{ID: stream.String},
	{ID: stream.Boolean},
	{ID: stream.Date},
	{ID: stream.TimestampLTZ, Precision: 6},
}

// value is a row's value in the model: numbers without scale as big.Int, floats, or text; nil is NULL.
type value any

func drawValue(t *rapid.T, typ stream.Type) value {
	if !typ.NotNull && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return nil
	}
	switch typ.Kind() {
	case stream.KindFloat64:
		// Sums of such floats are exact in any order.
		return float64(rapid.IntRange(-1000, 1000).Draw(t, "f")) / 8
	case stream.KindBytes:
		return rapid.SampledFrom([]string{"", "a", "b", "ab", "ä", "\xff", "zz", "long long long text"}).Draw(t, "s")
	}
	limit := new(big.Int)
	switch typ.ID {
	case stream.TinyInt:
		limit.SetInt64(math.MaxInt8)
	case stream.SmallInt:
		limit.SetInt64(math.MaxInt16)
	case stream.Int:
		limit.SetInt64(math.MaxInt32)
	case stream.Boolean:
		return big.NewInt(int64(rapid.IntRange(0, 1).Draw(t, "b")))
	case stream.Decimal:
		limit.Exp(big.NewInt(10), big.NewInt(int64(typ.Precision)), nil).Sub(limit, big.NewInt(1))
	default:
		limit.SetInt64(math.MaxInt64)
	}
	v := new(big.Int)
	switch rapid.IntRange(0, 3).Draw(t, "size") {
	case 0:
		v.Set(limit)
	case 1:
		v.Neg(limit)
		if typ.ID != stream.Decimal {
			v.Sub(v, big.NewInt(1))
		}
	case 2:
		v.SetInt64(int64(rapid.IntRange(-3, 3).Draw(t, "small")))
	default:
		v.Mod(big.NewInt(rapid.Int64().Draw(t, "v")), limit)
	}
	return v
}

func appendValue(c *stream.Column, v value) {
	switch v := v.(type) {
	case nil:
		c.AppendNull()
	case float64:
		c.AppendFloat64(v)
	case string:
		c.AppendString(v)
	case *big.Int:
		lo := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		if c.Kind == stream.KindWide {
			c.AppendWide(new(big.Int).Rsh(v, 64).Int64(), lo)
		} else {
			c.AppendInt64(int64(lo))
		}
	}
}

func readValue(c *stream.Column, i int) value {
	if c.IsNull(i) {
		return nil
	}
	switch c.Kind {
	case stream.KindFloat64:
		return c.F64[i]
	case stream.KindBytes:
		return string(c.BytesAt(i))
	case stream.KindWide:
		v := new(big.Int).Lsh(big.NewInt(c.Hi[i]), 64)
		return v.Add(v, new(big.Int).SetUint64(uint64(c.I64[i])))
	}
	return big.NewInt(c.I64[i])
}

// model computes the call over values; failed means an overflow.
func model(s Spec, star bool, values []value) (result value, failed bool) {
	var seen []value
	for _, v := range values {
		if v != nil || star {
			seen = append(seen, v)
		}
	}
	if s.Func == Count {
		return big.NewInt(int64(len(seen))), false
	}
	if len(seen) == 0 {
		return nil, false
	}
	if s.Func == Min || s.Func == Max {
		best := seen[0]
		for _, v := range seen[1:] {
			if c := order(v, best); s.Func == Min && c < 0 || s.Func == Max && c > 0 {
				best = v
			}
		}
		return best, false
	}
	if _, ok := seen[0].(float64); ok {
		sum := 0.0
		for _, v := range seen {
			sum += v.(float64)
		}
		if s.Func == Avg {
			sum /= float64(len(seen))
		}
		if s.Type.ID == stream.Float {
			sum = float64(float32(sum))
		}
		return sum, false
	}
	sum := new(big.Int)
	for _, v := range seen {
		sum.Add(sum, v.(*big.Int))
	}
	n := big.NewInt(int64(len(seen)))
	if s.Type.ID != stream.Decimal {
		if s.Func == Avg {
			return sum.Quo(sum, n), false
		}
		limit := big.NewInt(maxOf(s.Type))
		return sum, sum.Cmp(limit) > 0 || sum.Cmp(new(big.Int).Not(limit)) < 0
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)
	if sum.CmpAbs(limit) >= 0 {
		return nil, true
	}
	if s.Func == Avg {
		up := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s.Type.Scale-s.Arg.Scale)), nil)
		// Half away from zero: (2·|sum|·up + n) ÷ 2n.
		neg := sum.Sign() < 0
		sum.Abs(sum).Mul(sum, up).Mul(sum, big.NewInt(2)).Add(sum, n)
		sum.Quo(sum, n.Mul(n, big.NewInt(2)))
		if neg {
			sum.Neg(sum)
		}
	}
	return sum, sum.CmpAbs(limit) >= 0
}

func order(a, b value) int {
	switch a := a.(type) {
	case float64:
		return int(ordered(a)>>1 - ordered(b.(float64))>>1)
	case string:
		return bytes.Compare([]byte(a), []byte(b.(string)))
	}
	return a.(*big.Int).Cmp(b.(*big.Int))
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(modelTypes).Draw(t, "type")
		f := rapid.SampledFrom([]string{"COUNT", "SUM", "AVG", "MIN", "MAX"}).Draw(t, "func")
		star := f == "COUNT" && rapid.Bool().Draw(t, "star")
		s, err := Resolve(Call{Func: f, Star: star, Arg: typ, Grouped: true})
		if err != nil {
			if (f == "SUM" || f == "AVG") && !typ.IsNumeric() {
				return
			}
			t.Fatal(err)
		}
		if s.Type.NotNull != (f == "COUNT" || typ.NotNull) {
			t.Fatalf("%s(%s) is %s", f, typ, s.Type)
		}
		// The lanes stand behind others, as in a table with several aggregates.
		const groups, before = 3, 2
		layout := state.Layout{Keys: []state.KeyType{{Kind: state.Int64}}, Init: append([]int64{5}, s.Init()...)}
		for _, r := range s.Refs() {
			layout.Refs = append(layout.Refs, r+1)
		}
		key := []state.Column{{Kind: state.Int64, I64: []int64{0, 1, 2}}}
		open := func() *hashmap.Table {
			tab := hashmap.New(layout)
			tab.Upsert([]uint64{1, 2, 3}, key, nil, nil)
			return tab
		}
		whole := open()
		var values [groups][]value
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			part := open()
			for range rapid.IntRange(0, 3).Draw(t, "batches") {
				c := stream.NewColumn(typ, 8)
				var rows []uint32
				var sel []int32
				picked := rapid.Bool().Draw(t, "selected")
				for i := range rapid.IntRange(0, 6).Draw(t, "rows") {
					v := drawValue(t, typ)
					appendValue(c, v)
					if picked && rapid.Bool().Draw(t, "skip") {
						continue
					}
					sel = append(sel, int32(i))
					g := rapid.IntRange(0, groups-1).Draw(t, "group")
					rows = append(rows, uint32(g))
					values[g] = append(values[g], v)
				}
				if !picked {
					sel = nil
				}
				s.Update(part.Lanes(), before, rows, c, sel)
			}
			s.Merge(whole.Lanes(), before, []uint32{0, 1, 2}, part.Lanes(), 0)
		}
		out := stream.NewColumn(s.Type, groups)
		out.AppendNull()
		var errs stream.RowErrors
		s.Emit(whole.Lanes(), before, []uint32{0, 1, 2}, out, &errs)
		failures := 0
		for g := range groups {
			want, failed := model(s, star, values[g])
			if failed {
				if failures >= errs.Len() || errs.List[failures].Row != int32(g+1) || !out.IsNull(g+1) {
					t.Fatalf("%s(%s) of %v: no error", f, typ, values[g])
				}
				failures++
				continue
			}
			if got := readValue(out, g+1); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s(%s) of %v: %v, want %v", f, typ, values[g], got, want)
			}
			if lane := whole.Lanes().Row(uint32(g))[1]; lane != 5 {
				t.Fatalf("the lane before is %d", lane)
			}
		}
		if failures != errs.Len() {
			t.Fatalf("errors %v", errs.List)
		}
	})
}

// TestFloatOrder holds MIN and MAX to one answer whatever the order of rows, where comparison of floats has none.
func TestFloatOrder(t *testing.T) {
	nan, inf, zero := math.NaN(), math.Inf(1), math.Copysign(0, -1)
	up := []float64{-inf, -1.5, zero, 0, 1e-300, 2, inf, nan}
	for i, v := range up {
		if back := unordered(ordered(v)); math.Float64bits(back) != math.Float64bits(v) && v == v {
			t.Errorf("%v becomes %v", v, back)
		}
		if i > 0 && ordered(up[i-1]) >= ordered(v) {
			t.Errorf("%v is not before %v", up[i-1], v)
		}
	}
	if v := unordered(ordered(nan)); v == v {
		t.Errorf("NaN becomes %v", v)
	}
	for _, f := range []string{"MIN", "MAX"} {
		s, err := Resolve(Call{Func: f, Arg: stream.Type{ID: stream.Double}})
		if err != nil {
			t.Fatal(err)
		}
		for _, sel := range [][]int32{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
			c := stream.NewColumn(s.Arg, 3)
			for _, v := range []float64{1, nan, 2} {
				c.AppendFloat64(v)
			}
			out, _ := compute(s, c, sel, true)
			if got := out.F64[0]; f == "MIN" && got != 1 || f == "MAX" && got == got {
				t.Errorf("%s of 1, NaN, 2 is %v", f, got)
			}
		}
	}
}

func TestResolveErrors(t *testing.T) {
	for want, c := range map[string]Call{
		"there is no aggregate function MEDIAN; there are COUNT, SUM, AVG, MIN and MAX":    {Func: "median"},
		"only COUNT takes *; SUM needs an expression":                                      {Func: "SUM", Star: true},
		"SUM needs a number, not timestamp(3)":                                             {Func: "sum", Arg: stream.Type{ID: stream.Timestamp, Precision: 3, NotNull: true}},
		"COUNT(DISTINCT …) is not in this version":                                         {Func: "COUNT", Distinct: true, Arg: stream.Type{ID: stream.Int}},
		"MIN does not work on bytes; it takes numbers, strings, booleans, dates and times": {Func: "MIN", Arg: stream.Type{ID: stream.Bytes}},
		"MAX does not work on array<int>; it takes numbers, strings, booleans, dates and times": {
			Func: "MAX", Arg: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Int}},
		},
	} {
		if _, err := Resolve(c); err == nil || err.Error() != want {
			t.Errorf("%v: %v, want %s", c, err, want)
		}
	}
	// DISTINCT changes nothing for MIN and MAX, as in Flink.
	if _, err := Resolve(Call{Func: "MAX", Distinct: true, Arg: stream.Type{ID: stream.Int}}); err != nil {
		t.Error(err)
	}
}

// TestAllocs: kernels allocate nothing once text has a place.
func TestAllocs(t *testing.T) {
	const n = 1000
	for _, typ := range modelTypes {
		for _, f := range []string{"COUNT", "SUM", "AVG", "MIN", "MAX"} {
			s, err := Resolve(Call{Func: f, Arg: typ})
			if err != nil {
				continue
			}
			c := stream.NewColumn(typ, n)
			for i := range n {
				switch c.Kind {
				case stream.KindFloat64:
					c.AppendFloat64(float64(i))
				case stream.KindBytes:
					c.AppendString(fmt.Sprint(i % 10))
				case stream.KindWide:
					d := dec.FromInt64(int64(i))
					c.AppendWide(d.Hi, d.Lo)
				default:
					c.AppendInt64(int64(i & 1))
				}
			}
			tab := hashmap.New(state.Layout{Init: s.Init(), Refs: s.Refs()})
			tab.Upsert(make([]uint64, 1), nil, nil, nil)
			rows := make([]uint32, n)
			out := stream.NewColumn(s.Type, n)
			var errs stream.RowErrors
			s.Emit(tab.Lanes(), 0, rows, out, &errs)
			if a := testing.AllocsPerRun(5, func() {
				s.Update(tab.Lanes(), 0, rows, c, nil)
				out.Reset()
				s.Emit(tab.Lanes(), 0, rows[:1], out, &errs)
			}); a != 0 && errs.Len() == 0 {
				t.Errorf("%s(%s): %v allocations", f, typ, a)
			}
		}
	}
}
