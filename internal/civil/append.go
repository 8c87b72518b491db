package civil

// AppendDate appends a day since the epoch as "2026-01-31". Years outside 0001..9999, which Parse does not
// accept, are written with a minus or with more digits.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := FromDays(days)
	if y < 0 {
		dst = append(dst, '-')
		y = -y
	}
	if y > 9999 {
		dst = appendLong(dst, y/10000)
		y %= 10000
	}
	return append(dst,
		byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10),
		'-', byte('0'+m/10), byte('0'+m%10),
		'-', byte('0'+d/10), byte('0'+d%10))
}

// appendLong writes what stands before the last four digits of a year.
func appendLong(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendLong(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

// AppendTime appends a time of day, in µs from 0 to MicrosPerDay-1, as "12:34:56" with exactly precision
// (0..6) fraction digits, cut off and not rounded; at 0 there is no point.
func AppendTime(dst []byte, usOfDay int64, precision int) []byte {
	seconds := uint32(usOfDay / MicrosPerSecond)
	fraction := uint32(usOfDay % MicrosPerSecond)
	h, m, s := seconds/3600, seconds/60%60, seconds%60
	dst = append(dst,
		byte('0'+h/10), byte('0'+h%10),
		':', byte('0'+m/10), byte('0'+m%10),
		':', byte('0'+s/10), byte('0'+s%10))
	if precision == 0 {
		return dst
	}
	dst = append(dst, '.')
	start := len(dst)
	dst = append(dst, "000000"[:precision]...)
	fraction /= uint32(precisionUnits[precision])
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + fraction%10)
		fraction /= 10
	}
	return dst
}

// AppendTimestamp appends µs since the epoch as "2026-01-31 23:59:59.987", in UTC, with exactly precision
// (0..6) fraction digits, cut off and not rounded; at 0 there is no point.
func AppendTimestamp(dst []byte, us int64, precision int) []byte {
	days, usOfDay := Split(us)
	dst = AppendDate(dst, days)
	dst = append(dst, ' ')
	return AppendTime(dst, usOfDay, precision)
}
