package civil

// Weekday returns the ISO 8601 day of the week: Monday is 1, Sunday is 7.
func Weekday(days int64) int {
	const epoch = 3 // 1970-01-01 was a Thursday, three days after a Monday
	days += epoch
	return int(days-floorDiv(days, 7)*7) + 1
}

// ISOWeek returns the ISO 8601 week, 1..53, and the year it belongs to, which at the turn of the year may
// be the one before or after that of the date.
func ISOWeek(days int64) (year, week int) {
	// A week belongs to the year of its Thursday.
	thursday := days - int64(Weekday(days)) + 4
	year, _, _ = FromDays(thursday)
	return year, int(thursday-DaysFrom(year, 1, 1))/7 + 1
}
