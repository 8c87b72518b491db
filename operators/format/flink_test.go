package format

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/operators"
	"flowd/stream"
)

// Flink's own answers, from testdata/flink, are the judge of the meaning of JSON. Each case has to agree, but for the
// differences below.

// sqlType reads the types that the cases have.
func sqlType(t *testing.T, s string) stream.Type {
	t.Helper()
	name, args, _ := strings.Cut(strings.ReplaceAll(s, ", ", ","), "(")
	var prec, scale uint8
	if args != "" && !strings.ContainsAny(name, "<") {
		a, b, _ := strings.Cut(strings.TrimSuffix(args, ")"), ",")
		p, _ := strconv.Atoi(a)
		q, _ := strconv.Atoi(b)
		prec, scale = uint8(p), uint8(q)
	}
	ids := map[string]stream.TypeID{
		"BOOLEAN": stream.Boolean, "TINYINT": stream.TinyInt, "SMALLINT": stream.SmallInt, "INT": stream.Int, "BIGINT": stream.BigInt,
		"FLOAT": stream.Float, "DOUBLE": stream.Double, "DECIMAL": stream.Decimal, "STRING": stream.String, "VARCHAR": stream.String,
		"CHAR": stream.String, "BYTES": stream.Bytes, "DATE": stream.Date, "TIME": stream.Time, "TIMESTAMP": stream.Timestamp,
		"TIMESTAMP_LTZ": stream.TimestampLTZ,
	}
	if id, ok := ids[name]; ok {
		if id == stream.String {
			prec = 0
		}
		return stream.Type{ID: id, Precision: prec, Scale: scale}
	}
	i := stream.Type{ID: stream.Int}
	str := stream.Type{ID: stream.String}
	switch strings.ReplaceAll(s, "`", "") {
	case "ARRAY<INT>":
		return stream.Type{ID: stream.Array, Elem: &i}
	case "MAP<STRING,INT>", "MAP<STRING, INT>":
		return stream.Type{ID: stream.Map, Key: &str, Elem: &i}
	case "ROW<x INT,y STRING>", "ROW<x INT, y STRING>":
		return stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "x", Type: i}, {Name: "y", Type: str}}}
	}
	t.Fatalf("unknown type %s", s)
	return stream.Type{}
}

// decodeOne reads doc and returns the batch, or the error.
func decodeOne(t *testing.T, fields []stream.Field, docs ...string) (*stream.Batch, []stream.RowError) {
	t.Helper()
	s := stream.Flatten(fields)
	mk, problems := JSON().NewDecoder(nil, fields, s)
	if problems != nil {
		t.Fatal(problems)
	}
	b := stream.NewPool(s, 64, 1).TryGet()
	var errs stream.RowErrors
	mk().Decode(b, rawRecords(docs...), nil, &errs)
	for i, c := range b.Cols {
		if c.Len() != b.N {
			t.Fatalf("column %s has %d rows of %d", s.Columns[i].Name, c.Len(), b.N)
		}
	}
	return b, errs.List
}

func rawRecords(docs ...string) *operators.RawRecords {
	r := &operators.RawRecords{}
	for _, d := range docs {
		r.Start = append(r.Start, uint32(len(r.Buf)))
		r.Buf = append(r.Buf, d...)
		r.End = append(r.End, uint32(len(r.Buf)))
	}
	r.Buf = append(r.Buf, "\"}]0 99,"...)
	return r
}

// show writes a value as the cases do: numbers, times and text as text, NULL as nil.
func show(c *stream.Column, t stream.Type, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch t.ID {
	case stream.Boolean:
		return c.I64[i] == 1
	case stream.Float:
		return strings.Trim(string(appendDouble(nil, c.F64[i], 32)), `"`)
	case stream.Double:
		return strings.Trim(string(appendDouble(nil, c.F64[i], 64)), `"`)
	case stream.Decimal:
		if c.Kind == stream.KindWide {
			return string(dec.Append(nil, dec.Dec{Hi: c.Hi[i], Lo: uint64(c.I64[i])}, int(t.Scale)))
		}
		return string(dec.Append64(nil, c.I64[i], int(t.Scale)))
	case stream.String:
		return string(c.BytesAt(i))
	case stream.Bytes:
		const hex = "0123456789abcdef"
		out := "x'"
		for _, b := range c.BytesAt(i) {
			out += string([]byte{hex[b>>4], hex[b&15]})
		}
		return out + "'"
	case stream.Date:
		return string(civil.AppendDate(nil, c.I64[i]))
	case stream.Time:
		return string(civil.AppendTime(nil, c.I64[i]*1000, int(t.Precision)))
	case stream.Timestamp:
		return string(civil.AppendTimestamp(nil, c.I64[i], int(t.Precision)))
	case stream.TimestampLTZ:
		return string(civil.AppendTimestamp(nil, c.I64[i], int(t.Precision))) + "Z"
	case stream.Array:
		out := []any{}
		for j := int(c.Off[i]); j < int(c.Off[i+1]); j++ {
			out = append(out, show(c.Child[0], *t.Elem, j))
		}
		return out
	case stream.Map:
		out := map[string]any{}
		for j := int(c.Off[i]); j < int(c.Off[i+1]); j++ {
			out[string(c.Child[0].BytesAt(j))] = show(c.Child[1], *t.Elem, j)
		}
		return out
	}
	return strconv.FormatInt(c.I64[i], 10)
}

// normal brings an answer of the cases to the form of show.
func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, normal(e))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = normal(e)
		}
		return out
	}
	return v
}

func text(v any) string { b, _ := json.Marshal(v); return string(b) }

func eachLine(t *testing.T, file string, f func(line []byte)) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		f(s.Bytes())
	}
}

// difference is a rule by which flowd and Flink differ on purpose.
type difference struct {
	why     string
	applies func(typ, doc string, flink any, flinkFails bool, ours any, oursFails bool) bool
	seen    int
}

func decodeDifferences() []*difference {
	value := func(doc string) string { return strings.TrimSuffix(strings.TrimPrefix(doc, `{"v":`), "}") }
	return []*difference{
		{why: "a boolean is true or false, nothing else: Flink reads every other value as false", applies: func(typ, doc string, flink any, ff bool, _ any, of bool) bool {
			return typ == "BOOLEAN" && !ff && text(flink) == "[false]" && of
		}},
		{why: "a number beyond the precision of a decimal is a row error: Flink reads NULL", applies: func(typ, doc string, flink any, ff bool, _ any, of bool) bool {
			return strings.HasPrefix(typ, "DECIMAL") && value(doc) != "null" && text(flink) == "[null]" && of
		}},
		{why: "T between date and time is read as well as the space, and a timestamp may end in Z", applies: func(typ, doc string, _ any, ff bool, ours any, of bool) bool {
			v := value(doc)
			return strings.HasPrefix(typ, "TIMESTAMP") && ff && !of && (strings.Contains(v, "T") || !strings.HasPrefix(typ, "TIMESTAMP_LTZ") && strings.HasSuffix(v, `Z"`))
		}},
		{why: "nothing may follow the JSON value: Flink does not look", applies: func(typ, doc string, _ any, ff bool, _ any, of bool) bool {
			return typ == "" && !ff && of && !json.Valid([]byte(strings.TrimPrefix(doc, "\ufeff"))) && json.NewDecoder(strings.NewReader(doc)).Decode(new(any)) == nil
		}},
		{why: "control characters in strings are refused, as RFC 8259 demands", applies: func(typ, doc string, _ any, ff bool, _ any, of bool) bool {
			return typ == "" && !ff && of && strings.ContainsAny(doc, "\t\n\x00")
		}},
	}
}

func TestFlinkDecode(t *testing.T) {
	differences := decodeDifferences()
	cases := 0
	check := func(typ string, fields []stream.Field, doc string, rows []any, failure any) {
		cases++
		s := stream.Flatten(fields)
		b, errs := decodeOne(t, fields, doc)
		// The same once more, where a record before has taught the layout.
		again, errsAgain := decodeOne(t, fields, `{"v":null}`, doc, doc)
		if again.N != 1+2*b.N || len(errsAgain) != 2*len(errs) {
			t.Errorf("%s %s: %d rows and errors %v; by shape %d and %v", typ, doc, b.N, errs, again.N, errsAgain)
		}
		for i := range 2 * b.N {
			if x, y := AppendJSONRow(nil, b, i%b.N), AppendJSONRow(nil, again, i+1); !bytes.Equal(x, y) {
				t.Errorf("%s %s: %s, by shape %s", typ, doc, x, y)
			}
		}
		ours := []any{}
		for i := range b.N {
			row := []any{}
			for j := range fields {
				if fields[j].Type.ID == stream.Row {
					inner := []any{}
					for _, k := range s.Under(fields[j].Name) {
						inner = append(inner, show(b.Cols[k], s.Columns[k].Type, i))
					}
					row = append(row, inner)
					continue
				}
				row = append(row, show(b.Cols[j], s.Columns[j].Type, i))
			}
			ours = append(ours, row)
		}
		want := []any{}
		for _, r := range rows {
			r := normal(r).([]any)
			if f, isText := r[0].(string); isText && (typ == "FLOAT" || typ == "DOUBLE") {
				// Java before version 19 writes more digits than needed.
				bits := map[string]int{"FLOAT": 32, "DOUBLE": 64}[typ]
				v, err := strconv.ParseFloat(f, bits)
				if err != nil {
					t.Fatal(err)
				}
				r[0] = strings.Trim(string(appendDouble(nil, v, bits)), `"`)
			}
			for j := range fields {
				if fields[j].Type.ID == stream.Row && r[j] == nil { // flattened, so the same as a row of NULLs
					nulls := []any{}
					for range fields[j].Type.Fields {
						nulls = append(nulls, nil)
					}
					r[j] = nulls
				}
			}
			want = append(want, r)
		}
		fails := len(errs) > 0
		if fails == (failure != nil) && (fails || text(ours) == text(want)) {
			return
		}
		var flink any
		if len(want) > 0 {
			flink = want[0]
		}
		for _, d := range differences {
			if d.applies(typ, doc, flink, failure != nil, ours, fails) {
				d.seen++
				return
			}
		}
		t.Errorf("%s %s: flowd %s %v, Flink %s %v", typ, doc, text(ours), errs, text(want), failure)
	}
	eachLine(t, "testdata/flink/json_decode.jsonl", func(line []byte) {
		var c struct {
			Type, Doc string
			Result    any
		}
		unmarshal(t, line, &c)
		fields := []stream.Field{{Name: "v", Type: sqlType(t, c.Type)}}
		if m, bad := c.Result.(map[string]any); bad {
			check(c.Type, fields, c.Doc, nil, m["error"])
			return
		}
		check(c.Type, fields, c.Doc, []any{c.Result}, nil)
	})
	abc := []stream.Field{
		{Name: "a", Type: stream.Type{ID: stream.BigInt}},
		{Name: "b", Type: stream.Type{ID: stream.String}},
		{Name: "c", Type: stream.Type{ID: stream.Timestamp, Precision: 3}},
	}
	eachLine(t, "testdata/flink/json_docs.jsonl", func(line []byte) {
		// Several rows stand side by side in these lines: "result":[1],[2]; make them a list.
		s := string(line)
		from := strings.Index(s, `"result":`) + len(`"result":`)
		to := strings.Index(s, `,"ignore_parse_errors"`)
		var c struct{ Doc string }
		unmarshal(t, []byte(s[:from]+"0}"), &c)
		result := s[from:to]
		var rows []any
		switch {
		case result == `"no row"`:
			check("", abc, c.Doc, nil, nil)
		case strings.HasPrefix(result, "{"):
			check("", abc, c.Doc, nil, result)
		default:
			unmarshal(t, []byte("["+result+"]"), &rows)
			check("", abc, c.Doc, rows, nil)
		}
	})
	if cases != 763+35 {
		t.Errorf("%d cases, want 798", cases)
	}
	for _, d := range differences {
		t.Logf("%3d cases: %s", d.seen, d.why)
	}
}

func unmarshal(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

// TestFlinkEncode decodes what Flink wrote and compares what flowd writes.
func TestFlinkEncode(t *testing.T) {
	seen := map[string]int{}
	eachLine(t, "testdata/flink/json_encode.jsonl", func(line []byte) {
		var c struct {
			Type, Default string
			Plain         string `json:"decimal_plain"`
		}
		unmarshal(t, line, &c)
		typ := sqlType(t, c.Type)
		if typ.Precision > 6 && typ.ID != stream.Decimal {
			return // timestamps have at most six digits
		}
		b, errs := decodeOne(t, []stream.Field{{Name: "v", Type: typ}}, c.Default)
		if len(errs) > 0 {
			t.Errorf("%s %s: %v", c.Type, c.Default, errs)
			return
		}
		got := string(AppendJSONRow(nil, b, 0))
		switch {
		case got == c.Default:
			seen["equal"]++
		case typ.ID == stream.Decimal && got == c.Plain:
			seen["decimals have the digits of their scale, as with json.encode.decimal-as-plain-number"]++
		case typ.IsTimestamp() && strings.Contains(got, strings.TrimSuffix(strings.TrimSuffix(c.Default, `"}`), "Z")):
			seen["timestamps have the digits of their precision; Flink drops zeros at the end"]++
		case strings.Contains(c.Default, `\uD83D\uDE00`) && got == strings.ReplaceAll(c.Default, `\uD83D\uDE00`, "😀"):
			seen["characters beyond the basic plane are written in UTF-8; Flink writes two escapes"]++
		default:
			t.Errorf("%s: flowd %s, Flink %s", c.Type, got, c.Default)
		}
	})
	for why, n := range seen {
		t.Logf("%2d cases: %s", n, why)
	}
}
