package transform_test

import (
	"math"
	"slices"
	"testing"

	"flowd/operators/transform"
	"flowd/stream"
)

func TestEventTimeOfAColumn(t *testing.T) {
	s := stream.NewSchema(stream.ColumnDef{Name: "at", Type: stream.Type{ID: stream.Timestamp, Precision: 6}})
	timer := transform.NewEventTimer(transform.TimeConfig{Rows: s, Column: 0, Target: -1})()
	b := stream.NewPool(s, 8, 1).TryGet()
	for _, us := range []int64{0, 999, 1000, -1, -1000, -1001} { // rounded down, before 1970 too
		b.Cols[0].AppendInt64(us)
	}
	b.Cols[0].AppendNull()
	b.N = 7
	var errs stream.RowErrors
	if err := timer.EventTime(b, &errs); err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 0, 1, -1, -1, -2}; !slices.Equal(b.Time[:6], want) {
		t.Errorf("times %v, want %v", b.Time[:6], want)
	}
	if errs.Len() != 1 || errs.List[0].Row != 6 {
		t.Errorf("errors %+v, want one of row 6: its time is NULL", errs.List)
	}
}

func TestEventTimeOfAnExpression(t *testing.T) {
	s := stream.NewSchema(
		stream.ColumnDef{Name: "ms", Type: stream.Type{ID: stream.BigInt}},
		stream.ColumnDef{Name: "event_time", Type: stream.Type{ID: stream.TimestampLTZ, Precision: 3}})
	for _, target := range []int{1, -1} {
		timer := transform.NewEventTimer(transform.TimeConfig{Rows: s, Column: -1, Expr: bind(t, "TO_TIMESTAMP_LTZ(ms, 3)", s), Target: target})()
		b := stream.NewPool(s, 8, 1).TryGet()
		b.Cols[0].AppendInt64(1767225600123)
		b.Cols[0].AppendNull()
		b.Cols[0].AppendInt64(math.MaxInt64) // no timestamp: an error, and one only
		b.N = 3
		var errs stream.RowErrors
		if err := timer.EventTime(b, &errs); err != nil {
			t.Fatal(err)
		}
		if b.Time[0] != 1767225600123 {
			t.Errorf("time %d", b.Time[0])
		}
		if target >= 0 && b.Cols[1].I64[0] != 1767225600123000 {
			t.Errorf("event_time %d", b.Cols[1].I64[0])
		}
		rows := map[int32]int{}
		for _, e := range errs.List {
			rows[e.Row]++
		}
		if len(rows) != 2 || rows[1] != 1 || rows[2] != 1 {
			t.Errorf("errors %+v, want one of row 1 and one of row 2", errs.List)
		}
	}
}
