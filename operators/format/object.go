package format

import (
	"unsafe"

	"flowd/stream"
)

// object reads the object at p as row row of n over the frame cols, keys in any order. It returns the place after it, or
// −1 with d.fault set. Afterwards every leaf of n has the row.
func (d *decoder) object(n *node, p, depth int, cols []*stream.Column, row int) int {
	if p >= d.end || at(d.base, p) != '{' {
		if n == d.plan.root {
			return d.failDocument(p)
		}
		return d.failField(n, p, "expected an object")
	}
	if depth > maxDepth {
		return d.failSyntax(p, p)
	}
	p = space(d.base, p+1, d.end)
	if p < d.end && at(d.base, p) == '}' {
		p++
	} else {
		for more := true; more; {
			f, q := d.key(n, p)
			if q < 0 {
				return -1
			}
			if p = d.field(f, q, depth, cols, row); p < 0 {
				return -1
			}
			if p+1 < d.end && at(d.base, p) == ',' && at(d.base, p+1) == '"' { // the common case
				p++
				continue
			}
			p, more = d.comma(p, '}')
		}
		if p < 0 {
			return -1
		}
	}
	for _, f := range n.fields {
		if cols[f.lead].Len() > row {
			continue
		}
		if f.required() {
			if d.fault.want == "" {
				d.fault = fault{at: p, found: p, field: f.path, want: "missing, and the field is NOT NULL; its object ends"}
			}
			return -1
		}
		for _, leaf := range f.leaves {
			cols[leaf.col].AppendNull()
			if d.top(cols) {
				d.shapes.missing(leaf)
			}
		}
	}
	return p
}

// top says whether cols are the columns of the batch, not those within a list.
func (d *decoder) top(cols []*stream.Column) bool {
	return unsafe.SliceData(cols) == unsafe.SliceData(d.cols)
}

func (d *decoder) failDocument(p int) int {
	next, bad := skip(d.base, p, d.end, 0)
	if next < 0 && p < d.end {
		return d.failSyntax(p, bad)
	}
	return d.fail(p, next, "expected an object")
}

// key reads a key and its colon at p: the field, nil if nobody wants it, and the place of the value.
func (d *decoder) key(n *node, p int) (f *node, next int) {
	base, end := d.base, d.end
	if p >= end || at(base, p) != '"' {
		return nil, d.fail(p, -1, "expected a key in quotes")
	}
	p++
	var q int
	head := load(base, p)
	if k := firstMark(textStops(head)); k < 8 && at(base, p+k) == '"' && p+k < end { // most keys are short
		q = p + k + 1
		f = n.keys.find(head&(1<<(8*uint(k))-1), view(base, p, p+k))
	} else {
		var plain bool
		var bad int
		if q, plain, bad = skipText(base, p, end); q < 0 {
			return nil, d.failSyntax(p-1, bad)
		}
		k := view(base, p, q-1)
		if !plain {
			d.text = appendText(d.text[:0], base, p, q-1)
			k = d.text
		}
		f = n.keys.find(headOf(k), k)
	}
	if q < end && at(base, q) == ':' { // the common case
		if q++; q < end && at(base, q) > ' ' {
			return f, q
		}
		return f, space(base, q, end)
	}
	if q = space(base, q, end); q >= end || at(base, q) != ':' {
		return nil, d.fail(q, -1, "expected : after a key")
	}
	return f, space(base, q+1, end)
}

// field reads the value at p of field f of a row, nil: of no field.
func (d *decoder) field(f *node, p, depth int, cols []*stream.Column, row int) int {
	learn := d.shapes.learning && d.top(cols)
	if f == nil {
		var next, bad int
		if p < d.end && at(d.base, p) == '"' {
			next, _, bad = skipText(d.base, p+1, d.end)
		} else {
			next, bad = skip(d.base, p, d.end, depth)
		}
		if next < 0 {
			return d.failSyntax(p, bad)
		}
		if learn {
			d.shapes.value(d, opSkip, nil, depth, p, next)
		}
		return next
	}
	if cols[f.lead].Len() > row { // a repeated key: the last value counts
		d.shapes.learning, learn = false, false
		for _, leaf := range f.leaves {
			cols[leaf.col].Truncate(row)
		}
	}
	if f.op == opRow && p < d.end && at(d.base, p) == '{' {
		return d.object(f, p, depth+1, cols, row)
	}
	next := d.value(f, p, depth, cols, row)
	if learn && next >= 0 {
		o := f.op
		if o == opRow {
			o = opNullRow
		}
		d.shapes.value(d, o, f, depth, p, next)
	}
	return next
}
