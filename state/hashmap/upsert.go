package hashmap

import (
	"flowd/state"
)

// block is how many keys go through the three passes together: enough for cache misses to overlap, few enough for
// the scratch to stay in the first-level cache.
const block = 256

// Upsert implements state.Table.
func (t *Table) Upsert(hash []uint64, keys []state.Column, sel []int32, rows []uint32) []uint32 {
	if t.arena.Dead() > compactAt && t.arena.Dead() > t.arena.Used()/2 {
		t.compact()
	}
	n := len(hash)
	if sel != nil {
		n = len(sel)
	}
	rows = room(rows, n)
	if n == 0 {
		return rows
	}
	if len(keys) == 0 {
		if t.rows == 0 {
			t.newRow()
		}
		clear(rows)
		return rows
	}
	if len(t.index) == 0 {
		t.growIndex()
	}
	if len(keys) == 1 && keys[0].Kind == state.Int64 && len(keys[0].Valid) == 0 {
		t.upsertInt64(hash, keys[0].I64, sel, rows)
		return rows
	}
	t.upsertColumns(hash, keys, sel, rows)
	return rows
}

func room(rows []uint32, n int) []uint32 {
	if cap(rows) < n {
		return make([]uint32, n, n+n/4)
	}
	return rows[:n]
}

// upsertInt64 is Upsert for a single column of integers without NULLs.
func (t *Table) upsertInt64(hash []uint64, key []int64, sel []int32, rows []uint32) {
	var hashes [block]uint64
	var keys [block]int64
	for from := 0; from < len(rows); from += block {
		out := rows[from:min(from+block, len(rows))]
		if sel == nil {
			t.blockInt64(hash[from:from+len(out)], key[from:from+len(out)], out)
			continue
		}
		for j, i := range sel[from : from+len(out)] {
			hashes[j&(block-1)], keys[j&(block-1)] = hash[i], key[i]
		}
		t.blockInt64(hashes[:len(out)], keys[:len(out)], out)
	}
}

// blockInt64 finds or makes the rows of at most block keys. Pass one loads the slots; pass two loads the rows and
// settles what the first slot settles; pass three probes for and inserts what is left.
func (t *Table) blockInt64(hash []uint64, key []int64, out []uint32) {
	var slots [block]uint64
	var left [block]uint8
	index, chunks, width := t.index, t.lanes.Chunks, t.width
	mask := uint64(len(index) - 1)
	for j, h := range hash {
		slots[j&(block-1)] = index[h&mask] ^ h<<32
	}
	nl := 0
	key = key[:len(out)]
	for j := range out {
		// What is left of a slot that has the hash's tag is its row + 1, or 0 of an empty one.
		r := slots[j&(block-1)] - 1
		if r < 1<<32-1 && chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*width] == key[j] {
			out[j] = uint32(r)
			continue
		}
		left[nl&(block-1)] = uint8(j)
		nl++
	}
	for _, j := range left[:nl] {
		out[j] = t.probeInt64(hash[j], key[j])
	}
}

// probeInt64 finds or makes the row of one key.
func (t *Table) probeInt64(h uint64, key int64) uint32 {
	mask := uint64(len(t.index) - 1)
	s := h & mask
	for e := t.index[s]; e != 0; e = t.index[s] {
		if r := (e ^ h<<32) - 1; r < 1<<32-1 && t.lanes.Chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*t.width] == key {
			return uint32(r)
		}
		s = (s + 1) & mask
	}
	row, lanes := t.newRow()
	lanes[0] = key
	t.insert(h, s, row)
	return row
}

// insert puts row into the empty slot s, or into one of a larger index if this one is full.
func (t *Table) insert(h, s uint64, row uint32) {
	if t.rows > t.limit {
		t.growIndex()
		mask := uint64(len(t.index) - 1)
		for s = h & mask; t.index[s] != 0; {
			s = (s + 1) & mask
		}
	}
	t.index[s] = h<<32 | uint64(row+1)
}
