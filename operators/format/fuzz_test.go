package format

import (
	"bytes"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"flowd/operators"
	"flowd/stream"
)

// FuzzDecode reads two records one after the other, so that the second one is tried against the layout of the first, and compares
// with encoding/json and with the way of any order.
func FuzzDecode(f *testing.F) {
	if data, err := os.ReadFile("testdata/validity/corpus.txt"); err == nil {
		for i, line := range strings.Split(string(data), "\n") {
			if parts := strings.SplitN(line, "\t", 3); i%10 == 0 && len(parts) == 3 && len(parts[2]) < 200 {
				doc, _ := strconv.Unquote(parts[2])
				f.Add([]byte(`{"v":1,"w":2}`), []byte(doc))
			}
		}
	}
	m := newMaker(3)
	for range 20 {
		f.Add(m.document(), m.document())
	}
	f.Add([]byte(`{"bb":"2026-01-01","time":"2026-01-01 00:00:00.123","rows":[{"x":1}]}`), []byte(`{"bb":"\ud83d\ude00","time":"2026-02-31T24:00:00Z","rows":[{"x":1,"x":null}]}`))
	full, loose := anyFields(), untyped()
	f.Fuzz(func(t *testing.T, a, b []byte) {
		byShape, byKey := testDecoder(t, full, stream.Flatten(full)), anyOrder(testDecoder(t, full, stream.Flatten(full)))
		looseShape, looseKey := testDecoder(t, loose, stream.Flatten(loose)), anyOrder(testDecoder(t, loose, stream.Flatten(loose)))
		for _, doc := range [][]byte{a, b, a, b} {
			if len(doc) > 1<<16 {
				return
			}
			want := valid(doc)
			if x, _ := verdict(looseShape, doc); x != want {
				t.Errorf("%q by shape: %v, encoding/json %v", doc, x, want)
			}
			if x, _ := verdict(looseKey, doc); x != want {
				t.Errorf("%q in any order: %v, encoding/json %v", doc, x, want)
			}
			if x, y := columnsOf(byShape, doc), columnsOf(byKey, doc); !reflect.DeepEqual(x, y) {
				t.Errorf("%q\nby shape     %v\nin any order %v", doc, x, y)
			}
		}
	})
}

// FuzzRoundTrip writes what was read and reads it again.
func FuzzRoundTrip(f *testing.F) {
	m := newMaker(4)
	for range 20 {
		f.Add(m.document())
	}
	fields := anyFields()
	s := stream.Flatten(fields)
	f.Fuzz(func(t *testing.T, doc []byte) {
		d := testDecoder(t, fields, s)
		first := stream.NewPool(s, 64, 1).TryGet()
		var errs stream.RowErrors
		d.Decode(first, rawRecords(string(doc)), nil, &errs)
		if errs.Len() > 0 || first.N == 0 {
			return
		}
		mk, _ := JSON().NewEncoder(nil, s)
		dst, ends := mk().Encode(nil, nil, first, &errs)
		recs := &operators.RawRecords{Buf: append(bytes.Clone(dst), make([]byte, 8)...), End: ends}
		start := uint32(0)
		for _, e := range ends {
			recs.Start = append(recs.Start, start)
			start = e
		}
		second := stream.NewPool(s, 64, 1).TryGet()
		d.Decode(second, recs, nil, &errs)
		if errs.Len() > 0 || second.N != first.N {
			t.Fatalf("%s: %v", dst, errs.List)
		}
		for i := range first.N {
			if a, b := AppendJSONRow(nil, first, i), AppendJSONRow(nil, second, i); !bytes.Equal(a, b) {
				t.Errorf("%s became %s", a, b)
			}
		}
	})
}
