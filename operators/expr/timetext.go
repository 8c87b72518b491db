package expr

import (
	"bytes"

	"flowd/internal/civil"
)

// Text of dates and times as Flink's casts read it: one or two digits are enough, and ISO 8601 in addition.

// smallInt reads 1 to most digits at the start of b.
func smallInt(b []byte, most int) (v, n int) {
	for n < len(b) && n < most && isDigit(b[n]) {
		v = v*10 + int(b[n]-'0')
		n++
	}
	return v, n
}

// parseDate reads 2026-1-31, and 2026 and 2026-1 as their first day; a time may follow and is ignored.
func parseDate(b []byte) (days int64, ok bool) {
	if at := bytes.IndexAny(b, " T"); at > 0 {
		b = b[:at]
	}
	var part [3]int
	part[1], part[2] = 1, 1
	for i := range part {
		v, n := smallInt(b, 4)
		if n == 0 {
			return 0, false
		}
		part[i] = v
		if b = b[n:]; len(b) == 0 {
			break
		}
		if i == 2 || b[0] != '-' {
			return 0, false
		}
		if b = b[1:]; len(b) == 0 {
			return 0, false
		}
	}
	y, m, d := part[0], part[1], part[2]
	if y == 0 || d == 0 || d > civil.DaysInMonth(y, m) {
		return 0, false
	}
	return civil.DaysFrom(y, m, d), true
}

// parseTimeOfDay reads 12:34:56.789, 12:34 and 1:2:3.
func parseTimeOfDay(b []byte) (us int64, ok bool) {
	h, n := smallInt(b, 2)
	if n == 0 || n == len(b) || b[n] != ':' {
		return 0, false
	}
	b = b[n+1:]
	m, n := smallInt(b, 2)
	if n == 0 || h > 23 || m > 59 {
		return 0, false
	}
	us = int64(h)*civil.MicrosPerHour + int64(m)*civil.MicrosPerMinute
	if b = b[n:]; len(b) == 0 {
		return us, true
	}
	if b[0] != ':' {
		return 0, false
	}
	s, frac, n := seconds(b[1:])
	if n == 0 || s > 59 || n != len(b)-1 {
		return 0, false
	}
	return us + int64(s)*civil.MicrosPerSecond + frac, true
}

// seconds reads digits with an optional fraction of up to nine digits, of which six count.
func seconds(b []byte) (s int, us int64, n int) {
	s, n = smallInt(b, 2)
	if n == 0 || n == len(b) || b[n] != '.' {
		return s, 0, n
	}
	n++
	unit := int64(100000)
	for digits := 0; n < len(b) && isDigit(b[n]) && digits < 9; digits++ {
		us += int64(b[n]-'0') * unit
		unit /= 10
		n++
	}
	return s, us, n
}

// parseTimestamp reads 2026-1-31 3:4:5.678 and 2026-01-31, which is midnight, as Flink does: the 31st of a shorter month
// is its last day, 24:00:00 the next day. In addition it reads the T, the Z and the offset of ISO 8601; without a zone
// the text is UTC.
func parseTimestamp(b []byte) (us int64, ok bool) {
	y, n := smallInt(b, 4)
	if n != 4 || len(b) < 6 || b[4] != '-' || y == 0 {
		return 0, false
	}
	b = b[5:]
	m, n := smallInt(b, 2)
	if n == 0 || n == len(b) || b[n] != '-' || m == 0 || m > 12 {
		return 0, false
	}
	b = b[n+1:]
	d, n := smallInt(b, 2)
	if n == 0 || d == 0 || d > 31 {
		return 0, false
	}
	us = civil.DaysFrom(y, m, min(d, civil.DaysInMonth(y, m))) * civil.MicrosPerDay
	if b = b[n:]; len(b) == 0 {
		return us, true
	}
	if b[0] != ' ' && b[0] != 'T' {
		return 0, false
	}
	iso := b[0] == 'T'
	b = b[1:]
	var part [2]int
	for i := range part {
		v, n := smallInt(b, 2)
		if n == 0 || n == len(b) || b[n] != ':' {
			return 0, false
		}
		part[i], b = v, b[n+1:]
	}
	s, frac, n := seconds(b)
	if n == 0 || part[0] > 24 || part[1] > 59 || s > 59 || part[0] == 24 && (part[1] > 0 || s > 0 || frac > 0) {
		return 0, false
	}
	us += int64(part[0])*civil.MicrosPerHour + int64(part[1])*civil.MicrosPerMinute + int64(s)*civil.MicrosPerSecond + frac
	offset, ok := parseZone(b[n:], iso)
	return us - offset, ok
}

// parseZone reads nothing, Z, +02:00, +0200 or +02 and returns µs east of UTC.
func parseZone(b []byte, iso bool) (us int64, ok bool) {
	switch {
	case len(b) == 0:
		return 0, true
	case string(b) == "Z":
		return 0, true
	case !iso || b[0] != '+' && b[0] != '-':
		return 0, false
	}
	h, n := smallInt(b[1:], 2)
	rest := b[1+n:]
	m := 0
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	if len(b) > 3 {
		var k int
		if m, k = smallInt(rest, 2); k != 2 || k != len(rest) {
			return 0, false
		}
	}
	if n != 2 || h > 18 || m > 59 {
		return 0, false
	}
	us = int64(h)*civil.MicrosPerHour + int64(m)*civil.MicrosPerMinute
	if b[0] == '-' {
		us = -us
	}
	return us, true
}
