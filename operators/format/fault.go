package format

import (
	"strconv"
	"unicode/utf8"
)

// fault is the first thing wrong with a record.
type fault struct {
	at    int    // position in the buffer
	field string // "" for an error of the document
	want  string // what was expected, or what is wrong if what follows is not to be quoted
	found int    // where the excerpt ends; at: no excerpt; −1: to the end of the record
}

// message writes f for a user. start is where the record begins.
func (f *fault) message(buf []byte, start, end int) string {
	msg := make([]byte, 0, 160)
	if f.field != "" {
		msg = append(append(append(msg, "field "...), f.field...), ": "...)
	}
	msg = append(msg, f.want...)
	switch {
	case f.found < 0 && f.at >= end:
		msg = append(msg, ", found the end of the record"...)
	case f.found != f.at:
		to := end
		if f.found > 0 {
			to = min(f.found, end)
		}
		msg = append(append(msg, ", found "...), excerpt(buf[f.at:to])...)
	}
	msg = append(msg, " at byte "...)
	return string(strconv.AppendInt(msg, int64(f.at-start), 10))
}

// excerpt is the start of v as a quoted string of at most 60 characters in which nothing can disturb a terminal or log.
func excerpt(v []byte) string {
	const limit = 60
	const mark = "…"
	out := append(make([]byte, 0, limit+8), '`')
	n := 1
	for len(v) > 0 {
		r, size := utf8.DecodeRune(v)
		var one [12]byte
		var esc []byte
		switch {
		case r == utf8.RuneError && size == 1:
			esc = append(one[:0], `\x`...)
			esc = append(esc, "0123456789abcdef"[v[0]>>4], "0123456789abcdef"[v[0]&15])
		case strconv.IsPrint(r):
			esc = utf8.AppendRune(one[:0], r)
		default:
			q := strconv.AppendQuoteRuneToASCII(one[:0], r)
			esc = q[1 : len(q)-1]
		}
		if w := utf8.RuneCount(esc); n+w > limit-2 {
			out = append(out, mark...)
			break
		} else {
			n += w
		}
		out = append(out, esc...)
		v = v[size:]
	}
	return string(append(out, '`'))
}
