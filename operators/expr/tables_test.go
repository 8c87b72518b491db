package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"flowd/stream"
)

// truthBatch has every combination of TRUE, FALSE and NULL in a and b.
func truthBatch() *stream.Batch {
	t := stream.Type{ID: stream.Boolean}
	b := &stream.Batch{Schema: stream.NewSchema(stream.ColumnDef{Name: "a", Type: t}, stream.ColumnDef{Name: "b", Type: t}), N: 9}
	a, c := stream.NewColumn(t, 9), stream.NewColumn(t, 9)
	for i := range 9 {
		for k, col := range []*stream.Column{a, c} {
			switch v := []int{i / 3, i % 3}[k]; v {
			case 2:
				col.AppendNull()
			default:
				col.AppendInt64(int64(1 - v))
			}
		}
	}
	b.Cols = []*stream.Column{a, c}
	return b
}

// TestThreeValuedLogic has the tables of the SQL standard: rows of a TTTFFFNNN, of b TFNTFNTFN.
func TestThreeValuedLogic(t *testing.T) {
	for src, want := range map[string]string{
		"a AND b": "TFNFFFNFN", "a OR b": "TTTTFNTNN", "NOT a": "FFFTTTNNN", "a = b": "TFNFTNNNN", "a <> b": "FTNTFNNNN", "a < b": "FFNTFNNNN", "a >= b": "TTNFTNNNN",
		"a IS DISTINCT FROM b": "FTTTFTTTF", "a IS NOT DISTINCT FROM b": "TFFFTFFFT", "a IS NULL": "FFFFFFTTT", "a IS NOT NULL": "TTTTTTFFF",
		"a IS TRUE": "TTTFFFFFF", "a IS NOT TRUE": "FFFTTTTTT", "a IS FALSE": "FFFTTTFFF", "a IS NOT FALSE": "TTTFFFTTT", "a IS UNKNOWN": "FFFFFFTTT", "a IS NOT UNKNOWN": "TTTTTTFFF",
		"a IN (b, TRUE)": "TTTFTNNNN", "a AND NULL": "NNNFFFNNN", "a OR NULL": "TTTNNNNNN", "COALESCE(a, b)": "TTTFFFTFN", "NULLIF(a, b)": "NTTFNFNNN",
		"CASE WHEN a THEN b ELSE NOT b END": "TFNFTNFTN", "IF(a, TRUE, b)": "TTTTFNTFN", "a AND (10 / CAST(b AS int) > 1)": "",
	} {
		b := truthBatch()
		bound := mustBind(t, b.Schema, src)
		p := bound.Compile()
		out := stream.NewColumn(bound.Type(), 9)
		var errs stream.RowErrors
		p.Eval(b, out, &errs)
		got, selected := "", ""
		for i := range 9 {
			switch {
			case out.IsNull(i):
				got += "N"
			default:
				got += string("FT"[out.I64[i]])
			}
		}
		if want == "" { // division by zero where b is FALSE, but not where a is FALSE
			if errs.Len() != 2 || errs.List[0].Row != 1 || errs.List[1].Row != 7 || !strings.Contains(errs.List[0].Msg, "division by zero") {
				t.Errorf("%s: %v", src, errs.List)
			}
			continue
		}
		if got != want {
			t.Errorf("%s is %s, want %s", src, got, want)
		}
		p.Filter(b, &errs)
		for i, at := 0, 0; i < 9; i++ {
			if at < len(b.Sel) && int(b.Sel[at]) == i {
				selected += "T"
				at++
			} else {
				selected += "-"
			}
		}
		if wantRows := strings.NewReplacer("F", "-", "N", "-").Replace(want); selected != wantRows {
			t.Errorf("filter %s leaves %s, want %s", src, selected, wantRows)
		}
	}
}

// TestTypes writes the table of result types of every operator for every pair of types; testdata/types holds it.
func TestTypes(t *testing.T) {
	names := []string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "decimal(30,8)", "string", "bytes", "date", "time(0)", "timestamp(3)", "timestamp_ltz(3)", "array<int>"}
	schema := func(l, r string) *Scope {
		a, _ := ParseType(l)
		b, _ := ParseType(r)
		return &Scope{Schema: stream.NewSchema(stream.ColumnDef{Name: "a", Type: a}, stream.ColumnDef{Name: "b", Type: b})}
	}
	datadriven.RunTest(t, "testdata/types", func(t *testing.T, d *datadriven.TestData) string {
		var w strings.Builder
		for _, l := range names {
			for _, r := range names {
				e, errs := Parse(d.Input)
				if errs != nil {
					t.Fatal(errs[0])
				}
				if b, errs := e.Bind(schema(l, r)); errs == nil {
					fmt.Fprintf(&w, "%s, %s: %s\n", l, r, b.Type())
					b.Compile()
				}
			}
		}
		return w.String()
	})
}

// FuzzExpression parses, binds, compiles and evaluates any text; it must neither panic nor change when written and
// read again.
func FuzzExpression(f *testing.F) {
	for _, c := range readGolden(f) {
		f.Add(c.Expr)
	}
	for _, src := range append(families, "EXTRACT()", "a ? b : c", "((((", "items[1].price", "x'00", "'a''b'", "`odd name`.`b`", "--", "1e", "\xff") {
		f.Add(src)
	}
	batch, scope := goldenBatch(f)
	f.Fuzz(func(t *testing.T, src string) {
		e, errs := Parse(src)
		for _, err := range errs {
			if err.Off < 0 || err.Len < 0 || err.Off+err.Len > len(src) || err.Msg == "" {
				t.Fatalf("%q: %+v", src, err)
			}
		}
		if e == nil {
			return
		}
		text := e.String()
		again, errs := Parse(text)
		if len(errs) > 0 {
			if len(text) > maxText || errs[0].Code == CodeLimit {
				return
			}
			t.Fatalf("%q is written %q, which is wrong: %v", src, text, errs[0])
		}
		if again.String() != text {
			t.Fatalf("%q is written %q, then %q", src, text, again.String())
		}
		b, errs := e.Bind(scope)
		if (b == nil) != (len(errs) > 0) {
			t.Fatalf("%q: neither bound nor refused", src)
		}
		if b == nil {
			return
		}
		out := stream.NewColumn(b.Type(), 1)
		var rowErrs stream.RowErrors
		b.Compile().Eval(batch, out, &rowErrs)
		AppendResult(AppendValue(nil, b.Type(), out, 0), b.Type(), out, 0)
		if out.Len() != 1 || rowErrs.Len() > 1 {
			t.Fatalf("%q: %d rows, %d errors", src, out.Len(), rowErrs.Len())
		}
	})
}
