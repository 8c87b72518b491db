// Package hashmap keeps keyed state in memory: open-addressing tables without a pointer per row, worked on a batch
// at a time. It is not safe for several goroutines and knows nothing of time, windows or files.
//
// A table is an index and rows. An index slot is one word: the low 32 bits of a key's hash, and its row number + 1.
// Linear probing starts at the low bits, so the tag in a slot is enough to move it when the index grows, without
// looking at the row. Rows are lanes of int64, keys and values side by side, in chunks that never move; text lies in
// an arena. The collector sees a few large pointer-free slices, whatever the number of keys.
package hashmap

import (
	"slices"

	"flowd/state"
)

// Table implements state.Table in memory.
type Table struct {
	layout   state.Layout
	masked   bool
	single   bool  // one key column of integers
	texts    []int // by key lane: its column if it holds text, else −1; nil: no column does
	keyLanes int
	width    int

	index []uint64
	limit int // rows at which the index grows
	rows  int
	null  int64 // row of the NULL key of a single-column table, −1 if none

	lanes state.Lanes
	arena state.Arena
	size  int64

	enc []int64 // keys of a block as lanes
}

var _ state.Table = (*Table)(nil)

// minIndex is the size of the smallest index; smaller ones would save nothing worth having.
const minIndex = 16

// New makes an empty table.
func New(l state.Layout) *Table {
	t := &Table{layout: l, masked: l.Masked(), keyLanes: l.KeyLanes(), width: max(l.Width(), 1), null: -1}
	t.single = len(l.Keys) == 1 && l.Keys[0].Kind == state.Int64
	for k, kt := range l.Keys {
		if kt.Kind != state.Bytes {
			continue
		}
		if t.texts == nil {
			t.texts = slices.Repeat([]int{-1}, t.keyLanes)
		}
		t.texts[t.keyLane(k)] = k
	}
	t.lanes = state.Lanes{Width: t.width, Arena: &t.arena}
	return t
}

// Lanes implements state.Table.
func (t *Table) Lanes() *state.Lanes { return &t.lanes }

// Len implements state.Table.
func (t *Table) Len() int { return t.rows }

// Size implements state.Table.
func (t *Table) Size() int64 { return overhead + t.size + t.arena.Size() }

// overhead is about what the Table itself takes: it counts where tables are many and small.
const overhead = 512

// load is the number of rows an index of n slots takes: 5/8, where linear probing still finds a key in 1.8 looks.
func load(n int) int { return n/2 + n/8 }

// Reset implements state.Table.
func (t *Table) Reset() {
	if n := slotsFor(t.rows * 2); n < len(t.index)/4 {
		t.index = make([]uint64, n)
		t.limit = load(n)
	} else {
		clear(t.index)
	}
	// One chunk is always kept: the first has grown to what a small table needs.
	if keep := max(t.rows*2>>state.ChunkShift+1, 1); keep < len(t.lanes.Chunks) {
		clear(t.lanes.Chunks[keep:])
		t.lanes.Chunks = t.lanes.Chunks[:keep]
	}
	t.arena.Reset(t.arena.Used() * 2)
	t.rows, t.null = 0, -1
	t.measure()
}

func slotsFor(rows int) int {
	n := minIndex
	for load(n) < rows {
		n *= 2
	}
	return n
}

func (t *Table) measure() {
	t.size = int64(len(t.index)+cap(t.enc)) * 8
	for _, c := range t.lanes.Chunks {
		t.size += int64(cap(c)) * 8
	}
}

// growIndex doubles the index. A slot's tag has all the bits that say where it goes.
func (t *Table) growIndex() {
	n := max(2*len(t.index), minIndex)
	index := make([]uint64, n)
	mask := uint64(n - 1)
	for _, e := range t.index {
		if e == 0 {
			continue
		}
		s := e >> 32 & mask
		for index[s] != 0 {
			s = (s + 1) & mask
		}
		index[s] = e
	}
	t.index, t.limit = index, load(n)
	t.measure()
}

// newRow makes the next row, with fresh value lanes and unset key lanes.
func (t *Table) newRow() (row uint32, lanes []int64) {
	r := t.rows
	c := r >> state.ChunkShift
	p := (r & state.ChunkMask) * t.width
	if c == len(t.lanes.Chunks) {
		n := state.ChunkRows
		if c == 0 {
			n = minIndex
		}
		t.lanes.Chunks = append(t.lanes.Chunks, make([]int64, n*t.width))
		t.size += int64(n*t.width) * 8
	} else if p == len(t.lanes.Chunks[c]) { // the first chunk starts small
		big := make([]int64, min(4*p, state.ChunkRows*t.width))
		t.size += int64(len(big)-p) * 8
		copy(big, t.lanes.Chunks[c])
		t.lanes.Chunks[c] = big
	}
	lanes = t.lanes.Chunks[c][p : p+t.width]
	copy(lanes[t.keyLanes:], t.layout.Init)
	t.rows++
	return uint32(r), lanes
}
