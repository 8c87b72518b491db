package aggregate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/state"
	"flowd/state/hashmap"
	"flowd/stream"
)

// The files of testdata are what Apache Flink 2.2 answers: agg.jsonl over the rows of agg_rows.json, agg_group.jsonl
// the same per g. The columns:
var goldenTypes = map[string]stream.Type{
	"g": {ID: stream.Int}, "i": {ID: stream.Int}, "l": {ID: stream.BigInt}, "si": {ID: stream.SmallInt}, "ti": {ID: stream.TinyInt},
	"d": {ID: stream.Decimal, Precision: 10, Scale: 2}, "d2": {ID: stream.Decimal, Precision: 38, Scale: 10},
	"f": {ID: stream.Double}, "fl": {ID: stream.Float}, "s": {ID: stream.String}, "b": {ID: stream.Boolean},
	"ts": {ID: stream.Timestamp, Precision: 3}, "dt": {ID: stream.Date},
}

// Arguments that are more than a column, as columns: which column, times which, and the type.
var goldenArgs = map[string]struct {
	column string
	times  string
	typ    stream.Type
}{
	"CAST(i AS BIGINT)": {"i", "", stream.Type{ID: stream.BigInt}},
	"l * 0.908":         {"l", "0.908", stream.Type{ID: stream.Decimal, Precision: 24, Scale: 3}},
	"d * d":             {"d", "d", stream.Type{ID: stream.Decimal, Precision: 21, Scale: 4}},
	"NULLIF(i, i)":      {"i", "NULL", stream.Type{ID: stream.Int}},
}

// What this version refuses, by the call or the function's name, and words of the error.
var goldenRefused = map[string]string{
	"SUM(s)": "SUM needs a number, not string", "AVG(b)": "AVG needs a number, not boolean",
	"SUM(DISTINCT i)": "SUM(DISTINCT …) is not in this version", "AVG(DISTINCT i)": "AVG(DISTINCT …) is not in this version",
	"STDDEV": "not in this version", "STDDEV_POP": "not in this version", "STDDEV_SAMP": "not in this version", "VAR_SAMP": "not in this version",
	"LISTAGG": "not in this version", "FIRST_VALUE": "not in this version", "LAST_VALUE": "not in this version",
	"COLLECT": "not in this version", "ARRAY_AGG": "not in this version", "JSON_ARRAYAGG": "not in this version",
	"JSON_OBJECTAGG": "not in this version", "APPROX_COUNT_DISTINCT": "not in this version",
	"BIT_AND": "no aggregate function", "SINGLE_VALUE": "no aggregate function", "EVERY": "no aggregate function",
	"ANY_VALUE": "no aggregate function", "GROUPING": "no aggregate function",
}

// Where flowd differs on purpose: a sum over its type is an error; Flink's wraps.
var goldenDiffers = map[string]string{
	"SUM(ti)":                      "SUM overflows TINYINT: the sum is 330; CAST the argument to BIGINT",
	"SUM(ti) FILTER (WHERE g = 2)": "SUM overflows TINYINT: the sum is 200; CAST the argument to BIGINT",
}

// Expressions over aggregates, which expr computes from the results of this package.
var goldenComposed = map[string]bool{
	"SUM(i) / COUNT(*)": true, "SUM(f) / COUNT(*)": true, "SUM(d) * 0.5": true, "SUM(l) * 100.0 / COUNT(*)": true, "MAX(i) - MIN(i)": true,
}

var (
	callPattern   = regexp.MustCompile(`^(\w+)\((DISTINCT )?(.*?)\)(?: FILTER \(WHERE (.*)\))?$`)
	filterPattern = regexp.MustCompile(`^(\w+) ([=<>]) (\d+)$`)
)

type goldenRow map[string]json.RawMessage

func goldenRows(t *testing.T) []goldenRow {
	var rows []goldenRow
	lines(t, "testdata/agg_rows.json", func(line []byte) {
		var r goldenRow
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	})
	return rows
}

func lines(t *testing.T, path string, f func([]byte)) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		f(sc.Bytes())
	}
}

// column makes the argument column of a call from the rows of the file.
func column(t *testing.T, rows []goldenRow, arg string) (stream.Type, *stream.Column) {
	name, times, typ := arg, "", goldenTypes[arg]
	if a, ok := goldenArgs[arg]; ok {
		name, times, typ = a.column, a.times, a.typ
	} else if typ.ID == stream.NoType {
		t.Fatalf("no column for argument %q", arg)
	}
	c := stream.NewColumn(typ, len(rows))
	for _, r := range rows {
		text := string(r[name])
		if text == "null" || times == "NULL" {
			c.AppendNull()
			continue
		}
		text = strings.Trim(text, `"`)
		if times != "" {
			by := times
			if times == name {
				by = text
			}
			product, ok := dec.MulScaled(parseDecimal(t, text, 2), 2, parseDecimal(t, by, 3), 3, int(typ.Scale))
			if !ok {
				t.Fatal("product")
			}
			text = string(dec.Append(nil, product, int(typ.Scale)))
		}
		appendText(t, c, typ, text)
	}
	return typ, c
}

func parseDecimal(t *testing.T, s string, scale int) dec.Dec {
	d, st := dec.Parse([]byte(s), 38, scale)
	if st != dec.OK {
		t.Fatalf("%q: %v", s, st)
	}
	return d
}

func appendText(t *testing.T, c *stream.Column, typ stream.Type, s string) {
	var err error
	ok := true
	switch typ.ID {
	case stream.Boolean:
		v := int64(0)
		if s == "true" {
			v = 1
		}
		c.AppendInt64(v)
	case stream.Float, stream.Double:
		var v float64
		bits := 64
		if typ.ID == stream.Float {
			bits = 32
		}
		v, err = strconv.ParseFloat(s, bits)
		c.AppendFloat64(v)
	case stream.Decimal:
		d := parseDecimal(t, s, int(typ.Scale))
		if c.Kind == stream.KindWide {
			c.AppendWide(d.Hi, d.Lo)
		} else {
			c.AppendInt64(int64(d.Lo))
		}
	case stream.String:
		c.AppendString(s)
	case stream.Date:
		var v int64
		v, _, ok = civil.ParseDate([]byte(s))
		c.AppendInt64(v)
	case stream.Timestamp:
		var v civil.Timestamp
		v, ok = civil.ParseTimestamp([]byte(s))
		c.AppendInt64(v.Micros)
	default:
		var v int64
		v, err = strconv.ParseInt(s, 10, 64)
		c.AppendInt64(v)
	}
	if err != nil || !ok {
		t.Fatalf("%s %q: %v", typ, s, err)
	}
}

// text writes a value as the golden files do.
func text(c *stream.Column, typ stream.Type, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch typ.ID {
	case stream.Boolean:
		return fmt.Sprint(c.I64[i] != 0)
	case stream.Float:
		return javaFloat(c.F64[i], 32)
	case stream.Double:
		return javaFloat(c.F64[i], 64)
	case stream.Decimal:
		d := dec.FromInt64(c.I64[i])
		if c.Kind == stream.KindWide {
			d = dec.Dec{Hi: c.Hi[i], Lo: uint64(c.I64[i])}
		}
		return string(dec.Append(nil, d, int(typ.Scale)))
	case stream.String:
		return string(c.BytesAt(i))
	case stream.Date:
		return string(civil.AppendDate(nil, c.I64[i]))
	case stream.Timestamp:
		return string(civil.AppendTimestamp(nil, c.I64[i], int(typ.Precision)))
	}
	return fmt.Sprint(c.I64[i])
}

// javaFloat writes a float as Java prints it, for the few magnitudes there are.
func javaFloat(v float64, bits int) string {
	if v != 0 && (v >= 1e7 || v <= -1e7) {
		m, e, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, bits), "e+")
		if !strings.Contains(m, ".") {
			m += ".0"
		}
		return m + "E" + strings.TrimLeft(e, "0")
	}
	s := strconv.FormatFloat(v, 'f', -1, bits)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func (r goldenRow) matches(t *testing.T, filter string) bool {
	if filter == "" {
		return true
	}
	m := filterPattern.FindStringSubmatch(filter)
	if m == nil {
		t.Fatalf("filter %q", filter)
	}
	v, err := strconv.Atoi(string(r[m[1]]))
	if err != nil {
		return false // NULL
	}
	n, _ := strconv.Atoi(m[3])
	return m[2] == "=" && v == n || m[2] == "<" && v < n || m[2] == ">" && v > n
}

// compute runs a call over rows: each row alone in a table, merged into another row by row, or in one go.
func compute(s Spec, arg *stream.Column, sel []int32, merged bool) (*stream.Column, *stream.RowErrors) {
	layout := state.Layout{Init: s.Init(), Refs: s.Refs()}
	whole := hashmap.New(layout)
	row := whole.Upsert(make([]uint64, 1), nil, nil, nil)
	if merged {
		for _, i := range sel {
			part := hashmap.New(layout)
			part.Upsert(make([]uint64, 1), nil, nil, nil)
			s.Update(part.Lanes(), 0, row, arg, []int32{i})
			s.Merge(whole.Lanes(), 0, row, part.Lanes(), 0)
		}
	} else {
		s.Update(whole.Lanes(), 0, make([]uint32, len(sel)), arg, sel)
	}
	out := stream.NewColumn(s.Type, 1)
	errs := &stream.RowErrors{}
	s.Emit(whole.Lanes(), 0, row, out, errs)
	return out, errs
}

func TestGolden(t *testing.T) {
	rows := goldenRows(t)
	var cases, agree int
	lines(t, "testdata/agg.jsonl", func(line []byte) {
		var c struct {
			Expr, Type string
			Value      any
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases++
		if goldenComposed[c.Expr] {
			return
		}
		m := callPattern.FindStringSubmatch(c.Expr)
		if m == nil {
			t.Errorf("%s: cannot read it", c.Expr)
			return
		}
		call := Call{Func: m[1], Distinct: m[2] != "", Star: m[3] == "*"}
		refused := goldenRefused[m[1]+"("+m[2]+m[3]+")"] + goldenRefused[m[1]]
		var arg *stream.Column
		if !call.Star && (refused == "" || goldenTypes[m[3]].ID != stream.NoType) {
			call.Arg, arg = column(t, rows, m[3])
		}
		s, err := Resolve(call)
		if refused != "" {
			if err == nil || !strings.Contains(err.Error(), refused) {
				t.Errorf("%s: error %v, want one with %q", c.Expr, err, refused)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", c.Expr, err)
			return
		}
		if got := strings.ReplaceAll(strings.ToUpper(s.Type.String()), ",", ", "); got != c.Type {
			t.Errorf("%s: type %s, want %s", c.Expr, got, c.Type)
		}
		sel := []int32{}
		for i, r := range rows {
			if r.matches(t, m[4]) {
				sel = append(sel, int32(i))
			}
		}
		for _, merged := range []bool{false, true} {
			out, errs := compute(s, arg, sel, merged)
			if want, ok := goldenDiffers[c.Expr]; ok {
				if errs.Len() != 1 || errs.List[0].Msg != want || errs.List[0].Row != 0 || !out.IsNull(0) {
					t.Errorf("%s: errors %v, want %q", c.Expr, errs.List, want)
				}
				continue
			}
			if got := text(out, s.Type, 0); got != c.Value || errs.Len() != 0 {
				t.Errorf("%s (merged %v): %v %v, want %v", c.Expr, merged, got, errs.List, c.Value)
			}
		}
		agree++
	})
	if cases != 72 || agree < 40 {
		t.Errorf("%d cases, of which %d were computed", cases, agree)
	}
}

func TestGoldenGrouped(t *testing.T) {
	rows := goldenRows(t)
	calls := map[string]struct{ f, arg string }{
		"n": {"COUNT", "*"}, "ci": {"COUNT", "i"}, "si": {"SUM", "i"}, "ai": {"AVG", "i"}, "al": {"AVG", "l"}, "sd": {"SUM", "d"},
		"ad": {"AVG", "d"}, "mns": {"MIN", "s"}, "mxs": {"MAX", "s"}, "af": {"AVG", "f"},
	}
	n := 0
	lines(t, "testdata/agg_group.jsonl", func(line []byte) {
		var want goldenRow
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		sel := []int32{}
		for i, r := range rows {
			if string(r["g"]) == string(want["g"]) {
				sel = append(sel, int32(i))
			}
		}
		for name, c := range calls {
			call := Call{Func: c.f, Star: c.arg == "*", Grouped: true}
			var arg *stream.Column
			if !call.Star {
				call.Arg, arg = column(t, rows, c.arg)
			}
			s, err := Resolve(call)
			if err != nil {
				t.Fatal(err)
			}
			out, errs := compute(s, arg, sel, true)
			got := fmt.Sprint(text(out, s.Type, 0))
			if got != strings.Trim(string(want[name]), `"`) || errs.Len() != 0 {
				t.Errorf("g = %s: %s is %s, want %s", want["g"], name, got, want[name])
			}
			n++
		}
	})
	if n != 30 {
		t.Errorf("%d results", n)
	}
}
