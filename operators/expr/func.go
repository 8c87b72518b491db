package expr

import (
	"math"
	"regexp"

	"flowd/internal/dec"
	"flowd/stream"
)

// funcKernel is a call of a function. Its loop runs once a batch over the selected rows, with the arguments
// evaluated and out sized and given the validity of the arguments; it skips NULL rows where it would go wrong.
type funcKernel struct {
	node    *tnode
	t       stream.Type
	args    []operand
	in      []*stream.Column
	loop    func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column)
	re      *regexp.Regexp
	pattern []formatPart
	scratch []byte
}

func (k *funcKernel) eval(r *run, sel []int32, out *stream.Column) {
	for i := range k.args {
		k.in[i] = k.args[i].get(r, sel)
	}
	if out.Kind != stream.KindBytes {
		out.Resize(r.n)
	}
	validity(out, r.n, k.in...)
	k.loop(k, r, selected(sel, r.n), k.in, out)
}

// constSecond is the second argument if it is a constant that is not NULL.
func (k *funcKernel) constSecond() (Constant, bool) {
	if len(k.node.args) < 2 {
		return Constant{}, false
	}
	a := k.node.args[1]
	return a.val, a.isConst() && !a.val.Null
}

func (k *funcKernel) overflow(r *run, out *stream.Column, i int) {
	if !out.IsNull(i) {
		r.fail(out, i, k.node.text()+": overflow of "+k.t.Nullable().String())
	}
}

func extremeKernel(k *funcKernel) {
	sign := 1
	if k.node.fn.name == "LEAST" {
		sign = -1
	}
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		var w textOut
		if out.Kind == stream.KindBytes {
			w = writeText(out, r.n)
		}
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			best := in[0]
			for _, c := range in[1:] {
				if compareRows(c, best, i)*sign > 0 {
					best = c
				}
			}
			switch out.Kind {
			case stream.KindBytes:
				w.set(i, best.BytesAt(i))
			case stream.KindFloat64:
				out.F64[i] = best.F64[i]
			default:
				setDec(out, i, decAt(best, i))
			}
		}
		if out.Kind == stream.KindBytes {
			w.end()
		}
	}
}

func absKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		c := in[0]
		switch c.Kind {
		case stream.KindFloat64:
			for i, v := range c.F64[:r.n] {
				out.F64[i] = math.Abs(v)
			}
		case stream.KindWide:
			for i := range r.n {
				setDec(out, i, decAt(c, i).Abs())
			}
		default:
			least := int64(-1) << (intBits(k.t) - 1)
			found := false
			for i, v := range c.I64[:r.n] {
				s := v >> 63
				out.I64[i] = (v ^ s) - s
				found = found || v == least
			}
			if found {
				failLeast(r, rs.sel, out, c, least, k.node)
			}
		}
	}
}

func signKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		c := in[0]
		one := dec.Pow10Wide(int(k.t.Scale)) // of decimal(38,38) 1 does not fit
		for j := range rs.n {
			i := rs.at(j)
			switch c.Kind {
			case stream.KindFloat64:
				v := c.F64[i]
				if v > 0 {
					v = 1
				} else if v < 0 {
					v = -1
				}
				out.F64[i] = v
			default:
				if out.IsNull(i) {
					continue
				}
				d := dec.Dec{}
				switch decAt(c, i).Sign() {
				case 1:
					d = one
				case -1:
					d = one.Neg()
				}
				if k.t.ID == stream.Decimal && !dec.Fits(d, int(k.t.Precision)) {
					k.overflow(r, out, i)
					d = dec.Dec{}
				}
				setDec(out, i, d)
			}
		}
	}
}

// wholeKernel is FLOOR and CEIL; integers do not come here.
func wholeKernel(k *funcKernel) {
	ceil := k.node.fn.name == "CEIL"
	scale := int(k.node.args[0].t.Scale)
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		c := in[0]
		for j := range rs.n {
			i := rs.at(j)
			switch {
			case c.Kind == stream.KindFloat64 && ceil:
				out.F64[i] = math.Ceil(c.F64[i])
			case c.Kind == stream.KindFloat64:
				out.F64[i] = math.Floor(c.F64[i])
			case out.IsNull(i):
			default:
				d := decAt(c, i)
				if ceil {
					d = dec.Ceil(d, scale)
				} else {
					d = dec.Floor(d, scale)
				}
				if !dec.Fits(d, int(k.t.Precision)) { // 9.5 in decimal(2,1) is 10, which fits; 38 nines and a half do not
					k.overflow(r, out, i)
					d = dec.Dec{}
				}
				setDec(out, i, d)
			}
		}
	}
}

func roundKernel(k *funcKernel) {
	scale := int(k.node.args[0].t.Scale)
	integer := k.t.IsInteger()
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		c := in[0]
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			digits := in[1].I64[i]
			if c.Kind == stream.KindFloat64 {
				out.F64[i] = roundFloat(c.F64[i], digits, k.t.ID == stream.Float)
				continue
			}
			d, s, ok := roundDec(decAt(c, i), scale, digits)
			if ok && !integer {
				d, ok = dec.Rescale(d, s, int(k.t.Scale))
				ok = ok && dec.Fits(d, int(k.t.Precision))
			}
			if ok && integer {
				bits := 64 - intBits(k.t)
				v, fits := d.Int64()
				ok = fits && v == v<<bits>>bits
			}
			if !ok {
				k.overflow(r, out, i)
				d = dec.Dec{}
			}
			setDec(out, i, d)
		}
	}
}

// roundFloat rounds the shortest decimal that f is, half up, as Java's BigDecimal.valueOf does.
func roundFloat(f float64, digits int64, single bool) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || digits > 30 {
		return f
	}
	d, ok := dec.FromFloat64(f, int(max(digits, 0))+1)
	if !ok {
		return f // so large that there are no such digits
	}
	scale := int(max(digits, 0)) + 1
	if digits < 0 { // the first rounding must not decide the second
		if e, ok := dec.FromFloat64(f, min(20, 38-dec.Digits(d))); ok {
			d, scale = e, min(20, 38-dec.Digits(d))
		}
	} else if e, ok := dec.FromFloat64(f, int(digits)); ok {
		d, scale = e, int(digits)
	}
	v, s, ok := roundDec(d, scale, digits)
	if !ok {
		return f
	}
	g := v.Float64(s)
	if single {
		g = float64(float32(g))
	}
	return g
}

func mathKernel(k *funcKernel) {
	var f func(x, y float64) float64
	switch k.node.fn.name {
	case "POWER":
		f = math.Pow
	case "SQRT":
		f = func(x, _ float64) float64 { return math.Sqrt(x) }
	case "LN":
		f = func(x, _ float64) float64 { return math.Log(x) }
	case "EXP":
		f = func(x, _ float64) float64 { return math.Exp(x) }
	}
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		y := in[len(in)-1].F64
		for j := range rs.n {
			i := rs.at(j)
			out.F64[i] = f(in[0].F64[i], y[i])
		}
	}
}
