package stream

// Column holds the values of one leaf column. Which slices are used follows from Kind; every used slice has one
// entry a row (Off has one more). The value at a NULL row is zero or empty, so that kernels may compute over it.
//
// A column is written only by its maker, before the batch is sent; afterwards it is immutable.
type Column struct {
	Kind  Kind
	I64   []int64
	F64   []float64
	Hi    []int64  // high words of KindWide; the low words are the bits of I64
	Off   []uint32 // value of row i = Bytes[Off[i]:Off[i+1]], or rows Off[i]..Off[i+1] of Child
	Bytes []byte
	Child []*Column
	// Valid has bit i set when row i is not NULL. Empty: no row is NULL. Otherwise it has at least one bit for each row.
	Valid []uint64
}

// NewColumn makes an empty column for values of t with room for rows rows.
func NewColumn(t Type, rows int) *Column {
	c := &Column{Kind: t.Kind()}
	switch c.Kind {
	case KindInt64:
		c.I64 = make([]int64, 0, rows)
	case KindFloat64:
		c.F64 = make([]float64, 0, rows)
	case KindWide:
		c.I64 = make([]int64, 0, rows)
		c.Hi = make([]int64, 0, rows)
	case KindBytes:
		c.Off = append(make([]uint32, 0, rows+1), 0)
	case KindList:
		c.Off = append(make([]uint32, 0, rows+1), 0)
		if t.ID == Map {
			c.Child = append(c.Child, NewColumn(*t.Key, 0))
		}
		c.Child = append(c.Child, leafColumns(*t.Elem)...)
	}
	return c
}

func leafColumns(t Type) []*Column {
	if t.ID != Row {
		return []*Column{NewColumn(t, 0)}
	}
	var out []*Column
	for _, f := range t.Fields {
		out = append(out, leafColumns(f.Type)...)
	}
	return out
}

// Len is the number of rows.
func (c *Column) Len() int {
	switch c.Kind {
	case KindInt64, KindWide:
		return len(c.I64)
	case KindFloat64:
		return len(c.F64)
	default:
		return max(len(c.Off)-1, 0)
	}
}

// Memory of one column that is not kept for the next batch: one huge record shall not cost its memory for ever.
const (
	keepBytes  = 64 << 20
	keepValues = 4 << 20
)

// Reset empties the column and keeps its memory, unless it is huge.
func (c *Column) Reset() {
	if cap(c.Bytes) > keepBytes {
		c.Bytes = nil
	}
	if max(cap(c.I64), cap(c.F64), cap(c.Hi), cap(c.Off)) > keepValues {
		c.I64, c.F64, c.Hi, c.Off = nil, nil, nil, nil
	}
	c.I64, c.F64, c.Hi, c.Bytes, c.Valid = c.I64[:0], c.F64[:0], c.Hi[:0], c.Bytes[:0], c.Valid[:0]
	if c.Kind == KindBytes || c.Kind == KindList {
		c.Off = append(c.Off[:0], 0)
	}
	for _, ch := range c.Child {
		ch.Reset()
	}
}

// Resize gives a KindInt64, KindFloat64 or KindWide column exactly n rows of unspecified value, no NULLs.
func (c *Column) Resize(n int) {
	c.Valid = c.Valid[:0]
	switch c.Kind {
	case KindInt64:
		c.I64 = grow(c.I64, n)
	case KindFloat64:
		c.F64 = grow(c.F64, n)
	case KindWide:
		c.I64, c.Hi = grow(c.I64, n), grow(c.Hi, n)
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, n+n/4)
}

// IsNull says whether row i is NULL.
func (c *Column) IsNull(i int) bool {
	return len(c.Valid) > 0 && c.Valid[i>>6]&(1<<(i&63)) == 0
}

// HasNulls says whether the column has a validity bitmap; a bitmap may still be all ones.
func (c *Column) HasNulls() bool { return len(c.Valid) > 0 }

// BytesAt is the value of row i of a KindBytes column; it aliases the arena.
func (c *Column) BytesAt(i int) []byte { return c.Bytes[c.Off[i]:c.Off[i+1]] }

// AppendInt64 adds a row to a KindInt64 column.
func (c *Column) AppendInt64(v int64) { c.markValid(); c.I64 = append(c.I64, v) }

// AppendFloat64 adds a row to a KindFloat64 column.
func (c *Column) AppendFloat64(v float64) { c.markValid(); c.F64 = append(c.F64, v) }

// AppendWide adds a row to a KindWide column.
func (c *Column) AppendWide(hi int64, lo uint64) {
	c.markValid()
	c.I64, c.Hi = append(c.I64, int64(lo)), append(c.Hi, hi)
}

// AppendBytes adds a row to a KindBytes column; v is copied.
func (c *Column) AppendBytes(v []byte) {
	c.markValid()
	c.Bytes = append(c.Bytes, v...)
	c.Off = append(c.Off, uint32(len(c.Bytes)))
}

// AppendString adds a row to a KindBytes column.
func (c *Column) AppendString(v string) {
	c.markValid()
	c.Bytes = append(c.Bytes, v...)
	c.Off = append(c.Off, uint32(len(c.Bytes)))
}

// EndList ends the list of the next row of a KindList column at the present length of its children.
func (c *Column) EndList() {
	c.markValid()
	c.Off = append(c.Off, uint32(c.Child[0].Len()))
}

// AppendNull adds a NULL row.
func (c *Column) AppendNull() {
	n := c.Len()
	c.EnsureValid(n)
	c.setBit(n, false)
	switch c.Kind {
	case KindInt64:
		c.I64 = append(c.I64, 0)
	case KindFloat64:
		c.F64 = append(c.F64, 0)
	case KindWide:
		c.I64, c.Hi = append(c.I64, 0), append(c.Hi, 0)
	case KindBytes:
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	case KindList:
		c.Off = append(c.Off, uint32(c.Child[0].Len()))
	}
}

// Truncate cuts the column back to n rows, which undoes appends of a row that turned out to be bad.
func (c *Column) Truncate(n int) {
	switch c.Kind {
	case KindInt64:
		c.I64 = c.I64[:min(n, len(c.I64))]
	case KindFloat64:
		c.F64 = c.F64[:min(n, len(c.F64))]
	case KindWide:
		c.I64, c.Hi = c.I64[:min(n, len(c.I64))], c.Hi[:min(n, len(c.Hi))]
	case KindBytes:
		c.Off = c.Off[:min(n+1, len(c.Off))]
		c.Bytes = c.Bytes[:c.Off[len(c.Off)-1]]
	case KindList:
		c.Off = c.Off[:min(n+1, len(c.Off))]
		for _, ch := range c.Child {
			ch.Truncate(int(c.Off[len(c.Off)-1]))
		}
	}
}

// EnsureValid gives the column a bitmap in which the first n rows keep their validity, or are valid if it had none.
func (c *Column) EnsureValid(n int) {
	words := (n + 63) / 64
	if len(c.Valid) == 0 {
		c.Valid = grow(c.Valid, max(words, 1))
		for i := range c.Valid {
			c.Valid[i] = ^uint64(0)
		}
		return
	}
	for len(c.Valid) < words {
		c.Valid = append(c.Valid, ^uint64(0))
	}
}

// SetNull marks row i, which must exist or be the next, as NULL.
func (c *Column) SetNull(i int) { c.EnsureValid(i + 1); c.setBit(i, false) }

func (c *Column) setBit(i int, v bool) {
	for len(c.Valid) <= i>>6 {
		c.Valid = append(c.Valid, ^uint64(0))
	}
	if v {
		c.Valid[i>>6] |= 1 << (i & 63)
	} else {
		c.Valid[i>>6] &^= 1 << (i & 63)
	}
}

func (c *Column) markValid() {
	if len(c.Valid) > 0 {
		c.setBit(c.Len(), true)
	}
}
