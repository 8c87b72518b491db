package format

import (
	"math"
	"math/bits"
	"unsafe"

	"flowd/stream"
)

// op says how a value is read or written.
type op uint8

const (
	opSkip op = iota
	opBool
	opTiny // tinyint and smallint: integers only
	opInt  // int and bigint: a fraction is cut off
	opFloat
	opDouble
	opDecimal
	opWide
	opString
	opBytes
	opDate
	opTime
	opTimestamp
	opLocalTimestamp
	opArray
	opMap
	opRow
	opNullRow // in shapes: null where a nested row is wanted; in writing: NULL without a type
)

// node is one wanted value of a record, or a row on the way to some. It is immutable and shared by decoders.
type node struct {
	op       op
	t        stream.Type
	path     string   // for messages: bid.price, tags[], attrs{}
	col      int      // of a value: position in its frame
	lead     int      // the column by which one sees whether it has been read: an object fills all of its leaves at its end
	min, max int64    // of integers
	fields   []*node  // of a row
	leaves   []*node  // of a row: the values in it at any depth, in the order of their columns; of a value: itself
	keys     keyTable // of a row
	elem     *node    // of an array or map: its value
}

// plan is what a decoder reads: the tree of wanted values over a frame of columns.
//
// A frame is a set of columns that get one row together: those of the batch, or the children of an array or map.
type plan struct {
	root *node
	want *stream.Schema
}

func newPlan(declared []stream.Field, want *stream.Schema) *plan {
	root := &node{op: opRow, t: stream.Type{ID: stream.Row, NotNull: true}}
	root.addFields(declared, "", "", func(name string, t stream.Type) (int, stream.Type) {
		i := want.Index(name)
		if i >= 0 {
			t = want.Columns[i].Type
		}
		return i, t
	})
	return &plan{root: root, want: want}
}

// addFields adds the wanted ones of fields to row n. column says where a leaf goes, −1: nowhere.
func (n *node) addFields(fields []stream.Field, name, path string, column func(string, stream.Type) (int, stream.Type)) {
	var names []string
	for _, f := range fields {
		var child *node
		if f.Type.ID == stream.Row {
			child = &node{op: opRow, t: f.Type, path: path + f.Name}
			child.t.NotNull = n.t.NotNull && f.Type.NotNull
			child.addFields(f.Type.Fields, name+f.Name+".", child.path+".", column)
			if len(child.fields) == 0 {
				continue
			}
			child.lead = child.leaves[0].col
			n.leaves = append(n.leaves, child.leaves...)
		} else {
			col, t := column(name+f.Name, f.Type)
			if col < 0 {
				continue
			}
			t.NotNull = n.t.NotNull && f.Type.NotNull
			child = newValue(t, path+f.Name, col)
			n.leaves = append(n.leaves, child)
		}
		n.fields = append(n.fields, child)
		names = append(names, f.Name)
	}
	n.keys.build(names, n.fields)
}

func newValue(t stream.Type, path string, col int) *node {
	n := &node{t: t, path: path, col: col, lead: col, min: math.MinInt64, max: math.MaxInt64}
	n.leaves = []*node{n}
	limit := func(size int) { n.min, n.max = -1<<(size-1), 1<<(size-1)-1 }
	switch t.ID {
	case stream.Boolean:
		n.op = opBool
	case stream.TinyInt:
		n.op = opTiny
		limit(8)
	case stream.SmallInt:
		n.op = opTiny
		limit(16)
	case stream.Int:
		n.op = opInt
		limit(32)
	case stream.BigInt:
		n.op = opInt
	case stream.Float:
		n.op = opFloat
	case stream.Double:
		n.op = opDouble
	case stream.Decimal:
		n.op = opDecimal
		if t.Kind() == stream.KindWide {
			n.op = opWide
		}
	case stream.String:
		n.op = opString
	case stream.Bytes:
		n.op = opBytes
	case stream.Date:
		n.op = opDate
	case stream.Time:
		n.op = opTime
	case stream.Timestamp:
		n.op = opTimestamp
	case stream.TimestampLTZ:
		n.op = opLocalTimestamp
	case stream.Array:
		n.op = opArray
		n.elem = newElem(*t.Elem, path+"[]", 0)
	case stream.Map:
		n.op = opMap
		n.elem = newElem(*t.Elem, path+"{}", 1)
	}
	return n
}

// newElem makes the value of an array or map, whose columns begin at position first of the frame.
func newElem(t stream.Type, path string, first int) *node {
	if t.ID != stream.Row {
		return newValue(t, path, first)
	}
	n := &node{op: opRow, t: t, path: path}
	next := first
	n.addFields(t.Fields, "", path+".", func(_ string, ft stream.Type) (int, stream.Type) {
		next++
		return next - 1, ft
	})
	return n
}

// required says whether the value may not be NULL. A row is its leaves: it may be NULL if all of them may.
func (n *node) required() bool {
	for _, leaf := range n.leaves {
		if leaf.t.NotNull {
			return true
		}
	}
	return false
}

// keyTable finds a field by its key: by length and first eight bytes, then the rest.
type keyTable struct {
	shift uint8
	slots []keySlot // open addressing, at least three quarters of them free
}

type keySlot struct {
	head  uint64 // first eight bytes, zero-filled
	name  string
	field *node // nil: free
}

func keyHash(head uint64, n int) uint64 { return (head ^ uint64(n)<<56) * 0x9E3779B97F4A7C15 }

func (t *keyTable) build(names []string, fields []*node) {
	size := 8
	for size < 4*len(names) {
		size *= 2
	}
	t.shift = uint8(64 - bits.Len(uint(size-1)))
	t.slots = make([]keySlot, size)
	for i, name := range names {
		head := headOf([]byte(name))
		j := keyHash(head, len(name)) >> t.shift
		for t.slots[j].field != nil {
			j = (j + 1) & uint64(size-1)
		}
		t.slots[j] = keySlot{head, name, fields[i]}
	}
}

func headOf(key []byte) uint64 {
	var w [8]byte
	copy(w[:], key)
	return load(unsafe.Pointer(&w), 0)
}

// find is the field of that key, nil if nobody wants it. head is its first eight bytes, zero-filled.
func (t *keyTable) find(head uint64, key []byte) *node {
	for j := keyHash(head, len(key)) >> t.shift; ; j = (j + 1) & uint64(len(t.slots)-1) {
		s := &t.slots[j]
		if s.field == nil || s.head == head && len(s.name) == len(key) && (len(key) <= 8 || s.name[8:] == string(key[8:])) {
			return s.field
		}
	}
}
