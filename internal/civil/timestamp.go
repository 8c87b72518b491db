package civil

// Zone is the form in which a timestamp names its zone.
type Zone uint8

// The forms of zones.
const (
	NoZone     Zone = iota // a local date and time
	ZoneZ                  // "Z"
	ZoneOffset             // "+hh:mm" or "-hh:mm"
)

// Timestamp is a date and time that was read, and how it was written, so that callers can be stricter than
// ParseTimestamp: SQL's TIMESTAMP wants Separator ' ' and NoZone, its ISO 8601 form 'T', TIMESTAMP_LTZ a
// zone.
type Timestamp struct {
	Micros         int64 // µs since the epoch in UTC, Offset taken into account; without a zone, as if it were UTC
	Offset         int16 // minutes east of UTC; 0 unless Zone is ZoneOffset
	Zone           Zone
	Separator      byte  // ' ' or 'T'
	FractionDigits uint8 // 0..9 as written; those after the sixth were cut off
}

// ParseTimestamp reads all of b as "YYYY-MM-DD[ T]HH:MM:SS[.f][Z|±hh:mm]", with 1 to 9 fraction digits and
// nothing optional but fraction and zone. ok is false if b has another form, a date or time that does not
// exist, an offset beyond 23:59, or an offset that leads out of the years 0001..9999.
func ParseTimestamp(b []byte) (ts Timestamp, ok bool) {
	const date, seconds = len("YYYY-MM-DD"), len("HH:MM:SS")
	days, _, ok := ParseDate(b)
	if !ok || len(b) <= date || b[date] != ' ' && b[date] != 'T' {
		return Timestamp{}, false
	}
	usOfDay, n, ok := ParseTime(b[date+1:])
	if !ok || n < seconds {
		return Timestamp{}, false
	}
	ts = Timestamp{Micros: days*MicrosPerDay + usOfDay, Separator: b[date]}
	if n > seconds {
		ts.FractionDigits = uint8(n - seconds - 1)
	}
	if ts.Zone, ts.Offset, ok = parseZone(b[date+1+n:]); !ok {
		return Timestamp{}, false
	}
	if ts.Offset != 0 {
		ts.Micros -= int64(ts.Offset) * MicrosPerMinute
		if ts.Micros < minText || ts.Micros > maxText {
			return Timestamp{}, false
		}
	}
	return ts, true
}

// minText and maxText bound what text can say: from 0001-01-01 00:00:00 to 9999-12-31 23:59:59.999999.
const (
	minText = -719162 * MicrosPerDay
	maxText = 2932897*MicrosPerDay - 1
)

// parseZone reads all of b.
func parseZone(b []byte) (z Zone, offset int16, ok bool) {
	switch {
	case len(b) == 0:
		return NoZone, 0, true
	case len(b) == 1:
		return ZoneZ, 0, b[0] == 'Z'
	case len(b) != len("+hh:mm") || b[0] != '+' && b[0] != '-' || b[3] != ':':
		return NoZone, 0, false
	}
	h, ok1 := twoDigits(b, 1)
	m, ok2 := twoDigits(b, 4)
	offset = int16(h*60 + m)
	if b[0] == '-' {
		offset = -offset
	}
	return ZoneOffset, offset, ok1 && ok2 && h <= 23 && m <= 59
}
