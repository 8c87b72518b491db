package format

import (
	"math"

	"flowd/internal/dec"
	"flowd/stream"
)

// value reads any value at p as row row of n over the frame cols. It returns the place after it, or −1 with d.fault set.
func (d *decoder) value(n *node, p, depth int, cols []*stream.Column, row int) int {
	base, end := d.base, d.end
	if p >= end {
		return d.fail(p, -1, "expected a JSON value")
	}
	c := at(base, p)
	if c == 'n' && n.op != opSkip {
		if q := word(base, p, end); q >= 0 {
			return d.null(n, p, q, cols)
		}
		return d.failSyntax(p, p)
	}
	if n.op == opRow {
		return d.object(n, p, depth+1, cols, row)
	}
	col := cols[n.col]
	switch n.op {
	case opBool:
		return d.boolean(n, c, p, col)
	case opTiny, opInt:
		if c == '-' || c-'0' <= 9 {
			if v, q := integer(base, p, end); q >= 0 && v >= n.min && v <= n.max {
				col.AppendInt64(v)
				return q
			}
		}
		return d.wholeNumber(n, c, p, col)
	case opFloat, opDouble:
		return d.floating(n, c, p, col)
	case opDecimal, opWide:
		return d.decimal(n, c, p, col)
	case opString:
		return d.str(c, p, depth, col)
	case opBytes:
		return d.bytes(n, c, p, col)
	case opDate, opTime, opTimestamp, opLocalTimestamp:
		return d.temporal(n, c, p, col)
	case opArray:
		return d.array(n, c, p, depth, col)
	case opMap:
		return d.dict(n, c, p, depth, col)
	}
	panic("format: value of an operation that reads none")
}

// null appends NULL for the word null between p and q.
func (d *decoder) null(n *node, p, q int, cols []*stream.Column) int {
	if n.required() {
		return d.failField(n, p, "the field is NOT NULL")
	}
	for _, leaf := range n.leaves {
		cols[leaf.col].AppendNull()
	}
	return q
}

// unquote finds the text at p, which begins with a quote, without its escapes. It is valid until the next call. next is −1
// if the text is wrong.
func (d *decoder) unquote(p int) (s []byte, next int) {
	next, plain, bad := skipText(d.base, p+1, d.end)
	switch {
	case next < 0:
		return nil, d.failSyntax(p, bad)
	case plain:
		return view(d.base, p+1, next-1), next
	}
	d.text = appendText(d.text[:0], d.base, p+1, next-1)
	return d.text, next
}

func (d *decoder) boolean(n *node, c byte, p int, col *stream.Column) int {
	const want = "expected true or false"
	if c == '"' {
		s, next := d.unquote(p)
		if next < 0 {
			return -1
		}
		switch s = trim(s); {
		case foldEqual(s, "true"):
			col.AppendInt64(1)
		case foldEqual(s, "false"):
			col.AppendInt64(0)
		default:
			return d.failField(n, p, want)
		}
		return next
	}
	if q := word(d.base, p, d.end); q >= 0 {
		if c == 't' {
			col.AppendInt64(1)
		} else {
			col.AppendInt64(0)
		}
		return q
	}
	return d.failField(n, p, want)
}

// foldEqual compares ASCII letters without their case; lower is in lower case.
func foldEqual(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i, c := range s {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// wholeNumber reads what integer does not: text, fractions, exponents, and what is no number.
func (d *decoder) wholeNumber(n *node, c byte, p int, col *stream.Column) int {
	switch {
	case c == '"':
		s, next := d.unquote(p)
		if next < 0 {
			return -1
		}
		if v, ok := javaInt(trim(s)); ok {
			if v < n.min || v > n.max {
				return d.failField(n, p, "beyond the range of "+n.typeName())
			}
			col.AppendInt64(v)
			return next
		}
	case c == '-' || c-'0' <= 9:
		next, plain := number(d.base, p, d.end)
		if next < 0 {
			return d.failSyntax(p, p)
		}
		tok := view(d.base, p, next)
		if plain {
			v, ok := javaInt(tok)
			if !ok || v < n.min || v > n.max {
				return d.failField(n, p, "beyond the range of "+n.typeName())
			}
			col.AppendInt64(v)
			return next
		}
		if n.op == opInt {
			f := float(tok, 64)
			if !n.inRange(f) {
				return d.failField(n, p, "beyond the range of "+n.typeName())
			}
			col.AppendInt64(int64(f))
			return next
		}
	}
	return d.failField(n, p, "expected a whole number ("+n.typeName()+")")
}

// inRange says whether the whole part of f fits n. It is Jackson's rule: for int the value itself must be within the limits.
func (n *node) inRange(f float64) bool {
	if n.max == math.MaxInt64 {
		return f >= -1<<63 && f < 1<<63
	}
	return f >= float64(n.min) && f <= float64(n.max)
}

func (n *node) typeName() string { return n.t.Nullable().String() }

func (d *decoder) floating(n *node, c byte, p int, col *stream.Column) int {
	bits := 64
	if n.op == opFloat {
		bits = 32
	}
	switch {
	case c == '"':
		s, next := d.unquote(p)
		if next < 0 {
			return -1
		}
		if f, ok := javaFloat(trim(s), bits); ok {
			col.AppendFloat64(f)
			return next
		}
	case c == '-' || c-'0' <= 9:
		next, _ := number(d.base, p, d.end)
		if next < 0 {
			return d.failSyntax(p, p)
		}
		col.AppendFloat64(float(view(d.base, p, next), bits))
		return next
	}
	return d.failField(n, p, "expected a number ("+n.typeName()+")")
}

func (d *decoder) decimal(n *node, c byte, p int, col *stream.Column) int {
	var tok []byte
	var next int
	switch {
	case c == '"':
		if tok, next = d.unquote(p); next < 0 {
			return -1
		}
		tok = trim(tok)
	case c == '-' || c-'0' <= 9:
		if next, _ = number(d.base, p, d.end); next < 0 {
			return d.failSyntax(p, p)
		}
		tok = view(d.base, p, next)
	}
	var st dec.Status
	if n.op == opDecimal {
		var v int64
		if v, st = dec.Parse64(tok, int(n.t.Precision), int(n.t.Scale)); st == dec.OK {
			col.AppendInt64(v)
			return next
		}
	} else {
		var v dec.Dec
		if v, st = dec.Parse(tok, int(n.t.Precision), int(n.t.Scale)); st == dec.OK {
			col.AppendWide(v.Hi, v.Lo)
			return next
		}
	}
	if st == dec.Overflow {
		return d.failField(n, p, "beyond the range of "+n.typeName())
	}
	return d.failField(n, p, "expected a number ("+n.typeName()+")")
}

func (d *decoder) str(c byte, p, depth int, col *stream.Column) int {
	base, end := d.base, d.end
	switch c {
	case '"':
		if buf, next := copyText(col.Bytes, base, p+1, end); next >= 0 {
			endText(col, buf)
			return next
		}
		next, plain, bad := skipText(base, p+1, end)
		if next < 0 {
			return d.failSyntax(p, bad)
		}
		if plain {
			col.AppendBytes(view(base, p+1, next-1))
		} else {
			endText(col, appendText(col.Bytes, base, p+1, next-1))
		}
		return next
	case '{', '[':
		next, bad := skip(base, p, end, depth)
		if next < 0 {
			return d.failSyntax(p, bad)
		}
		endText(col, d.compact(col.Bytes, p, next))
		return next
	}
	next, bad := scalar(base, p, end)
	if next < 0 {
		return d.failSyntax(p, bad)
	}
	col.AppendBytes(view(base, p, next))
	return next
}

// endText ends the next row of col at the end of buf, which is its arena with that row's text appended.
func endText(col *stream.Column, buf []byte) {
	if len(col.Valid) > 0 {
		setValid(col, col.Len())
	}
	col.Bytes = buf
	col.Off = append(col.Off, uint32(len(buf)))
}

func setValid(col *stream.Column, row int) {
	col.EnsureValid(row + 1)
	col.Valid[row>>6] |= 1 << (row & 63)
}

func (d *decoder) temporal(n *node, c byte, p int, col *stream.Column) int {
	if c == '"' {
		if n.op == opTimestamp || n.op == opLocalTimestamp {
			if us, next := d.date.timestamp(d.base, p, d.end, n.op == opLocalTimestamp, n.t.Precision); next >= 0 {
				col.AppendInt64(us)
				return next
			}
		}
		s, next := d.unquote(p)
		if next < 0 {
			return -1
		}
		var v int64
		var ok bool
		switch n.op {
		case opDate:
			v, ok = dateText(s)
		case opTime:
			v, ok = timeText(s, n.t.Precision)
		default:
			v, ok = timestampText(s, n.op == opLocalTimestamp, n.t.Precision)
		}
		if ok {
			col.AppendInt64(v)
			return next
		}
	}
	want := `expected a timestamp such as "2026-01-31 23:59:59"`
	switch n.op {
	case opDate:
		want = `expected a date such as "2026-01-31"`
	case opTime:
		want = `expected a time such as "23:59:59"`
	case opLocalTimestamp:
		want = `expected a timestamp_ltz such as "2026-01-31 23:59:59Z"`
	}
	return d.failField(n, p, want)
}

func (d *decoder) bytes(n *node, c byte, p int, col *stream.Column) int {
	if c == '"' {
		s, next := d.unquote(p)
		if next < 0 {
			return -1
		}
		if buf, ok := appendBase64(col.Bytes, s); ok {
			endText(col, buf)
			return next
		}
	}
	return d.failField(n, p, "expected text in base64, with padding")
}

// appendBase64 appends the bytes that s stands for. White space may stand before each group of four.
func appendBase64(dst, s []byte) ([]byte, bool) {
	for {
		for len(s) > 0 && s[0] <= ' ' {
			s = s[1:]
		}
		if len(s) == 0 {
			return dst, true
		}
		if len(s) < 4 {
			return nil, false
		}
		a, b, c, e := base64Value[s[0]], base64Value[s[1]], base64Value[s[2]], base64Value[s[3]]
		if a < 0 || b < 0 {
			return nil, false
		}
		v := uint32(a)<<18 | uint32(b)<<12
		switch {
		case c >= 0 && e >= 0:
			v |= uint32(c)<<6 | uint32(e)
			dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
		case c >= 0 && s[3] == '=':
			v |= uint32(c) << 6
			dst = append(dst, byte(v>>16), byte(v>>8))
		case s[2] == '=' && s[3] == '=':
			dst = append(dst, byte(v>>16))
		default:
			return nil, false
		}
		s = s[4:]
	}
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range len(base64Letters) {
		t[base64Letters[i]] = int8(i)
	}
	return t
}()
