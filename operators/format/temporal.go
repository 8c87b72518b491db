package format

import (
	"unsafe"

	"flowd/internal/civil"
)

// dateCache remembers the last date read: most records of a topic are of the same day.
type dateCache struct {
	head, tail uint64 // the ten bytes as two overlapping words; 0: nothing yet
	us         int64  // its midnight
}

// clockBad says whether t, which is eight bytes of "00:00:00" exclusive-ored with that text, is no time.
func clockBad(t uint64) bool {
	const room = 0x76767F76767F7676 // a digit may be up to 9, a colon must be itself
	return ((t+room)|t)&highs != 0
}

// timestamp reads a timestamp in quotes at p in one of the usual forms: 0, 3 or 6 digits of fraction, at most
// prec, separated by a space or T, with Z or without. −1: the slow way has to look at it.
func (d *dateCache) timestamp(base unsafe.Pointer, p, end int, local bool, prec uint8) (us int64, next int) {
	if p+21 > end || at(base, p) != '"' {
		return 0, -1
	}
	head, tail := load(base, p+1), load(base, p+3)
	if head != d.head || tail != d.tail {
		days, _, ok := civil.ParseDate(view(base, p+1, p+11))
		if !ok {
			return 0, -1
		}
		d.head, d.tail, d.us = head, tail, days*civil.MicrosPerDay
	}
	if c := at(base, p+11); c != ' ' && c != 'T' {
		return 0, -1
	}
	const midnight = 0x30303a30303a3030 // "00:00:00"
	t := load(base, p+12) ^ midnight
	if clockBad(t) {
		return 0, -1
	}
	t = t*10 + t>>8
	h, m, s := int64(t&0xFF), int64(t>>24&0xFF), int64(t>>48&0xFF)
	if h > 23 || m > 59 || s > 59 {
		return 0, -1
	}
	us = d.us + (h*3600+m*60+s)*1_000_000
	p += 20
	if at(base, p) == '.' {
		f := load(base, p) ^ ones*'0'
		bad := (f + ones*0x76) | f
		switch {
		case prec >= 3 && bad&0x80808000 == 0 && bad&0x8000000000 != 0:
			us += int64(f>>8&0xFF)*100_000 + int64(f>>16&0xFF)*10_000 + int64(f>>24&0xFF)*1_000
			p += 4
		case prec >= 6 && bad&0x80808080808000 == 0:
			us += int64(f>>8&0xFF)*100_000 + int64(f>>16&0xFF)*10_000 + int64(f>>24&0xFF)*1_000 +
				int64(f>>32&0xFF)*100 + int64(f>>40&0xFF)*10 + int64(f>>48&0xFF)
			p += 7
		default:
			return 0, -1
		}
	}
	if p+1 < end && at(base, p) == 'Z' {
		p++
	} else if local {
		return 0, -1
	}
	if p >= end || at(base, p) != '"' {
		return 0, -1
	}
	return us, p + 1
}

// timestampText reads a timestamp in any form the format knows. local: Z is required.
func timestampText(s []byte, local bool, prec uint8) (us int64, ok bool) {
	ts, ok := civil.ParseTimestamp(s)
	extra := int64(0)
	if !ok {
		// Flink moves days that a month lacks to its last day, and 24:00:00 to the next day.
		var fixed [40]byte
		if len(s) < 19 || len(s) > len(fixed) {
			return 0, false
		}
		s = fixed[:copy(fixed[:], s)]
		y, m, day, ok := ymd(s)
		if !ok {
			return 0, false
		}
		if last := civil.DaysInMonth(y, m); day > last && day <= 31 {
			s[8], s[9] = byte('0'+last/10), byte('0'+last%10)
		}
		extra = midnight24(s[11:])
		if ts, ok = civil.ParseTimestamp(s); !ok || extra > 0 && ts.Micros%civil.MicrosPerDay != 0 {
			return 0, false
		}
	}
	if ts.Zone == civil.ZoneOffset || local && ts.Zone != civil.ZoneZ {
		return 0, false
	}
	return civil.TruncPrecision(ts.Micros+extra, int(prec)), true
}

// midnight24 replaces the hour 24 by 00 and returns the day that this takes away.
func midnight24(clock []byte) int64 {
	if clock[0] != '2' || clock[1] != '4' {
		return 0
	}
	clock[0], clock[1] = '0', '0'
	return civil.MicrosPerDay
}

// ymd reads the digits of a date without asking whether it exists.
func ymd(s []byte) (y, m, d int, ok bool) {
	num := func(s []byte) (v int) {
		for _, c := range s {
			if c-'0' > 9 {
				return -1
			}
			v = v*10 + int(c-'0')
		}
		return v
	}
	y, m, d = num(s[:4]), num(s[5:7]), num(s[8:10])
	return y, m, d, y > 0 && m > 0 && m <= 12 && d > 0
}

// dateText reads "2026-01-02" as days since 1970.
func dateText(s []byte) (days int64, ok bool) {
	days, n, ok := civil.ParseDate(s)
	return days, ok && n == len(s)
}

// timeText reads "03:04:05" and a fraction as ms of the day, cut off to prec digits. As in Flink, 24:00:00 is 00:00:00.
func timeText(s []byte, prec uint8) (ms int64, ok bool) {
	if len(s) < 8 {
		return 0, false
	}
	us, n, ok := civil.ParseTime(s)
	if !ok && len(s) < 20 {
		var fixed [20]byte
		s = fixed[:copy(fixed[:], s)]
		if midnight24(s) == 0 {
			return 0, false
		}
		if us, n, ok = civil.ParseTime(s); us != 0 {
			return 0, false
		}
	}
	return civil.TruncPrecision(us, int(prec)) / 1000, ok && n == len(s)
}
