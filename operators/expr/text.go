package expr

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"flowd/stream"
)

// letterCaseKernel is UPPER and LOWER, by the rules of Unicode without a language.
func letterCaseKernel(k *funcKernel) {
	upper := k.node.fn.name == "UPPER"
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			w.row(i)
			text := in[0].BytesAt(i)
			from := len(out.Bytes)
			out.Bytes = append(out.Bytes, text...)
			if !asciiCase(out.Bytes[from:], upper) {
				out.Bytes = appendCase(out.Bytes[:from], text, upper)
			}
		}
		w.end()
	}
}

// asciiCase changes b in place; false if it has other letters than ASCII's.
func asciiCase(b []byte, upper bool) bool {
	first, last := byte('A'), byte('Z')
	if upper {
		first, last = 'a', 'z'
	}
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
		if c >= first && c <= last {
			b[i] = c ^ 0x20
		}
	}
	return true
}

func appendCase(dst, text []byte, upper bool) []byte {
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		switch {
		case upper && c >= utf8.RuneSelf && upperSpecial[c] != "":
			dst = append(dst, upperSpecial[c]...)
		case upper:
			dst = utf8.AppendRune(dst, unicode.ToUpper(c))
		case c == 'İ':
			dst = append(dst, "i̇"...)
		case c == 'Σ' && finalSigma(text, i, n):
			dst = append(dst, "ς"...)
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(c))
		}
		i += n
	}
	return dst
}

// finalSigma says whether the Σ at text[i:i+n] ends a word.
func finalSigma(text []byte, i, n int) bool {
	before, _ := utf8.DecodeLastRune(text[:i])
	after, _ := utf8.DecodeRune(text[i+n:])
	return i > 0 && unicode.IsLetter(before) && (i+n == len(text) || !unicode.IsLetter(after))
}

func trimKernel(k *funcKernel) {
	left, right := k.node.unit != "TRAILING", k.node.unit != "LEADING"
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			text, cut := in[0].BytesAt(i), spaces
			if len(in) == 2 {
				cut = in[1].BytesAt(i)
			}
			for left && len(text) > 0 {
				c, n := utf8.DecodeRune(text)
				if !bytes.ContainsRune(cut, c) {
					break
				}
				text = text[n:]
			}
			for right && len(text) > 0 {
				c, n := utf8.DecodeLastRune(text)
				if !bytes.ContainsRune(cut, c) {
					break
				}
				text = text[:len(text)-n]
			}
			w.set(i, text)
		}
		w.end()
	}
}

var spaces = []byte(" ")

func substringKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			length := int64(1) << 40
			if len(in) == 3 {
				length = in[2].I64[i]
			}
			if length < 0 {
				r.null(out, i)
				continue
			}
			w.set(i, substring(in[0].BytesAt(i), in[1].I64[i], length))
		}
		w.end()
	}
}

// substring counts characters; start 0 is 1, negative starts count from the end and yield nothing before the beginning.
func substring(text []byte, start, length int64) []byte {
	skip := start - 1
	switch {
	case start == 0:
		skip = 0
	case start < 0:
		n := int64(utf8.RuneCount(text))
		if skip = n + start; skip < 0 {
			return nil
		}
	}
	for ; skip > 0 && len(text) > 0; skip-- {
		text = text[runeLen(text):]
	}
	end := 0
	for ; length > 0 && end < len(text); length-- {
		end += runeLen(text[end:])
	}
	return text[:end]
}

func runeLen(b []byte) int {
	if b[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(b)
	return n
}

func replaceKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			w.row(i)
			text, from, to := in[0].BytesAt(i), in[1].BytesAt(i), in[2].BytesAt(i)
			for len(from) > 0 {
				at := bytes.Index(text, from)
				if at < 0 {
					break
				}
				out.Bytes = append(append(out.Bytes, text[:at]...), to...)
				text = text[at+len(from):]
			}
			for len(from) == 0 && len(text) > 0 { // nothing stands before every character and at the end
				n := runeLen(text)
				out.Bytes = append(append(out.Bytes, to...), text[:n]...)
				text = text[n:]
			}
			out.Bytes = append(out.Bytes, text...)
			if len(from) == 0 {
				out.Bytes = append(out.Bytes, to...)
			}
		}
		w.end()
	}
}

func splitIndexKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			var by []byte
			if in[1].Kind == stream.KindBytes {
				by = in[1].BytesAt(i)
			} else {
				k.scratch = utf8.AppendRune(k.scratch[:0], rune(min(max(in[1].I64[i], 0), utf8.MaxRune)))
				by = k.scratch
			}
			if part, ok := splitIndex(in[0].BytesAt(i), by, in[2].I64[i]); ok {
				w.set(i, part)
			} else {
				r.null(out, i)
			}
		}
		w.end()
	}
}

// splitIndex is part index of text; no part of the empty text exists. An empty delimiter splits at white space.
func splitIndex(text, by []byte, index int64) ([]byte, bool) {
	if len(text) == 0 || index < 0 {
		return nil, false
	}
	for ; ; index-- {
		at, n := bytes.Index(text, by), len(by)
		if n == 0 {
			if at = bytes.IndexFunc(text, unicode.IsSpace); at >= 0 {
				n = runeLen(text[at:])
			}
		}
		switch {
		case index == 0 && at < 0:
			return text, true
		case index == 0:
			return text[:at], true
		case at < 0:
			return nil, false
		}
		text = text[at+n:]
	}
}
