package format_test

import (
	"math/rand/v2"
	"testing"

	"flowd/operators/format"
	"flowd/operators/format/formattest"
	"flowd/stream"
)

func TestJSON(t *testing.T) {
	big := stream.Type{ID: stream.BigInt, NotNull: true}
	str := stream.Type{ID: stream.String}
	formattest.Run(t, format.JSON(), formattest.Options{
		Fields: func(r *rand.Rand) []stream.Field { return formattest.RandomFields(r, 8, 2) },
		Fixed: []stream.Field{
			{Name: "id", Type: big},
			{Name: "name", Type: str},
			{Name: "price", Type: stream.Type{ID: stream.Decimal, Precision: 30, Scale: 4}},
			{Name: "tags", Type: stream.Type{ID: stream.Array, Elem: &str}},
			{Name: "attrs", Type: stream.Type{ID: stream.Map, Key: &str, Elem: &big}},
			{Name: "card", Type: stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "brand", Type: str}, {Name: "till", Type: stream.Type{ID: stream.Date}}}}},
			{Name: "lines", Type: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "sku", Type: str}, {Name: "n", Type: big}}}}},
			{Name: "at", Type: stream.Type{ID: stream.Timestamp, Precision: 3}},
			{Name: "score", Type: stream.Type{ID: stream.Double}},
			{Name: "ok", Type: stream.Type{ID: stream.Boolean}},
		},
		Bad: []string{
			`{`, `nonsense`, `{"id":1,"name":"x","tags":["a","b"`, `{"id":1,"tags":["a"],"attrs":{"k":1,"l":"x"}}`, `{"name":"no id"}`,
			`{"id":1,"name":"x","lines":[{"sku":"s","n":1},{"sku":"t","n":"x"}]}`, `{"id":1,"card":{"brand":"b","till":"never"}}`,
			`{"id":null}`, `{"id":1,"at":"later"}`, `[{"id":1,"name":"x"},{"id":2,"tags":["a"]},{"id":"x"}]`, `{"id":1,"name":"\ud800"}`,
			`{"id":1} 2`, `{"id":1,"name":null,"attrs":{"a":1,"a":null,"b":"c"}}`, `{"id":1,"price":1e30}`, `null`, `5`, ` `,
		},
		Null:  true,
		Prune: true,
	})
}

func TestRaw(t *testing.T) {
	for _, id := range []stream.TypeID{stream.String, stream.Bytes} {
		fields := []stream.Field{{Name: "v", Type: stream.Type{ID: id}}}
		o := formattest.Options{Fields: func(*rand.Rand) []stream.Field { return fields }, Fixed: fields, Prune: true}
		if id == stream.String {
			o.Bad = []string{"\xff", "ab\xc3", "\xed\xa0\x80"}
		}
		formattest.Run(t, format.Raw(), o)
	}
}
