package civil

// Split takes a timestamp in µs since the epoch apart into days since the epoch, rounded down, and the µs
// of that day, 0..MicrosPerDay-1.
func Split(us int64) (days, usOfDay int64) {
	days = floorDiv(us, MicrosPerDay)
	return days, us - days*MicrosPerDay
}

// FloorMillis returns milliseconds from µs, rounded down also before the epoch: event time must never be
// later than the timestamp it comes from.
func FloorMillis(us int64) int64 {
	return floorDiv(us, 1000)
}

// precisionUnits holds the µs of one unit of the last fraction digit.
var precisionUnits = [7]int64{1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1}

// TruncPrecision rounds µs down to p fraction digits of a second, p in 0..6. Within a second of the least
// int64 the result would not fit and is us itself.
func TruncPrecision(us int64, p int) int64 {
	unit := precisionUnits[p]
	floor := floorDiv(us, unit) * unit
	if floor > us { // wrapped
		return us
	}
	return floor
}
