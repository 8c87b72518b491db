package civil

// The parsers of dates and times read what stands at the start of b and return how much that was, so that
// callers can put formats together; n < len(b) is their business. Whoever wants all of b checks n.

// ParseDate reads "YYYY-MM-DD" at the start of b: years 0001..9999, and only days that exist. n is 10 if ok
// and 0 otherwise.
func ParseDate(b []byte) (days int64, n int, ok bool) {
	const length = len("YYYY-MM-DD")
	if len(b) < length {
		return 0, 0, false
	}
	century, ok1 := twoDigits(b, 0)
	year, ok2 := twoDigits(b, 2)
	month, ok3 := twoDigits(b, 5)
	day, ok4 := twoDigits(b, 8)
	year += century * 100
	if (!ok1 || !ok2 || !ok3 || !ok4) || b[4] != '-' || b[7] != '-' ||
		year == 0 || day == 0 || day > DaysInMonth(year, month) {
		return 0, 0, false
	}
	return DaysFrom(year, month, day), length, true
}

// ParseTime reads "HH:MM[:SS[.f]]" at the start of b: 00:00 to 23:59:59.999999999, with 1 to 9 fraction
// digits, of which those after the sixth are cut off. It returns µs. A colon after the minutes and a point
// after the seconds belong to the time: what follows them must be right, or ok is false and n 0.
func ParseTime(b []byte) (usOfDay int64, n int, ok bool) {
	if len(b) < len("HH:MM") || b[2] != ':' {
		return 0, 0, false
	}
	h, ok1 := twoDigits(b, 0)
	m, ok2 := twoDigits(b, 3)
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, 0, false
	}
	usOfDay = int64(h*60+m) * MicrosPerMinute
	if len(b) == 5 || b[5] != ':' {
		return usOfDay, 5, true
	}
	if len(b) < len("HH:MM:SS") {
		return 0, 0, false
	}
	s, ok := twoDigits(b, 6)
	if !ok || s > 59 {
		return 0, 0, false
	}
	usOfDay += int64(s) * MicrosPerSecond
	if len(b) == 8 || b[8] != '.' {
		return usOfDay, 8, true
	}
	us, digits := fraction(b[9:])
	if digits == 0 || digits > 9 {
		return 0, 0, false
	}
	return usOfDay + us, 9 + digits, true
}

// fraction reads digits after a point as µs and counts them, up to ten, which is one too many.
func fraction(b []byte) (us int64, digits int) {
	b = b[:min(len(b), 10)]
	for digits < len(b) && b[digits]-'0' <= 9 {
		if digits < 6 {
			us += int64(b[digits]-'0') * precisionUnits[digits+1]
		}
		digits++
	}
	return us, digits
}

// twoDigits reads b[i] and b[i+1], which exist.
func twoDigits(b []byte, i int) (v int, ok bool) {
	hi, lo := b[i]-'0', b[i+1]-'0'
	return int(hi)*10 + int(lo), hi <= 9 && lo <= 9
}
