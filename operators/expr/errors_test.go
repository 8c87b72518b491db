package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"flowd/stream"
)

// errorScope is the schema of testdata/errors.
func errorScope() *Scope {
	col := func(name, typ string) stream.ColumnDef {
		t, err := ParseType(typ)
		if err != nil {
			panic(err)
		}
		return stream.ColumnDef{Name: name, Type: t}
	}
	items := stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Row, Fields: []stream.Field{
		{Name: "price", Type: stream.Type{ID: stream.BigInt}}, {Name: "sku", Type: stream.Type{ID: stream.String}},
	}}}
	return &Scope{
		Schema: stream.NewSchema(col("id", "bigint not null"), col("amount", "decimal(12,2)"), col("country", "string"), col("ok", "boolean"), col("rate", "double"),
			col("at", "timestamp(3)"), col("day", "date"), col("tags", "array<string>"), col("props", "map<string,int>"), col("card.brand", "string"), col("card.year", "int"),
			stream.ColumnDef{Name: "items", Type: items}),
		Qualifiers: []string{"orders"},
		Vars:       map[string]Constant{"home": {Type: stream.Type{ID: stream.String}, Str: "EUR"}},
	}
}

// TestErrors shows every error of an expression under its text, or its type, canonical form and columns.
func TestErrors(t *testing.T) {
	datadriven.Walk(t, "testdata/errors", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var w strings.Builder
			for src := range strings.SplitSeq(d.Input, "\n") {
				w.WriteString(src + "\n")
				var errs []*Error
				switch d.Cmd {
				case "type":
					typ, err := ParseType(src)
					if err == nil {
						fmt.Fprintf(&w, "  is %s\n", typ)
						continue
					}
					errs = []*Error{err}
				case "bind":
					var e *Expr
					if e, errs = Parse(src); errs == nil {
						var b *Bound
						if b, errs = e.Bind(errorScope()); errs == nil {
							fmt.Fprintf(&w, "  %s: %s %v\n", b, b.Type(), b.Columns())
							errs = b.Warnings()
						}
					}
				}
				for _, e := range errs {
					if e.Off < 0 || e.Len < 0 || e.Off+e.Len > len(src) {
						t.Fatalf("%s: error outside of the text: %+v", src, e)
					}
					fmt.Fprintf(&w, "  %s%s %s %s", strings.Repeat(" ", len([]rune(src[:e.Off]))-2+2), strings.Repeat("^", max(1, len([]rune(src[e.Off:e.Off+e.Len])))), e.Code, e.Msg)
					if e.Hint != "" {
						w.WriteString("; " + e.Hint)
					}
					w.WriteByte('\n')
				}
			}
			return w.String()
		})
	})
}

func TestLimits(t *testing.T) {
	for _, src := range []string{
		strings.Repeat("(", 1<<20), strings.Repeat("(", 60_000), strings.Repeat("NOT ", 15_000) + "TRUE", strings.Repeat("- ", 30_000) + "1",
		strings.Repeat("1+", 30_000) + "1", strings.Repeat("CASE WHEN ", 6000), strings.Repeat("a[", 30_000), "CAST(x AS " + strings.Repeat("array<", 10_000),
	} {
		_, errs := Parse(src)
		if len(errs) == 0 || errs[len(errs)-1].Code != CodeLimit {
			t.Errorf("%.20s… (%d bytes): %v", src, len(src), errs)
		}
	}
	if _, errs := Parse(strings.Repeat("(", 150) + "1" + strings.Repeat(")", 150)); errs != nil {
		t.Errorf("150 levels: %v", errs[0])
	}
}

// TestDocumentation evaluates the examples of every function.
func TestDocumentation(t *testing.T) {
	docs := Functions()
	if len(docs) < 40 {
		t.Errorf("%d functions", len(docs))
	}
	for _, d := range docs {
		if d.Usage == "" || d.Doc == "" || d.Result == "" || d.Flink == "" {
			t.Errorf("%s is not documented: %+v", d.Name, d)
		}
		for _, example := range d.Examples {
			b := mustBind(t, stream.NewSchema(), example)
			if c, ok := b.Const(); !ok || c.Null || c.I64 != 1 {
				t.Errorf("%s does not hold", example)
			}
		}
	}
}

func TestSplitAggregates(t *testing.T) {
	e, errs := Parse("SUM(price) / COUNT(*) + MAX(IF(ok, price, 0)) + count( * ) + COUNT(DISTINCT user)")
	if errs != nil {
		t.Fatal(errs[0])
	}
	rest, calls := SplitAggregates(e)
	if got, want := rest.String(), "`SUM(price)` / `COUNT(*)` + `MAX(IF(ok, price, 0))` + `COUNT(*)` + `COUNT(DISTINCT user)`"; got != want {
		t.Errorf("rest %s, want %s", got, want)
	}
	var names []string
	for _, c := range calls {
		names = append(names, c.Name)
		if c.Star != (c.Arg == nil) {
			t.Errorf("%+v", c)
		}
	}
	if got := strings.Join(names, " | "); got != "SUM(price) | COUNT(*) | MAX(IF(ok, price, 0)) | COUNT(DISTINCT user)" {
		t.Error(got)
	}
	if c := calls[3]; !c.Distinct || c.Func != "COUNT" || c.Arg.String() != "user" || e.Source()[c.Off:c.Off+c.Len] != "COUNT(DISTINCT user)" {
		t.Errorf("%+v", c)
	}
	if e.String() != "SUM(price) / COUNT(*) + MAX(IF(ok, price, 0)) + COUNT(*) + COUNT(DISTINCT user)" {
		t.Errorf("the expression changed: %s", e)
	}
}

// TestWithoutSchema binds a constant over nothing.
func TestWithoutSchema(t *testing.T) {
	e, _ := Parse("INTERVAL '5' MINUTE")
	b, errs := e.Bind(&Scope{})
	if errs != nil {
		t.Fatal(errs[0])
	}
	if c, ok := b.Const(); !ok || c.I64 != 300_000_000 {
		t.Errorf("%+v", c)
	}
	e, _ = Parse("x")
	if _, errs := e.Bind(&Scope{}); len(errs) != 1 || errs[0].Hint != "there are no fields here" {
		t.Errorf("%v", errs)
	}
}

func TestRemap(t *testing.T) {
	b := mustBind(t, bidSchema, "price + n > 5 AND ok")
	if got := fmt.Sprint(b.Columns()); got != "[1 9 11]" {
		t.Error(got)
	}
	moved := b.Remap(func(i int) int { return i / 2 })
	if got := fmt.Sprint(moved.Columns()); got != "[0 4 5]" {
		t.Error(got)
	}
	if got := fmt.Sprint(b.Columns()); got != "[1 9 11]" {
		t.Errorf("Remap changed its receiver: %s", got)
	}
	if c, ok := mustBind(t, bidSchema, "price").Column(); !ok || c != 1 {
		t.Error(c, ok)
	}
}
