package expr

import (
	"math"
	"strconv"
	"strings"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

func constant(n *node, c Constant) *tnode {
	c.Type.NotNull = !c.Null
	return &tnode{op: opConst, t: c.Type, val: c, src: n}
}

func boolConst(n *node, v bool) *tnode {
	return constant(n, Constant{Type: stream.Type{ID: stream.Boolean}, I64: b2i(v)})
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// number types a number as Calcite does: digits as written count, zeros in front too, so 0.908 is decimal(4,3).
func (b *binder) number(n *node, text string) *tnode {
	digits := strings.TrimPrefix(text, "-")
	point := strings.IndexByte(digits, '.')
	if point == len(digits)-1 {
		text, digits, point = strings.TrimSuffix(text, "."), digits[:point], -1
	}
	switch {
	case strings.ContainsAny(digits, "eE"):
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && math.IsInf(f, 0) {
			b.fail(n, CodeConstant, "the largest double is 1.7976931348623157e308", "%s is too large", shorten(text))
			return nil
		}
		return constant(n, Constant{Type: stream.Type{ID: stream.Double}, F64: f})
	case point < 0:
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			b.fail(n, CodeConstant, "write CAST('"+shorten(text)+"' AS decimal(38,0))", "%s is larger than a bigint", shorten(text))
			return nil
		}
		id := stream.BigInt
		if v == int64(int32(v)) {
			id = stream.Int
		}
		return constant(n, Constant{Type: stream.Type{ID: id}, I64: v})
	}
	p, s := len(digits)-1, len(digits)-1-point
	if p > 38 {
		b.fail(n, CodeConstant, "at most 38 digits are kept; with an exponent (1e0) it is a double", "%s has %d digits", shorten(text), p)
		return nil
	}
	d, _ := dec.Parse([]byte(text), 38, s)
	return constant(n, decimalConst(stream.Type{ID: stream.Decimal, Precision: uint8(p), Scale: uint8(s)}, d))
}

func decimalConst(t stream.Type, d dec.Dec) Constant {
	return Constant{Type: t, I64: int64(d.Lo), Hi: d.Hi}
}

// dateLiteral reads DATE '…', TIME '…' and TIMESTAMP '…'. They are stricter than CAST: one form, days that exist.
func (b *binder) dateLiteral(n *node) *tnode {
	text := []byte(n.text)
	switch n.name {
	case "DATE":
		if days, used, ok := civil.ParseDate(text); ok && used == len(text) {
			return constant(n, Constant{Type: stream.Type{ID: stream.Date}, I64: days})
		}
		b.fail(n, CodeConstant, "write DATE '2026-01-31'", "%s is no date", quoteText(shorten(n.text)))
	case "TIME":
		us, used, ok := civil.ParseTime(text)
		frac := max(len(text)-9, 0)
		if ok && used == len(text) && len(text) >= 8 && frac <= 3 {
			return constant(n, Constant{Type: stream.Type{ID: stream.Time, Precision: uint8(frac)}, I64: us / 1000})
		}
		b.fail(n, CodeConstant, "write TIME '23:59:59', with up to 3 digits after a point", "%s is no time", quoteText(shorten(n.text)))
	case "TIMESTAMP":
		ts, ok := civil.ParseTimestamp(text)
		if ok && ts.FractionDigits <= 6 {
			return constant(n, Constant{Type: stream.Type{ID: stream.Timestamp, Precision: ts.FractionDigits}, I64: ts.Micros})
		}
		hint := "write TIMESTAMP '2026-01-31 23:59:59'"
		if ok {
			hint = "flowd keeps microseconds: 0 to 6 digits"
		}
		b.fail(n, CodeConstant, hint, "%s is no timestamp", quoteText(shorten(n.text)))
	}
	return nil
}

// intervalUnits are the parts of intervals, with how many µs or months they are.
var intervalUnits = map[string]struct {
	size   int64
	months bool
}{
	"YEAR": {12, true}, "QUARTER": {3, true}, "MONTH": {1, true},
	"WEEK": {7 * civil.MicrosPerDay, false}, "DAY": {civil.MicrosPerDay, false}, "HOUR": {civil.MicrosPerHour, false},
	"MINUTE": {civil.MicrosPerMinute, false}, "SECOND": {civil.MicrosPerSecond, false},
}

// intervalForms are the separators of the ranges, such as DAY TO SECOND '1 02:03:04'.
var intervalForms = map[string]string{
	"YEAR TO MONTH": "-", "DAY TO HOUR": " ", "DAY TO MINUTE": " :", "DAY TO SECOND": " ::",
	"HOUR TO MINUTE": ":", "HOUR TO SECOND": "::", "MINUTE TO SECOND": ":",
}

var rangeUnits = []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}

// rangeLimits bound the parts after the first.
var rangeLimits = map[string]int64{"MONTH": 11, "HOUR": 23, "MINUTE": 59, "SECOND": 59}

func (b *binder) interval(n *node) *tnode {
	unit := n.name
	if first, last, isRange := strings.Cut(unit, " TO "); !isRange {
		unit = strings.TrimSuffix(unit, "S")
	} else {
		unit = strings.TrimSuffix(first, "S") + " TO " + strings.TrimSuffix(last, "S")
	}
	seps, isRange := intervalForms[unit]
	first, _, _ := strings.Cut(unit, " TO ")
	u, known := intervalUnits[first]
	if !known || !isRange && first != unit {
		b.fail(n, CodeType, "SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR, DAY TO SECOND, YEAR TO MONTH …", "unknown unit %s", shorten(n.name))
		return nil
	}
	text := strings.TrimSpace(n.text)
	neg := strings.HasPrefix(text, "-")
	text = strings.TrimLeft(text, "+-")
	bad := func() *tnode {
		b.fail(n, CodeConstant, "write INTERVAL '5' MINUTE, INTERVAL '1.5' SECOND or INTERVAL '1 02:03:04' DAY TO SECOND", "%s is no %s", quoteText(shorten(n.text)), unit)
		return nil
	}
	var total int64
	for i := 0; ; i++ {
		part := text
		if i < len(seps) {
			var ok bool
			if part, text, ok = strings.Cut(text, string(seps[i])); !ok {
				return bad()
			}
		}
		v, ok := intervalPart(part, first)
		if !ok || i > 0 && v/intervalUnits[first].size > rangeLimits[first] {
			return bad()
		}
		if total += v; total < 0 {
			return bad()
		}
		if i >= len(seps) {
			break
		}
		for j, name := range rangeUnits {
			if name == first {
				first = rangeUnits[j+1]
				break
			}
		}
	}
	if neg {
		total = -total
	}
	id := stream.IntervalDay
	if u.months {
		id = stream.IntervalMonth
	}
	return constant(n, Constant{Type: stream.Type{ID: id}, I64: total})
}

// intervalPart reads a number of one unit; seconds may have three digits of fraction.
func intervalPart(text, unit string) (int64, bool) {
	whole, frac, point := strings.Cut(text, ".")
	if point && (unit != "SECOND" || len(frac) > 3 || frac == "") || len(whole) > 12 || whole == "" {
		return 0, false
	}
	for _, c := range []byte(whole + frac) {
		if !isDigit(c) {
			return 0, false
		}
	}
	v, _ := strconv.ParseInt(whole, 10, 64)
	size := intervalUnits[unit].size
	if v > math.MaxInt64/2/size {
		return 0, false
	}
	v *= size
	if point {
		ms, _ := strconv.ParseInt((frac + "00")[:3], 10, 64)
		v += ms * 1000
	}
	return v, true
}
