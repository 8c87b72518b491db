package expr

import "flowd/stream"

// logicKernel is AND and OR in three-valued logic. If the right side can fail, it is evaluated only on the rows that
// the left side does not decide.
type logicKernel struct {
	l, r       operand
	or         bool
	lazy       bool
	open       []int32 // rows the left side leaves open
	left, rest []int32 // of filter
}

func (k *logicKernel) eval(r *run, sel []int32, out *stream.Column) {
	lc := k.l.get(r, sel)
	decides := b2i(k.or) // the value of the left side that settles the matter
	sub := sel
	if k.lazy {
		k.open = resize(k.open, r.n)
		rs, n := selected(sel, r.n), 0
		for j := range rs.n {
			i := rs.at(j)
			k.open[n] = int32(i)
			if lc.I64[i] != decides || lc.IsNull(i) {
				n++
			}
		}
		sub = k.open[:n]
	}
	rc := k.r.get(r, sub)
	out.Resize(r.n)
	a, b, o := lc.I64[:r.n], rc.I64[:r.n], out.I64[:r.n]
	nulls := lc.HasNulls() || rc.HasNulls()
	switch {
	case k.lazy:
		for i := range o {
			o[i] = decides
		}
	case !nulls && sel == nil && k.or:
		for i, x := range a {
			o[i] = x | b[i]
		}
		return
	case !nulls && sel == nil:
		for i, x := range a {
			o[i] = x & b[i]
		}
		return
	}
	if nulls {
		allValid(out, r.n)
	}
	rs := selected(sub, r.n)
	for j := range rs.n {
		i := rs.at(j)
		ln, rn := lc.IsNull(i), rc.IsNull(i)
		switch {
		case !ln && a[i] == decides || !rn && b[i] == decides:
			o[i] = decides
		case ln || rn:
			o[i] = 0
			out.SetNull(i)
		default:
			o[i] = 1 - decides
		}
	}
}

// filter narrows for AND: the right side sees only rows where the left side is TRUE. For OR it sees the others, and
// both parts are merged.
func (k *logicKernel) filter(r *run, sel, dst []int32) []int32 {
	if !k.or {
		dst = k.l.filter(r, sel, dst)
		return k.r.filter(r, dst, dst)
	}
	k.left = k.l.filter(r, sel, resize(k.left, r.n)[:0])
	k.rest = without(k.rest, sel, r.n, k.left)
	rest := k.r.filter(r, k.rest, k.rest[:0])
	dst = dst[:len(k.left)+len(rest)]
	a, b := k.left, rest
	for n := range dst {
		if len(b) == 0 || len(a) > 0 && a[0] < b[0] {
			dst[n], a = a[0], a[1:]
		} else {
			dst[n], b = b[0], b[1:]
		}
	}
	return dst
}

// notKernel is NOT; NULL stays NULL.
type notKernel struct{ x operand }

func (k *notKernel) eval(r *run, sel []int32, out *stream.Column) {
	c := k.x.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, c)
	for i, v := range c.I64[:r.n] {
		out.I64[i] = v ^ 1
	}
}

// isKernel is IS [NOT] NULL, TRUE and FALSE; it is never NULL.
type isKernel struct {
	x    operand
	what int // N, T, F
	not  bool
}

func (k *isKernel) eval(r *run, sel []int32, out *stream.Column) {
	c := k.x.get(r, sel)
	out.Resize(r.n)
	o, not := out.I64[:r.n], b2i(k.not)
	if k.what == 'N' {
		for i := range o {
			o[i] = not
		}
		if c.HasNulls() {
			for i := range o {
				o[i] = b2i(c.IsNull(i)) ^ not
			}
		}
		return
	}
	want := b2i(k.what == 'T')
	v := c.I64[:r.n]
	if !c.HasNulls() {
		for i, x := range v {
			o[i] = b2i(x == want) ^ not
		}
		return
	}
	for i, x := range v {
		o[i] = b2i(x == want && !c.IsNull(i)) ^ not
	}
}
