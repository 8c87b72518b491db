package expr

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"flowd/stream"
)

// reference evaluates typed trees one row at a time with math/big, time and regexp. It shares nothing with the kernels.
type reference struct {
	in     *stream.Batch
	row    int
	failed bool
}

// refValue is a value: num for integers, booleans, times and decimals, f for floating point, s for text.
type refValue struct {
	null bool
	num  *big.Rat
	f    float64
	s    string
}

var refNull = refValue{null: true}

func refInt(v int64) refValue { return refValue{num: new(big.Rat).SetInt64(v)} }

func refBool(v bool) refValue {
	if v {
		return refInt(1)
	}
	return refInt(0)
}

func (v refValue) isTrue() bool { return !v.null && v.num.Sign() != 0 }

func (r *reference) fail() refValue { r.failed = true; return refNull }

func pow10Rat(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
}

// halfUp rounds to scale digits, half away from zero.
func halfUp(v *big.Rat, scale int) *big.Rat {
	p := pow10Rat(scale)
	x := new(big.Rat).Mul(v, p)
	x.Abs(x).Add(x, big.NewRat(1, 2))
	q := new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
	if v.Sign() < 0 {
		q.Neg(q)
	}
	return q.Quo(q, p)
}

func truncate(v *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Quo(v.Num(), v.Denom()))
}

// fit brings an exact number into type t, or fails.
func (r *reference) fit(v *big.Rat, t stream.Type) refValue {
	if t.ID == stream.Decimal {
		v = halfUp(v, int(t.Scale))
		if new(big.Rat).Abs(v).Cmp(pow10Rat(int(t.Precision-t.Scale))) >= 0 {
			return r.fail()
		}
		return refValue{num: v}
	}
	width := map[stream.TypeID]uint{stream.TinyInt: 7, stream.SmallInt: 15, stream.Int: 31}[t.ID]
	if width == 0 {
		width = 63
	}
	limit := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), width))
	if v.Cmp(limit) >= 0 || v.Cmp(new(big.Rat).Neg(limit)) < 0 {
		return r.fail()
	}
	return refValue{num: v}
}

func refLoad(t stream.Type, c *stream.Column, i int) refValue {
	if c.IsNull(i) {
		return refNull
	}
	switch t.Kind() {
	case stream.KindFloat64:
		return refValue{f: c.F64[i]}
	case stream.KindBytes:
		return refValue{s: string(c.BytesAt(i))}
	}
	n := big.NewInt(c.I64[i])
	if t.Kind() == stream.KindWide {
		n = new(big.Int).Lsh(big.NewInt(c.Hi[i]), 64)
		n.Add(n, new(big.Int).SetUint64(uint64(c.I64[i])))
	}
	v := new(big.Rat).SetInt(n)
	if t.ID == stream.Decimal {
		v.Quo(v, pow10Rat(int(t.Scale)))
	}
	return refValue{num: v}
}

func refCompare(op int, t stream.Type, a, b refValue) bool {
	switch t.Kind() {
	case stream.KindFloat64:
		nan := a.f != a.f && b.f != b.f
		return []bool{a.f == b.f || nan, !(a.f == b.f || nan), a.f < b.f, a.f <= b.f || nan, a.f > b.f, a.f >= b.f || nan}[op]
	case stream.KindBytes:
		c := strings.Compare(a.s, b.s)
		return []bool{c == 0, c != 0, c < 0, c <= 0, c > 0, c >= 0}[op]
	}
	c := a.num.Cmp(b.num)
	return []bool{c == 0, c != 0, c < 0, c <= 0, c > 0, c >= 0}[op]
}

// filter says whether t is TRUE, with AND deciding on what is not TRUE.
func (r *reference) filter(t *tnode) bool {
	switch t.op {
	case opAnd:
		return r.filter(t.args[0]) && r.filter(t.args[1])
	case opOr:
		return r.filter(t.args[0]) || r.filter(t.args[1])
	}
	return r.eval(t).isTrue()
}

func (r *reference) eval(t *tnode) refValue {
	switch t.op {
	case opConst:
		c := stream.NewColumn(t.t, 1)
		t.val.AppendTo(c)
		return refLoad(t.t, c, 0)
	case opColumn:
		return refLoad(t.t, r.in.Cols[t.col], r.row)
	case opAnd, opOr:
		decides := t.op == opOr
		a := r.eval(t.args[0])
		if !a.null && a.isTrue() == decides {
			return a
		}
		b := r.eval(t.args[1])
		switch {
		case !b.null && b.isTrue() == decides:
			return b
		case a.null || b.null:
			return refNull
		}
		return refBool(!decides)
	case opCase:
		for i := 0; i+1 < len(t.args); i += 2 {
			if r.filter(t.args[i]) {
				return r.eval(t.args[i+1])
			}
		}
		return r.eval(t.args[len(t.args)-1])
	case opCoalesce:
		for _, a := range t.args {
			if v := r.eval(a); !v.null {
				return v
			}
		}
		return refNull
	}
	args := make([]refValue, len(t.args))
	null := false
	for i, a := range t.args {
		args[i] = r.eval(a)
		null = null || args[i].null
	}
	a := args[0]
	switch t.op {
	case opIs:
		is := a.null
		if t.sub != 'N' {
			is = !a.null && a.isTrue() == (t.sub == 'T')
		}
		return refBool(is != t.not)
	case opDistinct:
		same := a.null && args[1].null || !null && refCompare(cmpEQ, t.args[0].t, a, args[1])
		return refBool(same == t.not)
	case opIn:
		if a.null {
			return refNull
		}
		null = false
		for i, v := range args[1:] {
			if v.null {
				null = true
			} else if refCompare(cmpEQ, t.args[i+1].t, a, v) {
				return refBool(!t.not)
			}
		}
		if null {
			return refNull
		}
		return refBool(t.not)
	}
	if null {
		return refNull
	}
	switch t.op {
	case opNot:
		return refBool(!a.isTrue())
	case opNeg:
		if t.t.Kind() == stream.KindFloat64 {
			return refValue{f: -a.f}
		}
		return r.fit(new(big.Rat).Neg(a.num), t.t)
	case opCompare:
		return refBool(refCompare(t.sub, t.args[0].t, a, args[1]))
	case opConcat:
		s := ""
		for _, v := range args {
			s += v.s
		}
		return refValue{s: s}
	case opArith:
		return r.arith(t, a, args[1])
	case opCast:
		if t.not {
			inner := *r
			v := inner.cast(t, a)
			return v
		}
		return r.cast(t, a)
	case opLike:
		pattern := "(?s)^"
		for _, c := range args[1].s {
			switch c {
			case '%':
				pattern += ".*"
			case '_':
				pattern += "."
			default:
				pattern += regexp.QuoteMeta(string(c))
			}
		}
		return refBool(regexp.MustCompile(pattern+"$").MatchString(a.s) != t.not)
	case opTimeAdd:
		us := a.num.Num().Int64()
		d := args[1].num.Num().Int64()
		if t.not {
			d = -d
		}
		if t.args[1].t.ID == stream.IntervalMonth {
			at := time.UnixMicro(us).UTC()
			first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, int(d), 0)
			last := first.AddDate(0, 1, -1).Day()
			day := first.AddDate(0, 0, min(at.Day(), last)-1)
			return refInt(day.UnixMicro() + (us%86400_000_000+86400_000_000)%86400_000_000)
		}
		return refInt(us + d)
	case opFunc:
		return r.call(t, args)
	}
	panic("reference: unknown operation")
}

func (r *reference) arith(t *tnode, a, b refValue) refValue {
	if t.t.Kind() == stream.KindFloat64 {
		x, y := r.float(t.args[0].t, t.t, a), r.float(t.args[1].t, t.t, b)
		v := map[int]float64{'+': x + y, '-': x - y, '*': x * y, '/': x / y}[t.sub]
		if t.t.ID == stream.Float {
			v = float64(float32(v))
		}
		return refValue{f: v}
	}
	v := new(big.Rat)
	switch t.sub {
	case '+':
		v.Add(a.num, b.num)
	case '-':
		v.Sub(a.num, b.num)
	case '*':
		v.Mul(a.num, b.num)
	default:
		if b.num.Sign() == 0 {
			return r.fail()
		}
		v.Quo(a.num, b.num)
		if t.sub == '%' {
			whole := truncate(v)
			v.Sub(a.num, whole.Mul(whole, b.num))
		} else if t.t.IsInteger() {
			v = truncate(v)
		}
	}
	return r.fit(v, t.t)
}

func (r *reference) float(from, to stream.Type, v refValue) float64 {
	if from.Kind() == stream.KindFloat64 {
		return v.f
	}
	f, _ := v.num.Float64()
	if to.ID == stream.Float {
		g, _ := v.num.Float32()
		f = float64(g)
	}
	return f
}

func (r *reference) cast(t *tnode, v refValue) refValue {
	from, to := t.args[0].t, t.t
	if from.Same(to) {
		return v
	}
	switch {
	case from.ID == stream.String && to.IsInteger():
		s := strings.TrimSpace(v.s)
		if !regexp.MustCompile(`^[+-]?[0-9.]+$`).MatchString(s) || strings.Count(s, ".") > 1 {
			return r.fail()
		}
		whole, _, _ := strings.Cut(strings.TrimPrefix(s, "+"), ".")
		if whole == "" || whole == "-" {
			whole = "0"
		}
		n, _ := new(big.Int).SetString(whole, 10)
		return r.fit(new(big.Rat).SetInt(n), to)
	case to.ID == stream.String && from.IsInteger():
		return refValue{s: v.num.Num().String()}
	case to.ID == stream.String && from.ID == stream.Decimal:
		return refValue{s: v.num.FloatString(int(from.Scale))}
	case to.ID == stream.String && from.ID == stream.Boolean:
		return refValue{s: strings.ToUpper(strconv.FormatBool(v.isTrue()))}
	case to.ID == stream.Boolean && from.Kind() == stream.KindFloat64:
		return refBool(v.f != 0)
	case to.ID == stream.Boolean:
		return refBool(v.num.Sign() != 0)
	case to.Kind() == stream.KindFloat64:
		f := r.float(from, to, v)
		if to.ID == stream.Float {
			f = float64(float32(f))
		}
		return refValue{f: f}
	case from.Kind() == stream.KindFloat64:
		if math.IsNaN(v.f) || math.IsInf(v.f, 0) {
			return r.fail()
		}
		x := new(big.Rat).SetFloat64(v.f)
		if to.ID == stream.Decimal { // the shortest decimal counts
			x, _ = new(big.Rat).SetString(strconv.FormatFloat(v.f, 'g', -1, 64))
			return r.fit(x, to)
		}
		return r.fit(truncate(x), to)
	case to.IsInteger():
		return r.fit(truncate(v.num), to)
	}
	return r.fit(v.num, to)
}

func (r *reference) call(t *tnode, args []refValue) refValue {
	a := args[0]
	from := t.args[0].t
	switch t.fn.name {
	case "ABS":
		if from.Kind() == stream.KindFloat64 {
			return refValue{f: math.Abs(a.f)}
		}
		return r.fit(new(big.Rat).Abs(a.num), t.t)
	case "SIGN":
		if from.Kind() == stream.KindFloat64 {
			switch {
			case a.f > 0:
				return refValue{f: 1}
			case a.f < 0:
				return refValue{f: -1}
			}
			return a
		}
		return r.fit(big.NewRat(int64(a.num.Sign()), 1), t.t)
	case "FLOOR", "CEIL":
		if from.Kind() == stream.KindFloat64 {
			if t.fn.name == "FLOOR" {
				return refValue{f: math.Floor(a.f)}
			}
			return refValue{f: math.Ceil(a.f)}
		}
		v := truncate(a.num)
		if c := a.num.Cmp(v); c < 0 && t.fn.name == "FLOOR" {
			v.Sub(v, big.NewRat(1, 1))
		} else if c > 0 && t.fn.name == "CEIL" {
			v.Add(v, big.NewRat(1, 1))
		}
		return r.fit(v, t.t)
	case "ROUND":
		digits := args[1].num.Num().Int64()
		if digits >= 0 {
			if from.ID == stream.Decimal {
				digits = min(digits, int64(from.Scale))
			}
			return r.fit(halfUp(a.num, int(digits)), t.t)
		}
		p := pow10Rat(int(-digits))
		v := halfUp(new(big.Rat).Quo(a.num, p), 0)
		return r.fit(v.Mul(v, p), t.t)
	case "GREATEST", "LEAST":
		op := cmpGT
		if t.fn.name == "LEAST" {
			op = cmpLT
		}
		for _, v := range args[1:] {
			if refCompare(op, from, v, a) {
				a = v
			}
		}
		return a
	case "UPPER":
		return refValue{s: strings.ToUpper(a.s)}
	case "LOWER":
		return refValue{s: strings.ToLower(a.s)}
	case "TRIM":
		return refValue{s: strings.Trim(a.s, " ")}
	case "CHAR_LENGTH":
		return refInt(int64(utf8.RuneCountInString(a.s)))
	case "POSITION":
		at := strings.Index(args[1].s, a.s)
		if at < 0 {
			return refInt(0)
		}
		return refInt(int64(len([]rune(args[1].s[:at])) + 1))
	case "REPLACE":
		return refValue{s: strings.ReplaceAll(a.s, args[1].s, args[2].s)}
	case "SUBSTRING":
		runes := []rune(a.s)
		start, length := args[1].num.Num().Int64(), args[2].num.Num().Int64()
		n := int64(len(runes))
		if start < 0 {
			start += n + 1
			if start < 1 {
				start = n + 1
			}
		}
		if length < 0 {
			return refNull
		}
		start = min(max(start, 1), n+1)
		return refValue{s: string(runes[start-1 : min(start-1+length, n)])}
	case "EXTRACT":
		at := time.UnixMicro(a.num.Num().Int64()).UTC()
		_, week := at.ISOWeek()
		return refInt(int64(map[string]int{
			"YEAR": at.Year(), "MONTH": int(at.Month()), "DAY": at.Day(), "HOUR": at.Hour(), "MINUTE": at.Minute(),
			"SECOND": at.Second(), "DOY": at.YearDay(), "DOW": int(at.Weekday()) + 1, "WEEK": week,
		}[t.unit]))
	case "TIMESTAMPDIFF":
		d := args[1].num.Num().Int64()/1000 - a.num.Num().Int64()/1000
		return r.fit(big.NewRat(d/map[string]int64{"SECOND": 1000, "HOUR": 3600_000, "DAY": 86400_000}[t.unit], 1), t.t)
	}
	panic("reference: unknown function " + t.fn.name)
}
