package format

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"flowd/operators"
	"flowd/stream"
)

func typ(id stream.TypeID) stream.Type { return stream.Type{ID: id} }

func orderFields() []stream.Field {
	str, i := typ(stream.String), typ(stream.Int)
	return []stream.Field{
		{Name: "id", Type: typ(stream.BigInt).Required()},
		{Name: "card", Type: stream.Type{ID: stream.Row, NotNull: true, Fields: []stream.Field{
			{Name: "brand", Type: str}, {Name: "year", Type: typ(stream.SmallInt).Required()},
		}}},
		{Name: "addr", Type: stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "zip", Type: str}, {Name: "no", Type: i.Required()}}}},
		{Name: "tags", Type: stream.Type{ID: stream.Array, Elem: &str}},
		{Name: "count", Type: stream.Type{ID: stream.Map, Key: &str, Elem: &i}},
		{Name: "ok", Type: typ(stream.Boolean)},
		{Name: "amount", Type: stream.Type{ID: stream.Decimal, Precision: 6, Scale: 2}},
		{Name: "at", Type: stream.Type{ID: stream.Timestamp, Precision: 3}},
		{Name: "ltz", Type: stream.Type{ID: stream.TimestampLTZ, Precision: 3}},
	}
}

// TestDecodeRows reads documents and writes them back, first as the first record of a decoder, then twice after itself
// and after another one, so that they are read by shape too.
func TestDecodeRows(t *testing.T) {
	const null = `"tags":null,"count":null,"ok":null,"amount":null,"at":null,"ltz":null}`
	for _, c := range []struct{ name, doc, want string }{
		{"minimal", `{"id":1,"card":{"year":2030}}`, `{"id":1,"card":{"brand":null,"year":2030},"addr":null,` + null},
		{"other order, unknown keys", `{"x":[{}],"card":{"y":{},"year":1,"brand":"b"},"id":-5,"z":null}`, `{"id":-5,"card":{"brand":"b","year":1},"addr":null,` + null},
		{"white space", "\n{ \"id\" : 1 ,\t\"card\":{ \"year\" :2 } }\r\n", `{"id":1,"card":{"brand":null,"year":2},"addr":null,` + null},
		{
			"last of repeated keys", `{"id":1,"id":2,"card":{"brand":"a","year":1,"year":2},"ok":true,"ok":null,"amount":null,"amount":1}`,
			`{"id":2,"card":{"brand":"a","year":2},"addr":null,"tags":null,"count":null,"ok":null,"amount":1.00,"at":null,"ltz":null}`,
		},
		{"a repeated row is not merged", `{"id":1,"card":{"brand":"a","year":1},"card":{"year":2}}`, `{"id":1,"card":{"brand":null,"year":2},"addr":null,` + null},
		{"a repeated row that is null", `{"id":1,"card":{"year":1},"addr":{"zip":"z","no":1},"addr":null}`, `{"id":1,"card":{"brand":null,"year":1},"addr":null,` + null},
		{"a field within a row that may be NULL may be", `{"id":1,"card":{"year":1},"addr":{"zip":"z"}}`, `{"id":1,"card":{"brand":null,"year":1},"addr":{"zip":"z","no":null},` + null},
		{"empty row", `{"id":1,"card":{"year":1},"addr":{}}`, `{"id":1,"card":{"brand":null,"year":1},"addr":null,` + null},
		{
			"lists", `{"id":1,"card":{"year":1},"tags":["a",null,1.50,{"k": [ 1e3 ]}],"count":{"a":1,"b":null,"a":3}}`,
			`{"id":1,"card":{"brand":null,"year":1},"addr":null,"tags":["a",null,"1.50","{\"k\":[1000.0]}"],"count":{"b":null,"a":3},"ok":null,"amount":null,"at":null,"ltz":null}`,
		},
		{"empty lists", `{"id":1,"card":{"year":1},"tags":[ ],"count":{ }}`, `{"id":1,"card":{"brand":null,"year":1},"addr":null,"tags":[],"count":{},"ok":null,"amount":null,"at":null,"ltz":null}`},
		{"escaped keys", `{"\u0069d":1,"c\u0061rd":{"ye\u0061r":1}}`, `{"id":1,"card":{"brand":null,"year":1},"addr":null,` + null},
		{"text for other types", `{"id":" 12 ","card":{"year":"7"},"ok":" TRUE ","amount":" 1.005 "}`, `{"id":12,"card":{"brand":null,"year":7},"addr":null,"tags":null,"count":null,"ok":true,"amount":1.01,"at":null,"ltz":null}`},
		{
			"times", `{"id":1,"card":{"year":1},"at":"2026-02-31T24:00:00","ltz":"2026-01-01T00:00:00.1239Z"}`,
			`{"id":1,"card":{"brand":null,"year":1},"addr":null,"tags":null,"count":null,"ok":null,"amount":null,"at":"2026-03-01 00:00:00.000","ltz":"2026-01-01 00:00:00.123Z"}`,
		},
		{"byte order mark", "\ufeff" + `{"id":1,"card":{"year":1}}`, `{"id":1,"card":{"brand":null,"year":1},"addr":null,` + null},
		{
			"several rows", `[{"id":1,"card":{"year":1}}, {"id":2,"card":{"year":2},"addr":{"no":4}}]`,
			`{"id":1,"card":{"brand":null,"year":1},"addr":null,` + null + "\n" + `{"id":2,"card":{"brand":null,"year":2},"addr":{"zip":null,"no":4},` + null,
		},
		{"no row", `[]`, ``},
		{"empty record", ``, ``},
		{
			"whole part", `{"id":1.9,"card":{"year":1},"count":{"a":-1.9,"b":2147483647.0,"c":1e2}}`,
			`{"id":1,"card":{"brand":null,"year":1},"addr":null,"tags":null,"count":{"a":-1,"b":2147483647,"c":100},"ok":null,"amount":null,"at":null,"ltz":null}`,
		},
	} {
		d := testDecoder(t, orderFields(), stream.Flatten(orderFields()))
		b := stream.NewPool(d.plan.want, 64, 1).TryGet()
		var errs stream.RowErrors
		d.Decode(b, rawRecords(c.doc, c.doc, `{"id":9,"card":{"year":9}}`, c.doc), nil, &errs)
		var rows []string
		for i := range b.N {
			rows = append(rows, string(AppendJSONRow(nil, b, i)))
		}
		want := c.want
		other := `{"id":9,"card":{"brand":null,"year":9},"addr":null,` + null
		all := strings.TrimPrefix(strings.Join([]string{want, want, other, want}, "\n"), "\n")
		if want == "" {
			all = other
		}
		if got := strings.Join(rows, "\n"); got != all || errs.Len() > 0 {
			t.Errorf("%s:\ngot  %s\nwant %s\n%v", c.name, got, all, errs.List)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`{"id":1}`, "field card: missing, and the field is NOT NULL; its object ends at byte 8"},
		{`{"card":{"year":1}}`, "field id: missing, and the field is NOT NULL; its object ends at byte 19"},
		{`{"id":1,"card":null}`, "field card: the field is NOT NULL, found `null` at byte 15"},
		{`{"id":null}`, "field id: the field is NOT NULL, found `null` at byte 6"},
		{`{"id":"abc"}`, "field id: expected a whole number (bigint), found `\"abc\"` at byte 6"},
		{`{"id": [1,{"a":2}] }`, "field id: expected a whole number (bigint), found `[1,{\"a\":2}]` at byte 7"},
		{`{"id":9223372036854775808}`, "field id: beyond the range of bigint, found `9223372036854775808` at byte 6"},
		{`{"id":9.3e18}`, "field id: beyond the range of bigint, found `9.3e18` at byte 6"},
		{`{"id":1,"card":{"year":1.5}}`, "field card.year: expected a whole number (smallint), found `1.5` at byte 23"},
		{`{"id":1,"card":{"year":40000}}`, "field card.year: beyond the range of smallint, found `40000` at byte 23"},
		{`{"id":1,"card":7}`, "field card: expected an object, found `7` at byte 15"},
		{`{"id":1,"tags":{}}`, "field tags: expected an array, found `{}` at byte 15"},
		{`{"id":1,"count":[]}`, "field count: expected an object, found `[]` at byte 16"},
		{`{"id":1,"count":{"a":true}}`, "field count{}: expected a whole number (int), found `true` at byte 21"},
		{`{"id":1,"ok":1}`, "field ok: expected true or false, found `1` at byte 13"},
		{`{"id":1,"ok":"yes"}`, "field ok: expected true or false, found `\"yes\"` at byte 13"},
		{`{"id":1,"amount":10000}`, "field amount: beyond the range of decimal(6,2), found `10000` at byte 17"},
		{`{"id":1,"amount":true}`, "field amount: expected a number (decimal(6,2)), found `true` at byte 17"},
		{`{"id":1,"at":"yesterday"}`, "field at: expected a timestamp such as \"2026-01-31 23:59:59\", found `\"yesterday\"` at byte 13"},
		{`{"id":1,"at":"2026-13-01 00:00:00"}`, "field at: expected a timestamp such as \"2026-01-31 23:59:59\", found `\"2026-13-01 00:00:00\"` at byte 13"},
		{`{"id":1,"ltz":"2026-01-01 00:00:00"}`, "field ltz: expected a timestamp_ltz such as \"2026-01-31 23:59:59Z\", found `\"2026-01-01 00:00:00\"` at byte 14"},
		{`{"id":1,}`, "expected a key in quotes, found `}` at byte 8"},
		{`{"id":1 "a"}`, "expected , or }, found `\"a\"}` at byte 8"},
		{`{"id" 1}`, "expected : after a key, found `1}` at byte 6"},
		{`{"id":1,"card":{"year":1}} x`, "expected nothing after the JSON value, found `x` at byte 27"},
		{`{"id":1`, "expected , or }, found the end of the record at byte 7"},
		{`{"id":`, "expected a JSON value, found the end of the record at byte 6"},
		{`7`, "expected an object, found `7` at byte 0"},
		{`[{"id":1,"card":{"year":1}},3]`, "expected an object, found `3` at byte 28"},
		{` `, "expected an object, found the end of the record at byte 1"},
		{`{"z":"` + "\x01" + `"}`, "control character or wrong separator, found `\\x01\"}` at byte 6"},
		{`{"z":"a\x"}`, "wrong escape or unpaired surrogate, found `\\x\"}` at byte 7"},
		{`{"z":"a` + "\xff" + `"}`, "text is not valid UTF-8, found `\\xff\"}` at byte 7"},
		{`{"z":01}`, "expected a JSON number, found `01}` at byte 5"},
		{`{"id":"` + strings.Repeat("x", 100) + `"}`, "field id: expected a whole number (bigint), found `\"" + strings.Repeat("x", 56) + "…` at byte 6"},
	} {
		d := testDecoder(t, orderFields(), stream.Flatten(orderFields()))
		b := stream.NewPool(d.plan.want, 64, 1).TryGet()
		var errs stream.RowErrors
		good := `{"id":1,"card":{"year":1}}`
		from := d.Decode(b, rawRecords(good, c.doc, good, c.doc), nil, &errs)
		if errs.Len() != 2 || b.N != 2 || fmt.Sprint(from) != "[0 2]" {
			t.Errorf("%s: %d rows from %v, %v", c.doc, b.N, from, errs.List)
			continue
		}
		for i, e := range errs.List {
			if e.Msg != c.want || int(e.Row) != 2*i+1 {
				t.Errorf("%s: record %d:\ngot  %s\nwant %s", c.doc, e.Row, e.Msg, c.want)
			}
		}
	}
}

// TestValues tries values at the borders of types, alone and by shape.
func TestValues(t *testing.T) {
	ts := stream.Type{ID: stream.Timestamp, Precision: 3}
	ts6 := stream.Type{ID: stream.Timestamp, Precision: 6}
	ts0 := stream.Type{ID: stream.Timestamp}
	ltz := stream.Type{ID: stream.TimestampLTZ, Precision: 3}
	tm := stream.Type{ID: stream.Time, Precision: 3}
	for _, c := range []struct {
		typ       stream.Type
		doc, want string // "" refused
	}{
		{typ(stream.TinyInt), "127", "127"},
		{typ(stream.TinyInt), "128", ""},
		{typ(stream.TinyInt), "-128", "-128"},
		{typ(stream.TinyInt), "-129", ""},
		{typ(stream.TinyInt), "1.0", ""},
		{typ(stream.SmallInt), "-32768", "-32768"},
		{typ(stream.SmallInt), "32768", ""},
		{typ(stream.SmallInt), "1e2", ""},
		{typ(stream.Int), "2147483647", "2147483647"},
		{typ(stream.Int), "2147483648", ""},
		{typ(stream.Int), "-2147483648", "-2147483648"},
		{typ(stream.Int), "-2147483649", ""},
		{typ(stream.Int), "2147483647.5", ""},
		{typ(stream.Int), "-2147483648.0", "-2147483648"},
		{typ(stream.Int), "-0", "0"},
		{typ(stream.Int), "-0.9", "0"},
		{typ(stream.Int), `"+7"`, "7"},
		{typ(stream.Int), `"1 2"`, ""},
		{typ(stream.BigInt), "9223372036854775807", "9223372036854775807"},
		{typ(stream.BigInt), "-9223372036854775808", "-9223372036854775808"},
		{typ(stream.BigInt), "9223372036854775808", ""},
		{typ(stream.BigInt), "123456789012345678", "123456789012345678"},
		{typ(stream.BigInt), "1234567890123456", "1234567890123456"},
		{typ(stream.BigInt), "12345678", "12345678"},
		{typ(stream.BigInt), "123456789", "123456789"},
		{typ(stream.BigInt), "9.2e18", "9200000000000000000"},
		{typ(stream.BigInt), "9223372036854775808.0", ""},
		{typ(stream.BigInt), "-9223372036854775808.0", "-9223372036854775808"},
		{typ(stream.BigInt), "1e400", ""},
		{typ(stream.Float), "0.1", "0.1"},
		{typ(stream.Float), "1e39", `"Infinity"`},
		{typ(stream.Double), "-1e400", `"-Infinity"`},
		{typ(stream.Double), "-0", "-0.0"},
		{typ(stream.Double), "9007199254740993", "9.007199254740992E15"},
		{typ(stream.Double), "0.30000000000000004", "0.30000000000000004"},
		{typ(stream.Double), `"1e"`, ""},
		{ts, `"2026-01-02 23:59:59.999"`, `"2026-01-02 23:59:59.999"`},
		{ts, `"2026-01-02 24:00:00"`, `"2026-01-03 00:00:00.000"`},
		{ts, `"2026-01-02 24:00:01"`, ""},
		{ts, `"2026-01-02 25:00:00"`, ""},
		{ts, `"2026-01-02 24:00:00.000"`, `"2026-01-03 00:00:00.000"`},
		{ts, `"2026-01-02 24:00:00.001"`, ""},
		{ts, `"2026-01-02 00;00:00"`, ""},
		{ts, `"2026-01-02 00:0000:"`, ""},
		{ts, `"2026-01-02 00:00800"`, ""},
		{ts, `"2026-01-02 0/:00:00"`, ""},
		{ts, `"2026-01-02 00:60:00"`, ""},
		{ts, `"2026-01-02 00:00:60"`, ""},
		{ts, `"2026-01-02_00:00:00"`, ""},
		{ts, `"2026-01-02 00:00:00.12x"`, ""},
		{ts, `"2026-01-02 00:00:00,123"`, ""},
		{ts, `"2026-01-02 00:00:00.1234"`, `"2026-01-02 00:00:00.123"`},
		{ts, `"2026-01-02 00:00:00.123456"`, `"2026-01-02 00:00:00.123"`},
		{ts, `"2026-01-02 00:00:00.1239999999"`, ""},
		{ts, `"1969-12-31 23:59:59.9999"`, `"1969-12-31 23:59:59.999"`},
		{ts, `"2026-01-02 00:00:00Z"`, `"2026-01-02 00:00:00.000"`},
		{ts, `"2026-01-02 00:00:00ZZ"`, ""},
		{ts, `"2026-01-02T00:00:00.123Z"`, `"2026-01-02 00:00:00.123"`},
		{ts, `"2026-01-02 00:00:00+00:00"`, ""},
		{ts, `"2025-02-29 01:00:00"`, `"2025-02-28 01:00:00.000"`},
		{ts, `"2024-02-30 01:00:00"`, `"2024-02-29 01:00:00.000"`},
		{ts, `"2026-02-32 01:00:00"`, ""},
		{ts, `"2026-00-01 01:00:00"`, ""},
		{ts, `"2026-04-31 24:00:00"`, `"2026-05-01 00:00:00.000"`},
		{ts, `"0000-01-01 00:00:00"`, ""},
		{ts, `"0001-01-01 00:00:00"`, `"0001-01-01 00:00:00.000"`},
		{ts, `" 2026-01-02 00:00:00"`, ""},
		{ts, `"2026-01-02 00:00:00 "`, ""},
		{ts, `"2026-01-02 00:00"`, ""},
		{ts, `"2026-01-02\u002000:00:00"`, `"2026-01-02 00:00:00.000"`},
		{ts6, `"2026-01-02 00:00:00.123456"`, `"2026-01-02 00:00:00.123456"`},
		{ts6, `"2026-01-02 00:00:00.12345"`, `"2026-01-02 00:00:00.123450"`},
		{ts6, `"2026-01-02 00:00:00.1234567"`, `"2026-01-02 00:00:00.123456"`},
		{ts0, `"2026-01-02 00:00:07.999"`, `"2026-01-02 00:00:07"`},
		{ltz, `"2026-01-02 00:00:00.5Z"`, `"2026-01-02 00:00:00.500Z"`},
		{ltz, `"2026-01-02T00:00:00Z"`, `"2026-01-02 00:00:00.000Z"`},
		{ltz, `"2026-01-02 00:00:00z"`, ""},
		{ltz, `"2026-01-02 00:00:00"`, ""},
		{ltz, `"2026-01-02 00:00:00+01:00"`, ""},
		{tm, `"23:59:59.9999"`, `"23:59:59.999"`},
		{tm, `"24:00:00"`, `"00:00:00.000"`},
		{tm, `"24:00:01"`, ""},
		{tm, `"23:59"`, ""},
		{tm, `"1:02:03"`, ""},
		{tm, `"00:00:00Z"`, ""},
		{typ(stream.Date), `"2024-02-29"`, `"2024-02-29"`},
		{typ(stream.Date), `"2025-02-29"`, ""},
		{typ(stream.Date), `"2025-02-28 "`, ""},
		{typ(stream.Date), `"2025-02-28T00:00:00"`, ""},
		{typ(stream.Bytes), `"AA=="`, `"AA=="`},
		{typ(stream.Bytes), `"AAA="`, `"AAA="`},
		{typ(stream.Bytes), `"AA"`, ""},
		{typ(stream.Bytes), `"AA-_"`, ""},
		{typ(stream.Bytes), `" AAAA\nBBBB "`, `"AAAABBBB"`},
		{typ(stream.Bytes), `"A=AA"`, ""},
		{typ(stream.Bytes), `"\u0041AAA"`, `"AAAA"`},
		{typ(stream.Boolean), `"False"`, "false"},
		{typ(stream.Boolean), `" true"`, "true"},
		{typ(stream.Boolean), `""`, ""},
		{typ(stream.Boolean), `0`, ""},
		{typ(stream.String), `{"a":-0, "b":-0.0,"c":"\u00e9\u0001\/","d":1E400,"e":[ ]}`, `"{\"a\":0,\"b\":-0.0,\"c\":\"é\\u0001/\",\"d\":\"Infinity\",\"e\":[]}"`},
	} {
		for _, before := range [][]string{nil, {`{"v":null}`}} {
			b, errs := decodeOne(t, []stream.Field{{Name: "v", Type: c.typ}}, append(before, `{"v":`+c.doc+`}`)...)
			got := ""
			if len(errs) == 0 {
				got = strings.TrimSuffix(strings.TrimPrefix(string(AppendJSONRow(nil, b, len(before))), `{"v":`), "}")
			}
			if got != c.want {
				t.Errorf("%s %s: got %s %v, want %s", c.typ, c.doc, got, errs, c.want)
			}
		}
	}
}

// TestCutRecords: what follows a record in the buffer is no part of it, even if it would complete it.
func TestCutRecords(t *testing.T) {
	doc := `{"id":123,"card":{"brand":"abcdefghijkl","year":2030},"at":"2026-01-01 00:00:00.123","unknown":"a rather long text","other":12345678901,"amount":1.25}`
	for cut := 1; cut < len(doc); cut++ {
		for _, teach := range []bool{false, true} {
			d := testDecoder(t, orderFields(), stream.Flatten(orderFields()))
			b := stream.NewPool(d.plan.want, 64, 1).TryGet()
			var errs stream.RowErrors
			recs := rawRecords(doc, doc)
			recs.End[1] = recs.Start[1] + uint32(cut)
			if !teach {
				recs.Start, recs.End = recs.Start[1:], recs.End[1:]
			}
			d.Decode(b, recs, nil, &errs)
			if errs.Len() != 1 {
				t.Errorf("%s is taken for a record (layout known: %v)", doc[:cut], teach)
			}
		}
	}
}

func TestDeepLevels(t *testing.T) {
	// A wanted row may be declared deeper than records may be nested.
	deep := typ(stream.Int)
	for range maxDepth + 5 {
		deep = stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "r", Type: deep}}}
	}
	for _, n := range []int{maxDepth, maxDepth + 1} {
		doc := strings.Repeat(`{"r":`, n) + "null" + strings.Repeat("}", n)
		_, errs := decodeOne(t, deep.Fields, doc)
		if (len(errs) == 0) != (n <= maxDepth) {
			t.Errorf("%d levels: %v", n, errs)
		}
	}
}

func TestShapeNullThenRow(t *testing.T) {
	// The first layout has null where later ones have the row: it must not keep them from being learnt.
	fields := orderFields()[:3]
	d := testDecoder(t, fields, stream.Flatten(fields))
	b := stream.NewPool(d.plan.want, 64, 1).TryGet()
	var errs stream.RowErrors
	d.Decode(b, rawRecords(`{"id":1,"card":{"year":1},"addr":null}`, `{"id":1,"card":{"year":1},"addr":{"zip":"a","no":1}}`), nil, &errs)
	if errs.Len() > 0 || len(d.shapes.known) != 2 {
		t.Errorf("%d layouts, %v", len(d.shapes.known), errs.List)
	}
}

func TestShapesAreBounded(t *testing.T) {
	d := testDecoder(t, vString, stream.Flatten(vString))
	for i := range 2000 {
		if ok, _ := verdict(d, fmt.Appendf(nil, `{"k%d":1,"v":"x"}`, i)); !ok {
			t.Fatal("refused")
		}
	}
	if n := len(d.shapes.known); n != maxShapes {
		t.Errorf("%d shapes", n)
	}
	wide := "{" + strings.Repeat(`"k":1,`, maxSlots+1) + `"v":"x"}`
	if ok, _ := verdict(d, []byte(wide)); !ok {
		t.Error("refused")
	}
	for _, s := range d.shapes.known {
		if len(s.slots) > maxSlots {
			t.Errorf("a shape of %d slots", len(s.slots))
		}
	}
}

func TestEncode(t *testing.T) {
	f := func(name string, id stream.TypeID) stream.ColumnDef {
		return stream.ColumnDef{Name: name, Type: typ(id)}
	}
	s := stream.NewSchema(f("b.x", stream.Int), f("a", stream.String), f("b.y.z", stream.Double), f("c", stream.Boolean), f("c.d", stream.Int),
		stream.ColumnDef{Name: "e.f", Type: typ(stream.BigInt).Required()}, f("e.g.h", stream.Int), f(`q"`, stream.Int))
	b := stream.NewPool(s, 4, 1).TryGet()
	for range 2 {
		b.N++
		for i, c := range b.Cols {
			switch {
			case b.N == 2 && i != 5:
				c.AppendNull()
			case c.Kind == stream.KindFloat64:
				c.AppendFloat64(math.Inf(-1))
			case c.Kind == stream.KindBytes:
				c.AppendString("x\xffé")
			default:
				c.AppendInt64(int64(i + 1))
			}
		}
	}
	for i, want := range []string{
		`{"b":{"x":1,"y":{"z":"-Infinity"}},"a":"x�é","c":true,"c.d":5,"e":{"f":6,"g":{"h":7}},"q\"":8}`,
		`{"b":null,"a":null,"c":null,"c.d":null,"e":{"f":6,"g":null},"q\"":null}`,
	} {
		if got := string(AppendJSONRow(nil, b, i)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	empty := stream.NewPool(stream.NewSchema(), 4, 1).TryGet()
	empty.N = 1
	if got := string(AppendJSONRow([]byte("x"), empty, 0)); got != "x{}" {
		t.Errorf("no columns: %s", got)
	}
}

func TestAppendJSONRowOfAnyType(t *testing.T) {
	key, val := typ(stream.Date), typ(stream.Null)
	s := stream.NewSchema(stream.ColumnDef{Name: "i", Type: typ(stream.IntervalDay)}, stream.ColumnDef{Name: "n", Type: val},
		stream.ColumnDef{Name: "m", Type: stream.Type{ID: stream.Map, Key: &key, Elem: &val}})
	b := stream.NewPool(s, 4, 1).TryGet()
	b.Cols[0].AppendInt64(-5)
	b.Cols[1].AppendInt64(0)
	b.Cols[2].Child[0].AppendInt64(0)
	b.Cols[2].Child[1].AppendInt64(0)
	b.Cols[2].EndList()
	b.N = 1
	if got, want := string(AppendJSONRow(nil, b, 0)), `{"i":-5,"n":null,"m":{"1970-01-01":null}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRefusedSchemas(t *testing.T) {
	i := typ(stream.Int)
	for _, c := range []struct {
		f    operators.Format
		typ  stream.Type
		want string
	}{
		{JSON(), typ(stream.IntervalDay), "format json cannot hold field v of type interval day to second"},
		{JSON(), stream.Type{ID: stream.Map, Key: &i, Elem: &i}, "field v: the keys of a JSON object are strings, not int"},
		{JSON(), stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Null}}, "format json cannot hold field v[] of type null"},
		{Raw(), i, "format raw cannot hold field v of type int"},
	} {
		fields := []stream.Field{{Name: "v", Type: c.typ}}
		_, in := c.f.NewDecoder(nil, fields, stream.Flatten(fields))
		_, out := c.f.NewEncoder(nil, stream.Flatten(fields))
		for _, p := range [][]operators.Problem{in, out} {
			if len(p) != 1 || p[0].Msg != c.want || p[0].Code != CodeFormat || p[0].Hint == "" {
				t.Errorf("%s: got %v, want %s", c.typ, p, c.want)
			}
		}
	}
	two := stream.Flatten(bidFields())
	if _, p := Raw().NewDecoder(nil, bidFields(), two); len(p) != 1 || !strings.Contains(p[0].Msg, "exactly one field, and there are 7") {
		t.Errorf("raw of seven fields: %v", p)
	}
}

func TestRawNull(t *testing.T) {
	for _, required := range []bool{false, true} {
		fields := []stream.Field{{Name: "v", Type: stream.Type{ID: stream.Bytes, NotNull: required}}}
		s := stream.Flatten(fields)
		mk, _ := Raw().NewDecoder(nil, fields, s)
		b := stream.NewPool(s, 4, 1).TryGet()
		recs := rawRecords("a", "", "b")
		recs.Start[0] = operators.NullRecord
		var errs stream.RowErrors
		from := mk().Decode(b, recs, nil, &errs)
		if required && (fmt.Sprint(from) != "[1 2]" || errs.Len() != 1 || errs.List[0].Row != 0) || !required && (fmt.Sprint(from) != "[0 1 2]" || !b.Cols[0].IsNull(0)) {
			t.Errorf("NOT NULL %v: rows from %v, %v", required, from, errs.List)
		}
		enc, _ := Raw().NewEncoder(nil, s)
		errs.Reset()
		dst, ends := enc().Encode([]byte("<"), nil, b, &errs)
		if !required && (string(dst) != "<b" || fmt.Sprint(ends) != "[1 1 2]" || errs.Len() != 1 || errs.List[0].Row != 0) {
			t.Errorf("%q %v %v", dst, ends, errs.List)
		}
	}
}

func TestJavaFloats(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1: "-1.0", 0.1: "0.1", 0.001: "0.001", 0.0009999: "9.999E-4", 9999999: "9999999.0", 1e7: "1.0E7", 12345678.901: "1.2345678901E7",
		1e300: "1.0E300", 1e-300: "1.0E-300", 5e-324: "5.0E-324", 123456.75: "123456.75", 1e10: "1.0E10", 1e-5: "1.0E-5", -0.5: "-0.5",
	} {
		if got := string(appendDouble(nil, f, 64)); got != want {
			t.Errorf("%g: got %s, want %s", f, got, want)
		}
	}
	for _, c := range []struct {
		text string
		ok   bool
		want float64
	}{
		{"1", true, 1},
		{"+1.5", true, 1.5},
		{".5", true, .5},
		{"5.", true, 5},
		{"1e3", true, 1000},
		{"1.5f", true, 1.5},
		{"1.5D", true, 1.5},
		{"-Infinity", true, math.Inf(-1)},
		{"0x1.8p1", true, 3},
		{"0x1.8p1f", true, 3},
		{"1e400", true, math.Inf(1)},
		{"0x1f", false, 0},
		{"inf", false, 0},
		{"nan", false, 0},
		{"infinity", false, 0},
		{"1_000", false, 0},
		{"0x_1p0", false, 0},
		{"", false, 0},
		{"+", false, 0},
		{"f", false, 0},
		{"1ff", false, 0},
		{"1 ", false, 0},
		{"e5", false, 0},
		{"--1", false, 0},
	} {
		got, ok := javaFloat([]byte(c.text), 64)
		if ok != c.ok || got != c.want {
			t.Errorf("%q: %v %v", c.text, got, ok)
		}
	}
}
