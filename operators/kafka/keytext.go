package kafka

import (
	"strconv"
	"unicode/utf8"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/internal/recordbatch"
	"flowd/stream"
)

// key is the record key of a row: the text of its column, or a JSON object of several; nil if the single column is
// NULL. It lies in s.text or in the column.
func (s *sink) key(b *stream.Batch, row int) []byte {
	if len(s.set.keys) == 0 {
		return nil
	}
	if !s.set.keyJSON {
		i := s.set.keys[0]
		if b.Cols[i].IsNull(row) {
			return nil
		}
		if b.Cols[i].Kind == stream.KindBytes {
			return b.Cols[i].BytesAt(row)
		}
		at := len(s.text)
		s.text = appendText(s.text, b.Cols[i], b.Schema.Columns[i].Type, row)
		return s.text[at:len(s.text):len(s.text)]
	}
	at := len(s.text)
	s.text = append(s.text, '{')
	for n, i := range s.set.keys {
		if n > 0 {
			s.text = append(s.text, ',')
		}
		s.text = appendQuoted(s.text, b.Schema.Columns[i].Name)
		s.text = append(s.text, ':')
		s.text = appendJSON(s.text, b.Cols[i], b.Schema.Columns[i].Type, row)
	}
	s.text = append(s.text, '}')
	return s.text[at:len(s.text):len(s.text)]
}

// headersOf is the headers of a row and about how many bytes they take. Their values lie in s.text or in columns.
func (s *sink) headersOf(b *stream.Batch, row int) ([]recordbatch.Header, int) {
	if len(s.set.headers) == 0 {
		return nil, 0
	}
	s.headers, s.cuts = s.headers[:0], s.cuts[:0]
	for _, h := range s.set.headers { // texts first: s.text may move while they are added
		s.cuts = append(s.cuts, len(s.text))
		if c := b.Cols[h.column]; !c.IsNull(row) && c.Kind != stream.KindBytes {
			s.text = appendText(s.text, c, b.Schema.Columns[h.column].Type, row)
		}
	}
	s.cuts = append(s.cuts, len(s.text))
	extra := 0
	for i, h := range s.set.headers {
		c := b.Cols[h.column]
		var v []byte
		switch {
		case c.IsNull(row):
		case c.Kind == stream.KindBytes:
			v = c.BytesAt(row)
		default:
			v = s.text[s.cuts[i]:s.cuts[i+1]]
		}
		s.headers = append(s.headers, recordbatch.Header{Key: h.name, Value: v})
		extra += len(h.name) + len(v) + 16
	}
	return s.headers, extra
}

// appendText writes the value of a row, which is not NULL, as CAST(x AS STRING) does.
func appendText(dst []byte, c *stream.Column, t stream.Type, row int) []byte {
	switch c.Kind {
	case stream.KindBytes:
		return append(dst, c.BytesAt(row)...)
	case stream.KindFloat64:
		bits := 64
		if t.ID == stream.Float {
			bits = 32
		}
		return strconv.AppendFloat(dst, c.F64[row], 'g', -1, bits)
	case stream.KindWide:
		return dec.Append(dst, dec.Dec{Hi: c.Hi[row], Lo: uint64(c.I64[row])}, int(t.Scale))
	}
	v := c.I64[row]
	switch t.ID {
	case stream.Boolean:
		return strconv.AppendBool(dst, v != 0)
	case stream.Decimal:
		return dec.Append64(dst, v, int(t.Scale))
	case stream.Date:
		return civil.AppendDate(dst, v)
	case stream.Time:
		return civil.AppendTime(dst, v*1000, int(t.Precision))
	case stream.Timestamp:
		return civil.AppendTimestamp(dst, v, int(t.Precision))
	case stream.TimestampLTZ:
		return append(civil.AppendTimestamp(dst, v, int(t.Precision)), 'Z')
	}
	return strconv.AppendInt(dst, v, 10)
}

// appendJSON writes the value of a row as JSON: numbers bare, the rest in quotes.
func appendJSON(dst []byte, c *stream.Column, t stream.Type, row int) []byte {
	if c.IsNull(row) {
		return append(dst, "null"...)
	}
	if t.IsNumeric() || t.ID == stream.Boolean {
		return appendText(dst, c, t, row)
	}
	if c.Kind == stream.KindBytes {
		return appendQuoted(dst, string(c.BytesAt(row)))
	}
	dst = append(dst, '"')
	return append(appendText(dst, c, t, row), '"') // dates and times need no escapes
}

// appendQuoted writes s as a JSON string. What is no UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
