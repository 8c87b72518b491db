package civil

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		us        int64
		precision int
		want      string
	}{
		{0, 0, "1970-01-01 00:00:00"},
		{0, 3, "1970-01-01 00:00:00.000"},
		{-1, 6, "1969-12-31 23:59:59.999999"},
		{-1, 0, "1969-12-31 23:59:59"},
		{-1, 1, "1969-12-31 23:59:59.9"},
		{1_050_000, 3, "1970-01-01 00:00:01.050"},
		{minText, 0, "0001-01-01 00:00:00"},
		{maxText, 6, "9999-12-31 23:59:59.999999"},
		{minText - 1, 0, "0000-12-31 23:59:59"},
		{maxText + 1, 0, "10000-01-01 00:00:00"},
		{1<<63 - 1, 6, "294247-01-10 04:00:54.775807"},
		{-1 << 63, 6, "-290308-12-21 19:59:05.224192"},
	} {
		if got := string(AppendTimestamp([]byte("x"), c.us, c.precision)); got != "x"+c.want {
			t.Errorf("AppendTimestamp(%d, %d) = %s, want x%s", c.us, c.precision, got, c.want)
		}
	}
}

func TestAppendProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us, p := textMicros.Draw(t, "us"), rapid.IntRange(0, 6).Draw(t, "p")
		at, layout := time.UnixMicro(us).UTC(), "2006-01-02 15:04:05"
		if p > 0 {
			layout += "." + strings.Repeat("0", p)
		}
		if got, want := string(AppendTimestamp(nil, us, p)), at.Format(layout); got != want {
			t.Fatalf("AppendTimestamp = %s, want %s", got, want)
		}
	})
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-31":   "2026-01-31",
		"0001-01-01":   "0001-01-01",
		"9999-12-31":   "9999-12-31",
		"2024-02-29":   "2024-02-29",
		"2026-01-31 x": "2026-01-31",
		"2026-01-310":  "2026-01-31",
		"2000-02-29":   "2000-02-29",
		"1900-02-29":   "",
		"2025-02-29":   "",
		"2026-04-31":   "",
		"2026-00-10":   "",
		"2026-13-10":   "",
		"2026-01-00":   "",
		"2026-01-32":   "",
		"0000-01-01":   "",
		"2026-1-31":    "",
		"2026/01/31":   "",
		"-026-01-31":   "",
		"2026-01-3":    "",
		"2026-01-3a":   "",
		"":             "",
	} {
		days, n, ok := ParseDate([]byte(in))
		switch {
		case ok != (want != ""):
			t.Errorf("ParseDate(%q): ok = %v", in, ok)
		case !ok && (n != 0 || days != 0):
			t.Errorf("ParseDate(%q) = %d, %d, false", in, days, n)
		case ok && (n != 10 || string(AppendDate(nil, days)) != want):
			t.Errorf("ParseDate(%q) = %s, %d, want %s", in, AppendDate(nil, days), n, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // "" is refused
		n    int
	}{
		{"00:00", "00:00:00.000000", 5},
		{"23:59", "23:59:00.000000", 5},
		{"12:34:56", "12:34:56.000000", 8},
		{"12:34:56.1", "12:34:56.100000", 10},
		{"12:34:56.000001", "12:34:56.000001", 15},
		{"12:34:56.123456789", "12:34:56.123456", 18},
		{"12:34:56.999999999", "12:34:56.999999", 18},
		{"12:34:56Z", "12:34:56.000000", 8},
		{"12:34 pm", "12:34:00.000000", 5},
		{"12:34:56.5+01:00", "12:34:56.500000", 10},
		{"24:00", "", 0},
		{"12:60", "", 0},
		{"12:34:60", "", 0},
		{"12:34:", "", 0},
		{"12:34:5", "", 0},
		{"12:34:5x", "", 0},
		{"12:34:56.", "", 0},
		{"12:34:56.x", "", 0},
		{"12:34:56.1234567890", "", 0},
		{"1:34", "", 0},
		{"12.34", "", 0},
		{"12:3", "", 0},
		{"1a:34", "", 0},
		{"", "", 0},
	} {
		us, n, ok := ParseTime([]byte(c.in))
		got := ""
		if ok {
			got = string(AppendTime(nil, us, 6))
		}
		if got != c.want || n != c.n || !ok && us != 0 {
			t.Errorf("ParseTime(%q) = %q, %d, want %q, %d", c.in, got, n, c.want, c.n)
		}
	}
}

func TestParseTimestamp(t *testing.T) {
	at := func(s string) int64 {
		v, err := time.Parse("2006-01-02 15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMicro()
	}
	for in, want := range map[string]Timestamp{
		"2026-01-31 23:59:59":                 {Micros: at("2026-01-31 23:59:59"), Separator: ' '},
		"2026-01-31T23:59:59":                 {Micros: at("2026-01-31 23:59:59"), Separator: 'T'},
		"2026-01-31T23:59:59Z":                {Micros: at("2026-01-31 23:59:59"), Separator: 'T', Zone: ZoneZ},
		"2026-01-31 23:59:59.123456789Z":      {Micros: at("2026-01-31 23:59:59") + 123456, Separator: ' ', Zone: ZoneZ, FractionDigits: 9},
		"1969-12-31 23:59:59.9999999":         {Micros: -1, Separator: ' ', FractionDigits: 7},
		"2026-01-31T23:59:59.5+02:30":         {Micros: at("2026-01-31 21:29:59") + 500_000, Separator: 'T', Zone: ZoneOffset, Offset: 150, FractionDigits: 1},
		"2026-01-31T23:59:59-02:30":           {Micros: at("2026-02-01 02:29:59"), Separator: 'T', Zone: ZoneOffset, Offset: -150},
		"2026-01-31T23:59:59-00:00":           {Micros: at("2026-01-31 23:59:59"), Separator: 'T', Zone: ZoneOffset},
		"0001-01-01 00:00:00":                 {Micros: minText, Separator: ' '},
		"9999-12-31 23:59:59.999999":          {Micros: maxText, Separator: ' ', FractionDigits: 6},
		"0001-01-01 01:00:00+01:00":           {Micros: minText, Separator: ' ', Zone: ZoneOffset, Offset: 60},
		"0001-01-01 00:59:59.999999999+01:00": {},
		"9999-12-31 23:00:00-01:00":           {},
		"2026-01-31":                          {},
		"2026-01-31 ":                         {},
		"2026-01-31 23:59":                    {},
		"2026-01-31 23:59Z":                   {},
		"2026-01-31t23:59:59":                 {},
		"2026-01-31T23:59:59z":                {},
		"2026-01-31  23:59:59":                {},
		"2026-01-31 23:59:59 Z":               {},
		"2026-01-31 23:59:59 ":                {},
		" 2026-01-31 23:59:59":                {},
		"2026-01-31 23:59:59+01":              {},
		"2026-01-31 23:59:59+0100":            {},
		"2026-01-31 23:59:59+24:00":           {},
		"2026-01-31 23:59:59+01:60":           {},
		"2026-01-31 23:59:59+01:0x":           {},
		"2026-01-31 23:59:59.Z":               {},
		"2026-01-31 23:59:59.1234567890":      {},
		"2026-02-30 23:59:59":                 {},
		"":                                    {},
	} {
		got, ok := ParseTimestamp([]byte(in))
		if got != want || ok != (want != Timestamp{}) {
			t.Errorf("ParseTimestamp(%q) = %+v, %v, want %+v", in, got, ok, want)
		}
	}
}

var timestampForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([0-9]{2}):([0-9]{2}))?$`)

// checkTimestamp compares with a regular expression for the form and package time for the rest.
func checkTimestamp(t interface{ Fatalf(string, ...any) }, s string) {
	got, ok := ParseTimestamp([]byte(s))
	m := timestampForm.FindStringSubmatch(s)
	wantOK := m != nil && s[:4] != "0000" && (m[3] == "" || m[3] <= "23" && m[4] <= "59")
	var want time.Time
	if wantOK {
		layout := "2006-01-02" + s[10:11] + "15:04:05"
		if m[2] != "" {
			layout += "Z07:00"
		}
		var err error
		want, err = time.Parse(layout, s)
		want = want.UTC()
		wantOK = err == nil && want.Year() >= 1 && want.Year() <= 9999
	}
	if ok != wantOK {
		t.Fatalf("ParseTimestamp(%q) = %+v, %v, want %v", s, got, ok, wantOK)
	}
	if !ok {
		if got != (Timestamp{}) {
			t.Fatalf("ParseTimestamp(%q) = %+v although refused", s, got)
		}
		return
	}
	zone := ZoneOffset
	switch m[2] {
	case "":
		zone = NoZone
	case "Z":
		zone = ZoneZ
	}
	if got.Micros != want.UnixMicro() || got.Zone != zone || got.Separator != s[10] || int(got.FractionDigits) != max(0, len(m[1])-1) {
		t.Fatalf("ParseTimestamp(%q) = %+v, want %v", s, got, want)
	}
	if back, ok := ParseTimestamp(AppendTimestamp(nil, got.Micros, 6)); !ok || back.Micros != got.Micros {
		t.Fatalf("%q does not survive AppendTimestamp and ParseTimestamp", s)
	}
}

func TestParseTimestampProperty(t *testing.T) {
	num := func(hi int) *rapid.Generator[int] {
		return rapid.OneOf(rapid.IntRange(1, hi), rapid.IntRange(0, hi+2))
	}
	rapid.Check(t, func(t *rapid.T) {
		year := rapid.OneOf(rapid.IntRange(0, 9999), rapid.SampledFrom([]int{0, 1, 1900, 2000, 2024, 9999})).Draw(t, "year")
		s := fmt.Sprintf("%04d-%02d-%02d", year, num(12).Draw(t, "month"), num(31).Draw(t, "day")) +
			rapid.SampledFrom([]string{" ", "T", "T", " ", "t", ""}).Draw(t, "separator") +
			fmt.Sprintf("%02d:%02d:%02d", num(23).Draw(t, "h"), num(59).Draw(t, "m"), num(59).Draw(t, "s")) +
			rapid.StringMatching(`|\.[0-9]{1,10}|\.?`).Draw(t, "fraction") +
			rapid.StringMatching(`||Z|[+\-][0-2][0-9]:[0-5][0-9]|[+\- zZ]?`).Draw(t, "zone")
		checkTimestamp(t, s)
	})
}

func FuzzParseTimestamp(f *testing.F) {
	for _, s := range []string{
		"2026-01-31 23:59:59", "2026-01-31T23:59:59.987654321Z", "0001-01-01 00:00:00+00:01",
		"9999-12-31T23:59:59.9-23:59", "2024-02-29 00:00:00.", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkTimestamp(t, s) })
}
