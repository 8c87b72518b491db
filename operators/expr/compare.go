package expr

import (
	"bytes"
	"cmp"
	"math"

	"flowd/internal/dec"
	"flowd/stream"
)

// conditionKernel is a kernel of a condition with both ways of evaluation.
type conditionKernel interface {
	kernel
	selector
}

// newCompare chooses the kernel of l op r, whose types are comparable.
func newCompare(t *tnode) conditionKernel {
	l, r, op := t.args[0], t.args[1], t.sub
	if l.isConst() && !r.isConst() {
		l, r, op = r, l, mirrored[op]
	}
	constant := r.isConst() && !r.val.Null
	switch l.t.Kind() {
	case stream.KindFloat64:
		if constant && r.val.F64 == r.val.F64 {
			lo, hi, not := floatRange(op, r.val.F64)
			return &rangeKernel[float64]{x: compile(l), lo: lo, hi: hi, not: not}
		}
		return &pairKernel[float64]{l: compile(l), r: compile(r), op: op}
	case stream.KindBytes:
		k := &bytesKernel{l: compile(l), r: compile(r), op: op}
		if constant && (op == cmpEQ || op == cmpNE) {
			k.constant, k.c = true, r.val.Str
		}
		return k
	}
	if l.t.IsNumeric() { // exact: bring both to one scale if that needs one word
		if constant {
			if c, ok := exactConst(l.t, r); ok && l.t.Kind() == stream.KindInt64 {
				r = c
			} else {
				return newDecCompare(l, r, op)
			}
		} else if l.t.Kind() == stream.KindWide || r.t.Kind() == stream.KindWide {
			return newDecCompare(l, r, op)
		} else if l.t.Scale != r.t.Scale {
			p1, s1 := decimalOf(l.t)
			p2, s2 := decimalOf(r.t)
			s := max(s1, s2)
			if p1+s-s1 > stream.MaxShortDecimal || p2+s-s2 > stream.MaxShortDecimal {
				return newDecCompare(l, r, op)
			}
			return &pairKernel[int64]{op: op, l: compileAs(l, adjusted(p1+s-s1, s)), r: compileAs(r, adjusted(p2+s-s2, s))}
		}
	}
	if constant {
		lo, hi, not := intRange(op, r.val.I64)
		return &rangeKernel[int64]{x: compile(l), lo: lo, hi: hi, not: not}
	}
	return &pairKernel[int64]{l: compile(l), r: compile(r), op: op}
}

// mirrored is the operator with its sides exchanged.
var mirrored = [...]int{cmpEQ: cmpEQ, cmpNE: cmpNE, cmpLT: cmpGT, cmpLE: cmpGE, cmpGT: cmpLT, cmpGE: cmpLE}

// exactConst is the number r as a constant of type t's scale, if that is exact and fits one word.
func exactConst(t stream.Type, r *tnode) (*tnode, bool) {
	if r.val.Null {
		return r, true
	}
	_, from := decimalOf(r.t)
	_, to := decimalOf(t)
	d, ok := dec.Rescale(r.val.Dec(), from, to)
	if !ok || dec.CmpScaled(d, to, r.val.Dec(), from) != 0 {
		return r, false
	}
	v, ok := d.Int64()
	if !ok {
		return r, false
	}
	t.NotNull = true
	return &tnode{op: opConst, t: t, val: Constant{Type: t, I64: v}, src: r.src}, true
}

// intRange is x op c as lo ≤ x ≤ hi, or its opposite.
func intRange(op int, c int64) (lo, hi int64, not bool) {
	switch op {
	case cmpEQ:
		return c, c, false
	case cmpNE:
		return c, c, true
	case cmpLT: // not ≥
		return c, math.MaxInt64, true
	case cmpLE:
		return math.MinInt64, c, false
	case cmpGT:
		return math.MinInt64, c, true
	}
	return c, math.MaxInt64, false
}

// floatRange is the same for doubles; comparing with NaN is never true, so < and > need ranges of their own.
func floatRange(op int, c float64) (lo, hi float64, not bool) {
	inf := math.Inf(1)
	switch op {
	case cmpEQ:
		return c, c, false
	case cmpNE:
		return c, c, true
	case cmpLT:
		if c == -inf {
			return inf, -inf, false
		}
		return -inf, math.Nextafter(c, -inf), false
	case cmpLE:
		return -inf, c, false
	case cmpGT:
		if c == inf {
			return inf, -inf, false
		}
		return math.Nextafter(c, inf), inf, false
	}
	return c, inf, false
}

// rangeKernel is a comparison of a column with a constant: lo ≤ x ≤ hi, or the opposite.
type rangeKernel[T int64 | float64] struct {
	x      operand
	lo, hi T
	not    bool
}

func values[T int64 | float64](c *stream.Column, n int) []T {
	var v any
	if c.Kind == stream.KindFloat64 {
		v = &c.F64
	} else {
		v = &c.I64
	}
	return (*v.(*[]T))[:n]
}

func (k *rangeKernel[T]) eval(r *run, sel []int32, out *stream.Column) {
	c := k.x.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, c)
	v, o := values[T](c, r.n), out.I64[:r.n]
	lo, hi, not := k.lo, k.hi, b2i(k.not)
	if sel != nil {
		for _, i := range sel {
			o[i] = (b2i(v[i] >= lo) & b2i(v[i] <= hi)) ^ not
		}
		return
	}
	for i, x := range v {
		o[i] = (b2i(x >= lo) & b2i(x <= hi)) ^ not
	}
}

func (k *rangeKernel[T]) filter(r *run, sel, dst []int32) []int32 {
	c := k.x.get(r, sel)
	v := values[T](c, r.n)
	lo, hi, not := k.lo, k.hi, b2i(k.not)
	dst = dst[:cap(dst)]
	n := int64(0)
	if sel != nil {
		for _, i := range sel {
			dst[n] = i
			n += (b2i(v[i] >= lo) & b2i(v[i] <= hi)) ^ not
		}
	} else {
		for i, x := range v {
			dst[n] = int32(i)
			n += (b2i(x >= lo) & b2i(x <= hi)) ^ not
		}
	}
	return dropNull(dst[:n], c)
}

// pairKernel compares two columns of numbers. NaN equals NaN.
type pairKernel[T int64 | float64] struct {
	l, r operand
	op   int
}

func (k *pairKernel[T]) eval(r *run, sel []int32, out *stream.Column) {
	lc, rc := k.l.get(r, sel), k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	a, b, o := values[T](lc, r.n), values[T](rc, r.n), out.I64[:r.n]
	op := k.op
	if op == cmpGT || op == cmpGE {
		a, b, op = b, a, mirrored[op]
	}
	if sel != nil {
		for _, i := range sel {
			o[i] = b2i(ordered(op, a[i], b[i]))
		}
		return
	}
	switch op {
	case cmpEQ, cmpNE:
		ne := b2i(op == cmpNE)
		for i, x := range a {
			y := b[i]
			o[i] = (b2i(x == y) | b2i(x != x)&b2i(y != y)) ^ ne
		}
	case cmpLT:
		for i, x := range a {
			o[i] = b2i(x < b[i])
		}
	case cmpLE:
		for i, x := range a {
			y := b[i]
			o[i] = b2i(x <= y) | b2i(x != x)&b2i(y != y)
		}
	}
}

func ordered[T int64 | float64](op int, x, y T) bool {
	nan := x != x && y != y
	switch op {
	case cmpEQ:
		return x == y || nan
	case cmpNE:
		return x != y && !nan
	case cmpLT:
		return x < y
	}
	return x <= y || nan
}

func (k *pairKernel[T]) filter(r *run, sel, dst []int32) []int32 {
	lc, rc := k.l.get(r, sel), k.r.get(r, sel)
	a, b := values[T](lc, r.n), values[T](rc, r.n)
	op := k.op
	if op == cmpGT || op == cmpGE {
		a, b, op = b, a, mirrored[op]
	}
	rs := selected(sel, r.n)
	dst = dst[:cap(dst)]
	n := int64(0)
	for j := range rs.n {
		i := rs.at(j)
		dst[n] = int32(i)
		n += b2i(ordered(op, a[i], b[i]))
	}
	return dropNull(dropNull(dst[:n], lc), rc)
}

// orderOf turns the result of a three-way comparison into that of op.
func orderOf(op, c int) bool {
	switch op {
	case cmpEQ:
		return c == 0
	case cmpNE:
		return c != 0
	case cmpLT:
		return c < 0
	case cmpLE:
		return c <= 0
	case cmpGT:
		return c > 0
	}
	return c >= 0
}

// bytesKernel compares text or bytes, byte by byte, which for text is the order of code points.
type bytesKernel struct {
	l, r     operand
	op       int
	constant bool // = or <> of c
	c        string
}

func (k *bytesKernel) truth(lc, rc *stream.Column, i int) bool {
	if k.constant {
		return (string(lc.BytesAt(i)) == k.c) == (k.op == cmpEQ)
	}
	return orderOf(k.op, bytes.Compare(lc.BytesAt(i), rc.BytesAt(i)))
}

func (k *bytesKernel) inputs(r *run, sel []int32) (lc, rc *stream.Column) {
	lc = k.l.get(r, sel)
	if k.constant {
		return lc, lc
	}
	return lc, k.r.get(r, sel)
}

func (k *bytesKernel) eval(r *run, sel []int32, out *stream.Column) {
	lc, rc := k.inputs(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		out.I64[i] = b2i(k.truth(lc, rc, i))
	}
}

func (k *bytesKernel) filter(r *run, sel, dst []int32) []int32 {
	lc, rc := k.inputs(r, sel)
	rs := selected(sel, r.n)
	dst = dst[:cap(dst)]
	n := int64(0)
	if k.constant { // lengths differ more often than not
		want, c, off := b2i(k.op == cmpNE), k.c, lc.Off
		for j := range rs.n {
			i := rs.at(j)
			dst[n] = int32(i)
			eq := int64(0)
			if int(off[i+1]-off[i]) == len(c) && string(lc.Bytes[off[i]:off[i+1]]) == c {
				eq = 1
			}
			n += eq ^ want
		}
	} else {
		for j := range rs.n {
			i := rs.at(j)
			dst[n] = int32(i)
			n += b2i(k.truth(lc, rc, i))
		}
	}
	return dropNull(dropNull(dst[:n], lc), rc)
}

// decCompare compares decimals and integers of any scale exactly.
type decCompare struct {
	l, r   operand
	s1, s2 int
	op     int
}

func newDecCompare(l, r *tnode, op int) *decCompare {
	_, s1 := decimalOf(l.t)
	_, s2 := decimalOf(r.t)
	return &decCompare{l: compile(l), r: compile(r), s1: s1, s2: s2, op: op}
}

func (k *decCompare) eval(r *run, sel []int32, out *stream.Column) {
	lc, rc := k.l.get(r, sel), k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		if out.IsNull(i) {
			continue
		}
		out.I64[i] = b2i(orderOf(k.op, dec.CmpScaled(decAt(lc, i), k.s1, decAt(rc, i), k.s2)))
	}
}

func (k *decCompare) filter(r *run, sel, dst []int32) []int32 {
	lc, rc := k.l.get(r, sel), k.r.get(r, sel)
	rs := selected(sel, r.n)
	dst = dst[:0]
	for j := range rs.n {
		i := rs.at(j)
		if !lc.IsNull(i) && !rc.IsNull(i) && orderOf(k.op, dec.CmpScaled(decAt(lc, i), k.s1, decAt(rc, i), k.s2)) {
			dst = append(dst, int32(i))
		}
	}
	return dst
}

// distinctKernel is IS [NOT] DISTINCT FROM: equality in which NULL equals NULL.
type distinctKernel struct {
	l, r operand // for their validity; the columns they read are computed twice only if they are not plain columns
	eq   conditionKernel
	not  bool
}

func (k *distinctKernel) eval(r *run, sel []int32, out *stream.Column) {
	lc, rc := k.l.get(r, sel), k.r.get(r, sel)
	k.eq.eval(r, sel, out)
	out.Valid = out.Valid[:0]
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		ln, rn := lc.IsNull(i), rc.IsNull(i)
		same := ln && rn || !ln && !rn && out.I64[i] != 0
		out.I64[i] = b2i(same == k.not)
	}
}

// inKernel looks a value up among constants.
type inKernel struct {
	x     operand
	ints  []int64
	texts map[string]struct{}
	null  bool // NULL is among them: no match is NULL
	not   bool
}

func newIn(t *tnode) kernel {
	k := &inKernel{x: compile(t.args[0]), not: t.not}
	text := t.args[0].t.Kind() == stream.KindBytes
	if text {
		k.texts = map[string]struct{}{}
	}
	seen := map[int64]bool{}
	for _, a := range t.args[1:] {
		switch {
		case a.val.Null:
			k.null = true
		case text:
			k.texts[a.val.Str] = struct{}{}
		case !seen[a.val.I64]:
			seen[a.val.I64] = true
			k.ints = append(k.ints, a.val.I64)
		}
	}
	return k
}

func (k *inKernel) eval(r *run, sel []int32, out *stream.Column) {
	c := k.x.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, c)
	not := b2i(k.not)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		found := int64(0)
		if k.texts != nil {
			if _, ok := k.texts[string(c.BytesAt(i))]; ok {
				found = 1
			}
		} else {
			v := c.I64[i]
			for _, w := range k.ints {
				found |= b2i(v == w)
			}
		}
		out.I64[i] = found ^ not
		if k.null && found == 0 && !c.IsNull(i) {
			r.null(out, i)
		}
	}
}

// compareRows orders two values of one kind, for GREATEST and LEAST.
func compareRows(a, b *stream.Column, i int) int {
	switch a.Kind {
	case stream.KindFloat64:
		return cmp.Compare(a.F64[i], b.F64[i])
	case stream.KindBytes:
		return bytes.Compare(a.BytesAt(i), b.BytesAt(i))
	case stream.KindWide:
		return decAt(a, i).Cmp(decAt(b, i))
	}
	return cmp.Compare(a.I64[i], b.I64[i])
}
