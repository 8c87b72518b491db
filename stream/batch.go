package stream

import (
	"sync"
	"sync/atomic"
)

// Batch is up to a few thousand rows in columns: what travels between tasks.
//
// A Batch is a header that one goroutine owns at a time, over columns that are shared and immutable once sent.
// Emit, Write and a channel send give the header away. Whoever owns it may set Sel, take columns of it into a
// batch of its own (with Hold) and must end it with exactly one Emit or Release. The columns belong to blocks,
// counted by reference; the last Release returns a block to the pool of its maker, in whichever task that
// happens. So fan-out copies nothing and nothing changes under another reader.
//
// While a batch is being built (between Pool.Get and Emit) its maker appends to Cols and sets N and Time.
type Batch struct {
	Schema *Schema
	N      int       // rows in every column, whether selected or not
	Cols   []*Column // as Schema.Columns
	Sel    []int32   // the rows that count, ascending; nil: all N. Owned by the header.
	Time   []int64   // event time of each row, ms since 1970 UTC; nil: rows have none
	Hash   []uint64  // hash of the key of the exchange the batch goes through; nil: not computed
	Kinds  []uint8   // row kinds; nil: every row is an insert. Reserved: nothing sets it yet.

	own    *block // the block that Get gave, nil for headers made by Share or NewHeader
	blocks []*block
	selBuf []int32
	freed  bool
}

// Rows is the number of selected rows.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}

// Free is how many more rows the maker of the batch should append.
func (b *Batch) Free() int {
	if b.own == nil {
		return 0
	}
	return b.own.pool.rows - b.N
}

// SelBuf is an empty slice with room for N row numbers, memory of the header, for building a new Sel. It may
// overlap the present Sel: writing entry i only after reading entries ≥ i of Sel is safe, so filters work in place.
func (b *Batch) SelBuf() []int32 {
	if cap(b.selBuf) < b.N {
		old := b.Sel
		b.selBuf = make([]int32, max(b.N, 64))
		if old != nil {
			b.Sel = b.selBuf[:copy(b.selBuf, old)]
		}
	}
	return b.selBuf[:0]
}

// OwnTime gives a batch that is being built a Time slice of length n from its block.
func (b *Batch) OwnTime(n int) []int64 {
	b.own.time = grow(b.own.time, n)
	b.Time = b.own.time
	return b.Time
}

// AppendTime adds the event time of the next row to a batch that is being built.
func (b *Batch) AppendTime(ms int64) {
	b.own.time = append(b.own.time[:len(b.Time)], ms)
	b.Time = b.own.time
}

// OwnHash gives a batch that has a block of its own a Hash slice of length n from it. The batch must not have been
// shared yet. An exchange whose input has no block of its own takes one from a pool without columns and Holds it.
func (b *Batch) OwnHash(n int) []uint64 {
	b.own.hash = grow(b.own.hash, n)
	b.Hash = b.own.hash
	return b.Hash
}

// Hold keeps the columns of o alive as long as b lives. Call it before using columns of o in b.
func (b *Batch) Hold(o *Batch) {
	for _, bl := range o.blocks {
		bl.refs.Add(1)
		b.blocks = append(b.blocks, bl)
	}
}

// Share makes a second header over the same columns with the same selection.
func (b *Batch) Share() *Batch {
	n := NewHeader(b.Schema)
	n.N, n.Time, n.Hash, n.Kinds = b.N, b.Time, b.Hash, b.Kinds
	n.Cols = append(n.Cols[:0], b.Cols...)
	n.Hold(b)
	if b.Sel != nil {
		n.Sel = append(n.SelBuf(), b.Sel...)
	}
	return n
}

// Release ends the header. Releasing twice panics: a block would go back to its pool while somebody reads it.
func (b *Batch) Release() {
	if b.freed {
		panic("stream: batch released twice")
	}
	b.freed = true
	for i, bl := range b.blocks {
		bl.release()
		b.blocks[i] = nil
	}
	sel, blocks, cols := b.selBuf, b.blocks[:0], b.Cols
	for i := range cols {
		cols[i] = nil
	}
	*b = Batch{selBuf: sel, blocks: blocks, Cols: cols[:0], freed: true}
	headers.Put(b)
}

// NewHeader makes a batch without columns of its own, for steps that only choose among columns of their input:
// set N, Cols, Time and Sel, and Hold the input.
func NewHeader(s *Schema) *Batch {
	b, _ := headers.Get().(*Batch)
	if b == nil {
		b = &Batch{}
	}
	b.freed = false
	b.Schema = s
	b.N = 0
	return b
}

var headers sync.Pool

// block is the memory of one batch: what goes back to its maker when nobody reads it any more.
type block struct {
	pool *Pool
	cols []*Column
	time []int64
	hash []uint64
	refs atomic.Int32
}

func (bl *block) release() {
	switch n := bl.refs.Add(-1); {
	case n == 0:
		bl.pool.put(bl)
	case n < 0:
		panic("stream: block released more often than held")
	}
}
