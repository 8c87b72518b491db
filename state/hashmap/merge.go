package hashmap

import "flowd/state"

// Tags writes to dst what UpsertFrom needs of t: the low 32 bits of the hash of row r, at r+1. They are read off the
// index, so that rows need not hold them; empty slots write to place 0, which costs less than a branch that nothing
// can foresee.
func (t *Table) Tags(dst []uint32) []uint32 {
	dst = room(dst, t.rows+1)
	if t.null >= 0 {
		dst[t.null+1] = 0
	}
	for _, e := range t.index {
		dst[uint32(e)] = uint32(e >> 32)
	}
	return dst
}

// UpsertFrom finds or makes rows for the keys of rows from ≤ r < to of src, a table of the same key layout, and
// appends their numbers to rows[:0]. tags is src.Tags. Value lanes are not copied.
func (t *Table) UpsertFrom(src *Table, tags []uint32, from, to int, rows []uint32) []uint32 {
	rows = room(rows, to-from)
	if len(rows) == 0 {
		return rows
	}
	if len(t.layout.Keys) == 0 {
		if t.rows == 0 {
			t.newRow()
		}
		clear(rows)
		return rows
	}
	if len(t.index) == 0 {
		t.growIndex()
	}
	var hashes [block]uint64
	var keys [block]int64
	var null [block]bool
	text := source{arena: &src.arena}
	for at := from; at < to; {
		// A block lies in one chunk.
		end := min(at+block, to, at|state.ChunkMask+1)
		hs, out := hashes[:end-at], rows[at-from:end-from]
		for j := range hs {
			hs[j] = uint64(tags[at+j+1])
		}
		chunk := src.lanes.Chunks[at>>state.ChunkShift][(at&state.ChunkMask)*src.width:]
		hasNull := src.null >= int64(at) && src.null < int64(end)
		if t.single && !hasNull {
			ks := keys[:len(hs)]
			for j := range ks {
				ks[j] = chunk[j*src.width]
			}
			t.blockInt64(hs, ks, out)
		} else {
			nulls := null[:0]
			if hasNull {
				nulls = null[:len(hs)]
				clear(nulls)
				nulls[src.null-int64(at)] = true
			}
			t.upsertBlock(hs, chunk, src.width, &text, nulls, out)
		}
		at = end
	}
	return rows
}

// compactAt is how many bytes of text must be dead before a table looks whether moving the rest is worth it.
const compactAt = 1 << 18

// compact moves all text that rows refer to into a new arena.
func (t *Table) compact() {
	old := t.arena
	t.arena = state.Arena{}
	for r := range t.rows {
		row := t.lanes.Row(uint32(r))
		for l, col := range t.texts {
			if col >= 0 {
				row[l] = t.arena.Put(old.Get(row[l]))
			}
		}
		for _, l := range t.layout.Refs {
			if p := &row[t.keyLanes+l]; *p != state.NoRef {
				*p = t.arena.Put(old.Get(*p))
			}
		}
	}
}
