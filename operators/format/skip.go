package format

import "unsafe"

// maxDepth is how deep arrays and objects may be nested, the record's own object included, as in Jackson.
const maxDepth = 1000

// space finds the first byte from p on that is no white space.
func space(base unsafe.Pointer, p, end int) int {
	for p < end {
		switch at(base, p) {
		case ' ', '\t', '\n', '\r':
			p++
		default:
			return p
		}
	}
	return p
}

// word says whether one of true, false and null begins at p, and where it ends; −1 if not.
func word(base unsafe.Pointer, p, end int) int {
	const trueWord, nullWord, falseTail = 0x65757274, 0x6c6c756e, 0x65736c61
	if p+4 > end {
		return -1
	}
	switch w := load(base, p); {
	case uint32(w) == trueWord, uint32(w) == nullWord:
		return p + 4
	case p+5 <= end && byte(w) == 'f' && uint32(w>>8) == falseTail:
		return p + 5
	}
	return -1
}

// scalar checks a value at p that is neither array nor object and finds its end. −1: it is wrong at bad.
func scalar(base unsafe.Pointer, p, end int) (next, bad int) {
	if p >= end {
		return -1, p
	}
	switch c := at(base, p); {
	case c == '"':
		next, _, bad = skipText(base, p+1, end)
		return next, bad
	case c == '-' || c-'0' <= 9:
		next, _ = number(base, p, end)
	default:
		next = word(base, p, end)
	}
	return next, p
}

// skip checks any value at p and finds its end. It needs no memory that grows with the record. −1: it is wrong at bad.
func skip(base unsafe.Pointer, p, end, depth int) (next, bad int) {
	if p < end && at(base, p)|0x20 != '{' { // neither { nor [
		return scalar(base, p, end)
	}
	var object [maxDepth/64 + 1]uint64 // bit d: the value open at depth d is an object
	outer := depth
	for {
		// A value begins at p.
		if p >= end {
			return -1, p
		}
		if c := at(base, p); c == '{' || c == '[' {
			if depth++; depth > maxDepth {
				return -1, p
			}
			q := space(base, p+1, end)
			if q < end && at(base, q) == c+2 {
				depth--
				p = q + 1
			} else {
				if bit := uint64(1) << (depth & 63); c == '{' {
					object[depth>>6] |= bit
					if q, bad = key(base, q, end); q < 0 {
						return -1, bad
					}
				} else {
					object[depth>>6] &^= bit
				}
				p = q
				continue
			}
		} else if p, bad = scalar(base, p, end); p < 0 {
			return -1, bad
		}
		// A value ends at p.
		for {
			if depth == outer {
				return p, 0
			}
			p = space(base, p, end)
			if p >= end {
				return -1, p
			}
			inObject := object[depth>>6]>>(depth&63)&1 == 1
			c := at(base, p)
			if c == ',' {
				p = space(base, p+1, end)
				if inObject {
					if p, bad = key(base, p, end); p < 0 {
						return -1, bad
					}
				}
				break
			}
			if c != ']' && c != '}' || inObject != (c == '}') {
				return -1, p
			}
			p++
			depth--
		}
	}
}

// key checks a key and its colon and finds the value after it. −1: it is wrong at bad.
func key(base unsafe.Pointer, p, end int) (next, bad int) {
	if p >= end || at(base, p) != '"' {
		return -1, p
	}
	if p, _, bad = skipText(base, p+1, end); p < 0 {
		return -1, bad
	}
	if p = space(base, p, end); p >= end || at(base, p) != ':' {
		return -1, p
	}
	return space(base, p+1, end), 0
}
