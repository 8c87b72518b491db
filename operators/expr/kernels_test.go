package expr

import (
	"fmt"
	"testing"

	"flowd/stream"
)

// bidSchema is the schema of the benchmarks and of the test that nothing allocates.
var bidSchema = stream.NewSchema(
	stream.ColumnDef{Name: "auction", Type: stream.Type{ID: stream.BigInt}},
	stream.ColumnDef{Name: "price", Type: stream.Type{ID: stream.BigInt}},
	stream.ColumnDef{Name: "channel", Type: stream.Type{ID: stream.String}},
	stream.ColumnDef{Name: "score", Type: stream.Type{ID: stream.Double}},
	stream.ColumnDef{Name: "amount", Type: stream.Type{ID: stream.Decimal, Precision: 12, Scale: 2}},
	stream.ColumnDef{Name: "total", Type: stream.Type{ID: stream.Decimal, Precision: 30, Scale: 4}},
	stream.ColumnDef{Name: "at", Type: stream.Type{ID: stream.Timestamp, Precision: 3}},
	stream.ColumnDef{Name: "day", Type: stream.Type{ID: stream.Date}},
	stream.ColumnDef{Name: "tags", Type: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.String}}},
	stream.ColumnDef{Name: "ok", Type: stream.Type{ID: stream.Boolean}},
	stream.ColumnDef{Name: "num", Type: stream.Type{ID: stream.String}},
	stream.ColumnDef{Name: "n", Type: stream.Type{ID: stream.Int}},
)

// bidBatch makes rows rows; every seventh row of every column is NULL if nulls.
func bidBatch(rows int, nulls bool) *stream.Batch {
	b := &stream.Batch{Schema: bidSchema, N: rows}
	for k, def := range bidSchema.Columns {
		c := stream.NewColumn(def.Type, rows)
		for i := range rows {
			v := int64(i*2654435761+k*97) % 100_003
			if nulls && (i+k)%7 == 0 {
				c.AppendNull()
				continue
			}
			switch def.Name {
			case "channel":
				c.AppendString([]string{"apple", "google", "channel-12", "Ünïcode"}[v%4])
			case "num":
				c.AppendString(fmt.Sprint(v))
			case "score":
				c.AppendFloat64(float64(v) / 7)
			case "total":
				c.AppendWide(v-50_000, uint64(v)<<40)
			case "at":
				c.AppendInt64(v * 1_000_003_000)
			case "day":
				c.AppendInt64(v % 20000)
			case "ok":
				c.AppendInt64(v & 1)
			case "tags":
				for range v % 3 {
					c.Child[0].AppendString("tag")
				}
				c.EndList()
			default:
				c.AppendInt64(v + 1)
			}
		}
		b.Cols = append(b.Cols, c)
	}
	return b
}

func mustBind(t testing.TB, schema *stream.Schema, src string) *Bound {
	t.Helper()
	e, errs := Parse(src)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", src, errs[0])
	}
	b, errs := e.Bind(&Scope{Schema: schema})
	if len(errs) > 0 {
		t.Fatalf("%s: %v", src, errs[0])
	}
	return b
}

// families names an expression of every kernel.
var families = []string{
	"price + 1", "price - auction", "price * n", "price / 7", "MOD(auction, 123)", "price % n", "-price", "n + n",
	"price * 0.908", "amount + 1.5", "amount * amount", "total * 2", "total / 3", "amount % 7", "-total", "total + amount",
	"score * 2", "score / n", "CAST(score AS float) + n",
	"price > 500", "amount <= 10", "total > 5.5", "score < 3.5", "price = auction", "score >= price", "amount < total", "channel = 'apple'", "channel < num",
	"price IS NOT DISTINCT FROM auction", "price BETWEEN 5 AND 500", "price IN (1, 2, 3)", "channel IN ('apple', 'x')",
	"price > 5 AND channel = 'apple'", "price > 5 OR score < 2", "ok AND 10 / price > 0", "NOT ok", "ok IS TRUE", "price IS NULL",
	"CASE WHEN price > 500 THEN 'big' WHEN price > 50 THEN channel ELSE num END", "CASE n WHEN 1 THEN 2 ELSE n END",
	"COALESCE(price, auction, 0)", "COALESCE(channel, num, 'x')", "NULLIF(price, 5)", "IF(ok, score, 2)", "GREATEST(price, auction)", "LEAST(channel, num)",
	"CAST(num AS bigint)", "CAST(num AS decimal(10,2))", "CAST(num AS double)", "CAST(price AS string)", "CAST(score AS string)", "CAST(amount AS string)", "CAST(at AS string)",
	"CAST(price AS double)", "CAST(amount AS bigint)", "CAST(score AS decimal(20,3))", "CAST(at AS date)", "TRY_CAST(channel AS int)", "CAST(CAST(at AS string) AS timestamp)",
	"ABS(price - 500)", "SIGN(amount)", "FLOOR(amount)", "CEIL(score)", "ROUND(amount, 1)", "ROUND(score, 1)", "POWER(score, 2)", "SQRT(score)",
	"UPPER(channel)", "LOWER(channel)", "TRIM(BOTH 'e' FROM channel)", "CHAR_LENGTH(channel)", "SUBSTRING(channel, 2, 3)", "REPLACE(channel, 'e', 'ee')",
	"channel || '-' || num", "SPLIT_INDEX(channel, '-', 1)", "POSITION('o' IN channel)", "channel LIKE '%o_g%'", "channel NOT LIKE 'a%'", "MD5(channel)", "SHA256(channel)",
	"at + INTERVAL '1' HOUR", "day - INTERVAL '1' MONTH", "EXTRACT(HOUR FROM at)", "YEAR(day)", "TIMESTAMPDIFF(MONTH, at, at)", "DATE_FORMAT(at, 'yyyy-MM-dd HH:mm')",
	"TO_TIMESTAMP_LTZ(price, 3)", "tags[1]", "CARDINALITY(tags)", "tags", "channel", "price", "'constant'",
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for _, nulls := range []bool{false, true} {
		batch := bidBatch(1000, nulls)
		sel := make([]int32, 0, 500)
		for i := int32(1); i < 1000; i += 3 {
			sel = append(sel, i)
		}
		for _, src := range families {
			bound := mustBind(t, bidSchema, src)
			p := bound.Compile()
			out := stream.NewColumn(bound.Type(), 0)
			var errs stream.RowErrors
			for _, s := range [][]int32{nil, sel} {
				batch.Sel = s
				if n := testing.AllocsPerRun(5, func() { p.Eval(batch, out, &errs) }); n != 0 {
					t.Errorf("%s: %v allocations (nulls %v, selection %v)", src, n, nulls, s != nil)
				}
				if bound.Type().ID == stream.Boolean {
					if n := testing.AllocsPerRun(5, func() { batch.Sel = s; p.Filter(batch, &errs) }); n != 0 {
						t.Errorf("filter %s: %v allocations (nulls %v, selection %v)", src, n, nulls, s != nil)
					}
				}
			}
			if errs.Len() > 0 {
				t.Errorf("%s: %s", src, errs.List[0].Msg)
			}
		}
	}
}

func BenchmarkEval(b *testing.B) {
	batch := bidBatch(stream.DefaultRows, false)
	for _, src := range []string{
		"price * 0.908", "MOD(auction, 123)", "price + 1", "price / 7", "price % n", "score * 2", "amount * amount", "total / 3",
		"UPPER(channel)", "CAST(num AS bigint)", "CAST(price AS string)", "CASE WHEN price > 500 THEN 'big' ELSE channel END", "EXTRACT(HOUR FROM at)", "channel LIKE '%o%'",
	} {
		b.Run(src, func(b *testing.B) {
			bound := mustBind(b, bidSchema, src)
			p := bound.Compile()
			out := stream.NewColumn(bound.Type(), stream.DefaultRows)
			var errs stream.RowErrors
			b.ReportAllocs()
			for b.Loop() {
				p.Eval(batch, out, &errs)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/stream.DefaultRows, "ns/row")
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	batch := bidBatch(stream.DefaultRows, false)
	for _, src := range []string{
		"MOD(auction, 123) = 0", "price > 50000", "score < 3000.5", "channel = 'apple'", "price > 50000 AND channel = 'apple'",
		"price > 90000 OR score < 100", "price IN (1007, 1020, 2001, 2019, 2087)", "amount > 10.5",
	} {
		b.Run(src, func(b *testing.B) {
			p := mustBind(b, bidSchema, src).Compile()
			var errs stream.RowErrors
			b.ReportAllocs()
			for b.Loop() {
				batch.Sel = nil
				p.Filter(batch, &errs)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/stream.DefaultRows, "ns/row")
		})
	}
}
