package hashmap

import (
	"bytes"
	"math"

	"flowd/state"
)

// A key of several columns, or of text, is compared in the form in which rows hold it: a batch's keys are written as
// lanes first, a block at a time, with text lanes that say where in the batch the text lies.

// source is where the text of keys lies that are about to be found: in columns of a batch or in another table.
type source struct {
	cols  []state.Column
	arena *state.Arena
}

// A text lane of a batch's key: offset in the column's bytes above, length in the bits where a reference has it.
const textLenBits = 27

func (s *source) text(col int, lane int64) []byte {
	if s.arena != nil {
		return s.arena.Get(lane)
	}
	off := int(lane >> textLenBits)
	return s.cols[col].Bytes[off : off+state.RefLen(lane)]
}

// upsertColumns is Upsert for any keys.
func (t *Table) upsertColumns(hash []uint64, keys []state.Column, sel []int32, rows []uint32) {
	if t.enc == nil {
		t.enc = make([]int64, block*t.keyLanes)
		t.size += int64(len(t.enc)) * 8
	}
	var hashes [block]uint64
	var null [block]bool
	src := source{cols: keys}
	for from := 0; from < len(rows); from += block {
		out := rows[from:min(from+block, len(rows))]
		hs := hashes[:len(out)]
		var picked []int32
		if sel != nil {
			picked = sel[from : from+len(out)]
			for j, i := range picked {
				hs[j] = hash[i]
			}
		} else {
			copy(hs, hash[from:])
		}
		clear(t.enc)
		lane := 0
		if t.masked {
			lane = 1
		}
		for k := range keys {
			t.encode(&keys[k], k, lane, from, picked, len(out))
			lane += keys[k].Kind.Lanes()
		}
		nulls := null[:0]
		if len(keys) == 1 && len(keys[0].Valid) > 0 {
			nulls = null[:len(out)]
			for j := range nulls {
				nulls[j] = keys[0].IsNull(rowOf(from, picked, j))
			}
		}
		t.upsertBlock(hs, t.enc, t.keyLanes, &src, nulls, out)
	}
}

func rowOf(from int, picked []int32, j int) int {
	if picked != nil {
		return int(picked[j])
	}
	return from + j
}

// encode writes key column k of n keys to the given lane of t.enc. Lanes of NULLs stay 0.
func (t *Table) encode(c *state.Column, k, lane, from int, picked []int32, n int) {
	w := t.keyLanes
	for j := range n {
		i := rowOf(from, picked, j)
		e := t.enc[j*w : j*w+w]
		if c.IsNull(i) {
			if t.masked {
				e[0] |= 1 << k
			}
			continue
		}
		switch c.Kind {
		case state.Int64:
			e[lane] = c.I64[i]
		case state.Float64:
			e[lane] = floatLane(c.F64[i])
		case state.Wide:
			e[lane], e[lane+1] = c.I64[i], c.Hi[i]
		case state.Bytes:
			e[lane] = int64(c.Off[i])<<textLenBits | int64(c.Off[i+1]-c.Off[i])
		}
	}
}

// floatLane is the canonical form of a float key: −0 is 0, every NaN the same.
func floatLane(v float64) int64 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 0x7ff8000000000000
	}
	return int64(math.Float64bits(v))
}

// upsertBlock finds or makes the rows of at most block keys, given as lanes stride apart. nulls marks the NULLs of a
// single-column key; it may be empty.
func (t *Table) upsertBlock(hash []uint64, keys []int64, stride int, src *source, nulls []bool, out []uint32) {
	var slots [block]uint64
	mask := uint64(len(t.index) - 1)
	for j, h := range hash {
		slots[j&(block-1)] = t.index[h&mask] ^ h<<32
	}
	for j := range out {
		if len(nulls) > 0 && nulls[j] {
			out[j] = t.nullRow()
			continue
		}
		key := keys[j*stride : j*stride+t.keyLanes]
		if r := slots[j&(block-1)] - 1; r < 1<<32-1 && t.equal(uint32(r), key, src) {
			out[j] = uint32(r)
			continue
		}
		out[j] = t.probe(hash[j], key, src)
	}
}

func (t *Table) nullRow() uint32 {
	if t.null < 0 {
		row, lanes := t.newRow()
		clear(lanes[:t.keyLanes])
		t.null = int64(row)
	}
	return uint32(t.null)
}

// equal compares the key of row r with key.
func (t *Table) equal(r uint32, key []int64, src *source) bool {
	p := int(r&state.ChunkMask) * t.width
	row := t.lanes.Chunks[r>>state.ChunkShift][p : p+len(key)]
	if t.texts == nil {
		for l, v := range key {
			if row[l] != v {
				return false
			}
		}
		return true
	}
	for l, v := range key {
		col := t.texts[l]
		if col < 0 {
			if row[l] != v {
				return false
			}
			continue
		}
		if state.RefLen(row[l]) != state.RefLen(v) || !bytes.Equal(t.arena.Get(row[l]), src.text(col, v)) {
			return false
		}
	}
	return true
}

// probe finds or makes the row of one key.
func (t *Table) probe(h uint64, key []int64, src *source) uint32 {
	mask := uint64(len(t.index) - 1)
	s := h & mask
	for e := t.index[s]; e != 0; e = t.index[s] {
		if r := (e ^ h<<32) - 1; r < 1<<32-1 && t.equal(uint32(r), key, src) {
			return uint32(r)
		}
		s = (s + 1) & mask
	}
	row, lanes := t.newRow()
	copy(lanes, key)
	for l, col := range t.texts {
		if col >= 0 {
			lanes[l] = t.arena.Put(src.text(col, key[l]))
		}
	}
	t.insert(h, s, row)
	return row
}
