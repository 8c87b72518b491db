package expr

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

// castKernel is CAST, TRY_CAST and the conversions that types ask for. What cannot be converted is a row error, or NULL
// in TRY_CAST.
type castKernel struct {
	x        operand
	from, to stream.Type
	try      bool
	node     *tnode
}

func (k *castKernel) eval(r *run, sel []int32, out *stream.Column) {
	c := k.x.get(r, sel)
	if k.from.Same(k.to) {
		copyColumn(out, c, r.n, sel)
		return
	}
	if out.Kind != stream.KindBytes {
		out.Resize(r.n)
	}
	validity(out, r.n, c)
	switch {
	case k.to.Kind() == stream.KindBytes:
		k.toText(r, sel, c, out)
	case k.widening(r, c, out):
	default:
		rs := selected(sel, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			if why := k.one(c, i, out); why != "" {
				zero(out, i, i+1)
				if k.try {
					r.null(out, i)
				} else {
					k.fail(r, c, i, out, why)
				}
			}
		}
	}
}

func (k *castKernel) fail(r *run, c *stream.Column, i int, out *stream.Column, why string) {
	value := shorten(string(AppendValue(nil, k.from, c, i)))
	if k.from.ID == stream.String {
		value = quoteText(value)
	}
	what := k.node.text()
	if k.node.src == nil || k.node.src.kind != nCast {
		what = "CAST(" + what + " AS " + k.to.Nullable().String() + ")"
	}
	r.fail(out, i, what+": "+value+" "+why)
}

// widening does the casts between numbers that cannot fail, in tight loops; false if this is none of them.
func (k *castKernel) widening(r *run, c, out *stream.Column) bool {
	from, to := k.from, k.to
	n := r.n
	switch {
	case from.IsInteger() && to.IsInteger() && to.ID > from.ID, from.ID == stream.Boolean && to.IsInteger(),
		from.ID == to.ID && from.ID != stream.Decimal && to.Precision >= from.Precision && to.Kind() == stream.KindInt64,
		from.IsTimestamp() && to.IsTimestamp() && to.Precision >= from.Precision:
		copy(out.I64, c.I64[:n])
	case (from.IsInteger() || from.ID == stream.Boolean) && to.ID == stream.Double:
		for i, v := range c.I64[:n] {
			out.F64[i] = float64(v)
		}
	case (from.IsInteger() || from.ID == stream.Boolean) && to.ID == stream.Float:
		for i, v := range c.I64[:n] {
			out.F64[i] = float64(float32(v))
		}
	case from.ID == stream.Float && to.ID == stream.Double:
		copy(out.F64, c.F64[:n])
	case from.ID == stream.Double && to.ID == stream.Float:
		for i, v := range c.F64[:n] {
			out.F64[i] = float64(float32(v))
		}
	case from.Kind() == stream.KindInt64 && (from.IsInteger() || from.ID == stream.Decimal) && to.ID == stream.Decimal:
		p, s := decimalOf(from)
		up := int(to.Scale) - s
		if up < 0 || p-s > int(to.Precision-to.Scale) {
			return false
		}
		if out.Kind == stream.KindInt64 {
			f := dec.Pow10(up)
			for i, v := range c.I64[:n] {
				out.I64[i] = v * f
			}
			return true
		}
		if up > dec.ShortPrecision {
			return false
		}
		f := dec.Pow10(up)
		for i, v := range c.I64[:n] {
			d := dec.Mul64(v, f)
			out.I64[i], out.Hi[i] = int64(d.Lo), d.Hi
		}
	case to.ID == stream.Boolean && from.Kind() == stream.KindInt64 && from.IsNumeric():
		for i, v := range c.I64[:n] {
			out.I64[i] = b2i(v != 0)
		}
	default:
		return false
	}
	return true
}

const (
	whyRange  = "does not fit"
	whyNumber = "is not a number"
)

// one casts one row; it says why if it cannot.
func (k *castKernel) one(c *stream.Column, i int, out *stream.Column) (why string) {
	if k.from.ID == stream.String {
		return k.parse(c.BytesAt(i), i, out)
	}
	switch {
	case k.to.ID == stream.Boolean:
		if c.Kind == stream.KindFloat64 {
			out.I64[i] = b2i(c.F64[i] != 0)
		} else {
			out.I64[i] = b2i(!decAt(c, i).IsZero())
		}
	case k.to.IsInteger():
		return k.toInteger(c, i, out)
	case k.to.ID == stream.Decimal:
		return k.toDecimal(c, i, out)
	case k.to.Kind() == stream.KindFloat64:
		f := decAt(c, i).Float64(int(k.from.Scale))
		if k.to.ID == stream.Float {
			f = float64(float32(f))
		}
		out.F64[i] = f
	default:
		return k.toTime(c.I64[i], i, out)
	}
	return ""
}

func (k *castKernel) toInteger(c *stream.Column, i int, out *stream.Column) string {
	var v int64
	if c.Kind == stream.KindFloat64 {
		f := math.Trunc(c.F64[i])
		if !(f >= -1<<63 && f < 1<<63) {
			return whyRange
		}
		v = int64(f)
	} else {
		d := decAt(c, i)
		if k.from.ID == stream.Decimal {
			d = dec.TruncTo(d, int(k.from.Scale))
		}
		var ok bool
		if v, ok = d.Int64(); !ok {
			return whyRange
		}
	}
	return k.setInteger(v, i, out)
}

func (k *castKernel) setInteger(v int64, i int, out *stream.Column) string {
	shift := 64 - intBits(k.to)
	if v != v<<shift>>shift {
		return whyRange
	}
	out.I64[i] = v
	return ""
}

func (k *castKernel) toDecimal(c *stream.Column, i int, out *stream.Column) string {
	var d dec.Dec
	var ok bool
	if c.Kind == stream.KindFloat64 {
		d, ok = dec.FromFloat64(c.F64[i], int(k.to.Scale))
	} else {
		_, s := decimalOf(k.from)
		if k.from.ID == stream.Boolean {
			s = 0
		}
		d, ok = dec.Rescale(decAt(c, i), s, int(k.to.Scale))
	}
	if !ok || !dec.Fits(d, int(k.to.Precision)) {
		return whyRange
	}
	setDec(out, i, d)
	return ""
}

// toTime casts between dates, times and timestamps.
func (k *castKernel) toTime(v int64, i int, out *stream.Column) string {
	us := v // of the timestamp that v is
	switch k.from.ID {
	case stream.Date:
		us = v * civil.MicrosPerDay
	case stream.Time:
		us = v * 1000
	}
	days, ofDay := civil.Split(us)
	switch k.to.ID {
	case stream.Date:
		out.I64[i] = days
	case stream.Time:
		out.I64[i] = civil.TruncPrecision(ofDay, int(k.to.Precision)) / 1000
	default:
		out.I64[i] = civil.TruncPrecision(us, int(k.to.Precision))
	}
	return ""
}

// parse reads text.
func (k *castKernel) parse(b []byte, i int, out *stream.Column) string {
	switch k.to.ID {
	case stream.Boolean:
		v, ok := parseBool(b)
		if !ok {
			return "is not a boolean"
		}
		out.I64[i] = b2i(v)
	case stream.TinyInt, stream.SmallInt, stream.Int, stream.BigInt:
		v, why := parseInteger(bytes.TrimSpace(b))
		if why != "" {
			return why
		}
		return k.setInteger(v, i, out)
	case stream.Float, stream.Double:
		f, ok := parseDouble(bytes.TrimSpace(b), k.to.ID == stream.Float)
		if !ok {
			return whyNumber
		}
		out.F64[i] = f
	case stream.Decimal:
		d, st := dec.Parse(bytes.TrimSpace(b), int(k.to.Precision), int(k.to.Scale))
		switch st {
		case dec.Syntax:
			return whyNumber
		case dec.Overflow:
			return whyRange
		}
		setDec(out, i, d)
	case stream.Date:
		days, ok := parseDate(b)
		if !ok {
			return "is not a date"
		}
		out.I64[i] = days
	case stream.Time:
		us, ok := parseTimeOfDay(b)
		if !ok {
			return "is not a time of day"
		}
		out.I64[i] = civil.TruncPrecision(us, int(k.to.Precision)) / 1000
	default:
		us, ok := parseTimestamp(b)
		if !ok {
			return "is not a timestamp"
		}
		out.I64[i] = civil.TruncPrecision(us, int(k.to.Precision))
	}
	return ""
}

func (k *castKernel) toText(r *run, sel []int32, c, out *stream.Column) {
	w := writeText(out, r.n)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		if out.IsNull(i) {
			continue
		}
		w.row(i)
		if k.to.ID == stream.Bytes {
			out.Bytes = append(out.Bytes, c.BytesAt(i)...)
		} else {
			out.Bytes = AppendValue(out.Bytes, k.from, c, i)
		}
	}
	w.end()
}

func parseBool(b []byte) (v, ok bool) {
	if len(b) > 5 {
		return false, false
	}
	var low [5]byte
	for i, c := range b {
		low[i] = lower(c)
	}
	switch string(low[:len(b)]) {
	case "t", "true", "y", "yes", "1":
		return true, true
	case "f", "false", "n", "no", "0":
		return false, true
	}
	return false, false
}

// parseInteger reads an integer, or the whole part of a number with a point, as Flink does.
func parseInteger(b []byte) (v int64, why string) {
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg, b = b[0] == '-', b[1:]
	}
	if len(b) == 0 {
		return 0, whyNumber
	}
	var u uint64
	over, point := false, false
	for _, c := range b {
		switch d := c - '0'; {
		case c == '.' && !point:
			point = true
		case d > 9:
			return 0, whyNumber
		case point:
		case u > (1<<63)/10:
			over = true
		default:
			u = u*10 + uint64(d)
		}
	}
	if over || u > 1<<63 || u == 1<<63 && !neg {
		return 0, whyRange
	}
	if neg {
		u = -u
	}
	return int64(u), ""
}

// parseDouble reads a number as Java's Double.parseDouble does, without hexadecimal forms.
func parseDouble(b []byte, single bool) (float64, bool) {
	s := b
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	switch string(s) {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		if b[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	case "":
		return 0, false
	}
	if c := lower(s[len(s)-1]); c == 'd' || c == 'f' {
		s, b = s[:len(s)-1], b[:len(b)-1]
	}
	for _, c := range s {
		if !isDigit(c) && c != '.' && c|0x20 != 'e' && c != '-' && c != '+' {
			return 0, false
		}
	}
	size := 64
	if single {
		size = 32
	}
	// The text is only read during the call, so the string may share its bytes.
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), size)
	return f, err == nil || math.IsInf(f, 0)
}

func lower(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		return c | 0x20
	}
	return c
}
