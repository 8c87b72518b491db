// Package statetest examines implementations of state.Table against a map of Go's: the same keys, in the same order,
// whatever the batches, selections and hashes.
package statetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"flowd/state"
)

// Run examines the tables that open makes. Each table is given to one goroutine and never closed.
func Run(t *testing.T, open func(state.Layout) state.Table) {
	layouts := map[string][]state.KeyType{
		"no key":        nil,
		"int":           {{Kind: state.Int64}},
		"nullable int":  {{Kind: state.Int64, Nullable: true}},
		"float":         {{Kind: state.Float64, Nullable: true}},
		"wide":          {{Kind: state.Wide}},
		"text":          {{Kind: state.Bytes}},
		"nullable text": {{Kind: state.Bytes, Nullable: true}},
		"two ints":      {{Kind: state.Int64}, {Kind: state.Int64}},
		"mixed":         {{Kind: state.Bytes, Nullable: true}, {Kind: state.Int64, Nullable: true}, {Kind: state.Wide}, {Kind: state.Float64}},
	}
	hashes := map[string]func(uint64) uint64{
		"good":    func(h uint64) uint64 { return h },
		"equal":   func(uint64) uint64 { return 0 },
		"few":     func(h uint64) uint64 { return h % 3 << 31 },
		"low":     func(h uint64) uint64 { return h << 40 },                    // low 32 bits all 0
		"similar": func(h uint64) uint64 { return h&0xff<<32 | h>>8&0xff<<24 }, // same slot, different tags
	}
	for name, keys := range layouts {
		for how, hash := range hashes {
			t.Run(name+"/"+how, func(t *testing.T) {
				for seed := range uint64(4) {
					x := &examiner{t: t, keys: keys, hash: hash, rnd: rand.New(rand.NewPCG(seed, 7))}
					x.table = open(x.layout())
					for range 3 { // a table is used again after Reset
						x.run()
						x.table.Reset()
						if n := x.table.Len(); n != 0 {
							t.Fatalf("%d rows after Reset", n)
						}
					}
				}
			})
		}
	}
	t.Run("Size", func(t *testing.T) { size(t, open) })
}

type examiner struct {
	t     *testing.T
	keys  []state.KeyType
	hash  func(uint64) uint64
	rnd   *rand.Rand
	table state.Table
	rows  []uint32
	// The model: rows by key, in order of arrival, and how often each came.
	index map[string]uint32
	names []string
	count []int64
}

func (x *examiner) layout() state.Layout {
	return state.Layout{Keys: x.keys, Init: []int64{100, state.NoRef}, Refs: []int{1}}
}

func (x *examiner) run() {
	x.index, x.names, x.count = map[string]uint32{}, nil, nil
	distinct := []int{1, 5, 300, 9000}[x.rnd.IntN(4)]
	if x.hash(1<<20) == x.hash(1<<50) {
		distinct = min(distinct, 120) // every look-up walks through all keys
	}
	for range 1 + x.rnd.IntN(6) {
		x.batch(x.rnd.IntN(1500), distinct)
	}
	x.check()
}

// batch upserts n random rows and counts them in the first value lane; the second refers to the number of the last.
func (x *examiner) batch(n, distinct int) {
	cols := make([]state.Column, len(x.keys))
	names := make([]string, n)
	hash := make([]uint64, n)
	for k, kt := range x.keys {
		cols[k].Kind = kt.Kind
		if kt.Kind == state.Bytes {
			cols[k].Off = []uint32{0}
		}
	}
	for i := range n {
		v := x.rnd.IntN(distinct)
		for k := range cols {
			part := v
			if k > 0 {
				part = v % (k + 5)
			}
			names[i] += x.add(&cols[k], x.keys[k], i, part)
		}
		for _, c := range []byte(names[i]) {
			hash[i] = (hash[i] ^ uint64(c)) * 0x9e3779b97f4a7c15
			hash[i] ^= hash[i] >> 29
		}
		hash[i] = x.hash(hash[i])
	}
	var sel []int32
	if x.rnd.IntN(2) == 0 {
		sel = []int32{}
		for i := range n {
			if x.rnd.IntN(3) > 0 {
				sel = append(sel, int32(i))
			}
		}
	}
	x.rows = x.table.Upsert(hash, cols, sel, x.rows)
	picked := sel
	if sel == nil {
		for i := range n {
			picked = append(picked, int32(i))
		}
	}
	if len(x.rows) != len(picked) {
		x.t.Fatalf("%d rows for %d keys", len(x.rows), len(picked))
	}
	lanes, at := x.table.Lanes(), x.firstValue()
	for j, i := range picked {
		want, ok := x.index[names[i]]
		if !ok {
			want = uint32(len(x.names))
			x.index[names[i]] = want
			x.names, x.count = append(x.names, names[i]), append(x.count, 100)
		}
		if x.rows[j] != want {
			x.t.Fatalf("key %s is in row %d instead of %d", names[i], x.rows[j], want)
		}
		x.count[want]++
		row := lanes.Row(x.rows[j])
		row[at]++
		row[at+1] = lanes.Arena.Replace(row[at+1], fmt.Append(nil, x.count[want]))
	}
}

// add appends value v to a key column and returns how the model writes it. The hash of a float's model name is equal
// for −0 and 0 because both are written 0.
func (x *examiner) add(c *state.Column, kt state.KeyType, i, v int) string {
	null := kt.Nullable && v%7 == 3
	if null {
		for len(c.Valid) <= i>>6 {
			c.Valid = append(c.Valid, ^uint64(0))
		}
		c.Valid[i>>6] &^= 1 << (i & 63)
		v = 0
	} else if len(c.Valid) > 0 && len(c.Valid) <= i>>6 {
		c.Valid = append(c.Valid, ^uint64(0))
	}
	name := ""
	switch c.Kind {
	case state.Int64:
		n := int64(v) - 5
		if v == 1 {
			n = math.MinInt64
		}
		c.I64 = append(c.I64, n)
		name = fmt.Sprintf("i%d;", n)
	case state.Float64:
		f := float64(v) / 4
		switch {
		case v == 0 && x.rnd.IntN(2) == 0:
			f = math.Copysign(0, -1)
		case v == 1:
			f = math.Float64frombits(0x7ff8000000000000 | uint64(x.rnd.IntN(100)))
		}
		c.F64 = append(c.F64, f)
		name = floatName(f)
	case state.Wide:
		c.I64, c.Hi = append(c.I64, int64(v%10)), append(c.Hi, int64(v/10))
		name = fmt.Sprintf("w%d,%d;", v/10, v%10)
	case state.Bytes:
		c.Bytes = append(c.Bytes, textOf(v)...)
		c.Off = append(c.Off, uint32(len(c.Bytes)))
		name = fmt.Sprintf("t%q;", textOf(v))
	}
	if null {
		return "null;"
	}
	return name
}

func textOf(v int) string {
	if v == 0 {
		return ""
	}
	s := fmt.Sprint("key-", v)
	for len(s) < v%40 {
		s += s
	}
	return s
}

func floatName(f float64) string {
	if f == 0 {
		return "f0;"
	}
	return fmt.Sprintf("f%v;", f)
}

func (x *examiner) firstValue() int { l := x.layout(); return l.KeyLanes() }

// check compares all rows with the model, read in pieces.
func (x *examiner) check() {
	if n := x.table.Len(); n != len(x.names) {
		x.t.Fatalf("%d rows instead of %d", n, len(x.names))
	}
	lanes, at := x.table.Lanes(), x.firstValue()
	for r, want := range x.count {
		row := lanes.Row(uint32(r))
		if row[at] != want || string(lanes.Arena.Get(row[at+1])) != fmt.Sprint(want) {
			x.t.Fatalf("row %d holds %d and %q instead of %d", r, row[at], lanes.Arena.Get(row[at+1]), want)
		}
	}
	got := make([]string, len(x.names))
	for k, kt := range x.keys {
		dst := state.Column{Kind: kt.Kind}
		for from := 0; from < len(got); {
			n := min(1+x.rnd.IntN(200), len(got)-from)
			var rows []uint32
			for r := from; r < from+n; r++ {
				rows = append(rows, uint32(r))
			}
			x.table.ReadKey(k, rows, &dst)
			from += n
		}
		for i := range got {
			got[i] += read(&dst, i)
		}
	}
	if !slices.Equal(got, x.names) {
		for i := range got {
			if got[i] != x.names[i] {
				x.t.Fatalf("row %d has key %s instead of %s", i, got[i], x.names[i])
			}
		}
	}
}

func read(c *state.Column, i int) string {
	if c.IsNull(i) {
		return "null;"
	}
	switch c.Kind {
	case state.Int64:
		return fmt.Sprintf("i%d;", c.I64[i])
	case state.Float64:
		return floatName(c.F64[i])
	case state.Wide:
		return fmt.Sprintf("w%d,%d;", c.Hi[i], c.I64[i])
	}
	return fmt.Sprintf("t%q;", c.Bytes[c.Off[i]:c.Off[i+1]])
}

// size holds Size to what rows need at least, and Reset to keeping no more than a few times what was in use.
func size(t *testing.T, open func(state.Layout) state.Table) {
	table := open(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}}, Init: []int64{0}})
	fill := func(n int) {
		hash, key := make([]uint64, n), make([]int64, n)
		for i := range n {
			key[i] = int64(i)
			hash[i] = state.HashInt64(1, key[i])
		}
		table.Upsert(hash, []state.Column{{Kind: state.Int64, I64: key}}, nil, nil)
	}
	fill(200_000)
	large := table.Size()
	if large < 200_000*16 {
		t.Errorf("size %d is less than the rows take", large)
	}
	table.Reset()
	fill(10)
	table.Reset() // now it has seen that little is needed
	if n := table.Size(); n > large/20 {
		t.Errorf("%d of %d bytes are kept for 10 rows", n, large)
	}
}
