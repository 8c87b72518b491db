package expr

import (
	"math"
	"math/bits"

	"flowd/internal/civil"
	"flowd/internal/nearest"
	"flowd/stream"
)

// timeAddKernel adds an interval to a date, time or timestamp, or subtracts it.
type timeAddKernel struct {
	x, d     operand
	t        stream.Type
	interval stream.Type
	minus    bool
	node     *tnode
}

func (k *timeAddKernel) eval(r *run, sel []int32, out *stream.Column) {
	c, dc := k.x.get(r, sel), k.d.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, c, dc)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		if out.IsNull(i) {
			continue
		}
		d := dc.I64[i]
		if k.minus {
			d = -d
		}
		v, ok := k.add(c.I64[i], d)
		if !ok {
			v = 0
			r.fail(out, i, k.node.text()+": overflow of "+k.t.Nullable().String())
		}
		out.I64[i] = v
	}
}

func (k *timeAddKernel) add(v, d int64) (int64, bool) {
	const farthest = 1 << 40 // months and days: beyond every year that a timestamp has
	months := k.interval.ID == stream.IntervalMonth
	switch k.t.ID {
	case stream.Date:
		if months {
			if d > farthest || d < -farthest {
				return 0, false
			}
			return civil.AddMonths(v, int(d)), true
		}
		return v + d/civil.MicrosPerDay, true
	case stream.Time: // around the clock
		const day = civil.MicrosPerDay / 1000
		return ((v+d/1000%day)%day + day) % day, true
	}
	if !months {
		sum, over := intOp('+', v, d)
		return civil.TruncPrecision(sum, int(k.t.Precision)), over == 0
	}
	days, ofDay := civil.Split(v)
	if d > farthest || d < -farthest {
		return 0, false
	}
	days = civil.AddMonths(days, int(d))
	hi, us := bits.Mul64(uint64(days), civil.MicrosPerDay)
	if int64(hi)-(days>>63&civil.MicrosPerDay) != int64(us)>>63 {
		return 0, false
	}
	sum, over := intOp('+', int64(us), ofDay)
	return sum, over == 0
}

// extractUnits are the parts EXTRACT knows, with where they can come from: d date and timestamp, t time of day, i day
// interval, m month interval.
var extractUnits = map[string]string{
	"EPOCH": "d", "MILLENNIUM": "dm", "CENTURY": "dm", "DECADE": "dm", "YEAR": "dm", "ISOYEAR": "d", "QUARTER": "dm", "MONTH": "dm",
	"WEEK": "d", "DAY": "di", "DOY": "d", "DOW": "d", "ISODOW": "d",
	"HOUR": "dti", "MINUTE": "dti", "SECOND": "dti", "MILLISECOND": "dti", "MICROSECOND": "dti", "NANOSECOND": "dti",
}

func bindExtract(b *binder, n *node, f *function, args []*tnode) *tnode {
	from, ok := extractUnits[n.unit]
	if !ok {
		names := []string{
			"EPOCH", "MILLENNIUM", "CENTURY", "DECADE", "YEAR", "ISOYEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOY", "DOW", "ISODOW",
			"HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND",
		}
		hint := "the units are " + list(names)
		if near := nearest.Name(n.unit, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return b.fail(n, CodeType, hint, "unknown unit %s", shorten(n.unit))
	}
	x := args[0]
	kind := byte(0)
	switch {
	case x.t.ID == stream.Date || x.t.IsTimestamp():
		kind = 'd'
	case x.t.ID == stream.Time:
		kind = 't'
	case x.t.ID == stream.IntervalDay:
		kind = 'i'
	case x.t.ID == stream.IntervalMonth:
		kind = 'm'
	}
	for i := range len(from) {
		if from[i] == kind {
			t := callNode(n, f, stream.Type{ID: stream.BigInt}, args)
			t.unit = n.unit
			return t
		}
	}
	hint := ""
	if x.t.ID == stream.String {
		hint = "write CAST(… AS timestamp)"
	} else if x.t.IsNumeric() {
		hint = "write TO_TIMESTAMP_LTZ(number, 3)"
	}
	return b.fail(n.args[0], CodeType, hint, "there is no %s in %s", n.unit, x.t.Nullable())
}

func extractKernel(k *funcKernel) {
	from := k.node.args[0].t.ID
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		for j := range rs.n {
			i := rs.at(j)
			v := in[0].I64[i]
			switch from {
			case stream.Date:
				out.I64[i] = extract(k.node.unit, v, 0, v*86400)
			case stream.Time:
				out.I64[i] = extract(k.node.unit, 0, v*1000, v/1000)
			case stream.IntervalMonth:
				out.I64[i] = extractMonths(k.node.unit, v)
			case stream.IntervalDay:
				if k.node.unit == "DAY" {
					out.I64[i] = v / civil.MicrosPerDay
				} else if v < 0 {
					out.I64[i] = -extract(k.node.unit, 0, -v%civil.MicrosPerDay, 0)
				} else {
					out.I64[i] = extract(k.node.unit, 0, v%civil.MicrosPerDay, 0)
				}
			default:
				days, ofDay := civil.Split(v)
				out.I64[i] = extract(k.node.unit, days, ofDay, days*86400+ofDay/civil.MicrosPerSecond)
			}
		}
	}
}

func extractMonths(unit string, v int64) int64 {
	switch unit {
	case "MONTH":
		return v % 12
	case "QUARTER":
		return v%12/3 + 1
	case "DECADE":
		return v / 120
	case "CENTURY":
		return v / 1200
	case "MILLENNIUM":
		return v / 12000
	}
	return v / 12
}

// extract is one part of a day and a time of day in µs.
func extract(unit string, days, ofDay, epoch int64) int64 {
	switch unit {
	case "EPOCH":
		return epoch
	case "HOUR":
		return ofDay / civil.MicrosPerHour
	case "MINUTE":
		return ofDay / civil.MicrosPerMinute % 60
	case "SECOND":
		return ofDay / civil.MicrosPerSecond % 60
	case "MILLISECOND":
		return ofDay % civil.MicrosPerSecond / 1000
	case "MICROSECOND":
		return ofDay % civil.MicrosPerSecond
	case "NANOSECOND":
		return ofDay % civil.MicrosPerSecond * 1000
	case "DOW": // Sunday is 1
		return int64(civil.Weekday(days)%7) + 1
	case "ISODOW":
		return int64(civil.Weekday(days))
	case "WEEK":
		_, w := civil.ISOWeek(days)
		return int64(w)
	case "ISOYEAR":
		y, _ := civil.ISOWeek(days)
		return int64(y)
	}
	y, m, d := civil.FromDays(days)
	year := int64(y)
	switch unit {
	case "YEAR":
		return year
	case "QUARTER":
		return int64(m-1)/3 + 1
	case "MONTH":
		return int64(m)
	case "DAY":
		return int64(d)
	case "DOY":
		return days - civil.DaysFrom(y, 1, 1) + 1
	case "DECADE":
		return year / 10
	case "CENTURY":
		return (year + 99) / 100
	}
	return (year + 999) / 1000 // MILLENNIUM
}

// diffUnits are the units of TIMESTAMPDIFF in ms, or in months below 0.
var diffUnits = map[string]int64{
	"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000, "WEEK": 604_800_000,
	"MONTH": -1, "QUARTER": -3, "YEAR": -12,
}

func bindDiff(b *binder, n *node, f *function, args []*tnode) *tnode {
	if diffUnits[n.unit] == 0 {
		names := []string{"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
		hint := "the units are " + list(names)
		if near := nearest.Name(n.unit, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return b.fail(n, CodeType, hint, "unknown unit %s", shorten(n.unit))
	}
	for i, a := range args {
		if a.t.ID != stream.Date && !a.t.IsTimestamp() {
			hint := ""
			if a.t.ID == stream.String {
				hint = "write CAST(… AS timestamp)"
			}
			return b.fail(n.args[i], CodeType, hint, "TIMESTAMPDIFF needs a date or timestamp, not %s", a.t.Nullable())
		}
	}
	if (args[0].t.ID == stream.TimestampLTZ) != (args[1].t.ID == stream.TimestampLTZ) {
		return b.fail(n, CodeType, "write CAST(… AS timestamp_ltz) around the other", "TIMESTAMPDIFF takes timestamp_ltz only together with timestamp_ltz")
	}
	return callNode(n, f, stream.Type{ID: stream.Int}, args)
}

func diffKernel(k *funcKernel) {
	unit := diffUnits[k.node.unit]
	date := [2]bool{k.node.args[0].t.ID == stream.Date, k.node.args[1].t.ID == stream.Date}
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			from, to := asMillis(in[0].I64[i], date[0]), asMillis(in[1].I64[i], date[1])
			var v int64
			if unit > 0 {
				v = (to - from) / unit
			} else {
				v = monthsBetween(to, from) / -unit
			}
			if v != int64(int32(v)) {
				v = 0
				k.overflow(r, out, i)
			}
			out.I64[i] = v
		}
	}
}

func asMillis(v int64, date bool) int64 {
	if date {
		return v * 86_400_000
	}
	return civil.FloorMillis(v)
}

// monthsBetween is how many months lie between two instants in ms. It follows Calcite's subtractMonths, with its
// asymmetry: only if whole months lead to the very day does the time of day count.
func monthsBetween(to, from int64) int64 {
	d0, t0 := floorDay(to)
	d1, t1 := floorDay(from)
	m := monthsBetweenDays(d0, d1)
	if civil.AddMonths(d1, int(m)) == d0 && t0 < t1 {
		m--
	}
	return m
}

func floorDay(ms int64) (days, rest int64) {
	const day = 86_400_000
	rest = (ms%day + day) % day
	return (ms - rest) / day, rest
}

func monthsBetweenDays(d0, d1 int64) int64 {
	if d0 < d1 {
		return -monthsBetweenDays(d1, d0)
	}
	y0, m0, _ := civil.FromDays(d0)
	y1, m1, _ := civil.FromDays(d1)
	m := int64(y0-y1)*12 + int64(m0-m1)
	if civil.AddMonths(d1, int(m)) > d0 {
		m--
	}
	return m
}

// bindToTimestamp binds TO_TIMESTAMP and TO_TIMESTAMP_LTZ; both can be NULL in Flink's eyes whatever they are given.
func bindToTimestamp(id stream.TypeID) func(*binder, *node, *function, []*tnode) *tnode {
	return func(b *binder, n *node, f *function, args []*tnode) *tnode {
		result := stream.Type{ID: id, Precision: 3}
		x := args[0]
		number := id == stream.TimestampLTZ && x.t.IsNumeric()
		if !number {
			if x = b.coerce(n.args[0], x, stream.Type{ID: stream.String}, f.name); x == nil {
				if id == stream.Timestamp && args[0].t.IsNumeric() {
					b.errs[len(b.errs)-1].Hint = "write TO_TIMESTAMP_LTZ(number, 3) for milliseconds"
				}
				return nil
			}
			args[0] = x
			if len(args) == 2 {
				if args[1] = b.format(n.args[1], f, args[1]); args[1] == nil {
					return nil
				}
			}
			t := callNode(n, f, result, args)
			t.t.NotNull = false
			return t
		}
		if len(args) == 2 {
			p := args[1]
			if !p.isConst() || !p.t.IsInteger() || p.val.I64 != 0 && p.val.I64 != 3 {
				return b.fail(n.args[1], CodeType, "0 for seconds, 3 for milliseconds", "the second argument of TO_TIMESTAMP_LTZ is 0 or 3")
			}
		} else {
			args = append(args, constant(n, Constant{Type: stream.Type{ID: stream.Int}, I64: 3}))
		}
		if x.t.ID != stream.BigInt {
			args[0] = b.convert(n.args[0], x, stream.Type{ID: stream.BigInt})
			if args[0] == nil {
				return nil
			}
		}
		t := callNode(n, f, result, args)
		t.t.NotNull = false
		return t
	}
}

// epochKernel is TO_TIMESTAMP_LTZ, of a number or of text.
func epochKernel(k *funcKernel) {
	if k.node.args[0].t.ID == stream.String {
		parseTimeKernel(k)
		return
	}
	unit := int64(1000)
	if k.node.args[1].val.I64 == 0 {
		unit = civil.MicrosPerSecond
	}
	most := math.MaxInt64 / unit
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		for j := range rs.n {
			i := rs.at(j)
			v := in[0].I64[i]
			if v > most || v < -most {
				out.I64[i] = 0
				k.overflow(r, out, i)
				continue
			}
			out.I64[i] = v * unit
		}
	}
}
