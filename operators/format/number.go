package format

import (
	"math"
	"strconv"
	"unsafe"
)

// number finds the end of the JSON number that begins at p. plain says that it has neither fraction nor exponent. −1:
// it is no number.
func number(base unsafe.Pointer, p, end int) (next int, plain bool) {
	if p < end && at(base, p) == '-' {
		p++
	}
	q := digits(base, p, end)
	if q == p || q > p+1 && at(base, p) == '0' {
		return -1, false
	}
	if q >= end || at(base, q) != '.' && at(base, q)|0x20 != 'e' {
		return q, true
	}
	if at(base, q) == '.' {
		p = q + 1
		if q = digits(base, p, end); q == p {
			return -1, false
		}
	}
	if q < end && at(base, q)|0x20 == 'e' {
		p = q + 1
		if p < end && (at(base, p) == '+' || at(base, p) == '-') {
			p++
		}
		if q = digits(base, p, end); q == p {
			return -1, false
		}
	}
	return q, false
}

// digits finds the end of a run of digits.
func digits(base unsafe.Pointer, p, end int) int {
	for p < end {
		n := firstMark(nonDigits(load(base, p)))
		p += n
		if n < 8 {
			break
		}
	}
	return min(p, end)
}

// integer reads an integer of up to 18 digits at p, as JSON writes it, that is followed by neither '.' nor an exponent.
// −1: there is none, and the slow way has to say what there is.
func integer(base unsafe.Pointer, p, end int) (v int64, next int) {
	neg := at(base, p) == '-'
	if neg {
		p++
	}
	if p >= end {
		return 0, -1
	}
	w := load(base, p)
	n := firstMark(nonDigits(w))
	switch {
	case n == 0 || n > 1 && byte(w) == '0':
		return 0, -1
	case n < 8:
		v = int64(eightDigits(w << (64 - 8*uint(n))))
		p += n
	default:
		v = int64(eightDigits(w))
		p += 8
		if p >= end {
			break
		}
		w = load(base, p)
		n = firstMark(nonDigits(w))
		if n == 8 {
			v = v*1e8 + int64(eightDigits(w))
			p += 8
			for k := 0; p < end && at(base, p)-'0' <= 9; k++ {
				if k == 2 {
					return 0, -1
				}
				v = v*10 + int64(at(base, p)-'0')
				p++
			}
			break
		}
		if n > 0 {
			v = v*pow10int[n] + int64(eightDigits(w<<(64-8*uint(n))))
			p += n
		}
	}
	if p > end {
		return 0, -1
	}
	if p < end {
		if c := at(base, p); c == '.' || c|0x20 == 'e' {
			return 0, -1
		}
	}
	if neg {
		v = -v
	}
	return v, p
}

var pow10int = [9]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

var pow10float = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float reads a JSON number. Most numbers of data have few digits: if mantissa and power of ten are exact in
// a float64, one multiplication or division rounds correctly (W. Clinger, How to read floating point numbers
// accurately, 1990). The rest goes to strconv. Beyond the range it is infinite.
func float(tok []byte, bits int) float64 {
	if bits == 64 {
		var m uint64
		i, exp := 0, 0
		neg := tok[0] == '-'
		if neg {
			i++
		}
		point := false
		for ; i < len(tok); i++ {
			c := tok[i]
			if c == '.' {
				point = true
				continue
			}
			if c-'0' > 9 || m > 1<<53/10-1 {
				break
			}
			m = m*10 + uint64(c-'0')
			if point {
				exp++
			}
		}
		if i == len(tok) && exp < len(pow10float) {
			f := float64(m) / pow10float[exp]
			if neg {
				f = -f
			}
			return f
		}
	}
	f, _ := strconv.ParseFloat(unsafe.String(unsafe.SliceData(tok), len(tok)), bits)
	return f
}

// javaInt reads text as Java's Long.parseLong does: digits with an optional sign.
func javaInt(s []byte) (v int64, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	var u uint64
	for _, c := range s {
		if c-'0' > 9 || u > (1<<63)/10 {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
		if u > 1<<63 {
			return 0, false
		}
	}
	if neg {
		return -int64(u), true
	}
	return int64(u), u < 1<<63
}

// javaFloat reads text as Java's Double.parseDouble does: NaN, Infinity, decimal or hexadecimal, with an optional sign
// and an optional suffix f or d.
func javaFloat(s []byte, bits int) (float64, bool) {
	body := s
	if len(body) > 0 && (body[0] == '+' || body[0] == '-') {
		body = body[1:]
	}
	switch {
	case len(body) == 0:
		return 0, false
	case string(body) == "NaN":
		return math.NaN(), true
	case string(body) == "Infinity":
		if s[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	hex := len(body) > 1 && body[0] == '0' && body[1]|0x20 == 'x'
	for _, c := range body {
		if c == '_' || !hex && c-'0' > 9 && c != '.' && c != '+' && c != '-' && c|0x20 != 'e' && c|0x20 != 'f' && c|0x20 != 'd' {
			return 0, false
		}
	}
	if c := body[len(body)-1] | 0x20; (c == 'f' || c == 'd') && len(body) > 1 {
		// In hexadecimal f and d are digits too, but the exponent, which must be there, is decimal.
		s = s[:len(s)-1]
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(s), len(s)), bits)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}
