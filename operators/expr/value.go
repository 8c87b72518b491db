package expr

import (
	"encoding/hex"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

// AppendValue appends the text that CAST(value AS string) gives for row i of c, a column of type t; NULL is written
// NULL. Doubles are written as Java does, arrays as [1, NULL], maps as {a=1}.
func AppendValue(dst []byte, t stream.Type, c *stream.Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, "NULL"...)
	}
	switch t.ID {
	case stream.Boolean:
		if c.I64[i] != 0 {
			return append(dst, "TRUE"...)
		}
		return append(dst, "FALSE"...)
	case stream.TinyInt, stream.SmallInt, stream.Int, stream.BigInt:
		return strconv.AppendInt(dst, c.I64[i], 10)
	case stream.Float:
		return appendJava(dst, c.F64[i], 32)
	case stream.Double:
		return appendJava(dst, c.F64[i], 64)
	case stream.Decimal:
		return dec.Append(dst, decAt(c, i), int(t.Scale))
	case stream.String:
		return append(dst, c.BytesAt(i)...)
	case stream.Bytes:
		return appendUTF8(dst, c.BytesAt(i))
	case stream.Date:
		return civil.AppendDate(dst, c.I64[i])
	case stream.Time:
		return civil.AppendTime(dst, c.I64[i]*1000, int(t.Precision))
	case stream.Timestamp, stream.TimestampLTZ:
		return civil.AppendTimestamp(dst, c.I64[i], int(t.Precision))
	case stream.IntervalDay, stream.IntervalMonth:
		return appendInterval(dst, t.ID, c.I64[i])
	case stream.Array, stream.Map:
		return appendElements(dst, t, c, i, AppendValue, "[]{}", ", ", "=")
	}
	return dst
}

// AppendResult appends row i of c as flowd expr prints it: like AppendValue, but null, true and false in lower case,
// bytes as x'00ff', instants with a Z, arrays and maps as JSON.
func AppendResult(dst []byte, t stream.Type, c *stream.Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, "null"...)
	}
	switch t.ID {
	case stream.Boolean:
		return strconv.AppendBool(dst, c.I64[i] != 0)
	case stream.Bytes:
		return append(hex.AppendEncode(append(dst, "x'"...), c.BytesAt(i)), '\'')
	case stream.TimestampLTZ:
		return append(AppendValue(dst, t, c, i), 'Z')
	case stream.Array, stream.Map:
		return appendElements(dst, t, c, i, appendQuoted, "[]{}", ",", ":")
	}
	return AppendValue(dst, t, c, i)
}

// appendQuoted is AppendResult with quotes where JSON needs them.
func appendQuoted(dst []byte, t stream.Type, c *stream.Column, i int) []byte {
	if c.IsNull(i) || t.IsNumeric() || t.ID == stream.Boolean || t.Kind() == stream.KindList || t.ID == stream.Row {
		return AppendResult(dst, t, c, i)
	}
	if t.ID == stream.String {
		return strconv.AppendQuote(dst, string(c.BytesAt(i)))
	}
	return append(AppendResult(append(dst, '"'), t, c, i), '"')
}

type appender func(dst []byte, t stream.Type, c *stream.Column, i int) []byte

// appendElements writes the elements of row i of an array or a map. An element that is a row is written (1, x).
func appendElements(dst []byte, t stream.Type, c *stream.Column, i int, each appender, brackets, comma, colon string) []byte {
	values, open, end := c.Child, brackets[0], brackets[1]
	if t.ID == stream.Map {
		values, open, end = c.Child[1:], brackets[2], brackets[3]
	}
	dst = append(dst, open)
	for j := int(c.Off[i]); j < int(c.Off[i+1]); j++ {
		if j > int(c.Off[i]) {
			dst = append(dst, comma...)
		}
		if t.ID == stream.Map {
			dst = append(each(dst, *t.Key, c.Child[0], j), colon...)
		}
		if t.Elem.ID != stream.Row {
			dst = each(dst, *t.Elem, values[0], j)
			continue
		}
		var types []*stream.Type
		leafTypes(&types, nil, "", t.Elem)
		dst = append(dst, '(')
		for k, leaf := range types {
			if k > 0 {
				dst = append(dst, comma...)
			}
			dst = each(dst, *leaf, values[k], j)
		}
		dst = append(dst, ')')
	}
	return append(dst, end)
}

// appendUTF8 writes bytes that may not be text, as Java decodes them.
func appendUTF8(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return append(dst, b...)
	}
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		dst = utf8.AppendRune(dst, c)
		b = b[n:]
	}
	return dst
}

func appendInterval(dst []byte, id stream.TypeID, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst, u = append(dst, '-'), -u
	} else {
		dst = append(dst, '+')
	}
	if id == stream.IntervalMonth {
		dst = append(strconv.AppendUint(dst, u/12, 10), '-', byte('0'+u%12/10), byte('0'+u%12%10))
		return dst
	}
	dst = append(strconv.AppendUint(dst, u/civil.MicrosPerDay, 10), ' ')
	return civil.AppendTime(dst, int64(u%civil.MicrosPerDay), 3)
}

// appendJava writes a float as Java 17 does (Double.toString): the shortest digits that read back, at least one after
// the point, with an exponent below 10^-3 and from 10^7 on. Of whole numbers that need more bits than there are, Java
// keeps some more digits than the shortest (JDK-4511638); that is followed, because text is compared.
func appendJava(dst []byte, f float64, size int) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0.0"...)
	case f == 0:
		return append(dst, "0.0"...)
	}
	var buf [32]byte
	digits, exp, ok := wholeDigits(buf[:0], math.Abs(f), size)
	if !ok {
		s := strconv.AppendFloat(buf[:0], math.Abs(f), 'e', -1, size) // d.ddde±xx
		e := len(s) - 1
		for s[e] != 'e' {
			e--
		}
		exp = 0
		for _, c := range s[e+2:] {
			exp = exp*10 + int(c-'0')
		}
		if s[e+1] == '-' {
			exp = -exp
		}
		digits = append(s[:1], s[min(2, e):e]...)
	}
	if f < 0 {
		dst = append(dst, '-')
	}
	switch {
	case exp >= 0 && exp < 7:
		for len(digits) < exp+2 {
			digits = append(digits, '0')
		}
		dst = append(append(dst, digits[:exp+1]...), '.')
		return append(dst, digits[exp+1:]...)
	case exp < 0 && exp >= -3:
		dst = append(dst, "0.000"[:1-exp]...)
		return append(dst, digits...)
	}
	dst = append(dst, digits[0], '.')
	if len(digits) == 1 {
		dst = append(dst, '0')
	}
	dst = append(append(dst, digits[1:]...), 'E')
	return strconv.AppendInt(dst, int64(exp), 10)
}

// wholeDigits are the digits of a whole number below 2^63, without those that its precision does not carry and without
// zeros at the end; ok is false for other numbers.
func wholeDigits(buf []byte, f float64, size int) (digits []byte, exp int, ok bool) {
	if f != math.Trunc(f) || f >= 1<<63 {
		return nil, 0, false
	}
	v := uint64(f)
	significant := 53
	if size == 32 {
		significant = 24
	}
	drop := 0
	if p := bits.Len64(v) - 1 - significant - 1; p > 1 { // 2^p has that many digits to spare
		drop = int(float64(p) * 0.30102999566398119521)
	}
	if drop > 0 {
		ten := uint64(dec.Pow10(drop))
		rest := v % ten
		v /= ten
		if rest >= ten/2 {
			v++
		}
	}
	digits = strconv.AppendUint(buf, v, 10)
	exp = len(digits) - 1 + drop
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits, exp, true
}
