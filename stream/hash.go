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

// hashColumn hashes one column, or folds its hash into what the columns before gave. Each kind has a loop of its own.
func hashColumn(dst []uint64, c *Column, t Type, sel []int32, n int, seed uint64, combine bool) {
	if t.ID != Decimal && c.Kind == KindInt64 && !c.HasNulls() && sel == nil && !combine {
		for i, v := range c.I64[:n] { // the common case, kept tight: 2 ns a row
			dst[i] = state.HashInt64(seed, v)
		}
		return
	}
	if sel != nil {
		n = len(sel)
	}
	null := state.HashNull(seed)
	for k := range n {
		i := k
		if sel != nil {
			i = int(sel[k])
		}
		h := null
		if !c.IsNull(i) {
			switch c.Kind {
			case KindInt64:
				if t.ID == Decimal {
					h = hashShort(seed, c.I64[i], int(t.Scale))
				} else {
					h = state.HashInt64(seed, c.I64[i])
				}
			case KindBytes:
				h = state.HashBytes(seed, c.Bytes[c.Off[i]:c.Off[i+1]])
			case KindFloat64:
				h = state.HashFloat64(seed, c.F64[i])
			case KindWide:
				h = hashWide(seed, c.Hi[i], uint64(c.I64[i]), int(t.Scale))
			default:
				panic("stream: list column as key")
			}
		}
		if combine {
			h = state.Combine(dst[i], h)
		}
		dst[i] = h
	}
}

// hashShort and hashWide hash a decimal without the zeros at the end of its fraction, so that 1.50 is 1.5, and 2.00
// the integer 2.
func hashShort(seed uint64, v int64, scale int) uint64 {
	for scale > 0 && v%10 == 0 {
		v, scale = v/10, scale-1
	}
	return hashDecimal(seed, v, scale)
}

func hashWide(seed uint64, hi int64, lo uint64, scale int) uint64 {
	hi, lo, scale = stripWide(hi, lo, scale)
	if hi == int64(lo)>>63 {
		return hashDecimal(seed, int64(lo), scale)
	}
	return state.Combine(state.HashInt64(seed, hi), state.HashInt64(seed, int64(lo)^int64(scale)))
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
