package expr

import (
	"bytes"
	"strings"

	"flowd/internal/civil"
	"flowd/stream"
)

// formatPart is a run of one letter of a format of Java's DateTimeFormatter, or text.
type formatPart struct {
	letter byte // 0: text
	width  int
	text   string
}

// The letters of formats, and with how many repetitions at most.
var (
	formatLetters = map[byte]int{
		'G': 3, 'y': 4, 'u': 4, 'Y': 4, 'Q': 4, 'M': 4, 'L': 4, 'w': 2, 'd': 2, 'D': 3, 'E': 4, 'e': 2,
		'a': 1, 'H': 2, 'k': 2, 'h': 2, 'K': 2, 'm': 2, 's': 2, 'S': 9, 'n': 9,
	}
	parseLetters = "yuMdHhmsSaE"
)

// compileFormat takes a format apart; err says what is wrong with it.
func compileFormat(s string) (parts []formatPart, err string) {
	text := func(t string) {
		if n := len(parts); n > 0 && parts[n-1].letter == 0 {
			parts[n-1].text += t
		} else {
			parts = append(parts, formatPart{text: t})
		}
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'':
			quoted, n := quotedText(s[i:])
			if n == 0 {
				return nil, "a quote that does not end"
			}
			text(quoted)
			i += n
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for i+n < len(s) && s[i+n] == c {
				n++
			}
			if most, ok := formatLetters[c]; !ok {
				return nil, "unknown letter " + string(c)
			} else if n > most {
				return nil, "too many letters " + string(c)
			}
			parts = append(parts, formatPart{letter: c, width: n})
			i += n
		case strings.IndexByte("[]{}#", c) >= 0:
			return nil, "reserved character " + string(c)
		default:
			text(s[i : i+1])
			i++
		}
	}
	return parts, ""
}

// quotedText reads text between quotes at the start of s; two quotes are one, within and without. n is its length there.
func quotedText(s string) (text string, n int) {
	if strings.HasPrefix(s, "''") {
		return "'", 2
	}
	for n = 1; n < len(s); n++ {
		if s[n] != '\'' {
			continue
		}
		if !strings.HasPrefix(s[n:], "''") {
			return strings.ReplaceAll(s[1:n], "''", "'"), n + 1
		}
		n++
	}
	return "", 0
}

// format checks a format, which is a constant, and returns it.
func (b *binder) format(n *node, f *function, x *tnode) *tnode {
	x = b.coerce(n, x, stream.Type{ID: stream.String}, f.name)
	if x == nil {
		return nil
	}
	if !x.isConst() {
		if f.name == "DATE_FORMAT" && x.op == opColumn {
			return x
		}
		return b.fail(n, CodeType, "write it as text in quotes", "the format of %s is a constant", f.name)
	}
	if x.val.Null {
		return x
	}
	parts, err := compileFormat(x.val.Str)
	if err == "" && f.name != "DATE_FORMAT" {
		for _, p := range parts {
			if p.letter != 0 && strings.IndexByte(parseLetters, p.letter) < 0 {
				err = "the letter " + string(p.letter) + " cannot be read"
			}
		}
	}
	if err != "" {
		return b.fail(n, CodeConstant, "a format is written 'yyyy-MM-dd HH:mm:ss.SSS'; other letters stand between two ''", "%s is no format: %s", quoteText(shorten(x.val.Str)), err)
	}
	return x
}

func bindDateFormat(b *binder, n *node, f *function, args []*tnode) *tnode {
	x := args[0]
	switch {
	case x.t.ID == stream.Null:
		x = b.convert(n.args[0], x, stream.Type{ID: stream.Timestamp, Precision: 3})
	case x.t.ID == stream.String:
		x = b.convert(n.args[0], x, stream.Type{ID: stream.Timestamp, Precision: 3})
	case !x.t.IsTimestamp():
		return b.fail(n.args[0], CodeType, "write CAST(… AS timestamp)", "DATE_FORMAT needs a timestamp, not %s", x.t.Nullable())
	}
	format := b.format(n.args[1], f, args[1])
	if x == nil || format == nil {
		return nil
	}
	t := callNode(n, f, stream.Type{ID: stream.String}, []*tnode{x, format})
	t.t.NotNull = false
	return t
}

func dateFormatKernel(k *funcKernel) {
	format, constant := k.constSecond()
	if constant {
		k.pattern, _ = compileFormat(format.Str)
	}
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			w.row(i)
			if !constant {
				text := string(in[1].BytesAt(i))
				var err string
				if k.pattern, err = compileFormat(text); err != "" {
					r.fail(out, i, k.node.text()+": "+quoteText(shorten(text))+" is no format: "+err)
					continue
				}
			}
			out.Bytes = appendFormat(out.Bytes, k.pattern, in[0].I64[i])
		}
		w.end()
	}
}

var (
	monthNames = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

// appendFormat writes a timestamp in µs, in English and with weeks of the United States, as Flink's default locale does.
func appendFormat(dst []byte, parts []formatPart, us int64) []byte {
	days, ofDay := civil.Split(us)
	y, m, d := civil.FromDays(days)
	hour := ofDay / civil.MicrosPerHour
	for _, p := range parts {
		switch p.letter {
		case 0:
			dst = append(dst, p.text...)
		case 'G':
			if y > 0 {
				dst = append(dst, "AD"...)
			} else {
				dst = append(dst, "BC"...)
			}
		case 'y', 'u', 'Y':
			v := int64(y)
			if p.letter == 'y' && y < 1 {
				v = int64(1 - y)
			}
			if p.letter == 'Y' {
				v, _ = usWeek(days)
			}
			if p.width == 2 {
				v = (v%100 + 100) % 100
			}
			dst = appendPadded(dst, v, p.width)
		case 'Q':
			dst = appendPadded(dst, int64(m-1)/3+1, p.width)
		case 'M', 'L':
			dst = appendNamed(dst, monthNames, m-1, p)
		case 'E':
			dst = appendNamed(dst, dayNames, civil.Weekday(days)-1, formatPart{width: max(p.width, 3)})
		case 'e':
			dst = appendPadded(dst, int64(civil.Weekday(days)%7)+1, p.width)
		case 'w':
			_, week := usWeek(days)
			dst = appendPadded(dst, week, p.width)
		case 'd':
			dst = appendPadded(dst, int64(d), p.width)
		case 'D':
			dst = appendPadded(dst, days-civil.DaysFrom(y, 1, 1)+1, p.width)
		case 'a':
			dst = append(dst, "AMPM"[hour/12*2:][:2]...)
		case 'H':
			dst = appendPadded(dst, hour, p.width)
		case 'k':
			dst = appendPadded(dst, (hour+23)%24+1, p.width)
		case 'h':
			dst = appendPadded(dst, (hour+11)%12+1, p.width)
		case 'K':
			dst = appendPadded(dst, hour%12, p.width)
		case 'm':
			dst = appendPadded(dst, ofDay/civil.MicrosPerMinute%60, p.width)
		case 's':
			dst = appendPadded(dst, ofDay/civil.MicrosPerSecond%60, p.width)
		case 'n':
			dst = appendPadded(dst, ofDay%civil.MicrosPerSecond*1000, p.width)
		case 'S':
			at := len(dst)
			dst = appendPadded(dst, ofDay%civil.MicrosPerSecond*1000, 9)
			dst = dst[:at+p.width]
		}
	}
	return dst
}

func appendNamed(dst []byte, names []string, i int, p formatPart) []byte {
	switch p.width {
	case 1, 2:
		return appendPadded(dst, int64(i+1), p.width)
	case 3:
		return append(dst, names[i][:3]...)
	}
	return append(dst, names[i]...)
}

func appendPadded(dst []byte, v int64, width int) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	var buf [20]byte
	at := len(buf)
	for v > 0 || width > 0 {
		at--
		buf[at] = byte('0' + v%10)
		v /= 10
		width--
	}
	return append(dst, buf[at:]...)
}

// usWeek is the week of the United States: from Sunday on, week 1 is that of 1 January.
func usWeek(days int64) (year, week int64) {
	y, _, _ := civil.FromDays(days)
	sunday := func(days int64) int64 { return days - int64(civil.Weekday(days)%7) }
	if next := sunday(civil.DaysFrom(y+1, 1, 1)); days >= next {
		return int64(y) + 1, 1
	}
	return int64(y), (sunday(days)-sunday(civil.DaysFrom(y, 1, 1)))/7 + 1
}

// parseTimeKernel is TO_TIMESTAMP and TO_TIMESTAMP_LTZ of text.
func parseTimeKernel(k *funcKernel) {
	if format, ok := k.constSecond(); ok {
		k.pattern, _ = compileFormat(format.Str)
	}
	formatted := len(k.node.args) == 2
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			text := in[0].BytesAt(i)
			var us int64
			ok := false
			if formatted {
				us, ok = parseFormat(text, k.pattern)
			}
			if !ok && (!formatted || bytes.IndexByte(text, 'T') < 0) { // Flink falls back to the common form
				us, ok = parseTimestamp(bytes.TrimSpace(text))
			}
			if !ok {
				out.I64[i] = 0
				r.fail(out, i, k.node.text()+": "+quoteText(shorten(string(text)))+" is not a timestamp")
				continue
			}
			out.I64[i] = civil.TruncPrecision(us, 3)
		}
	}
}

// parseFormat reads all of b by a format. Months and days default to 1, times to 0.
func parseFormat(b []byte, parts []formatPart) (us int64, ok bool) {
	y, m, d, hour, pm := 1970, 1, 1, 0, -1
	var minute, second int
	var frac int64
	for at, p := range parts {
		if p.letter == 0 {
			if !bytes.HasPrefix(b, []byte(p.text)) {
				return 0, false
			}
			b = b[len(p.text):]
			continue
		}
		// A number directly before another one has exactly its width.
		adjacent := at+1 < len(parts) && parts[at+1].letter != 0
		var v, n int
		switch {
		case p.letter == 'a':
			if len(b) < 2 || lower(b[1]) != 'm' || lower(b[0]) != 'a' && lower(b[0]) != 'p' {
				return 0, false
			}
			pm, b = int(b2i(lower(b[0]) == 'p')), b[2:]
			continue
		case p.letter == 'M' && p.width > 2 || p.letter == 'E':
			names := monthNames
			if p.letter == 'E' {
				names = dayNames
			}
			if v, n = readName(b, names, p.width < 4); n == 0 {
				return 0, false
			}
			v++
		case p.width == 1 && !adjacent:
			v, n = smallInt(b, 9)
		case p.letter == 'y' && p.width == 4 && !adjacent:
			if v, n = smallInt(b, 4); n < 4 {
				return 0, false
			}
		default:
			if v, n = smallInt(b, p.width); n != p.width {
				return 0, false
			}
		}
		if n == 0 {
			return 0, false
		}
		b = b[n:]
		switch p.letter {
		case 'y', 'u':
			if y = v; p.width == 2 {
				y += 2000
			}
		case 'M':
			m = v
		case 'd':
			d = v
		case 'H', 'h':
			hour = v
		case 'm':
			minute = v
		case 's':
			second = v
		case 'S':
			for frac = int64(v); n < 6; n++ {
				frac *= 10
			}
			for ; n > 6; n-- {
				frac /= 10
			}
		}
	}
	if pm >= 0 {
		if hour < 1 || hour > 12 {
			return 0, false
		}
		hour = hour%12 + 12*pm
	}
	if len(b) > 0 || y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	days := civil.DaysFrom(y, m, min(d, civil.DaysInMonth(y, m)))
	return days*civil.MicrosPerDay + int64(hour)*civil.MicrosPerHour + int64(minute)*civil.MicrosPerMinute + int64(second)*civil.MicrosPerSecond + frac, true
}

// readName reads one of the names, or its first three letters.
func readName(b []byte, names []string, short bool) (i, n int) {
	for i, name := range names {
		if short {
			name = name[:3]
		}
		if len(b) >= len(name) && string(b[:len(name)]) == name {
			return i, len(name)
		}
	}
	return 0, 0
}
