package aggregate

import (
	"fmt"
	"math"
	"math/bits"
	"strings"

	"flowd/internal/dec"
	"flowd/state"
	"flowd/stream"
)

// Emit appends the results of the given rows to out, a column of s.Type. A result that its type cannot hold is NULL
// and an error, whose Row is the row's position in out.
func (s Spec) Emit(l *state.Lanes, at int, rows []uint32, out *stream.Column, errs *stream.RowErrors) {
	switch s.op {
	case opCountAll, opCount:
		for _, r := range rows {
			out.AppendInt64(lanesOf(l, r, at, 1)[0])
		}
	case opSumInt:
		for _, r := range rows {
			v := lanesOf(l, r, at, 2)
			s.emitSum(v[0], v[1]>>1, v[1]>>63, v[1]&1 != 0, out, errs)
		}
	case opSumWide:
		for _, r := range rows {
			v := lanesOf(l, r, at, 3)
			s.emitSum(v[0], v[1], v[2]>>1, v[2]&1 != 0, out, errs)
		}
	case opAvgInt:
		for _, r := range rows {
			v := lanesOf(l, r, at, 3)
			s.emitAvg(v[0], v[1]>>1, v[1]>>63, v[2], out, errs)
		}
	case opAvgWide:
		for _, r := range rows {
			v := lanesOf(l, r, at, 4)
			s.emitAvg(v[0], v[1], v[2]>>1, v[3], out, errs)
		}
	case opSumFloat:
		for _, r := range rows {
			v := lanesOf(l, r, at, 2)
			s.emitFloat(math.Float64frombits(uint64(v[0])), v[1], out)
		}
	default:
		s.emitMin(l, at, rows, out)
	}
}

func (s Spec) emitMin(l *state.Lanes, at int, rows []uint32, out *stream.Column) {
	for _, r := range rows {
		switch s.op {
		case opMinInt, opMinFloat:
			v := lanesOf(l, r, at, 2)
			switch {
			case v[1] == 0:
				out.AppendNull()
			case s.op == opMinInt:
				out.AppendInt64(v[0] ^ s.flip)
			default:
				out.AppendFloat64(unordered(v[0] ^ s.flip))
			}
		case opMinWide:
			if v := lanesOf(l, r, at, 3); v[2] == 0 {
				out.AppendNull()
			} else {
				out.AppendWide(v[1]^s.flip, uint64(v[0]^s.flip))
			}
		case opMinText:
			if ref := lanesOf(l, r, at, 1)[0]; ref == state.NoRef {
				out.AppendNull()
			} else {
				out.AppendBytes(l.Arena.Get(ref))
			}
		}
	}
}

func (s Spec) emitFloat(sum float64, n int64, out *stream.Column) {
	if n == 0 {
		out.AppendNull()
		return
	}
	if s.Func == Avg {
		sum /= float64(n)
	}
	if s.Type.ID == stream.Float {
		sum = float64(float32(sum))
	}
	out.AppendFloat64(sum)
}

// emitSum emits a sum of up to 192 bits.
func (s Spec) emitSum(lo, mid, hi int64, seen bool, out *stream.Column, errs *stream.RowErrors) {
	if !seen {
		out.AppendNull()
		return
	}
	d, ok := decimal(lo, mid, hi)
	if s.Type.ID == stream.Decimal {
		if !ok {
			s.overflow(d, ok, out, errs)
			return
		}
		out.AppendWide(d.Hi, d.Lo)
		return
	}
	if limit := maxOf(s.Type); !ok || mid != lo>>63 || lo > limit || lo < -limit-1 {
		s.overflow(d, ok, out, errs)
		return
	}
	out.AppendInt64(lo)
}

// decimal makes a coefficient of at most 38 digits of a 192-bit number.
func decimal(lo, mid, hi int64) (dec.Dec, bool) {
	d := dec.Dec{Hi: mid, Lo: uint64(lo)}
	return d, hi == mid>>63 && dec.Fits(d, dec.MaxPrecision)
}

func maxOf(t stream.Type) int64 {
	switch t.ID {
	case stream.TinyInt:
		return math.MaxInt8
	case stream.SmallInt:
		return math.MaxInt16
	case stream.Int:
		return math.MaxInt32
	}
	return math.MaxInt64
}

func (s Spec) emitAvg(lo, mid, hi, n int64, out *stream.Column, errs *stream.RowErrors) {
	if n == 0 {
		out.AppendNull()
		return
	}
	if s.Type.ID != stream.Decimal {
		out.AppendInt64(quotient(lo, mid, n))
		return
	}
	sum, ok := decimal(lo, mid, hi)
	if !ok {
		s.overflow(sum, ok, out, errs)
		return
	}
	avg, ok := dec.Quo(sum, int(s.Arg.Scale), dec.FromInt64(n), 0, int(s.Type.Scale))
	if !ok {
		s.overflow(sum, true, out, errs)
		return
	}
	out.AppendWide(avg.Hi, avg.Lo)
}

// quotient is the 128-bit number hi, lo ÷ n, cut towards zero. As an average of n int64 it fits one.
func quotient(lo, hi, n int64) int64 {
	if hi == lo>>63 {
		return lo / n
	}
	h, l, neg := uint64(hi), uint64(lo), hi < 0
	if neg {
		var borrow uint64
		l, borrow = bits.Sub64(0, l, 0)
		h, _ = bits.Sub64(0, h, borrow)
	}
	q, _ := bits.Div64(h, l, uint64(n))
	if neg {
		return -int64(q)
	}
	return int64(q)
}

func (s Spec) overflow(sum dec.Dec, known bool, out *stream.Column, errs *stream.RowErrors) {
	msg := fmt.Sprintf("%s overflows %s", s.Func, strings.ToUpper(s.Type.Nullable().String()))
	if known {
		scale := 0
		if s.Arg.ID == stream.Decimal {
			scale = int(s.Arg.Scale)
		}
		msg += ": the sum is " + string(dec.Append(nil, sum, scale))
	}
	switch s.Type.ID {
	case stream.Decimal:
		msg += "; CAST the argument to DOUBLE"
	case stream.BigInt:
		msg += "; CAST the argument to DECIMAL(38,0)"
	default:
		msg += "; CAST the argument to BIGINT"
	}
	errs.Add(out.Len(), msg)
	out.AppendNull()
}
