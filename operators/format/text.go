package format

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// plainText finds the first byte from p on that is not plain text (see textStops); it may lie at or after end.
func plainText(base unsafe.Pointer, p, end int) int {
	for p < end {
		if m := textStops(load(base, p)); m != 0 {
			return p + firstMark(m)
		}
		p += 8
	}
	return p
}

// skipText checks the text whose opening quote is before p and finds its end: next is after the closing quote. plain says
// that it has no escapes. For wrong text next is −1 and bad the place.
func skipText(base unsafe.Pointer, p, end int) (next int, plain bool, bad int) {
	q := plainText(base, p, end)
	if q < end && at(base, q) == '"' {
		return q + 1, true, 0
	}
	return skipRichText(base, q, end)
}

// skipRichText goes on with a text at its first byte that is not plain.
func skipRichText(base unsafe.Pointer, p, end int) (next int, plain bool, bad int) {
	plain = true
	for p < end {
		switch c := at(base, p); {
		case c == '"':
			return p + 1, plain, 0
		case c == '\\':
			plain = false
			_, n := unescape(base, p, end)
			if n < 0 {
				return -1, false, p
			}
			p = n
		case c < 0x20:
			return -1, false, p
		case c >= utf8.RuneSelf:
			n := runeLen(base, p, end)
			if n == 0 {
				return -1, false, p
			}
			p += n
		default:
			p = plainText(base, p, end)
		}
	}
	return -1, false, end
}

// runeLen is the length of the UTF-8 character at p, 0 if there is none.
func runeLen(base unsafe.Pointer, p, end int) int {
	r, n := utf8.DecodeRune(view(base, p, min(p+utf8.UTFMax, end)))
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

// unescape reads the escape at p; a pair of surrogates is one. next is −1 if it is wrong.
func unescape(base unsafe.Pointer, p, end int) (r rune, next int) {
	if p+1 >= end {
		return 0, -1
	}
	switch c := at(base, p+1); c {
	case '"', '\\', '/':
		return rune(c), p + 2
	case 'b':
		return '\b', p + 2
	case 'f':
		return '\f', p + 2
	case 'n':
		return '\n', p + 2
	case 'r':
		return '\r', p + 2
	case 't':
		return '\t', p + 2
	case 'u':
	default:
		return 0, -1
	}
	hi := hex4(base, p+2, end)
	if hi < 0 || !utf16.IsSurrogate(hi) {
		if hi < 0 {
			return 0, -1
		}
		return hi, p + 6
	}
	p += 6
	if p+2 > end || at(base, p) != '\\' || at(base, p+1) != 'u' {
		return 0, -1
	}
	if r = utf16.DecodeRune(hi, hex4(base, p+2, end)); r == utf8.RuneError {
		return 0, -1
	}
	return r, p + 6
}

// hex4 reads four hexadecimal digits, −1 if there are none.
func hex4(base unsafe.Pointer, p, end int) (v rune) {
	if p+4 > end {
		return -1
	}
	for _, c := range view(base, p, p+4) {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		v = v<<4 | rune(c)
	}
	return v
}

// view is the bytes from p to end.
func view(base unsafe.Pointer, p, end int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(base, p)), end-p)
}

// appendText appends the text from p to its closing quote, which skipText has checked, without escapes.
func appendText(dst []byte, base unsafe.Pointer, p, end int) []byte {
	for p < end {
		q := p
		for q < end && at(base, q) != '\\' {
			q++
		}
		dst = append(dst, view(base, p, q)...)
		if p = q; p < end {
			var r rune
			r, p = unescape(base, p, end)
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// copyText appends plain text from p on to dst, eight bytes at a time. It returns dst and the place after the closing quote,
// or −1 where the text is not plain; then dst has grown only in capacity.
func copyText(dst []byte, base unsafe.Pointer, p, end int) ([]byte, int) {
	n := len(dst)
	if cap(dst)-n < 64 {
		dst = slices.Grow(dst, 64)
	}
	out := unsafe.Pointer(unsafe.SliceData(dst))
	room := cap(dst) - 8
	for at, q := n, p; ; at, q = at+8, q+8 {
		if q >= end {
			return dst, -1
		}
		if at > room {
			// Grow once, by what is missing: the text may be long.
			dst = slices.Grow(dst[:at], plainText(base, q, end)-q+64)[:n]
			out, room = unsafe.Pointer(unsafe.SliceData(dst)), cap(dst)-8
		}
		w := load(base, q)
		store(out, at, w)
		if m := textStops(w); m != 0 {
			k := firstMark(m)
			if q+k >= end || byte(w>>(8*uint(k))) != '"' {
				return dst, -1
			}
			return dst[:at+k], q + k + 1
		}
	}
}

// trim cuts what Java's String.trim does: characters up to the space.
func trim(s []byte) []byte {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}
