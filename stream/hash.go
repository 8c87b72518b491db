package stream

import (
	"math/bits"

	"flowd/state"
)

// HashRows writes the hash of the key columns of b to dst (len N), for the selected rows only; other entries are
// left as they are. Key columns are positions in b.Cols; none of them is a list. Equal keys hash equally whatever
// integer type or decimal scale their columns have.
func HashRows(dst []uint64, b *Batch, key []int, seed uint64) {
	for k, ci := range key {
		hashColumn(dst, b.Cols[ci], b.Schema.Columns[ci].Type, b.Sel, b.N, seed, k > 0)
	}
	if len(key) == 0 {
		clear(dst)
	}
}

func hashColumn(dst []uint64, c *Column, t Type, sel []int32, n int, seed uint64, combine bool) {
	if t.ID != Decimal && c.Kind == KindInt64 && !c.HasNulls() && sel == nil && !combine {
		for i, v := range c.I64[:n] { // the common case, kept tight: 2 ns a row
			dst[i] = state.HashInt64(seed, v)
		}
		return
	}
	each := func(i int) {
		h := hashValue(c, t, i, seed)
		if combine {
			h = state.Combine(dst[i], h)
		}
		dst[i] = h
	}
	if sel == nil {
		for i := range n {
			each(i)
		}
		return
	}
	for _, i := range sel {
		each(int(i))
	}
}

func hashValue(c *Column, t Type, i int, seed uint64) uint64 {
	if c.IsNull(i) {
		return state.HashNull(seed)
	}
	switch c.Kind {
	case KindFloat64:
		return state.HashFloat64(seed, c.F64[i])
	case KindBytes:
		return state.HashBytes(seed, c.BytesAt(i))
	case KindWide:
		hi, lo, scale := stripWide(c.Hi[i], uint64(c.I64[i]), int(t.Scale))
		if hi == int64(lo)>>63 {
			return hashDecimal(seed, int64(lo), scale)
		}
		return state.Combine(state.HashInt64(seed, hi), state.HashInt64(seed, int64(lo)^int64(scale)))
	case KindInt64:
		if t.ID == Decimal {
			v, scale := c.I64[i], int(t.Scale)
			for scale > 0 && v%10 == 0 {
				v, scale = v/10, scale-1
			}
			return hashDecimal(seed, v, scale)
		}
		return state.HashInt64(seed, c.I64[i])
	}
	panic("stream: list column as key")
}

func hashDecimal(seed uint64, v int64, scale int) uint64 {
	h := state.HashInt64(seed, v)
	if scale == 0 {
		return h
	}
	return state.Combine(h, uint64(scale))
}

// stripWide removes trailing zeros of the fraction of a two-word coefficient.
func stripWide(hi int64, lo uint64, scale int) (int64, uint64, int) {
	for scale > 0 {
		neg := hi < 0
		h, l := uint64(hi), lo
		if neg {
			l = -l
			h = ^h
			if l == 0 {
				h++
			}
		}
		qh, r := bits.Div64(0, h, 10)
		ql, r := bits.Div64(r, l, 10)
		if r != 0 {
			break
		}
		h, l = qh, ql
		if neg {
			l = -l
			h = ^h
			if l == 0 {
				h++
			}
		}
		hi, lo, scale = int64(h), l, scale-1
	}
	return hi, lo, scale
}
