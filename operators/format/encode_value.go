package format

import (
	"slices"
	"unicode/utf8"
	"unsafe"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

// append appends row row of cols as an object.
func (p *program) append(dst []byte, cols []*stream.Column, row int, day *dayText) []byte {
	code := p.code
	for i := 0; i < len(code); i++ {
		in := &code[i]
		dst = append(dst, in.lit...)
		switch in.op {
		case opSkip:
			continue
		case opRow:
			if allNull(cols, in.cols, row) {
				dst = append(dst, "null"...)
				i = in.skip - 1
			}
			continue
		}
		c := cols[in.col]
		if len(c.Valid) > 0 && c.Valid[row>>6]>>(row&63)&1 == 0 {
			dst = append(dst, "null"...)
			continue
		}
		switch in.op {
		case opInt:
			dst = appendInt(dst, c.I64[row])
		case opString:
			dst = appendQuoted(dst, c.Bytes[c.Off[row]:c.Off[row+1]])
		case opTimestamp:
			dst = append(day.append(append(dst, '"'), c.I64[row], in.typ.prec), '"')
		default:
			dst = in.typ.append(dst, c, row, day)
		}
	}
	return append(dst, p.tail...)
}

func allNull(cols []*stream.Column, which []int, row int) bool {
	for _, i := range which {
		if !cols[i].IsNull(row) {
			return false
		}
	}
	return true
}

// append appends row row of c, which is not NULL.
func (v *valueType) append(dst []byte, c *stream.Column, row int, day *dayText) []byte {
	switch v.op {
	case opBool:
		if c.I64[row] != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case opTiny, opInt:
		return appendInt(dst, c.I64[row])
	case opNullRow:
		return append(dst, "null"...)
	case opFloat:
		return appendDouble(dst, c.F64[row], 32)
	case opDouble:
		return appendDouble(dst, c.F64[row], 64)
	case opDecimal:
		return dec.Append64(dst, c.I64[row], v.prec)
	case opWide:
		return dec.Append(dst, dec.Dec{Hi: c.Hi[row], Lo: uint64(c.I64[row])}, v.prec)
	case opString:
		return appendQuoted(dst, c.BytesAt(row))
	case opBytes:
		return append(appendBase64Text(append(dst, '"'), c.BytesAt(row)), '"')
	case opDate:
		return append(civil.AppendDate(append(dst, '"'), c.I64[row]), '"')
	case opTime:
		return append(civil.AppendTime(append(dst, '"'), c.I64[row]*1000, v.prec), '"')
	case opTimestamp:
		return append(day.append(append(dst, '"'), c.I64[row], v.prec), '"')
	case opLocalTimestamp:
		return append(day.append(append(dst, '"'), c.I64[row], v.prec), `Z"`...)
	case opArray, opMap:
		return v.list(dst, c, row, day)
	}
	panic("format: writing a value of an unknown type")
}

// list appends an array or map.
func (v *valueType) list(dst []byte, c *stream.Column, row int, day *dayText) []byte {
	open, closing := byte('['), byte(']')
	if v.op == opMap {
		open, closing = '{', '}'
	}
	dst = append(dst, open)
	for j := int(c.Off[row]); j < int(c.Off[row+1]); j++ {
		if j > int(c.Off[row]) {
			dst = append(dst, ',')
		}
		if v.op == opMap {
			dst = append(v.mapKey(dst, c.Child[0], j, day), ':')
		}
		values := c.Child[v.first:]
		switch {
		case v.row == nil && values[0].IsNull(j), v.row != nil && v.null && rowIsNull(values, j):
			dst = append(dst, "null"...)
		case v.row != nil:
			dst = v.row.append(dst, values, j, day)
		default:
			dst = v.elem.append(dst, values[0], j, day)
		}
	}
	return append(dst, closing)
}

func rowIsNull(cols []*stream.Column, row int) bool {
	for _, c := range cols {
		if !c.IsNull(row) {
			return false
		}
	}
	return true
}

// mapKey appends a key as a string, also where AppendJSONRow meets a map whose keys are none.
func (v *valueType) mapKey(dst []byte, c *stream.Column, row int, day *dayText) []byte {
	if c.IsNull(row) {
		return append(dst, `"null"`...)
	}
	n := len(dst)
	dst = v.key.append(dst, c, row, day)
	if n < len(dst) && dst[n] != '"' {
		dst = append(dst, 0)
		copy(dst[n+1:], dst[n:])
		dst[n] = '"'
		dst = append(dst, '"')
	}
	return dst
}

// room gives dst capacity for n more bytes.
func room(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return slices.Grow(dst, n)
	}
	return dst
}

const twoDigits = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

func appendInt(dst []byte, v int64) []byte {
	dst = room(dst, 20)
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	n := 1
	for t := u; t >= 10; n++ {
		if t < 100 {
			n++
			break
		}
		if t < 1000 {
			n += 2
			break
		}
		if t < 10000 {
			n += 3
			break
		}
		t /= 10000
		n += 3
	}
	i := len(dst) + n
	dst = dst[:i]
	for u >= 100 {
		q := u / 100
		r := (u - q*100) * 2
		u = q
		i -= 2
		dst[i], dst[i+1] = twoDigits[r], twoDigits[r+1]
	}
	if u >= 10 {
		dst[i-2], dst[i-1] = twoDigits[u*2], twoDigits[u*2+1]
	} else {
		dst[i-1] = byte('0' + u)
	}
	return dst
}

// dayText is the text of the day written last.
type dayText struct {
	start int64 // its midnight, µs
	text  [10]byte
	ok    bool
}

// append appends us as "2026-01-31 23:59:59.987" with prec digits of fraction.
func (d *dayText) append(dst []byte, us int64, prec int) []byte {
	off := us - d.start
	if !d.ok || uint64(off) >= civil.MicrosPerDay {
		days, of := civil.Split(us)
		if days < -719162 || days > 2932896 { // before 0001-01-01, after 9999-12-31
			return civil.AppendTimestamp(dst, us, prec)
		}
		d.start, d.ok, off = us-of, true, of
		civil.AppendDate(d.text[:0], days)
	}
	dst = room(dst, 32)
	n := len(dst)
	t := dst[n : n+26]
	copy(t, d.text[:])
	sec := uint32(uint64(off) / 1_000_000)
	frac := uint32(uint64(off) - uint64(sec)*1_000_000)
	h, m := sec/3600, sec/60%60
	s := sec % 60
	t[10], t[13], t[16], t[19] = ' ', ':', ':', '.'
	t[11], t[12] = twoDigits[2*h], twoDigits[2*h+1]
	t[14], t[15] = twoDigits[2*m], twoDigits[2*m+1]
	t[17], t[18] = twoDigits[2*s], twoDigits[2*s+1]
	if prec == 0 {
		return dst[:n+19]
	}
	a, b, c := frac/10000, frac/100%100, frac%100
	t[20], t[21] = twoDigits[2*a], twoDigits[2*a+1]
	t[22], t[23] = twoDigits[2*b], twoDigits[2*b+1]
	t[24], t[25] = twoDigits[2*c], twoDigits[2*c+1]
	return dst[:n+20+prec]
}

// appendQuoted appends s as a JSON string: eight bytes at a time as long as nothing needs an escape.
func appendQuoted(dst, s []byte) []byte {
	dst = room(dst, len(s)+2+8)
	n := len(dst)
	out := unsafe.Pointer(unsafe.SliceData(dst[:n+1]))
	dst = append(dst, '"')
	in := unsafe.Pointer(unsafe.SliceData(s))
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := load(in, i)
		if textStops(w) != 0 {
			return appendEscaped(dst, s)
		}
		store(out, n+1+i, w)
	}
	if rest := len(s) - i; rest > 0 {
		if len(s) >= 8 {
			w := load(in, len(s)-8)
			if textStops(w) != 0 {
				return appendEscaped(dst, s)
			}
			store(out, n+1+len(s)-8, w)
		} else {
			for ; i < len(s); i++ {
				c := s[i]
				if c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
					return appendEscaped(dst[:n+1], s)
				}
				dst = append(dst, c)
			}
			return append(dst, '"')
		}
	}
	dst = dst[:n+1+len(s)]
	return append(dst, '"')
}

// appendEscaped appends s and a closing quote. Bytes that are no UTF-8 become U+FFFD each.
func appendEscaped(dst, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for len(s) > 0 {
		i := 0
		for i < len(s) && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] < utf8.RuneSelf {
			i++
		}
		dst = append(dst, s[:i]...)
		if s = s[i:]; len(s) == 0 {
			break
		}
		size := 1
		switch c := s[0]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
				break
			}
			var r rune
			r, size = utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, r)
		}
		s = s[size:]
	}
	return append(dst, '"')
}

// appendBase64Text appends v in base64 with padding.
func appendBase64Text(dst, v []byte) []byte {
	for ; len(v) >= 3; v = v[3:] {
		w := uint32(v[0])<<16 | uint32(v[1])<<8 | uint32(v[2])
		dst = append(dst, base64Letters[w>>18], base64Letters[w>>12&63], base64Letters[w>>6&63], base64Letters[w&63])
	}
	switch len(v) {
	case 1:
		w := uint32(v[0]) << 16
		dst = append(dst, base64Letters[w>>18], base64Letters[w>>12&63], '=', '=')
	case 2:
		w := uint32(v[0])<<16 | uint32(v[1])<<8
		dst = append(dst, base64Letters[w>>18], base64Letters[w>>12&63], base64Letters[w>>6&63], '=')
	}
	return dst
}
