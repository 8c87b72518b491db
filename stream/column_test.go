package stream

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// show writes a row of a column in a form that tells every state apart.
func show(c *Column, i int) string {
	if c.IsNull(i) {
		return "NULL"
	}
	switch c.Kind {
	case KindInt64:
		return fmt.Sprint(c.I64[i])
	case KindFloat64:
		return fmt.Sprint(c.F64[i])
	case KindWide:
		return fmt.Sprint(c.Hi[i], c.I64[i])
	case KindBytes:
		return fmt.Sprintf("%q", c.BytesAt(i))
	}
	var parts []string
	for j := c.Off[i]; j < c.Off[i+1]; j++ {
		parts = append(parts, show(c.Child[0], int(j)))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// TestColumnIsAList appends, truncates and resets at random and compares with a slice of texts.
func TestColumnIsAList(t *testing.T) {
	types := []Type{
		{ID: BigInt}, {ID: Double}, {ID: Decimal, Precision: 30}, {ID: String}, {ID: Array, Elem: &Type{ID: Int}},
	}
	rapid.Check(t, func(t *rapid.T) {
		c := NewColumn(types[rapid.IntRange(0, len(types)-1).Draw(t, "type")], rapid.IntRange(0, 3).Draw(t, "room"))
		var model []string
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			v := rapid.Int64().Draw(t, "v")
			switch rapid.IntRange(0, 12).Draw(t, "op") {
			case 0:
				n := rapid.IntRange(0, len(model)).Draw(t, "n")
				c.Truncate(n)
				model = model[:n]
			case 1:
				if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
					c.Reset()
					model = model[:0]
				}
			case 2, 3:
				c.AppendNull()
				model = append(model, "NULL")
			default:
				appendTo(c, v)
				model = append(model, "")
				model[len(model)-1] = show(c, len(model)-1)
				if model[len(model)-1] == "NULL" {
					t.Fatalf("row %d was appended and is NULL", len(model)-1)
				}
			}
			if c.Len() != len(model) {
				t.Fatalf("%d rows, want %d", c.Len(), len(model))
			}
			for i, want := range model {
				if got := show(c, i); got != want {
					t.Fatalf("row %d is %s, was %s", i, got, want)
				}
			}
		}
	})
}

func appendTo(c *Column, v int64) {
	switch c.Kind {
	case KindInt64:
		c.AppendInt64(v)
	case KindFloat64:
		c.AppendFloat64(float64(v))
	case KindWide:
		c.AppendWide(v, uint64(v)*3)
	case KindBytes:
		c.AppendBytes(fmt.Append(nil, v))
	case KindList:
		for i := range v & 3 {
			if i == 1 {
				c.Child[0].AppendNull()
			} else {
				c.Child[0].AppendInt64(v + i)
			}
		}
		c.EndList()
	}
}

func TestFlatten(t *testing.T) {
	s := Flatten([]Field{
		{"id", Type{ID: BigInt, NotNull: true}},
		{"card", Type{ID: Row, Fields: []Field{
			{"brand", Type{ID: String, NotNull: true}},
			{"bank", Type{ID: Row, NotNull: true, Fields: []Field{{"name", Type{ID: String, NotNull: true}}}}},
		}}},
		{"home", Type{ID: Row, NotNull: true, Fields: []Field{{"zip", Type{ID: String, NotNull: true}}}}},
	})
	const want = "id bigint not null, card.brand string, card.bank.name string, home.zip string not null"
	if s.String() != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if got := s.Under("card"); len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Errorf("columns of card: %v", got)
	}
	if s.Index("home.zip") != 3 || s.Index("home") != -1 {
		t.Errorf("home.zip at %d, home at %d", s.Index("home.zip"), s.Index("home"))
	}
}

func TestTypeText(t *testing.T) {
	for _, c := range []struct {
		t    Type
		want string
	}{
		{Type{ID: Decimal, Precision: 10, Scale: 2, NotNull: true}, "decimal(10,2) not null"},
		{Type{ID: TimestampLTZ, Precision: 3}, "timestamp_ltz(3)"},
		{Type{ID: Map, Key: &Type{ID: String, NotNull: true}, Elem: &Type{ID: Array, Elem: &Type{ID: Int}}}, "map<string not null,array<int>>"},
		{Type{ID: Row, Fields: []Field{{"a", Type{ID: Int}}}}, "{a: int}"},
	} {
		if got := c.t.String(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if !c.t.Equal(c.t) || c.t.Equal(c.t.Required().Nullable()) != !c.t.NotNull {
			t.Errorf("%s: Equal is wrong", c.want)
		}
	}
}
