package hashmap

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"flowd/state"
	"flowd/state/statetest"
)

func TestTable(t *testing.T) {
	statetest.Run(t, func(l state.Layout) state.Table { return New(l) })
}

// TestUpsertFrom merges tables row by row and compares with upserting the same keys from columns.
func TestUpsertFrom(t *testing.T) {
	text := func(vs ...int64) state.Column {
		c := state.Column{Kind: state.Bytes, Off: []uint32{0}}
		for i, v := range vs {
			if v%5 == 0 {
				for len(c.Valid) <= len(vs)>>6 {
					c.Valid = append(c.Valid, ^uint64(0))
				}
				c.Valid[i>>6] &^= 1 << (i & 63)
			} else {
				c.Bytes = fmt.Append(c.Bytes, "text ", v)
			}
			c.Off = append(c.Off, uint32(len(c.Bytes)))
		}
		return c
	}
	ints := func(vs ...int64) state.Column { return state.Column{Kind: state.Int64, I64: vs} }
	nullable := func(vs ...int64) state.Column {
		c := ints(slices.Clone(vs)...)
		for i, v := range vs {
			for len(c.Valid) <= i>>6 {
				c.Valid = append(c.Valid, ^uint64(0))
			}
			if v == 3 {
				c.Valid[i>>6] &^= 1 << (i & 63)
				c.I64[i] = 0
			}
		}
		return c
	}
	for name, c := range map[string]struct {
		keys []state.KeyType
		make func(vs []int64) []state.Column
	}{
		"none":         {nil, func([]int64) []state.Column { return nil }},
		"int":          {[]state.KeyType{{Kind: state.Int64}}, func(v []int64) []state.Column { return []state.Column{ints(v...)} }},
		"nullable int": {[]state.KeyType{{Kind: state.Int64, Nullable: true}}, func(v []int64) []state.Column { return []state.Column{nullable(v...)} }},
		"text":         {[]state.KeyType{{Kind: state.Bytes, Nullable: true}}, func(v []int64) []state.Column { return []state.Column{text(v...)} }},
		"both": {
			[]state.KeyType{{Kind: state.Bytes, Nullable: true}, {Kind: state.Int64, Nullable: true}},
			func(v []int64) []state.Column { return []state.Column{text(v...), nullable(v...)} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, both := New(state.Layout{Keys: c.keys}), New(state.Layout{Keys: c.keys}), New(state.Layout{Keys: c.keys})
			for i, tab := range []*Table{a, b} {
				vs := make([]int64, 9000)
				hash := make([]uint64, len(vs))
				for j := range vs {
					vs[j] = int64((i*3000 + j*7) % 10_000)
					hash[j] = state.HashInt64(1, vs[j])
					if (name == "nullable int" && vs[j] == 3) || (name == "text" && vs[j]%5 == 0) {
						hash[j] = state.HashNull(1)
					}
				}
				cols := c.make(vs)
				tab.Upsert(hash, cols, nil, nil)
				both.Upsert(hash, cols, nil, nil)
			}
			m := New(state.Layout{Keys: c.keys})
			for _, src := range []*Table{a, b} {
				tags := src.Tags(nil)
				for from := 0; from < src.Len(); from += 1000 {
					m.UpsertFrom(src, tags, from, min(from+1000, src.Len()), nil)
				}
			}
			if m.Len() != both.Len() {
				t.Fatalf("%d rows instead of %d", m.Len(), both.Len())
			}
			var rows []uint32
			for r := range m.Len() {
				rows = append(rows, uint32(r))
			}
			for k := range c.keys {
				var x, y state.Column
				m.ReadKey(k, rows, &x)
				both.ReadKey(k, rows, &y)
				if !slices.Equal(x.I64, y.I64) || !slices.Equal(x.Bytes, y.Bytes) || !slices.Equal(x.Off, y.Off) || !slices.Equal(x.Valid, y.Valid) {
					t.Errorf("key column %d differs", k)
				}
			}
		})
	}
}

// TestCompact replaces texts by longer ones until most of the arena is dead.
func TestCompact(t *testing.T) {
	tab := New(state.Layout{Keys: []state.KeyType{{Kind: state.Bytes}}, Init: []int64{state.NoRef}, Refs: []int{0}})
	key := state.Column{Kind: state.Bytes, Off: []uint32{0}}
	var hash []uint64
	for i := range 50 {
		key.Bytes = fmt.Append(key.Bytes, "key", i)
		key.Off = append(key.Off, uint32(len(key.Bytes)))
		hash = append(hash, state.HashInt64(1, int64(i)))
	}
	var rows []uint32
	long := make([]byte, 2000)
	for n := range long {
		rows = tab.Upsert(hash, []state.Column{key}, nil, rows)
		for _, r := range rows {
			p := &tab.lanes.Row(r)[1]
			*p = tab.arena.Replace(*p, long[:n])
		}
	}
	if n := tab.Size(); n > 2<<20 {
		t.Errorf("%d bytes for 50 texts of 2000", n)
	}
	for i, r := range rows {
		row := tab.lanes.Row(r)
		if got := string(tab.arena.Get(row[0])); got != fmt.Sprint("key", i) {
			t.Errorf("row %d has key %q", i, got)
		}
		if got := len(tab.arena.Get(row[1])); got != len(long)-1 {
			t.Errorf("row %d has a text of %d bytes", i, got)
		}
	}
}

// TestBytesPerKey measures the heap, at the best and at the worst filling of the index.
func TestBytesPerKey(t *testing.T) {
	for _, n := range []int{load(1<<17) - 1, load(1<<17) + 1, 100_000, load(1<<20) + 1} {
		hash, a, b := make([]uint64, n), make([]int64, n), make([]int64, n)
		for i := range n {
			a[i], b[i] = int64(i), -int64(i)
			hash[i] = state.HashInt64(1, a[i])
		}
		rows := make([]uint32, n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tab := New(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}, {Kind: state.Int64}}, Init: []int64{0, 0}})
		tab.Upsert(hash, []state.Column{{Kind: state.Int64, I64: a}, {Kind: state.Int64, I64: b}}, nil, rows)
		runtime.GC()
		runtime.ReadMemStats(&after)
		per := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
		t.Logf("%d keys of 16 bytes with 16 bytes of value: %.1f bytes each", n, per)
		if per > 60 {
			t.Errorf("%d keys take %.1f bytes each", n, per)
		}
		if d := float64(tab.Size())/float64(n) - per; d > 1 || d < -1 {
			t.Errorf("Size says %.1f bytes a key, the heap %.1f", float64(tab.Size())/float64(n), per)
		}
		runtime.KeepAlive([]any{hash, a, b, rows})
	}
}

func TestAllocs(t *testing.T) {
	const n = 4096
	hash, key, sel := make([]uint64, n), make([]int64, n), make([]int32, n/2)
	for i := range n {
		key[i] = int64(i % 1000)
		hash[i] = state.HashInt64(1, key[i])
	}
	for i := range sel {
		sel[i] = int32(2 * i)
	}
	one := New(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}}, Init: []int64{0}})
	two := New(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}, {Kind: state.Int64}}, Init: []int64{0}})
	cols := []state.Column{{Kind: state.Int64, I64: key}, {Kind: state.Int64, I64: key}}
	var rows []uint32
	if a := testing.AllocsPerRun(10, func() {
		for range 3 {
			rows = one.Upsert(hash, cols[:1], nil, rows)
			rows = one.Upsert(hash, cols[:1], sel, rows)
			rows = two.Upsert(hash, cols, sel, rows)
		}
		one.Reset()
		two.Reset()
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
