package window

import (
	"bytes"
	"cmp"

	"flowd/stream"
)

func compare[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }

// compareValues orders two rows of a column: NULL first, then by value, NaN last. Text is compared byte by byte.
func compareValues(c *stream.Column, a, b int) int {
	if c.HasNulls() {
		switch na, nb := c.IsNull(a), c.IsNull(b); {
		case na && nb:
			return 0
		case na:
			return -1
		case nb:
			return 1
		}
	}
	switch c.Kind {
	case stream.KindFloat64:
		x, y := c.F64[a], c.F64[b]
		if x != x || y != y {
			return -compare(x, y) // which has NaN first
		}
		return compare(x, y)
	case stream.KindWide:
		if d := compare(c.Hi[a], c.Hi[b]); d != 0 {
			return d
		}
		return compare(uint64(c.I64[a]), uint64(c.I64[b]))
	case stream.KindBytes:
		return bytes.Compare(c.BytesAt(a), c.BytesAt(b))
	}
	return compare(c.I64[a], c.I64[b])
}

// appendRows appends the given rows of src to dst.
func appendRows(dst, src *stream.Column, rows []int32) {
	n := dst.Len()
	switch src.Kind {
	case stream.KindInt64:
		for _, i := range rows {
			dst.I64 = append(dst.I64, src.I64[i])
		}
	case stream.KindFloat64:
		for _, i := range rows {
			dst.F64 = append(dst.F64, src.F64[i])
		}
	case stream.KindWide:
		for _, i := range rows {
			dst.I64, dst.Hi = append(dst.I64, src.I64[i]), append(dst.Hi, src.Hi[i])
		}
	case stream.KindBytes:
		for _, i := range rows {
			dst.Bytes = append(dst.Bytes, src.Bytes[src.Off[i]:src.Off[i+1]]...)
			dst.Off = append(dst.Off, uint32(len(dst.Bytes)))
		}
	case stream.KindList:
		for _, i := range rows {
			for c := range src.Child {
				appendRange(dst.Child[c], src.Child[c], int(src.Off[i]), int(src.Off[i+1]))
			}
			dst.Off = append(dst.Off, uint32(dst.Child[0].Len()))
		}
	}
	if !src.HasNulls() && !dst.HasNulls() {
		return
	}
	dst.EnsureValid(n)
	for j, i := range rows {
		if src.IsNull(int(i)) {
			dst.SetNull(n + j)
		}
	}
	dst.EnsureValid(n + len(rows))
}

// appendRange appends rows from ≤ i < to of src to dst.
func appendRange(dst, src *stream.Column, from, to int) {
	for i := from; i < to; i++ {
		one := [1]int32{int32(i)}
		appendRows(dst, src, one[:])
	}
}

// columnSize is the bytes of memory of c.
func columnSize(c *stream.Column) int64 {
	n := int64(cap(c.I64)+cap(c.F64)+cap(c.Hi)+cap(c.Valid))*8 + int64(cap(c.Off))*4 + int64(cap(c.Bytes))
	for _, ch := range c.Child {
		n += columnSize(ch)
	}
	return n
}
