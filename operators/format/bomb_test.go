package format

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"flowd/operators"
	"flowd/stream"
)

// TestArrayBomb: two bytes of JSON become eight of a column, so the values of a record are bounded, whatever way reads it.
func TestArrayBomb(t *testing.T) {
	fields := []stream.Field{
		{Name: "a", Type: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Int}}},
		{Name: "m", Type: stream.Type{ID: stream.Map, Key: &stream.Type{ID: stream.String}, Elem: &stream.Type{ID: stream.Int}}},
	}
	s := stream.Flatten(fields)
	newDecoder, problems := JSON().NewDecoder(&operators.Config{}, fields, s)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	dec := newDecoder()
	good := `{"a":[1,2],"m":{"k":1}}`
	most := `{"a":[` + strings.Repeat("1,", maxValues-1) + `1]}`
	over := `{"a":[` + strings.Repeat("1,", 30<<20) + `1]}`
	pool := stream.NewPool(s, 16, 1)
	b := pool.TryGet()
	var errs stream.RowErrors
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, doc := range []string{good, over, good, over, most} {
		buf := append([]byte(doc), make([]byte, 8)...)
		dec.Decode(b, &operators.RawRecords{Buf: buf, Start: []uint32{0}, End: []uint32{uint32(len(doc))}}, nil, &errs)
	}
	runtime.ReadMemStats(&after)
	if b.N != 3 || errs.Len() != 2 || !strings.Contains(errs.List[0].Msg, "1048576 values") {
		t.Fatalf("%d rows, errors %+v", b.N, errs.List)
	}
	if got := string(AppendJSONRow(nil, b, 1)); got != good {
		t.Errorf("the row after a bomb is %s", got)
	}
	if n := b.Cols[0].Off[3] - b.Cols[0].Off[2]; n != maxValues {
		t.Errorf("an array of %d values arrived with %d", maxValues, n)
	}
	records := uint64(2*len(over) + len(most) + 1000) // the copies of the records themselves
	if used := after.TotalAlloc - before.TotalAlloc - records; used > 64<<20 {
		t.Errorf("decoding took %d MiB", used>>20)
	}
	many := `{"m":{` + string(bytes.TrimSuffix(bytes.Repeat([]byte(`"":1,`), maxValues), []byte(","))) + `}}`
	buf := append([]byte(many), make([]byte, 8)...)
	dec.Decode(b, &operators.RawRecords{Buf: buf, Start: []uint32{0}, End: []uint32{uint32(len(many))}}, nil, &errs)
	if errs.Len() != 3 {
		t.Errorf("a map of %d entries, of a key and a value each, passed", maxValues)
	}
}
