package recordbatch

import "errors"

// Header is a record header.
type Header struct {
	Key   string
	Value []byte // nil is null
}

var errHeaders = errors.New("record headers: a length leaves their bytes")

// ParseHeaders calls f for each of count headers in raw, as Records holds them. The slices given to f are parts of raw;
// a null value is nil. For headers of a Reader the error is always nil, because Next has checked them. A nil f only
// checks.
func ParseHeaders(raw []byte, count int32, f func(key, value []byte)) error {
	if count < 0 || int(count) > len(raw)/2 { // a header has at least two lengths
		return errHeaders
	}
	p := 0
	for range count {
		n, q := varint32(raw, p)
		if q < 0 || n < 0 || n > len(raw)-q {
			return errHeaders
		}
		key := raw[q : q+n : q+n]
		n, p = varint32(raw, q+n)
		if p < 0 || n < -1 || n > len(raw)-p {
			return errHeaders
		}
		var value []byte
		if n >= 0 {
			value = raw[p : p+n : p+n]
			p += n
		}
		if f != nil {
			f(key, value)
		}
	}
	if p != len(raw) {
		return errHeaders
	}
	return nil
}
