package expr

import (
	"bytes"
	"fmt"

	"flowd/stream"
)

// elementKernel is array[index] and map[key]: NULL where there is no such element.
type elementKernel struct {
	of, index operand
	isMap     bool
	child     int
	node      *tnode
}

func newElement(t *tnode) kernel {
	k := &elementKernel{of: compile(t.args[0]), index: compile(t.args[1]), child: t.sub, node: t}
	if t.args[0].t.ID == stream.Map {
		k.isMap = true
		k.child++ // behind the keys
	}
	return k
}

func (k *elementKernel) eval(r *run, sel []int32, out *stream.Column) {
	of, index := k.of.get(r, sel), k.index.get(r, sel)
	child := of.Child[k.child]
	out.Reset()
	rs := selected(sel, r.n)
	next := 0
	for j := range rs.n {
		i := rs.at(j)
		for ; next < i; next++ {
			appendZero(out)
		}
		next = i + 1
		if of.IsNull(i) || index.IsNull(i) {
			out.AppendNull()
			continue
		}
		from, to := int(of.Off[i]), int(of.Off[i+1])
		if k.isMap {
			if at := findKey(of.Child[0], from, to, index, i); at >= 0 {
				appendRow(out, child, at)
			} else {
				out.AppendNull()
			}
			continue
		}
		switch at := index.I64[i]; {
		case at < 1:
			out.AppendNull()
			r.errs.Add(i, fmt.Sprintf("%s: there is no element %d, the first is 1", k.node.text(), at))
		case at > int64(to-from):
			out.AppendNull()
		default:
			appendRow(out, child, from+int(at)-1)
		}
	}
	for ; next < r.n; next++ {
		appendZero(out)
	}
}

// appendZero appends an empty row.
func appendZero(c *stream.Column) {
	switch c.Kind {
	case stream.KindInt64:
		c.AppendInt64(0)
	case stream.KindWide:
		c.AppendWide(0, 0)
	case stream.KindFloat64:
		c.AppendFloat64(0)
	case stream.KindBytes:
		c.AppendBytes(nil)
	case stream.KindList:
		c.EndList()
	}
}

// findKey looks for row i of key among rows from..to of keys; −1 if it is not there.
func findKey(keys *stream.Column, from, to int, key *stream.Column, i int) int {
	for at := from; at < to; at++ {
		if keys.IsNull(at) {
			continue
		}
		var same bool
		switch keys.Kind {
		case stream.KindBytes:
			same = bytes.Equal(keys.BytesAt(at), key.BytesAt(i))
		case stream.KindFloat64:
			same = ordered(cmpEQ, keys.F64[at], key.F64[i])
		default:
			same = decAt(keys, at) == decAt(key, i)
		}
		if same {
			return at
		}
	}
	return -1
}

func cardinalityKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		c := in[0]
		for j := range rs.n {
			i := rs.at(j)
			out.I64[i] = int64(c.Off[i+1] - c.Off[i])
		}
	}
}
