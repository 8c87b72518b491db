// Package civil converts between integers and the proleptic Gregorian calendar: days since 1970-01-01,
// microseconds (µs) since 1970-01-01 00:00 UTC, and text; it knows no time zone rules, no leap seconds and
// no clock, and never allocates.
//
// Every µs timestamp an int64 holds (years -290308 to 294247) is converted correctly. Days may be as far
// as ±10^15 from the epoch; beyond, results are meaningless, but nothing panics. Text is for years 0001 to
// 9999 only.
package civil

// Lengths of time in µs.
const (
	MicrosPerSecond = 1_000_000
	MicrosPerMinute = 60 * MicrosPerSecond
	MicrosPerHour   = 60 * MicrosPerMinute
	MicrosPerDay    = 24 * MicrosPerHour
)

// The calendar repeats every era of 400 years. Both conversions follow Howard Hinnant's "chrono-Compatible
// Low-Level Date Algorithms" (howardhinnant.github.io/date_algorithms.html): let the year begin on 1 March,
// so that the leap day is the year's last, and months have a regular pattern of 153 days in five; then
// count whole eras, and within an era only numbers that are not negative.
const (
	daysPerEra  = 146097
	yearsPerEra = 400
	epochShift  = 719468 // days from 0000-03-01 to 1970-01-01
)

// DaysFrom returns the days from 1970-01-01 to the given date; m is 1..12. d may lie outside of the
// month and then counts on from its first day. Year 0 is the year before year 1.
func DaysFrom(y, m, d int) int64 {
	year, month := int64(y), int64(m)-3
	if month < 0 { // January and February belong to the year before
		month += 12
		year--
	}
	era := floorDiv(year, yearsPerEra)
	yearOfEra := year - era*yearsPerEra
	dayOfYear := (153*month+2)/5 + int64(d) - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*daysPerEra + dayOfEra - epochShift
}

// FromDays is the inverse of DaysFrom.
func FromDays(days int64) (y, m, d int) {
	days += epochShift
	era := floorDiv(days, daysPerEra)
	dayOfEra := days - era*daysPerEra
	// Take out the leap days: one in 4 years of 1461 days, but not in 100 years of 36525-1, but in 400.
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/(daysPerEra-1)) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153 // 0 is March
	d = int(dayOfYear-(153*month+2)/5) + 1
	year := era*yearsPerEra + yearOfEra
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	return int(year), int(month), d
}

// IsLeap tells whether year y has a 29 February.
func IsLeap(y int) bool {
	return y%4 == 0 && (y%100 != 0 || y%400 == 0)
}

var monthLengths = [13]int8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// DaysInMonth returns the length of month m of year y, and 0 if m is not 1..12.
func DaysInMonth(y, m int) int {
	if m < 1 || m > 12 {
		return 0
	}
	if m == 2 && IsLeap(y) {
		return 29
	}
	return int(monthLengths[m])
}

// AddMonths moves a day by n months, which may be negative, and keeps the day of the month; where the
// month reached is too short it is the month's last day, so that 31 January and one month is 28 or 29
// February.
func AddMonths(days int64, n int) int64 {
	y, m, d := FromDays(days)
	months := int64(y)*12 + int64(m-1) + int64(n)
	year := floorDiv(months, 12)
	y, m = int(year), int(months-year*12)+1
	return DaysFrom(y, m, min(d, DaysInMonth(y, m)))
}

// floorDiv rounds down where Go rounds towards zero; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
