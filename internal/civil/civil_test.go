package civil

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Package time is the oracle: it too is proleptic Gregorian, with a year 0.

var (
	textMicros = rapid.Int64Range(minText, maxText)
	anyMicros  = rapid.OneOf(textMicros, rapid.Int64(), rapid.Int64Range(-3*MicrosPerDay, 3*MicrosPerDay))
	anyDays    = rapid.OneOf(rapid.Int64Range(-1e6, 3e6), rapid.Int64Range(-106_751_992, 106_751_991))
)

func timeOf(days int64) time.Time {
	return time.Unix(days*86400, 0).UTC()
}

func TestCivil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkDay(t, anyDays.Draw(t, "days"))
	})
}

// Every day of the years that text can say, and some around.
func TestEveryDay(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	for days := int64(minText/MicrosPerDay - 800); days < (maxText+1)/MicrosPerDay+800; days++ {
		checkDay(t, days)
	}
}

func checkDay(t interface{ Fatalf(string, ...any) }, days int64) {
	want := timeOf(days)
	y, m, d := FromDays(days)
	if wy, wm, wd := want.Date(); y != wy || m != int(wm) || d != wd {
		t.Fatalf("FromDays(%d) = %d-%d-%d, want %v", days, y, m, d, want)
	}
	if got := DaysFrom(y, m, d); got != days {
		t.Fatalf("DaysFrom(%d, %d, %d) = %d, want %d", y, m, d, got, days)
	}
	if got, want := Weekday(days), (int(want.Weekday())+6)%7+1; got != want {
		t.Fatalf("Weekday(%d) = %d, want %d", days, got, want)
	}
	year, week := ISOWeek(days)
	if wy, ww := want.ISOWeek(); year != wy || week != ww {
		t.Fatalf("ISOWeek(%d) = %d %d, want %d %d", days, year, week, wy, ww)
	}
}

func TestMonths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y, m := rapid.IntRange(-300_000, 300_000).Draw(t, "y"), rapid.IntRange(1, 12).Draw(t, "m")
		if got, want := DaysInMonth(y, m), time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day(); got != want {
			t.Fatalf("DaysInMonth(%d, %d) = %d, want %d", y, m, got, want)
		}
		if got, want := IsLeap(y), DaysInMonth(y, 2) == 29; got != want {
			t.Fatalf("IsLeap(%d) = %v", y, got)
		}
	})
	if DaysInMonth(2000, 0) != 0 || DaysInMonth(2000, 13) != 0 {
		t.Error("months 0 and 13 have days")
	}
}

func TestAddMonths(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2024-01-31", 1, "2024-02-29"},
		{"2024-03-31", -1, "2024-02-29"},
		{"2024-02-29", 12, "2025-02-28"},
		{"2024-02-29", -48, "2020-02-29"},
		{"2026-12-15", 1, "2027-01-15"},
		{"2026-01-15", -1, "2025-12-15"},
		{"2026-05-31", 0, "2026-05-31"},
	} {
		days, _, _ := ParseDate([]byte(c.from))
		if got := string(AppendDate(nil, AddMonths(days, c.n))); got != c.want {
			t.Errorf("%s and %d months = %s, want %s", c.from, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		days, n := anyDays.Draw(t, "days"), rapid.IntRange(-10_000, 10_000).Draw(t, "n")
		y, m, d := timeOf(days).Date()
		first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		want := first.AddDate(0, 0, min(d, last)-1).Unix() / 86400
		if got := AddMonths(days, n); got != want {
			t.Fatalf("AddMonths(%d, %d) = %d, want %d", days, n, got, want)
		}
	})
}

func TestSplitAndFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := anyMicros.Draw(t, "us")
		days, of := Split(us)
		if of < 0 || of >= MicrosPerDay || days*MicrosPerDay+of != us {
			t.Fatalf("Split(%d) = %d, %d", us, days, of)
		}
		if got, want := FloorMillis(us), time.UnixMicro(us).UnixMilli(); got != want {
			t.Fatalf("FloorMillis(%d) = %d, want %d", us, got, want)
		}
		p := rapid.IntRange(0, 6).Draw(t, "p")
		if got := TruncPrecision(us, p); got > us || us-got >= precisionUnits[p] || got%precisionUnits[p] != 0 && got != us {
			t.Fatalf("TruncPrecision(%d, %d) = %d", us, p, got)
		}
	})
	for _, c := range []struct{ us, millis, seconds int64 }{
		{0, 0, 0}, {999, 0, 0}, {1000, 1, 0}, {-1, -1, -1e6}, {-1000, -1, -1e6}, {-1001, -2, -1e6}, {-1e6, -1000, -1e6},
	} {
		if got := FloorMillis(c.us); got != c.millis {
			t.Errorf("FloorMillis(%d) = %d, want %d", c.us, got, c.millis)
		}
		if got := TruncPrecision(c.us, 0); got != c.seconds {
			t.Errorf("TruncPrecision(%d, 0) = %d, want %d", c.us, got, c.seconds)
		}
	}
	if got := TruncPrecision(math.MinInt64, 0); got != math.MinInt64 {
		t.Errorf("TruncPrecision of the least int64 = %d", got)
	}
}

// Nonsense must not panic.
func TestExtremes(t *testing.T) {
	for _, v := range []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1, math.MaxInt64} {
		y, m, d := FromDays(v)
		_ = DaysFrom(y, m, d)
		_ = DaysFrom(int(v), 1, int(v))
		_ = Weekday(v)
		_, _ = ISOWeek(v)
		AddMonths(v, int(v))
		AppendDate(nil, v)
		AppendTimestamp(nil, v, 6)
	}
}

var (
	sinkInt   int64
	sinkBytes = make([]byte, 0, 64)
)

func TestDoesNotAllocate(t *testing.T) {
	us := int64(1_769_903_999_987_654)
	text := []byte("2026-01-31T23:59:59.987654+01:00")
	if n := testing.AllocsPerRun(100, func() {
		sinkBytes = AppendTimestamp(sinkBytes[:0], us, 3)
		ts, _ := ParseTimestamp(text)
		days, _, _ := ParseDate(text)
		of, _, _ := ParseTime(text[11:])
		year, week := ISOWeek(days)
		sinkInt = ts.Micros + of + int64(year) + int64(week) + AddMonths(days, 7) + FloorMillis(us) + TruncPrecision(us, 2)
	}); n != 0 {
		t.Errorf("%v allocations per run, want 0", n)
	}
}

func BenchmarkCivil(b *testing.B) {
	us := int64(1_769_903_999_987_654)
	sql, iso := []byte("2026-01-31 23:59:59.987"), []byte("2026-01-31T23:59:59.987654+01:00")
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"FromDays", func() { y, m, d := FromDays(20484); sinkInt = int64(y + m + d) }},
		{"DaysFrom", func() { sinkInt = DaysFrom(2026, 1, 31) }},
		{"ISOWeek", func() { y, w := ISOWeek(20484); sinkInt = int64(y + w) }},
		{"AddMonths", func() { sinkInt = AddMonths(20484, 7) }},
		{"AppendTimestamp", func() { sinkBytes = AppendTimestamp(sinkBytes[:0], us, 3) }},
		{"ParseTimestamp/sql", func() { ts, _ := ParseTimestamp(sql); sinkInt = ts.Micros }},
		{"ParseTimestamp/iso", func() { ts, _ := ParseTimestamp(iso); sinkInt = ts.Micros }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.f()
			}
		})
	}
}
