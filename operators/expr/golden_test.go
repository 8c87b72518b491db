package expr

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

// goldenCase is what a real Flink 2.2 answered; see testdata.
type goldenCase struct {
	Expr       string
	Type       string
	Value      *string
	CastString *string `json:"cast_string"`
	Error      string
}

func readGolden(t testing.TB) []goldenCase {
	t.Helper()
	f, err := os.Open("testdata/expr.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []goldenCase
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var c goldenCase
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// goldenBatch is the one row of expr_row.json in the schema of expr_schema.yaml, whose lines are "name: type".
func goldenBatch(t testing.TB) (*stream.Batch, *Scope) {
	t.Helper()
	text, err := os.ReadFile("testdata/expr_schema.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var fields []stream.Field
	for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		name, typ, _ := strings.Cut(line, ": ")
		if row, ok := strings.CutPrefix(typ, "{"); ok {
			f := stream.Field{Name: name, Type: stream.Type{ID: stream.Row}}
			for part := range strings.SplitSeq(strings.TrimSuffix(row, "}"), ", ") {
				n, ft, _ := strings.Cut(part, ": ")
				f.Type.Fields = append(f.Type.Fields, stream.Field{Name: n, Type: mustType(t, ft)})
			}
			fields = append(fields, f)
			continue
		}
		fields = append(fields, stream.Field{Name: name, Type: mustType(t, typ)})
	}
	schema := stream.Flatten(fields)
	data, err := os.ReadFile("testdata/expr_row.json")
	if err != nil {
		t.Fatal(err)
	}
	var row map[string]any
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(&row); err != nil {
		t.Fatal(err)
	}
	b := &stream.Batch{Schema: schema, N: 1}
	for _, def := range schema.Columns {
		var v any = row
		for part := range strings.SplitSeq(def.Name, ".") {
			v = v.(map[string]any)[part]
		}
		c := stream.NewColumn(def.Type, 1)
		appendJSON(t, c, def.Type, v)
		b.Cols = append(b.Cols, c)
	}
	return b, &Scope{Schema: schema}
}

func mustType(t testing.TB, s string) stream.Type {
	t.Helper()
	typ, err := ParseType(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return typ
}

func appendJSON(t testing.TB, c *stream.Column, typ stream.Type, v any) {
	t.Helper()
	if v == nil {
		c.AppendNull()
		return
	}
	switch typ.ID {
	case stream.Array:
		for _, e := range v.([]any) {
			appendJSON(t, c.Child[0], *typ.Elem, e)
		}
		c.EndList()
	case stream.Map:
		for _, k := range []string{"a", "b"} {
			c.Child[0].AppendString(k)
			appendJSON(t, c.Child[1], *typ.Elem, v.(map[string]any)[k])
		}
		c.EndList()
	case stream.Boolean:
		c.AppendInt64(b2i(v.(bool)))
	case stream.String:
		c.AppendString(v.(string))
	case stream.Bytes:
		b, _ := hex.DecodeString("010203ff")
		c.AppendBytes(b)
	case stream.Float, stream.Double:
		f, _ := v.(json.Number).Float64()
		if typ.ID == stream.Float {
			f = float64(float32(f))
		}
		c.AppendFloat64(f)
	case stream.Decimal:
		d, st := dec.Parse([]byte(v.(json.Number)), int(typ.Precision), int(typ.Scale))
		if st != dec.OK {
			t.Fatal(v)
		}
		if c.Kind == stream.KindWide {
			c.AppendWide(d.Hi, d.Lo)
		} else {
			c.AppendInt64(int64(d.Lo))
		}
	case stream.Date:
		days, _, _ := civil.ParseDate([]byte(v.(string)))
		c.AppendInt64(days)
	case stream.Time:
		us, _, _ := civil.ParseTime([]byte(v.(string)))
		c.AppendInt64(us / 1000)
	case stream.Timestamp, stream.TimestampLTZ:
		ts, ok := civil.ParseTimestamp([]byte(v.(string)))
		if !ok {
			t.Fatal(v)
		}
		c.AppendInt64(ts.Micros)
	default:
		n, _ := v.(json.Number).Int64()
		c.AppendInt64(n)
	}
}

var charType = regexp.MustCompile(`(VAR)?CHAR\(\d+\)`)

// flinkType writes a type as the golden file does. CHAR(n) and VARCHAR(n) are STRING in flowd.
func flinkType(t stream.Type) string {
	s := strings.ToUpper(t.String())
	s = strings.ReplaceAll(s, "INTERVAL DAY TO SECOND", "INTERVAL SECOND(3)")
	s = strings.ReplaceAll(s, "INTERVAL YEAR TO MONTH", "INTERVAL MONTH")
	return strings.ReplaceAll(s, ",", ", ")
}

// answer is what flowd says to an expression.
type answer struct {
	refused  string // Bind's first error
	rowError string
	typ      string
	value    *string
	cast     *string
}

func ask(b *stream.Batch, scope *Scope, src string) answer {
	e, errs := Parse(src)
	if len(errs) > 0 {
		return answer{refused: errs[0].Error()}
	}
	bound, errs := e.Bind(scope)
	if len(errs) > 0 {
		return answer{refused: errs[0].Error()}
	}
	a := answer{typ: flinkType(bound.Type())}
	out := stream.NewColumn(bound.Type(), 1)
	var rowErrs stream.RowErrors
	bound.Compile().Eval(b, out, &rowErrs)
	if rowErrs.Len() > 0 {
		a.rowError = rowErrs.List[0].Msg
		return a
	}
	if !out.IsNull(0) {
		v, c := string(AppendResult(nil, bound.Type(), out, 0)), string(AppendValue(nil, bound.Type(), out, 0))
		a.value, a.cast = &v, &c
	}
	return a
}

// differences are the rules by which flowd answers otherwise than Flink on purpose, each with the cases it is for.
var differences = []struct {
	rule  string
	exprs []string
}{
	{"integer overflow is a row error, not a wrapped number", []string{
		"si * si", "CAST(2147483647 AS INT) + i", "CAST(127 AS TINYINT) + ti", "i * 1000000000", "CAST(100 AS TINYINT) * ti",
		"2147483647 + 1", "ABS(CAST(-2147483648 AS INT))",
		"TIMESTAMPDIFF(SECOND, TIMESTAMP '1900-01-01 00:00:00', TIMESTAMP '2100-01-01 00:00:00')",
	}},
	{"decimal overflow is a row error, not NULL", []string{"d38 * d38", "CAST(d AS DECIMAL(4,2))"}},
	{"a narrowing cast that loses the value is a row error, and NULL in TRY_CAST", []string{
		"CAST(l AS INT)", "CAST(si AS TINYINT)", "CAST(d AS TINYINT)", "CAST(70000 AS SMALLINT)", "TRY_CAST(l AS INT)", "TRY_CAST(1e20 AS INT)",
		"CAST(CAST(1e20 AS DOUBLE) AS INT)", "CAST(CAST(3e9 AS DOUBLE) AS INT)", "CAST(CAST('NaN' AS DOUBLE) AS INT)", "CAST(CAST('Infinity' AS DOUBLE) AS BIGINT)",
	}},
	{"constants are folded with the meaning of run time: 0/0 of doubles is NaN", []string{"CAST(0 AS DOUBLE) / 0"}},
	{"the ISO T and Z are read", []string{
		"CAST('2026-01-02T03:04:05' AS TIMESTAMP(3))", "CAST('2026-01-02T03:04:05Z' AS TIMESTAMP(3))", "TO_TIMESTAMP('2026-01-02T03:04:05')",
	}},
	{"an unreadable timestamp is a row error, not NULL", []string{
		"DATE_FORMAT('bad', 'yyyy')", "TO_TIMESTAMP('2026-01-02 03:04')", "TO_TIMESTAMP('1/2/2026', 'MM/dd/yyyy')",
	}},
	{"!= is accepted", []string{"i != 7"}},
	{"text is compared with text only", []string{"b = 'true'", "b <> 'true'"}},
	{"timestamps have at most six digits", []string{
		"CAST(ts9 AS STRING)", "EXTRACT(NANOSECOND FROM ts9)", "DATE_FORMAT(ts9, 'SSSSSSSSS')",
		"CAST('2026-01-02 03:04:05.123456789' AS TIMESTAMP(9))", "TIMESTAMP '2026-01-01 00:00:00.123456789'",
	}},
	{"LIKE '' is refused, because Flink takes it for true", []string{"s LIKE ''", "e LIKE ''", "ns LIKE ''"}},
	{"text has no length: letters that become two in upper case are not cut", nil},
}

// missing are the constructs that flowd does not have, besides unknown functions: their refusal is no difference in meaning.
var missing = regexp.MustCompile(`AS (VAR)?CHAR\b|PLACING|U&'|SIMILAR TO|\) (SECOND|MINUTE|HOUR|DAY|MONTH|YEAR)$|(FLOOR|CEIL)\(.* TO |OVERLAPS|` +
	`ARRAY\[|MAP\[|ROW\(|IS (NOT )?JSON|^\(.*, .*\) = \(|CAST\(r AS|FRAC_SECOND|'Asia/Shanghai'|CURRENT_`)

func TestGolden(t *testing.T) {
	batch, scope := goldenBatch(t)
	purposeful := map[string]bool{}
	for _, d := range differences {
		for _, e := range d.exprs {
			purposeful[e] = true
		}
	}
	agree, refused, bothFail, differ := 0, 0, 0, 0
	for _, c := range readGolden(t) {
		a := ask(batch, scope, c.Expr)
		switch problem := judge(c, a); {
		case purposeful[c.Expr]:
			differ++
			if problem == "" && a.refused == "" {
				t.Errorf("%s is listed as a difference, but agrees", c.Expr)
			}
		case problem != "":
			t.Errorf("%s: %s", c.Expr, problem)
		case a.refused != "" && c.Error == "":
			refused++
			if !strings.HasPrefix(a.refused, CodeFunction) && !missing.MatchString(c.Expr) {
				t.Errorf("%s: refused: %s", c.Expr, a.refused)
			}
			if os.Getenv("SHOW") != "" {
				fmt.Println("REFUSED", c.Expr, "::", a.refused)
			}
		case c.Error != "":
			bothFail++
		default:
			agree++
		}
	}
	t.Logf("%d agree, %d refused as not in flowd, %d errors in both, %d different on purpose", agree, refused, bothFail, differ)
}

// judge says what is wrong with an answer, "" if nothing: it agrees, or flowd refuses the expression.
func judge(c goldenCase, a answer) string {
	text := func(s *string) string {
		if s == nil {
			return "NULL"
		}
		return fmt.Sprintf("%q", *s)
	}
	switch {
	case a.refused != "":
		return ""
	case c.Error != "" && a.rowError != "":
		return ""
	case c.Error != "":
		return fmt.Sprintf("flowd says %s %s, Flink fails: %.80s", a.typ, text(a.value), c.Error)
	case a.rowError != "":
		return fmt.Sprintf("flowd: row error %s; Flink: %s", a.rowError, text(c.Value))
	}
	if want := charType.ReplaceAllString(c.Type, "STRING"); want != a.typ {
		return fmt.Sprintf("type %s, Flink has %s", a.typ, want)
	}
	if text(a.cast) != text(c.CastString) {
		return fmt.Sprintf("as text %s, Flink has %s", text(a.cast), text(c.CastString))
	}
	if strings.HasPrefix(a.typ, "INTERVAL") || strings.HasPrefix(a.typ, "STRING") {
		return ""
	}
	if text(a.value) != text(c.Value) {
		return fmt.Sprintf("value %s, Flink has %s", text(a.value), text(c.Value))
	}
	return ""
}
