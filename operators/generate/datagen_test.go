package generate

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flowd/internal/dec"
	"flowd/operators"
	"flowd/operators/operatortest"
	"flowd/stream"
)

var everyType = []stream.Field{
	{Name: "boo", Type: stream.Type{ID: stream.Boolean}},
	{Name: "ti", Type: stream.Type{ID: stream.TinyInt}},
	{Name: "si", Type: stream.Type{ID: stream.SmallInt}},
	{Name: "i", Type: stream.Type{ID: stream.Int, NotNull: true}},
	{Name: "bi", Type: stream.Type{ID: stream.BigInt}},
	{Name: "f", Type: stream.Type{ID: stream.Float}},
	{Name: "d", Type: stream.Type{ID: stream.Double}},
	{Name: "dec", Type: stream.Type{ID: stream.Decimal, Precision: 10, Scale: 2}},
	{Name: "wide", Type: stream.Type{ID: stream.Decimal, Precision: 38, Scale: 4}},
	{Name: "s", Type: stream.Type{ID: stream.String}},
	{Name: "by", Type: stream.Type{ID: stream.Bytes}},
	{Name: "day", Type: stream.Type{ID: stream.Date}},
	{Name: "t", Type: stream.Type{ID: stream.Time, Precision: 3}},
	{Name: "ts", Type: stream.Type{ID: stream.Timestamp, Precision: 3}},
	{Name: "ltz", Type: stream.Type{ID: stream.TimestampLTZ, Precision: 0}},
	{Name: "card", Type: stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "brand", Type: stream.Type{ID: stream.String}}}}},
	{Name: "tags", Type: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.String}}},
	{Name: "items", Type: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Row, Fields: []stream.Field{
		{Name: "n", Type: stream.Type{ID: stream.Int}}, {Name: "x", Type: stream.Type{ID: stream.Double}},
	}}}},
	{Name: "m", Type: stream.Type{ID: stream.Map, Key: &stream.Type{ID: stream.String, NotNull: true}, Elem: &stream.Type{ID: stream.BigInt}}},
}

func field(t *testing.T, name string) *stream.Schema {
	t.Helper()
	for _, f := range everyType {
		if f.Name == name {
			return stream.Flatten([]stream.Field{f})
		}
	}
	t.Fatalf("no field %s", name)
	return nil
}

func TestDatagenExaminer(t *testing.T) {
	rows := stream.Flatten(everyType)
	s := settings{"count": "400", "datagen.i": "sequence", "datagen.s": "~20 null 10%", "datagen.tags": "0..5 null 5%", "datagen.wide": "null 50%"}
	operatortest.Source(t, operatortest.SourceTest{
		New:  func() stream.Source { return build(t, s, rows, nil) },
		Rows: rows,
		Want: texts(t, s, rows, 400),
	})
}

// TestRules looks at 5,000 values of each rule: all match, and with nulls the share is right.
func TestRules(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		field, rule, match string
		nulls              float64
		distinct           int // at least
	}{
		{"i", "", `\d{1,3}`, 0, 900},
		{"ti", "-5..-1", `-[1-5]`, 0, 5},
		{"bi", "-9223372036854775808..9223372036854775807", `-?\d+`, 0, n},
		{"bi", "of 3, 5,7 null 25%", `[357]`, 0.25, 3},
		{"d", "1..2", `1\.\d+|2\.0`, 0, 4900},
		{"f", "null 100%", `x`, 1, 0},
		{"dec", "-1.5..1.5", `-?(0\.\d\d|1\.[0-4]\d|1\.50)`, 0, 301},
		{"wide", "-1..100000000000000000000000000000000", `-?\d+\.\d{4}`, 0, n},
		{"wide", "of 1, 12345678901234567890.5", `1\.0000|12345678901234567890\.5000`, 0, 2},
		{"s", "of red, green null 1%", `"red"|"green"`, 0.01, 2},
		{"s", "uuid", `"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`, 0, n},
		{"s", "~20", `"[a-z]{16,24}"`, 0, n},
		{"s", "3", `"[a-z]{3}"`, 0, 3000},
		{"s", "0..2", `"[a-z]{0,2}"`, 0, 500},
		{"by", "6", `"[A-Za-z0-9+/]{8}"`, 0, n},
		{"boo", "true 90%", `true|false`, 0, 2},
		{"day", "2026-01-30..2026-02-02", `"2026-0(1-30|1-31|2-01|2-02)"`, 0, 4},
		{"t", "08:00..08:00:01", `"08:00:0(0\.\d{3}|1\.000)"`, 0, 900},
		{"ts", "every 10ms", `"2026-01-01 00:00:\d\d\.\d\d0"`, 0, n},
		{"ts", "every 1s late 2s", `"(2025-12-31 23:59:5\d|2026-01-01 0[01]:[0-9:]+)\.\d{3}"`, 0, 4000},
		{"ltz", "2026-01-01..2026-01-01 00:00:09", `"2026-01-01 00:00:0\dZ"`, 0, 9},
		{"tags", "2", `\["[a-z]{5,12}","[a-z]{5,12}"\]`, 0, n},
		{"tags", "", `\[("[a-z]{5,12}"(,"[a-z]{5,12}"){0,2})?\]`, 0, 3000},
		{"items", "1", `\[\{"n":\d+,"x":[0-9.E-]+\}\]`, 0, 4900},
		{"m", "1", `\{"[a-z]{5,12}":\d+\}`, 0, n},
	} {
		rows := field(t, c.field)
		form := regexp.MustCompile(`^\{"` + c.field + `":(` + c.match + `)\}$`)
		nulls := 0
		seen := map[string]bool{}
		for _, text := range texts(t, settings{"datagen." + c.field: c.rule}, rows, n) {
			if text == `{"`+c.field+`":null}` {
				nulls++
				continue
			}
			if !form.MatchString(text) {
				t.Errorf("%s %q gives %s", c.field, c.rule, text)
				break
			}
			seen[text] = true
		}
		if share := float64(nulls) / n; share < c.nulls*0.8 || share > c.nulls*1.2 {
			t.Errorf("%s %q: %.3f of the values are NULL", c.field, c.rule, share)
		}
		if len(seen) < c.distinct {
			t.Errorf("%s %q: %d distinct values, want %d or more", c.field, c.rule, len(seen), c.distinct)
		}
	}
}

func TestSequence(t *testing.T) {
	for rule, want := range map[string][]string{
		"sequence":              {`{"ti":0}`, `{"ti":1}`, `{"ti":2}`},
		"sequence from 10":      {`{"ti":10}`, `{"ti":11}`, `{"ti":12}`},
		"sequence from 5 by -5": {`{"ti":5}`, `{"ti":0}`, `{"ti":-5}`},
		"sequence from 126":     {`{"ti":126}`, `{"ti":127}`, `{"ti":-128}`},
	} {
		if got := texts(t, settings{"datagen.ti": rule}, field(t, "ti"), 3); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
}

func TestBetween(t *testing.T) {
	toBig := func(d dec.Dec) *big.Int {
		v := new(big.Int).Lsh(big.NewInt(d.Hi), 64)
		return v.Add(v, new(big.Int).SetUint64(d.Lo))
	}
	lo, hi := dec.Dec{Hi: -7, Lo: 12}, dec.Dec{Hi: 1 << 40, Lo: 5}
	span := new(big.Int).Sub(toBig(hi), toBig(lo))
	span.Add(span, big.NewInt(1))
	for i := range uint64(10_000) {
		h := mix(i)
		switch i {
		case 0:
			h = 0
		case 1:
			h = ^uint64(0)
		}
		r := new(big.Int).Lsh(new(big.Int).SetUint64(h), 64)
		r.Add(r, new(big.Int).SetUint64(mix(h+golden)))
		want := r.Mul(r, span)
		want.Rsh(want, 128).Add(want, toBig(lo))
		if got := toBig(between(lo, hi, h)); got.Cmp(want) != 0 {
			t.Fatalf("between(%x) = %v, want %v", h, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	rows := whole("bids")
	every := stream.Flatten(everyType)
	for _, c := range []struct {
		name string
		s    settings
		rows *stream.Schema
		want string // code, line:col, message, hint
	}{
		{"nothing", settings{}, rows, "F050 3:5 generate needs exactly one of nexmark and datagen | write nexmark: bids (or auctions, persons), or datagen: {field: rule}"},
		{"both", settings{"nexmark": "bids", "datagen.i": ""}, rows, "F050 3:5 generate needs exactly one of nexmark and datagen | write nexmark: bids (or auctions, persons), or datagen: {field: rule}"},
		{"table", settings{"nexmark": "bid"}, rows, `F050 4:9 nexmark has no table "bid" | did you mean bids?`},
		{"field", settings{"nexmark": "bids"}, stream.NewSchema(stream.ColumnDef{Name: "prize", Type: bigint}), "F052 4:9 the bids of nexmark have no field prize | did you mean price?"},
		{"type", settings{"nexmark": "bids"}, stream.NewSchema(stream.ColumnDef{Name: "price", Type: text}), "F052 4:9 the field price of nexmark's bids is bigint, not string | leave the schema out: it is known"},
		{"burst", settings{"nexmark": "bids", "burst": "5"}, rows, "F050 9:9 burst has no meaning without rate: all rows are made as fast as possible | write rate, or leave burst out"},
		{"count", settings{"nexmark": "bids", "count": "0"}, rows, "F050 7:9 count: 0 is out of range | write a number from 1 to 2^40, or leave count out"},
		{"start", settings{"nexmark": "bids", "start": "soon"}, rows, `F050 10:9 start: "soon" is no point in time | write an instant such as 2026-01-01T00:00:00Z or 2026-01-01, or now, or now-6h`},
		{"start of mixed days", settings{"nexmark": "bids", "start": "now-1h2d"}, rows, `F050 10:9 start: "now-1h2d" is no point in time | write an instant such as 2026-01-01T00:00:00Z or 2026-01-01, or now, or now-6h`},
		{"unknown", settings{"datagen.dya": "1"}, every, "F052 20:7 datagen has a rule for dya, which is no field of the schema | did you mean day?"},
		{"rule", settings{"datagen.i": "often"}, every, `F051 20:30 the rule of i: "often" is no rule for a field of type int | use sequence, 1..100, or of 1, 2, 3`},
		{"range", settings{"datagen.i": "9..1"}, every, "F051 20:30 the rule of i: 9 is more than 1 | write the smaller one first"},
		{"value", settings{"datagen.ti": "1..300"}, every, `F051 20:30 the rule of ti: "300" is no value of type tinyint | `},
		{"null", settings{"datagen.i": "1..3 null 10%"}, every, "F051 20:30 the rule of i: the field is int not null | declare it without not null, or leave null out"},
		{"share", settings{"datagen.bi": "null 110%"}, every, "F051 20:30 the rule of bi: null 110% is no share | write null 10%"},
		{"sequence", settings{"datagen.i": "sequence to 5"}, every, `F051 20:30 the rule of i: "to" has no meaning after sequence | write sequence from 1 by 1`},
		{"every", settings{"datagen.ts": "every day"}, every, `F051 20:30 the rule of ts: "day" is no duration | write every 10ms`},
		{"length", settings{"datagen.s": "5..3"}, every, `F051 20:30 the rule of s: "5..3" is no length | write a length from 0 to 1048576, the smaller one first`},
		{"list", settings{"datagen.tags": "of a, b"}, every, "F051 20:30 the rule of tags: of needs values separated by commas, and a field that is no list | use a number of elements: 3, or 0..5"},
		{"boolean", settings{"datagen.boo": "0..1"}, every, `F051 20:30 the rule of boo: "0..1" is no rule for a field of type boolean | use true 30%`},
	} {
		_, problems := Connector().Source.New(config(c.s), operators.SourceEnv{Rows: c.rows})
		if len(problems) != 1 {
			t.Errorf("%s: %d problems: %+v", c.name, len(problems), problems)
			continue
		}
		p := problems[0]
		got := p.Code + " " + itoa(p.Pos.Line) + ":" + itoa(p.Pos.Col) + " " + p.Msg + " | " + p.Hint
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestDeclared checks rules against the fields as declared, also those that nobody reads.
func TestDeclared(t *testing.T) {
	env := operators.SourceEnv{Rows: field(t, "i"), Declared: everyType}
	if _, ps := Connector().Source.New(config(settings{"datagen.s": "uuid"}), env); ps != nil {
		t.Errorf("a rule for a field that is not read: %+v", ps)
	}
	if _, ps := Connector().Source.New(config(settings{"datagen.card.brand": "of visa, amex"}), env); ps != nil {
		t.Errorf("a rule for a nested field: %+v", ps)
	}
	_, ps := Connector().Source.New(config(settings{"datagen.s": "true 3%"}), env)
	if len(ps) != 1 || !strings.Contains(ps[0].Msg, "no rule for a field of type string") {
		t.Errorf("a bad rule for a field that is not read: %+v", ps)
	}
}

func TestDefaultSchema(t *testing.T) {
	for _, name := range tableNames() {
		k := Connector().Source.Schema(config(settings{"nexmark": name}))
		if k == nil || k.Time != "date_time" || len(k.Fields) != len(tableNamed(name).makers) {
			t.Errorf("%s: %+v", name, k)
		}
	}
	if k := Connector().Source.Schema(config(settings{"datagen.i": ""})); k != nil {
		t.Errorf("datagen brings the schema %+v", k)
	}
}

func itoa(n int) string { return big.NewInt(int64(n)).String() }
