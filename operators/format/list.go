package format

import (
	"flowd/state"
	"flowd/stream"
)

// maxValues is how many values the arrays and maps of one record may hold. Two bytes can make a value of eight, and
// three a row of any width, so that a record's size does not bound its memory.
const maxValues = 1 << 20

// count notes that an element of so many columns begins at p. It returns p, or −1 if the record has too many.
func (d *decoder) count(p, columns int) int {
	if d.values += columns; d.values > maxValues {
		return d.fail(p, p, "arrays and maps of a record may hold at most 1048576 values; the next one begins")
	}
	return p
}

// array reads the array at p as the next list of col.
func (d *decoder) array(n *node, c byte, p, depth int, col *stream.Column) int {
	if c != '[' {
		return d.failField(n, p, "expected an array")
	}
	if depth >= maxDepth {
		return d.failSyntax(p, p)
	}
	if p = space(d.base, p+1, d.end); p < d.end && at(d.base, p) == ']' {
		p++
	} else {
		for more := true; more; {
			if p = d.count(p, len(col.Child)); p < 0 {
				return -1
			}
			if p = d.value(n.elem, p, depth+1, col.Child, col.Child[0].Len()); p < 0 {
				return -1
			}
			p, more = d.comma(p, ']')
		}
		if p < 0 {
			return -1
		}
	}
	col.EndList()
	return p
}

// dict reads the object at p as the next map of col. Of a repeated key the last value counts.
func (d *decoder) dict(n *node, c byte, p, depth int, col *stream.Column) int {
	if c != '{' {
		return d.failField(n, p, "expected an object")
	}
	if depth >= maxDepth {
		return d.failSyntax(p, p)
	}
	first := col.Child[0].Len()
	if p = space(d.base, p+1, d.end); p < d.end && at(d.base, p) == '}' {
		p++
	} else {
		for more := true; more; {
			if p >= d.end || at(d.base, p) != '"' {
				return d.fail(p, -1, "expected a key in quotes")
			}
			k, q := d.unquote(p)
			if q < 0 {
				return -1
			}
			if q = space(d.base, q, d.end); q >= d.end || at(d.base, q) != ':' {
				return d.fail(q, -1, "expected : after a key")
			}
			if d.count(q, len(col.Child)) < 0 {
				return -1
			}
			row := col.Child[0].Len()
			col.Child[0].AppendBytes(k)
			if p = d.value(n.elem, space(d.base, q+1, d.end), depth+1, col.Child, row); p < 0 {
				return -1
			}
			p, more = d.comma(p, '}')
		}
		if p < 0 {
			return -1
		}
	}
	d.uniqueKeys(col.Child, first)
	col.EndList()
	return p
}

// uniqueKeys drops the entries from row first on whose key comes again later. cols[0] holds the keys.
func (d *decoder) uniqueKeys(cols []*stream.Column, first int) {
	keys := cols[0]
	n := keys.Len() - first
	if n < 2 {
		return
	}
	size := 4
	for size < 2*n {
		size *= 2
	}
	if cap(d.slots) < size {
		d.slots = make([]uint32, size)
	}
	slots := d.slots[:size]
	clear(slots)
	repeated := 0
	for i := n; i > 0; i-- { // entry i−1; 0 is a free slot
		k := keys.BytesAt(first + i - 1)
		j := state.HashBytes(0, k) & uint64(size-1)
		for slots[j] != 0 && string(keys.BytesAt(first+int(slots[j])-1)) != string(k) {
			j = (j + 1) & uint64(size-1)
		}
		if slots[j] == 0 {
			slots[j] = uint32(i)
		} else {
			repeated++
		}
	}
	if repeated == 0 {
		return
	}
	keep := make([]bool, n+1)
	for _, i := range slots {
		keep[i] = true
	}
	for _, c := range cols {
		kept := emptyLike(c)
		for i := range n {
			if keep[i+1] {
				appendRow(kept, c, first+i)
			}
		}
		c.Truncate(first)
		for i := range n - repeated {
			appendRow(c, kept, i)
		}
	}
}

// emptyLike makes an empty column of the same form.
func emptyLike(c *stream.Column) *stream.Column {
	out := &stream.Column{Kind: c.Kind}
	if c.Kind == stream.KindBytes || c.Kind == stream.KindList {
		out.Off = []uint32{0}
	}
	for _, ch := range c.Child {
		out.Child = append(out.Child, emptyLike(ch))
	}
	return out
}

// appendRow appends row i of src to dst.
func appendRow(dst, src *stream.Column, i int) {
	if src.IsNull(i) {
		dst.AppendNull()
		return
	}
	switch src.Kind {
	case stream.KindInt64:
		dst.AppendInt64(src.I64[i])
	case stream.KindFloat64:
		dst.AppendFloat64(src.F64[i])
	case stream.KindWide:
		dst.AppendWide(src.Hi[i], uint64(src.I64[i]))
	case stream.KindBytes:
		dst.AppendBytes(src.BytesAt(i))
	case stream.KindList:
		for j := src.Off[i]; j < src.Off[i+1]; j++ {
			for k, ch := range src.Child {
				appendRow(dst.Child[k], ch, int(j))
			}
		}
		dst.EndList()
	}
}
