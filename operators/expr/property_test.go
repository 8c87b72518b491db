package expr

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"flowd/stream"
)

// propertySchema has two columns of every type that expressions are generated for.
var propertySchema = func() *stream.Schema {
	var cols []stream.ColumnDef
	for _, c := range []struct{ name, typ string }{
		{"b", "boolean"},
		{"t", "tinyint"},
		{"i", "int"},
		{"l", "bigint"},
		{"d", "decimal(10,2)"},
		{"e", "decimal(18,6)"},
		{"w", "decimal(30,8)"},
		{"f", "double"},
		{"g", "float"},
		{"s", "string"},
		{"u", "timestamp(6)"},
	} {
		typ, _ := ParseType(c.typ)
		cols = append(cols, stream.ColumnDef{Name: c.name, Type: typ})
		typ.NotNull = true
		cols = append(cols, stream.ColumnDef{Name: c.name + "n", Type: typ})
	}
	return stream.NewSchema(cols...)
}()

func drawBatch(t *rapid.T) *stream.Batch {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "batch"), 0))
	n := 1 + random.IntN(80)
	b := &stream.Batch{Schema: propertySchema, N: n}
	ints := map[stream.TypeID][]int64{
		stream.Boolean: {0, 1}, stream.TinyInt: {0, 1, -1, 7, 127, -128}, stream.Int: {0, 1, -1, 7, 123, math.MaxInt32, math.MinInt32},
		stream.BigInt: {0, 1, -1, 3, 1000003, math.MaxInt64, math.MinInt64, 1 << 53}, stream.Decimal: {0, 1, -1, 50, 150, -250, 123456, 9999999999, -9999999999},
		stream.Timestamp: {0, -1, 1767225600_000000, 951782399_999999, -86400_000001, 1709210096_789000},
	}
	floats := []float64{0, 1, -1, 2.5, 0.1, 1e10, -1e-5, math.NaN(), math.Inf(1), math.Copysign(0, -1), 1e300}
	texts := []string{"", "a", "abc", " a ", "42", "-7.5", "héllo", "ABC", "a%b_c", "9999999999999999999"}
	for _, def := range propertySchema.Columns {
		c := stream.NewColumn(def.Type, n)
		hasNulls := !def.Type.NotNull && random.IntN(2) == 0
		for range n {
			if hasNulls && random.IntN(4) == 0 {
				c.AppendNull()
				continue
			}
			switch c.Kind {
			case stream.KindFloat64:
				f := floats[random.IntN(len(floats))]
				if def.Type.ID == stream.Float {
					f = float64(float32(f))
				}
				c.AppendFloat64(f)
			case stream.KindBytes:
				c.AppendString(texts[random.IntN(len(texts))])
			case stream.KindWide:
				v := ints[stream.BigInt][random.IntN(len(ints[stream.BigInt]))]
				hi := v >> 63
				if random.IntN(2) == 0 {
					hi = v >> 40 % 1000
				}
				c.AppendWide(hi, uint64(v))
			default:
				some := ints[def.Type.ID]
				c.AppendInt64(some[random.IntN(len(some))])
			}
		}
		b.Cols = append(b.Cols, c)
	}
	if random.IntN(2) == 0 {
		b.Sel = []int32{}
		for i := range int32(n) {
			if random.IntN(2) == 0 {
				b.Sel = append(b.Sel, i)
			}
		}
	}
	return b
}

// drawExpr makes the text of an expression of one of the kinds b (condition), n (exact number), f (floating point),
// s (text) and u (timestamp).
func drawExpr(t *rapid.T, kind byte, depth int) string {
	pick := func(s ...string) string { return rapid.SampledFrom(s).Draw(t, "form") }
	sub := func(kind byte) string { return "(" + drawExpr(t, kind, depth-1) + ")" }
	if depth == 0 || rapid.IntRange(0, 5).Draw(t, "leaf") == 0 {
		switch kind {
		case 'b':
			return pick("b", "bn", "TRUE", "FALSE", "CAST(NULL AS boolean)")
		case 'n':
			return pick("t", "tn", "i", "`in`", "l", "ln", "d", "dn", "e", "en", "w", "wn", "0", "1", "-3", "123", "0.5", "2.25", "1000000007", "CAST(NULL AS int)")
		case 'f':
			return pick("f", "fn", "g", "gn", "1e0", "-2.5e3", "CAST('NaN' AS double)")
		case 's':
			return pick("s", "sn", "'abc'", "''", "'é%'")
		}
		return pick("u", "un", "TIMESTAMP '2024-02-29 12:34:56.789'")
	}
	switch kind {
	case 'b':
		k := pick("n", "n", "n", "f", "s", "u")[0]
		switch pick("cmp", "cmp", "const", "and", "or", "not", "is", "null", "in", "between", "like", "case", "distinct", "coalesce", "insert") {
		case "cmp":
			return sub(k) + pick(" = ", " <> ", " < ", " <= ", " > ", " >= ") + sub(k)
		case "const":
			return sub(k) + pick(" = ", " <> ", " < ", " <= ", " > ", " >= ") + drawExpr(t, k, 0)
		case "and":
			return sub('b') + " AND " + sub('b')
		case "or":
			return sub('b') + " OR " + sub('b')
		case "not":
			return "NOT " + sub('b')
		case "is":
			return sub('b') + " IS " + pick("", "NOT ") + pick("TRUE", "FALSE", "UNKNOWN")
		case "null":
			return sub(k) + " IS " + pick("", "NOT ") + "NULL"
		case "in":
			return sub('n') + pick(" IN ", " NOT IN ") + "(1, 7, " + drawExpr(t, 'n', 0) + ")"
		case "insert":
			return sub('s') + pick(" IN ", " NOT IN ") + "('abc', '42', " + drawExpr(t, 's', 0) + ")"
		case "between":
			return sub(k) + pick(" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC ") + sub(k) + " AND " + sub(k)
		case "like":
			return sub('s') + pick(" LIKE ", " NOT LIKE ") + pick("'%a%'", "'a%'", "'%c'", "'a_c'", "'%_b%'", "'_%'", "'abc'", "'%é%o'")
		case "distinct":
			return sub(k) + pick(" IS DISTINCT FROM ", " IS NOT DISTINCT FROM ") + sub(k)
		case "coalesce":
			return "COALESCE(" + sub('b') + ", " + sub('b') + ")"
		}
	case 'n':
		switch pick("arith", "arith", "arith", "neg", "func", "round", "length", "position", "cast", "try", "time", "diff", "case", "if", "coalesce", "nullif", "extreme") {
		case "arith":
			return sub('n') + pick(" + ", " - ", " * ", " / ", " % ") + pick(sub('n'), drawExpr(t, 'n', 0))
		case "neg":
			return "-" + sub('n')
		case "func":
			return pick("ABS", "SIGN", "FLOOR", "CEIL", "ROUND") + sub('n')
		case "round":
			return "ROUND(" + sub('n') + ", " + pick("0", "1", "2", "-1", "-2", "5") + ")"
		case "length":
			return "CHAR_LENGTH" + sub('s')
		case "position":
			return "POSITION(" + sub('s') + " IN " + sub('s') + ")"
		case "cast":
			return "CAST(" + pick(sub('n'), sub('n'), sub('f'), sub('s')) + " AS " + pick("tinyint", "int", "bigint", "smallint") + ")"
		case "try":
			return "TRY_CAST(" + pick(sub('n'), sub('f')) + " AS " + pick("tinyint", "int", "decimal(8,3)", "decimal(38,10)", "decimal(20,0)") + ")"
		case "time":
			return "EXTRACT(" + pick("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "DOY", "DOW", "WEEK") + " FROM " + sub('u') + ")"
		case "diff":
			return "TIMESTAMPDIFF(" + pick("SECOND", "HOUR", "DAY") + ", TIMESTAMP '2020-01-01 00:00:00', TIMESTAMP '2024-02-29 12:34:56.789')"
		case "nullif":
			return "NULLIF(" + sub('n') + ", " + sub('n') + ")"
		case "extreme":
			return pick("GREATEST", "LEAST") + "(" + sub('n') + ", " + sub('n') + ")"
		}
	case 'f':
		switch pick("arith", "arith", "neg", "abs", "cast", "case", "if", "coalesce", "mixed", "nullif") {
		case "arith":
			return sub('f') + pick(" + ", " - ", " * ", " / ") + sub('f')
		case "mixed":
			return sub('f') + pick(" + ", " - ", " * ", " / ") + drawExpr(t, 'n', 0)
		case "neg":
			return "-" + sub('f')
		case "abs":
			return pick("ABS", "FLOOR", "CEIL", "SIGN") + sub('f')
		case "cast":
			return "CAST(" + sub('n') + " AS double)"
		case "nullif":
			return "NULLIF(" + sub('f') + ", " + sub('f') + ")"
		}
	case 's':
		switch pick("concat", "upper", "substring", "replace", "cast", "case", "if", "coalesce", "extreme") {
		case "concat":
			return sub('s') + " || " + sub('s')
		case "upper":
			return pick("UPPER", "LOWER", "TRIM") + sub('s')
		case "substring":
			return "SUBSTRING(" + sub('s') + ", " + pick("0", "1", "2", "-2", "9") + ", " + pick("0", "1", "3", "-1") + ")"
		case "replace":
			return "REPLACE(" + sub('s') + ", " + pick("'a'", "'é'", "'bc'") + ", " + sub('s') + ")"
		case "cast":
			return "CAST(" + pick(sub('n'), sub('b')) + " AS string)"
		case "extreme":
			return pick("GREATEST", "LEAST") + "(" + sub('s') + ", " + sub('s') + ")"
		}
	case 'u':
		return sub('u') + pick(" + ", " - ") + pick("INTERVAL '5' MINUTE", "INTERVAL '1' MONTH", "INTERVAL '1.5' SECOND", "INTERVAL '14' MONTH")
	}
	switch pick("case", "if", "coalesce", "switch") {
	case "case":
		return "CASE WHEN " + sub('b') + " THEN " + sub(kind) + " WHEN " + sub('b') + " THEN " + sub(kind) + " ELSE " + sub(kind) + " END"
	case "switch":
		return "CASE " + sub('n') + " WHEN 1 THEN " + sub(kind) + " WHEN " + drawExpr(t, 'n', 0) + " THEN " + sub(kind) + " END"
	case "if":
		return "IF(" + sub('b') + ", " + sub(kind) + ", " + sub(kind) + ")"
	}
	return "COALESCE(" + sub(kind) + ", " + sub(kind) + ")"
}

// TestKernelsAgainstReference compares whole batches with the reference: values, NULLs, row errors, what is at rows
// that are not selected, and the rows a filter leaves.
func TestKernelsAgainstReference(t *testing.T) {
	bound, rowErrors := 0, 0
	property := func(t *rapid.T) {
		batch := drawBatch(t)
		kind := rapid.SampledFrom([]byte("bbbnnnfsu")).Draw(t, "kind")
		src := drawExpr(t, kind, rapid.IntRange(1, 3).Draw(t, "depth"))
		e, errs := Parse(src)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", src, errs[0])
		}
		if again, errs := Parse(e.String()); len(errs) > 0 || again.String() != e.String() {
			t.Fatalf("%s is written %s, which is read as %v %v", src, e, again, errs)
		}
		b, errs := e.Bind(&Scope{Schema: propertySchema})
		for _, err := range errs {
			if err.Code != CodeConstant && err.Code != CodeType {
				t.Fatalf("%s: %v", src, err)
			}
		}
		if b == nil {
			return // a constant that cannot be computed, or % of a double
		}
		bound++
		rowErrors += checkEval(t, src, b, batch)
		if kind == 'b' {
			checkFilter(t, src, b, batch)
		}
	}
	for range 10 {
		rapid.Check(t, property)
	}
	if bound == 0 || rowErrors == 0 {
		t.Errorf("%d expressions bound, %d row errors: the generator is too tame", bound, rowErrors)
	}
}

func checkEval(t *rapid.T, src string, b *Bound, batch *stream.Batch) int {
	out := stream.NewColumn(b.Type(), 0)
	var errs stream.RowErrors
	p := b.Compile()
	p.Eval(batch, out, &errs)
	errs.Reset()
	p.Eval(batch, out, &errs) // a second time over used memory
	if out.Len() != batch.N {
		t.Fatalf("%s: %d rows, want %d", src, out.Len(), batch.N)
	}
	failed := map[int]string{}
	for _, e := range errs.List {
		if failed[int(e.Row)] != "" {
			t.Fatalf("%s: two errors for row %d", src, e.Row)
		}
		failed[int(e.Row)] = e.Msg
	}
	rs := selected(batch.Sel, batch.N)
	chosen := make(map[int]bool)
	for j := range rs.n {
		i := rs.at(j)
		chosen[i] = true
		r := reference{in: batch, row: i}
		want := r.eval(b.root)
		if r.failed {
			want = refNull
		}
		if r.failed != (failed[i] != "") {
			t.Fatalf("%s row %d: error %q, reference failed: %v", src, i, failed[i], r.failed)
		}
		got := refLoad(b.Type(), out, i)
		if describe(b.Type(), got) != describe(b.Type(), want) {
			t.Fatalf("%s row %d: %s, want %s", src, i, describe(b.Type(), got), describe(b.Type(), want))
		}
		if got.null && b.Type().NotNull && !r.failed {
			t.Fatalf("%s row %d: NULL in %s", src, i, b.Type())
		}
	}
	for i := range batch.N {
		if (!chosen[i] || out.IsNull(i)) && !empty(out, i) {
			t.Fatalf("%s: row %d holds something (selected %v)", src, i, chosen[i])
		}
	}
	return len(failed)
}

func empty(c *stream.Column, i int) bool {
	switch c.Kind {
	case stream.KindFloat64:
		return c.F64[i] == 0
	case stream.KindBytes:
		return len(c.BytesAt(i)) == 0
	case stream.KindWide:
		return c.I64[i] == 0 && c.Hi[i] == 0
	}
	return c.I64[i] == 0
}

func describe(t stream.Type, v refValue) string {
	switch {
	case v.null:
		return "NULL"
	case t.Kind() == stream.KindFloat64:
		return fmt.Sprint(v.f + 0)
	case t.Kind() == stream.KindBytes:
		return fmt.Sprintf("%q", v.s)
	}
	return new(big.Rat).Set(v.num).RatString()
}

func checkFilter(t *rapid.T, src string, b *Bound, batch *stream.Batch) {
	var want []int32
	failed := 0
	rs := selected(batch.Sel, batch.N)
	for j := range rs.n {
		r := reference{in: batch, row: rs.at(j)}
		ok := r.filter(b.root)
		if r.failed {
			failed++
		} else if ok {
			want = append(want, int32(rs.at(j)))
		}
	}
	var errs stream.RowErrors
	in := *batch
	b.Compile().Filter(&in, &errs)
	if fmt.Sprint(in.Sel) != fmt.Sprint(want) && len(in.Sel)+len(want) > 0 {
		t.Fatalf("filter %s: rows %v, want %v", src, in.Sel, want)
	}
	if errs.Len() != failed {
		t.Fatalf("filter %s: %d errors, want %d", src, errs.Len(), failed)
	}
}
