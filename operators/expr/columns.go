package expr

import (
	"math/bits"

	"flowd/stream"
)

// rows is the selection a loop runs over; sel nil means all n.
type rows struct {
	sel []int32
	n   int
}

func selected(sel []int32, n int) rows {
	if sel != nil {
		return rows{sel, len(sel)}
	}
	return rows{nil, n}
}

func (s rows) at(j int) int {
	if s.sel != nil {
		return int(s.sel[j])
	}
	return j
}

func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, n+n/4)
}

// validity makes row i of out NULL where it is NULL in one of the inputs, a word at a time.
func validity(out *stream.Column, n int, in ...*stream.Column) {
	out.Valid = out.Valid[:0]
	words := (n + 63) / 64
	for _, c := range in {
		switch {
		case len(c.Valid) == 0:
		case len(out.Valid) == 0:
			out.Valid = append(out.Valid, c.Valid[:words]...)
		default:
			for w, v := range c.Valid[:words] {
				out.Valid[w] &= v
			}
		}
	}
}

// allValid gives out a bitmap of n ones.
func allValid(out *stream.Column, n int) {
	out.Valid = resize(out.Valid, (n+63)/64)
	for i := range out.Valid {
		out.Valid[i] = ^uint64(0)
	}
}

// textOut writes a KindBytes column row by row: rows that are left out, because they are not selected or NULL, are empty.
type textOut struct {
	c    *stream.Column
	next int // first row whose start is not known yet
	n    int
}

func writeText(c *stream.Column, n int) textOut {
	c.Off = resize(c.Off, n+1)
	c.Bytes = c.Bytes[:0]
	return textOut{c: c, n: n}
}

// row begins row i; what is appended to c.Bytes from now on is its value.
func (w *textOut) row(i int) {
	at := uint32(len(w.c.Bytes))
	for off := w.c.Off; w.next <= i; w.next++ {
		off[w.next] = at
	}
}

func (w *textOut) end() { w.row(w.n) }

// setText writes b as row i.
func (w *textOut) set(i int, b []byte) {
	w.row(i)
	w.c.Bytes = append(w.c.Bytes, b...)
}

// finish makes out what Eval promises: nothing at rows that are NULL or not selected.
func finish(out *stream.Column, n int, sel []int32) {
	if out.Kind == stream.KindBytes || out.Kind == stream.KindList {
		return // written so
	}
	if sel != nil {
		at := int32(0)
		for _, i := range sel {
			zero(out, int(at), int(i))
			at = i + 1
		}
		zero(out, int(at), n)
	}
	for w, v := range out.Valid {
		for nulls := ^v; nulls != 0; nulls &= nulls - 1 {
			i := w*64 + bits.TrailingZeros64(nulls)
			if i >= n {
				break
			}
			zero(out, i, i+1)
		}
	}
}

func zero(c *stream.Column, from, to int) {
	switch c.Kind {
	case stream.KindFloat64:
		clear(c.F64[from:to])
	case stream.KindWide:
		clear(c.Hi[from:to])
		clear(c.I64[from:to])
	default:
		clear(c.I64[from:to])
	}
}

// copyColumn makes out a copy of the selected rows of c.
func copyColumn(out, c *stream.Column, n int, sel []int32) {
	switch c.Kind {
	case stream.KindInt64, stream.KindWide, stream.KindFloat64:
		out.Resize(n)
		if c.Kind == stream.KindFloat64 {
			copy(out.F64, c.F64[:n])
		} else {
			copy(out.I64, c.I64[:n])
		}
		if c.Kind == stream.KindWide {
			copy(out.Hi, c.Hi[:n])
		}
		validity(out, n, c)
	case stream.KindBytes:
		validity(out, n, c)
		if sel == nil && c.Off[0] == 0 {
			out.Off = append(out.Off[:0], c.Off[:n+1]...)
			out.Bytes = append(out.Bytes[:0], c.Bytes[:c.Off[n]]...)
			return
		}
		w := writeText(out, n)
		rs := selected(sel, n)
		for j := range rs.n {
			i := rs.at(j)
			w.set(i, c.BytesAt(i))
		}
		w.end()
	case stream.KindList:
		out.Reset()
		rs := selected(sel, n)
		for j := range rs.n {
			i := rs.at(j)
			for out.Len() < i {
				out.EndList()
			}
			appendRow(out, c, i)
		}
		for out.Len() < n {
			out.EndList()
		}
	}
}

// appendRow appends row i of c to out, a column of the same type.
func appendRow(out, c *stream.Column, i int) {
	if c.IsNull(i) {
		out.AppendNull()
		return
	}
	switch c.Kind {
	case stream.KindInt64:
		out.AppendInt64(c.I64[i])
	case stream.KindWide:
		out.AppendWide(c.Hi[i], uint64(c.I64[i]))
	case stream.KindFloat64:
		out.AppendFloat64(c.F64[i])
	case stream.KindBytes:
		out.AppendBytes(c.BytesAt(i))
	case stream.KindList:
		for j := c.Off[i]; j < c.Off[i+1]; j++ {
			for k, ch := range c.Child {
				appendRow(out.Child[k], ch, int(j))
			}
		}
		out.EndList()
	}
}

// selectTrue appends to dst the rows of sel where the boolean column c is TRUE.
func selectTrue(c *stream.Column, n int, sel, dst []int32) []int32 {
	dst = dst[:cap(dst)]
	k := 0
	switch v := c.I64; {
	case sel == nil && !c.HasNulls():
		for i, b := range v[:n] {
			dst[k] = int32(i)
			k += int(b)
		}
	case !c.HasNulls():
		for _, i := range sel {
			dst[k] = i
			k += int(v[i])
		}
	default:
		rs := selected(sel, n)
		for j := range rs.n {
			i := rs.at(j)
			dst[k] = int32(i)
			k += int(v[i]) & int(c.Valid[i>>6]>>(i&63))
		}
	}
	return dst[:k]
}

// dropNull removes from dst, row numbers, those where c is NULL.
func dropNull(dst []int32, c *stream.Column) []int32 {
	if !c.HasNulls() {
		return dst
	}
	k := 0
	for _, i := range dst {
		dst[k] = i
		k += int(c.Valid[i>>6]>>(i&63)) & 1
	}
	return dst[:k]
}

// without writes to dst the rows of sel (nil: all n) that are not in taken, an ascending part of it.
func without(dst, sel []int32, n int, taken []int32) []int32 {
	dst = resize(dst, n)
	k, t := 0, 0
	rs := selected(sel, n)
	for j := range rs.n {
		i := int32(rs.at(j))
		if t < len(taken) && taken[t] == i {
			t++
			continue
		}
		dst[k] = i
		k++
	}
	return dst[:k]
}
