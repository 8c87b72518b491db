package formattest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

// RandomFields makes a schema of up to n fields of all types, nested rows and lists included. Maps have string keys.
func RandomFields(r *rand.Rand, n, depth int) []stream.Field {
	var out []stream.Field
	for i := range 1 + r.IntN(n) {
		name := fmt.Sprintf("%s%d", []string{"a", "field_", "a rather long name ", "Ünï", `q"\`}[r.IntN(5)], i)
		out = append(out, stream.Field{Name: name, Type: RandomType(r, depth)})
	}
	return out
}

// RandomType makes a type, nested at most depth deep.
func RandomType(r *rand.Rand, depth int) stream.Type {
	ids := []stream.TypeID{
		stream.Boolean, stream.TinyInt, stream.SmallInt, stream.Int, stream.BigInt, stream.Float, stream.Double, stream.Decimal,
		stream.String, stream.Bytes, stream.Date, stream.Time, stream.Timestamp, stream.TimestampLTZ, stream.Array, stream.Map, stream.Row,
	}
	if depth == 0 {
		ids = ids[:14]
	}
	t := stream.Type{ID: ids[r.IntN(len(ids))], NotNull: r.IntN(2) == 0}
	switch t.ID {
	case stream.Decimal:
		t.Precision = uint8(1 + r.IntN(38))
		t.Scale = uint8(r.IntN(int(t.Precision) + 1))
	case stream.Time:
		t.Precision = uint8(r.IntN(4))
	case stream.Timestamp, stream.TimestampLTZ:
		t.Precision = uint8(r.IntN(7))
	case stream.Array, stream.Map:
		elem := RandomType(r, depth-1)
		t.Elem = &elem
		if t.ID == stream.Map {
			t.Key = &stream.Type{ID: stream.String, NotNull: true}
		}
	case stream.Row:
		t.Fields = RandomFields(r, 3, depth-1)
	}
	return t
}

// RandomBatch makes a batch of n rows, with NULLs where the types and nulls allow them.
func RandomBatch(r *rand.Rand, s *stream.Schema, n int, nulls bool) *stream.Batch {
	b := stream.NewPool(s, n, 1).TryGet()
	for i, c := range s.Columns {
		for range n {
			appendRandom(r, b.Cols[i], c.Type, nulls)
		}
	}
	b.N = n
	return b
}

func appendRandom(r *rand.Rand, c *stream.Column, t stream.Type, nulls bool) {
	if nulls && !t.NotNull && r.IntN(4) == 0 {
		c.AppendNull()
		return
	}
	switch t.ID {
	case stream.Float:
		c.AppendFloat64(float64(float32(randomFloat(r, 3e38))))
	case stream.Double:
		c.AppendFloat64(randomFloat(r, 1e300))
	case stream.String:
		c.AppendString(RandomText(r))
	case stream.Bytes:
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		c.AppendBytes(b)
	case stream.Decimal:
		d := randomDecimal(r, int(t.Precision))
		if c.Kind == stream.KindWide {
			c.AppendWide(d.Hi, d.Lo)
			return
		}
		v, _ := d.Int64()
		c.AppendInt64(v)
	case stream.Array, stream.Map:
		n := r.IntN(5)
		for i := range n {
			values := c.Child
			if t.ID == stream.Map { // keys differ
				c.Child[0].AppendString(fmt.Sprint(i, RandomText(r)))
				values = values[1:]
			}
			appendRandomElem(r, values, *t.Elem, nulls)
		}
		c.EndList()
	default:
		c.AppendInt64(randomInt(r, t))
	}
}

// appendRandomElem appends one element to the columns of a list. A row that is NULL is one whose fields are.
func appendRandomElem(r *rand.Rand, cols []*stream.Column, t stream.Type, nulls bool) {
	if t.ID != stream.Row {
		appendRandom(r, cols[0], t, nulls)
		return
	}
	if nulls && !t.NotNull && r.IntN(4) == 0 {
		for _, c := range cols {
			c.AppendNull()
		}
		return
	}
	for i, f := range stream.Flatten(t.Fields).Columns {
		appendRandom(r, cols[i], f.Type, nulls)
	}
}

func randomInt(r *rand.Rand, t stream.Type) int64 {
	limit := func(size int) int64 {
		if r.IntN(10) == 0 {
			return []int64{-1 << (size - 1), 1<<(size-1) - 1, 0, -1}[r.IntN(4)]
		}
		return int64(r.Uint64()) >> (64 - size) >> r.IntN(size)
	}
	switch t.ID {
	case stream.Boolean:
		return int64(r.IntN(2))
	case stream.TinyInt:
		return limit(8)
	case stream.SmallInt:
		return limit(16)
	case stream.Int:
		return limit(32)
	case stream.Date:
		return r.Int64N(3_652_059) - 719_162
	case stream.Time:
		return civil.TruncPrecision(r.Int64N(civil.MicrosPerDay), int(t.Precision)) / 1000
	case stream.Timestamp, stream.TimestampLTZ:
		us := 1_767_225_600_000_000 + r.Int64N(2*civil.MicrosPerDay)
		if r.IntN(4) == 0 {
			us = (r.Int64N(3_652_059)-719_162)*civil.MicrosPerDay + r.Int64N(civil.MicrosPerDay)
		}
		return civil.TruncPrecision(us, int(t.Precision))
	}
	return limit(64)
}

func randomFloat(r *rand.Rand, limit float64) float64 {
	switch r.IntN(8) {
	case 0:
		return []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e7, 1e-3, 9999999, 123456.75, math.Inf(1), math.Inf(-1), math.NaN()}[r.IntN(12)]
	case 1:
		return math.Exp((r.Float64() - 0.5) * 2 * math.Log(limit))
	case 2:
		return float64(r.IntN(100000)) / 100
	}
	return r.NormFloat64() * 1000
}

func randomDecimal(r *rand.Rand, precision int) dec.Dec {
	var text []byte
	if r.IntN(2) == 0 {
		text = append(text, '-')
	}
	for range 1 + r.IntN(precision) {
		text = append(text, byte('0'+r.IntN(10)))
	}
	d, st := dec.Parse(text, precision, 0)
	if st != dec.OK {
		panic(st.String() + " " + string(text))
	}
	return d
}

// RandomText makes text in UTF-8 of up to some tens of bytes, mostly plain.
func RandomText(r *rand.Rand) string {
	out := make([]rune, r.IntN([]int{4, 12, 40}[r.IntN(3)]))
	odd := r.IntN(4) == 0
	for i := range out {
		out[i] = rune(' ' + r.IntN(95))
		if odd && r.IntN(4) == 0 {
			out[i] = []rune{'"', '\\', '\n', '\t', 0, 0x1F, 0x7F, 'é', '日', '😀', 0x2028, 0xFFFD, '/', '<'}[r.IntN(14)]
		}
	}
	return string(out)
}

// Equal compares row i of a with row j of b: NaN equals itself, 0 and −0 differ.
func Equal(a *stream.Column, i int, b *stream.Column, j int) bool {
	if a.IsNull(i) || b.IsNull(j) {
		return a.IsNull(i) == b.IsNull(j)
	}
	switch a.Kind {
	case stream.KindInt64:
		return a.I64[i] == b.I64[j]
	case stream.KindFloat64:
		x, y := a.F64[i], b.F64[j]
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	case stream.KindWide:
		return a.I64[i] == b.I64[j] && a.Hi[i] == b.Hi[j]
	case stream.KindBytes:
		return string(a.BytesAt(i)) == string(b.BytesAt(j))
	}
	n := a.Off[i+1] - a.Off[i]
	if b.Off[j+1]-b.Off[j] != n {
		return false
	}
	for k := range int(n) {
		for c := range a.Child {
			if !Equal(a.Child[c], int(a.Off[i])+k, b.Child[c], int(b.Off[j])+k) {
				return false
			}
		}
	}
	return true
}
