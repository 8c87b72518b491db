package expr

import (
	"flowd/internal/dec"
	"flowd/stream"
)

// decAt is the coefficient of row i of a decimal or integer column.
func decAt(c *stream.Column, i int) dec.Dec {
	if c.Kind == stream.KindWide {
		return dec.Dec{Hi: c.Hi[i], Lo: uint64(c.I64[i])}
	}
	return dec.FromInt64(c.I64[i])
}

// setDec writes row i of a decimal column; the value fits its type.
func setDec(c *stream.Column, i int, d dec.Dec) {
	c.I64[i] = int64(d.Lo)
	if c.Kind == stream.KindWide {
		c.Hi[i] = d.Hi
	}
}

// newDecArith chooses the kernel of exact arithmetic with a decimal. Where the type rules leave room for every
// result, one-word operands are computed without any check.
func newDecArith(t *tnode) kernel {
	l, r := t.args[0], t.args[1]
	p1, s1 := decimalOf(l.t)
	p2, s2 := decimalOf(r.t)
	s := int(t.t.Scale)
	k := decArith{op: t.sub, l: compile(l), r: compile(r), s1: s1, s2: s2, t: t.t, node: t}
	words := l.t.Kind() == stream.KindInt64 && r.t.Kind() == stream.KindInt64
	switch {
	case words && t.sub == '*' && s == s1+s2 && p1+p2+1 <= 38:
		m := &mulDec{l: k.l, r: k.r, wide: t.t.Kind() == stream.KindWide}
		if r.isConst() && !r.val.Null {
			m.constant, m.c = true, r.val.I64
		} else if l.isConst() && !l.val.Null {
			m.l, m.r = m.r, m.l
			m.constant, m.c = true, l.val.I64
		}
		return m
	case words && (t.sub == '+' || t.sub == '-') && t.t.Kind() == stream.KindInt64:
		a := &addDec{l: k.l, r: k.r, f1: dec.Pow10(s - s1), f2: dec.Pow10(s - s2)}
		if t.sub == '-' {
			a.f2 = -a.f2
		}
		return a
	}
	return &k
}

// mulDec multiplies one-word coefficients into one or two words; the result always fits.
type mulDec struct {
	l, r     operand
	wide     bool
	constant bool // r is c
	c        int64
}

func (k *mulDec) eval(r *run, sel []int32, out *stream.Column) {
	lc := k.l.get(r, sel)
	rc := k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	a, b, o := lc.I64[:r.n], rc.I64[:r.n], out.I64[:r.n]
	switch {
	case sel != nil:
		for _, i := range sel {
			setDec(out, int(i), dec.Mul64(a[i], b[i]))
		}
	case !k.wide && k.constant:
		for i, x := range a {
			o[i] = x * k.c
		}
	case !k.wide:
		for i, x := range a {
			o[i] = x * b[i]
		}
	case k.constant:
		hi, c := out.Hi[:r.n], k.c
		for i, x := range a {
			d := dec.Mul64(x, c)
			hi[i], o[i] = d.Hi, int64(d.Lo)
		}
	default:
		hi := out.Hi[:r.n]
		for i, x := range a {
			d := dec.Mul64(x, b[i])
			hi[i], o[i] = d.Hi, int64(d.Lo)
		}
	}
}

// addDec adds and subtracts one-word coefficients brought to one scale; the result always fits one word.
type addDec struct {
	l, r   operand
	f1, f2 int64
}

func (k *addDec) eval(r *run, sel []int32, out *stream.Column) {
	lc := k.l.get(r, sel)
	rc := k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	a, b, o := lc.I64[:r.n], rc.I64[:r.n], out.I64[:r.n]
	if sel != nil {
		for _, i := range sel {
			o[i] = a[i]*k.f1 + b[i]*k.f2
		}
		return
	}
	f1, f2 := k.f1, k.f2
	for i, x := range a {
		o[i] = x*f1 + b[i]*f2
	}
}

// decArith is + - * / % in full width with a check of the result.
type decArith struct {
	op     int
	l, r   operand
	s1, s2 int
	t      stream.Type
	node   *tnode
}

func (k *decArith) eval(r *run, sel []int32, out *stream.Column) {
	lc := k.l.get(r, sel)
	rc := k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	p, s := int(k.t.Precision), int(k.t.Scale)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		if out.IsNull(i) {
			continue
		}
		a, b := decAt(lc, i), decAt(rc, i)
		var d dec.Dec
		var ok bool
		switch k.op {
		case '+':
			d, ok = dec.AddScaled(a, k.s1, b, k.s2, s)
		case '-':
			d, ok = dec.SubScaled(a, k.s1, b, k.s2, s)
		case '*':
			d, ok = dec.MulScaled(a, k.s1, b, k.s2, s)
		default:
			if b.IsZero() {
				setDec(out, i, dec.Dec{})
				r.fail(out, i, k.node.text()+": division by zero")
				continue
			}
			if k.op == '/' {
				d, ok = dec.Quo(a, k.s1, b, k.s2, s)
			} else {
				d, ok = dec.Rem(a, k.s1, b, k.s2, s)
			}
		}
		if !ok || !dec.Fits(d, p) {
			setDec(out, i, dec.Dec{})
			r.fail(out, i, k.node.text()+": overflow of "+k.t.Nullable().String())
			continue
		}
		setDec(out, i, d)
	}
}

// roundDec rounds to a number of digits after the point (before it if negative) and keeps the scale at max(digits, 0)
// or, where digits is larger, at scale. ok is false on overflow.
func roundDec(d dec.Dec, scale int, digits int64) (v dec.Dec, newScale int, ok bool) {
	switch {
	case digits >= int64(scale):
		return d, scale, true
	case digits >= 0:
		v, ok = dec.Rescale(d, scale, int(digits))
		return v, int(digits), ok
	case digits < -38:
		return dec.Dec{}, 0, true
	}
	ten := dec.Pow10Wide(int(-digits))
	if digits == -38 { // 10^38 is no coefficient, but nothing reaches half of it but 5·10^37
		half, _ := dec.Mul(dec.FromInt64(5), dec.Pow10Wide(37))
		return dec.Dec{}, 0, dec.CmpScaled(d.Abs(), scale, half, 0) < 0
	}
	q, ok := dec.Quo(d, scale, ten, 0, 0)
	if !ok {
		return dec.Dec{}, 0, false
	}
	v, ok = dec.Mul(q, ten)
	return v, 0, ok
}
