package expr

import (
	"math/bits"

	"flowd/internal/dec"
	"flowd/stream"
)

func newArith(t *tnode) kernel {
	l, r := t.args[0], t.args[1]
	switch {
	case t.t.Kind() == stream.KindFloat64:
		return &floatArith{op: t.sub, l: compileAs(l, t.t), r: compileAs(r, t.t), single: t.t.ID == stream.Float}
	case t.t.ID == stream.Decimal:
		return newDecArith(t)
	}
	k := &intArith{op: t.sub, l: compile(l), r: compile(r), shift: 64 - intBits(t.t), node: t}
	if r.isConst() && !r.val.Null {
		k.constant, k.c = true, r.val.I64
		if k.op == '%' || k.op == '/' {
			k.div = newDivisor(k.c)
		}
	}
	return k
}

func intBits(t stream.Type) uint {
	switch t.ID {
	case stream.TinyInt:
		return 8
	case stream.SmallInt:
		return 16
	case stream.Int:
		return 32
	}
	return 64
}

// intArith is + - * / % of integers (and + - * of intervals). Sums and products are computed for every row while
// their overflow is gathered in one word; only if it is set, a second pass looks for the rows.
type intArith struct {
	op       int
	l, r     operand
	constant bool // r is c
	c        int64
	div      divisor
	shift    uint // 64 − bits of the result
	node     *tnode
}

func (k *intArith) eval(r *run, sel []int32, out *stream.Column) {
	lc := k.l.get(r, sel)
	rc := k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	a, b, o := lc.I64[:r.n], rc.I64[:r.n], out.I64[:r.n]
	shift := k.shift & 63
	var bad int64
	switch {
	case k.op == '/' || k.op == '%':
		k.divide(r, sel, out, a, b)
		return
	case sel != nil:
		for _, i := range sel {
			v, over := intOp(k.op, a[i], b[i])
			o[i] = v
			bad |= over | (v ^ v<<shift>>shift)
		}
	case k.op == '+' && k.constant:
		c := k.c
		for i, x := range a {
			s := x + c
			o[i] = s
			bad |= (x^s)&(c^s)&(-1<<63) | (s ^ s<<shift>>shift)
		}
	case k.op == '+':
		for i, x := range a {
			y := b[i]
			s := x + y
			o[i] = s
			bad |= (x^s)&(y^s)&(-1<<63) | (s ^ s<<shift>>shift)
		}
	case k.op == '-':
		for i, x := range a {
			y := b[i]
			s := x - y
			o[i] = s
			bad |= (x^y)&(x^s)&(-1<<63) | (s ^ s<<shift>>shift)
		}
	case k.op == '*':
		for i, x := range a {
			y := b[i]
			hi, lo := bits.Mul64(uint64(x), uint64(y))
			p := int64(lo)
			h := int64(hi) - (x >> 63 & y) - (y >> 63 & x)
			o[i] = p
			bad |= (h ^ p>>63) | (p ^ p<<shift>>shift)
		}
	}
	if bad == 0 {
		return
	}
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		v, over := intOp(k.op, a[i], b[i])
		if over|(v^v<<shift>>shift) != 0 && !out.IsNull(i) {
			r.fail(out, i, k.node.text()+": overflow of "+k.node.t.Nullable().String())
		}
	}
}

// intOp is one operation; over is not 0 if the result does not fit 64 bits.
func intOp(op int, x, y int64) (v, over int64) {
	switch op {
	case '+':
		v = x + y
		return v, (x ^ v) & (y ^ v) & (-1 << 63)
	case '-':
		v = x - y
		return v, (x ^ y) & (x ^ v) & (-1 << 63)
	}
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	v = int64(lo)
	return v, (int64(hi) - (x >> 63 & y) - (y >> 63 & x)) ^ v>>63
}

func (k *intArith) divide(r *run, sel []int32, out *stream.Column, a, b []int64) {
	o := out.I64
	if k.constant && k.div.mul != 0 {
		k.div.run(k.op == '%', sel, a, o)
		return
	}
	shift := k.shift & 63
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		x, y := a[i], b[i]
		switch {
		case y == 0:
			o[i] = 0
			if !out.IsNull(i) {
				r.fail(out, i, k.node.text()+": division by zero")
			}
		case k.op == '%':
			o[i] = x % y
		default:
			q := x / y // MinInt64 / −1 is MinInt64
			o[i] = q
			if (q != q<<shift>>shift || y == -1 && x == q && x != 0) && !out.IsNull(i) {
				r.fail(out, i, k.node.text()+": overflow of "+k.node.t.Nullable().String())
			}
		}
	}
}

// divisor divides by a constant with a multiplication (Granlund and Montgomery, "Division by Invariant Integers using
// Multiplication", 1994): for 2 ≤ d < 2^63 and l = ⌈log2 d⌉, ⌊x/d⌋ = ⌊x·m / 2^(63+l)⌋ with m = ⌈2^(63+l)/d⌉ < 2^64 for
// all x ≤ 2^63. mul is 0 for constants it does not serve.
type divisor struct {
	d, mul uint64
	shift  uint
	sign   int64 // −1 for a negative constant
}

func newDivisor(c int64) divisor {
	if c >= -1 && c <= 1 || c == -1<<63 {
		return divisor{}
	}
	v := divisor{d: uint64(c), sign: c >> 63}
	if c < 0 {
		v.d = -v.d
	}
	l := uint(bits.Len64(v.d - 1))
	q, rem := bits.Div64(1<<(l-1), 0, v.d) // 2^(63+l) / d: the high word is below d
	if rem != 0 {
		q++
	}
	v.mul, v.shift = q, l-1
	return v
}

func (v *divisor) run(mod bool, sel []int32, a, o []int64) {
	d, mul, shift, sign := v.d, v.mul, v.shift&63, v.sign
	switch {
	case sel != nil:
		for _, i := range sel {
			x := a[i]
			s := x >> 63
			u := uint64((x ^ s) - s)
			q, _ := bits.Mul64(u, mul)
			q >>= shift
			if mod {
				o[i] = (int64(u-q*d) ^ s) - s
			} else {
				o[i] = (int64(q) ^ (s ^ sign)) - (s ^ sign)
			}
		}
	case mod:
		o = o[:len(a)]
		for i, x := range a {
			s := x >> 63
			u := uint64((x ^ s) - s)
			q, _ := bits.Mul64(u, mul)
			o[i] = (int64(u-(q>>shift)*d) ^ s) - s
		}
	default:
		o = o[:len(a)]
		for i, x := range a {
			s := x >> 63
			u := uint64((x ^ s) - s)
			q, _ := bits.Mul64(u, mul)
			s ^= sign
			o[i] = (int64(q>>shift) ^ s) - s
		}
	}
}

// floatArith is + - * / of doubles, or of floats, which are rounded to 32 bits after each operation. That is exact:
// a double has more than twice the digits of a float.
type floatArith struct {
	op     int
	l, r   operand
	single bool
}

func (k *floatArith) eval(r *run, sel []int32, out *stream.Column) {
	lc := k.l.get(r, sel)
	rc := k.r.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, lc, rc)
	a, b, o := lc.F64[:r.n], rc.F64[:r.n], out.F64[:r.n]
	if sel != nil {
		for _, i := range sel {
			o[i] = floatOp(k.op, a[i], b[i])
		}
	} else {
		switch k.op {
		case '+':
			for i, x := range a {
				o[i] = x + b[i]
			}
		case '-':
			for i, x := range a {
				o[i] = x - b[i]
			}
		case '*':
			for i, x := range a {
				o[i] = x * b[i]
			}
		case '/':
			for i, x := range a {
				o[i] = x / b[i]
			}
		}
	}
	if k.single {
		for i, x := range o {
			o[i] = float64(float32(x))
		}
	}
}

func floatOp(op int, x, y float64) float64 {
	switch op {
	case '+':
		return x + y
	case '-':
		return x - y
	case '*':
		return x * y
	}
	return x / y
}

// negKernel is unary minus of any number or interval.
type negKernel struct {
	x    operand
	t    stream.Type
	node *tnode
}

func (k *negKernel) eval(r *run, sel []int32, out *stream.Column) {
	c := k.x.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, c)
	switch c.Kind {
	case stream.KindFloat64:
		for i, v := range c.F64[:r.n] {
			out.F64[i] = -v
		}
	case stream.KindWide:
		for i, v := range c.I64[:r.n] {
			d := dec.Dec{Hi: c.Hi[i], Lo: uint64(v)}.Neg()
			out.I64[i], out.Hi[i] = int64(d.Lo), d.Hi
		}
	default:
		least := int64(-1) << (intBits(k.t) - 1)
		found := false
		for i, v := range c.I64[:r.n] {
			out.I64[i] = -v
			found = found || v == least
		}
		if found {
			failLeast(r, sel, out, c, least, k.node)
		}
	}
}

// failLeast reports the rows with the least integer, which has no positive counterpart.
func failLeast(r *run, sel []int32, out, c *stream.Column, least int64, t *tnode) {
	rs := selected(sel, r.n)
	for j := range rs.n {
		if i := rs.at(j); c.I64[i] == least && !out.IsNull(i) {
			r.fail(out, i, t.text()+": overflow of "+t.t.Nullable().String())
		}
	}
}
