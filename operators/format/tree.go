package format

// compact appends the array or object between p and end, which skip has checked, as Flink gives it to a string: without
// white space, escapes only where they are needed, and numbers with fraction or exponent as Java writes a double. Repeated
// keys stay.
func (d *decoder) compact(dst []byte, p, end int) []byte {
	for p < end {
		switch c := at(d.base, p); {
		case c <= ' ':
			p++
		case c == '"':
			next, plain, _ := skipText(d.base, p+1, end)
			if plain {
				dst = append(dst, view(d.base, p, next)...)
			} else {
				d.text = appendText(d.text[:0], d.base, p+1, next-1)
				dst = appendQuoted(dst, d.text)
			}
			p = next
		case c == '-' || c-'0' <= 9:
			next, plain := number(d.base, p, end)
			tok := view(d.base, p, next)
			switch {
			case !plain:
				dst = appendDouble(dst, float(tok, 64), 64)
			case string(tok) == "-0":
				dst = append(dst, '0')
			default:
				dst = append(dst, tok...)
			}
			p = next
		default:
			dst = append(dst, c)
			p++
		}
	}
	return dst
}
