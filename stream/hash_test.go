package stream

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestEqualKeysHashEqually: whatever type holds a number, its key group is the same, so that a changed schema finds
// its state again.
func TestEqualKeysHashEqually(t *testing.T) {
	hash := func(typ Type, fill func(c *Column)) uint64 {
		b := NewPool(NewSchema(ColumnDef{"k", typ}), 4, 1).TryGet()
		fill(b.Cols[0])
		b.N = 1
		dst := make([]uint64, 1)
		HashRows(dst, b, []int{0}, 99)
		return dst[0]
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-1e12, 1e12).Draw(t, "v")
		want := hash(Type{ID: BigInt}, func(c *Column) { c.AppendInt64(v) })
		for scale, factor := 0, int64(1); scale <= 4; scale, factor = scale+1, factor*10 {
			x := v * factor
			if got := hash(Type{ID: Decimal, Precision: 18, Scale: uint8(scale)}, func(c *Column) { c.AppendInt64(x) }); got != want {
				t.Fatalf("%d as decimal(18,%d) hashes to %x, as bigint to %x", v, scale, got, want)
			}
			if got := hash(Type{ID: Decimal, Precision: 38, Scale: uint8(scale)}, func(c *Column) { c.AppendWide(x>>63, uint64(x)) }); got != want {
				t.Fatalf("%d as decimal(38,%d) hashes to %x, as bigint to %x", v, scale, got, want)
			}
		}
	})
	zero := hash(Type{ID: Double}, func(c *Column) { c.AppendFloat64(0) })
	if neg := hash(Type{ID: Double}, func(c *Column) { c.AppendFloat64(1 / negInf()) }); neg != zero {
		t.Errorf("-0 hashes to %x, 0 to %x", neg, zero)
	}
	null := hash(Type{ID: BigInt}, func(c *Column) { c.AppendNull() })
	if z := hash(Type{ID: BigInt}, func(c *Column) { c.AppendInt64(0) }); z == null {
		t.Error("NULL hashes as 0")
	}
}

func negInf() float64 { return math.Inf(-1) }

// TestHashSelection: rows that are not selected are left alone, whatever way is taken.
func TestHashSelection(t *testing.T) {
	b := filled(t, NewPool(twoColumns, 8, 1), 5, 6, 7, 8)
	all := make([]uint64, 4)
	HashRows(all, b, []int{0, 1}, 1)
	b.Sel = append(b.SelBuf(), 1, 3)
	some := []uint64{9, 9, 9, 9}
	HashRows(some, b, []int{0, 1}, 1)
	if some[0] != 9 || some[2] != 9 || some[1] != all[1] || some[3] != all[3] {
		t.Errorf("selected %x, all %x", some, all)
	}
	if all[0] == all[1] {
		t.Error("different keys hash equally")
	}
}
