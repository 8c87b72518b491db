package state

// Kind says in which slice of a Column the values of a key lie, and how many lanes of a row they take.
type Kind uint8

// The kinds of key columns.
const (
	Int64   Kind = iota + 1 // Column.I64; one lane
	Float64                 // Column.F64; one lane; −0 is stored as 0 and every NaN as one
	Wide                    // Column.I64 (low word) and Hi; two lanes
	Bytes                   // Column.Off and Bytes; one lane, a reference into the arena
)

// Column is one key column of a batch as plain slices, one entry a row (Off has one more). Valid has bit i set when
// row i is not NULL; empty: no row is NULL.
type Column struct {
	Kind  Kind
	I64   []int64
	Hi    []int64
	F64   []float64
	Off   []uint32
	Bytes []byte
	Valid []uint64
}

// IsNull says whether row i is NULL.
func (c *Column) IsNull(i int) bool {
	return len(c.Valid) > 0 && c.Valid[i>>6]&(1<<(i&63)) == 0
}

// KeyType describes a key column of a table.
type KeyType struct {
	Kind     Kind
	Nullable bool
}

// Layout describes the rows of a table. A row is a fixed number of lanes (int64): a mask of NULL keys where one is
// needed, the key columns, and then the value lanes, side by side, so that comparing a key and changing its value
// touch one cache line.
type Layout struct {
	Keys []KeyType // none: the table has at most one row
	Init []int64   // what the value lanes of a new row hold
	Refs []int     // which value lanes hold references into the arena, NoRef for none
}

// KeyLanes is how many lanes stand before the value lanes: value lane i is lane KeyLanes()+i of a row.
func (l *Layout) KeyLanes() int {
	n := 0
	for _, k := range l.Keys {
		n += k.Kind.Lanes()
	}
	if l.Masked() {
		n++
	}
	return n
}

// Masked says whether lane 0 is a mask of NULL key columns: bit k set when column k is NULL. A single key column
// needs none, because a table has but one row with a NULL key.
func (l *Layout) Masked() bool {
	if len(l.Keys) < 2 {
		return false
	}
	for _, k := range l.Keys {
		if k.Nullable {
			return true
		}
	}
	return false
}

// Width is the number of lanes of a row.
func (l *Layout) Width() int { return l.KeyLanes() + len(l.Init) }

// Lanes is how many lanes a key column of kind k takes.
func (k Kind) Lanes() int {
	if k == Wide {
		return 2
	}
	return 1
}

// Rows lie in chunks of ChunkRows, so that a table grows without copying what it has.
const (
	ChunkShift = 12
	ChunkRows  = 1 << ChunkShift
	ChunkMask  = ChunkRows - 1
)

// Lanes is the memory of a table's rows: lane i of row r is Chunks[r>>ChunkShift][(r&ChunkMask)*Width+i]. Value lanes
// may be changed through it, key lanes may not.
type Lanes struct {
	Width  int
	Chunks [][]int64
	Arena  *Arena
}

// Row is the lanes of row r.
func (l *Lanes) Row(r uint32) []int64 {
	p := int(r&ChunkMask) * l.Width
	return l.Chunks[r>>ChunkShift][p : p+l.Width : p+l.Width]
}

// Table holds rows of lanes by key, for one goroutine. All calls work on batches; nothing is kept of what they are
// given. statetest.Run is the examiner of every implementation.
type Table interface {
	// Upsert finds or makes the rows of a batch's keys and appends their numbers to rows[:0], one for each entry of
	// sel (nil: one for each hash). Columns and hash are indexed by row of the batch; hash holds the hash of each
	// selected row's key, equal for equal keys. New rows hold Layout.Init and are numbered on from Len, in the
	// order of the batch. Row numbers hold until Reset.
	Upsert(hash []uint64, keys []Column, sel []int32, rows []uint32) []uint32
	// Lanes gives access to the rows until the next Upsert or Reset.
	Lanes() *Lanes
	// ReadKey appends key column k of the given rows to dst, whose Valid covers dst's rows if any of them is NULL.
	ReadKey(k int, rows []uint32, dst *Column)
	// Len is the number of rows; they are numbered from 0 in the order in which their keys were first seen.
	Len() int
	// Size is the bytes of memory the table holds.
	Size() int64
	// Reset removes all rows. It keeps memory for about as many rows as there were.
	Reset()
}
