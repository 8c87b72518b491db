package format

import (
	"strings"
	"sync/atomic"

	"flowd/operators"
	"flowd/stream"
)

// program is how to write the rows of one schema: a list of instructions that is run for each row. It is immutable.
type program struct {
	schema *stream.Schema
	code   []instr
	tail   []byte
}

// instr writes literal bytes and a value.
type instr struct {
	lit  []byte // what stands before the value: {"a": or ,"b":{"c":
	op   op     // opRow: a nested row that may be NULL as a whole
	col  int
	typ  *valueType
	cols []int // opRow: its leaves
	skip int   // opRow: the instruction after it
}

// valueType is what writing a value of an array, map or leaf needs.
type valueType struct {
	op    op
	prec  int // of a timestamp or time; scale of a decimal
	elem  *valueType
	row   *program   // of an array or map of rows: over the leaf columns of the row
	null  bool       // an element may be NULL
	first int        // of an array or map: the child where its values begin
	key   *valueType // of a map
}

// newProgram makes the program of a schema.
func newProgram(s *stream.Schema) *program {
	root := &outNode{}
	for i, c := range s.Columns {
		root.add(c.Name, i, c.Type)
	}
	p := &program{schema: s}
	p.object(root, nil)
	return p
}

// outNode is a value to write or, with fields, a nested row.
type outNode struct {
	name   string
	col    int
	typ    stream.Type
	fields []*outNode
}

// add puts the column called by a dotted name into the tree. Where a name is both a value and a row, the dots stay in it.
func (n *outNode) add(name string, col int, t stream.Type) {
	at := n
	rest := name
	for {
		head, tail, dotted := strings.Cut(rest, ".")
		child := at.field(head)
		switch {
		case !dotted && child == nil:
			at.fields = append(at.fields, &outNode{name: head, col: col, typ: t})
			return
		case !dotted || child != nil && child.fields == nil:
			n.fields = append(n.fields, &outNode{name: name, col: col, typ: t})
			return
		case child == nil:
			child = &outNode{name: head}
			at.fields = append(at.fields, child)
		}
		at, rest = child, tail
	}
}

func (n *outNode) field(name string) *outNode {
	for _, f := range n.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

// leaves are the columns of n; nullable says that all of them may be NULL.
func (n *outNode) leaves(cols []int) (out []int, nullable bool) {
	if n.fields == nil {
		return append(cols, n.col), !n.typ.NotNull
	}
	nullable = true
	for _, f := range n.fields {
		var one bool
		cols, one = f.leaves(cols)
		nullable = nullable && one
	}
	return cols, nullable
}

// object adds the instructions for the fields of n. lit is what has to be written before it; what is left over after
// the last value becomes p.tail.
func (p *program) object(n *outNode, lit []byte) {
	p.tail = append(lit, '{')
	for i, f := range n.fields {
		lit := p.tail
		if i > 0 {
			lit = append(lit, ',')
		}
		lit = append(appendQuoted(lit, []byte(f.name)), ':')
		if f.fields == nil {
			p.code = append(p.code, instr{lit: lit, op: newValueType(f.typ).op, col: f.col, typ: newValueType(f.typ)})
			p.tail = nil
			continue
		}
		cols, nullable := f.leaves(nil)
		if !nullable {
			p.object(f, lit)
			continue
		}
		at := len(p.code)
		p.code = append(p.code, instr{lit: lit, op: opRow, cols: cols})
		p.object(f, nil)
		// The braces that close a row belong to it, as it is left out when it is NULL.
		p.code = append(p.code, instr{lit: p.tail, op: opSkip})
		p.tail = nil
		p.code[at].skip = len(p.code)
	}
	p.tail = append(p.tail, '}')
}

func newValueType(t stream.Type) *valueType {
	v := &valueType{prec: int(t.Precision)}
	switch t.ID {
	case stream.Array, stream.Map:
		v.op = opArray
		if t.ID == stream.Map {
			v.op, v.first, v.key = opMap, 1, newValueType(*t.Key)
		}
		if t.Elem.ID == stream.Row {
			v.row = newProgram(stream.NewSchema(rowLeaves(nil, "", t.Elem.Fields, t.Elem.NotNull)...))
			v.null = !t.Elem.NotNull
		} else {
			v.elem = newValueType(*t.Elem)
		}
	case stream.Null:
		v.op = opNullRow
	case stream.IntervalDay, stream.IntervalMonth:
		v.op = opInt
	case stream.Decimal:
		v.op, v.prec = newValue(t, "", 0).op, int(t.Scale)
	default:
		v.op = newValue(t, "", 0).op
	}
	return v
}

// rowLeaves are the leaf columns of a row within a list, nullable where the row or the field is.
func rowLeaves(cols []stream.ColumnDef, prefix string, fields []stream.Field, required bool) []stream.ColumnDef {
	for _, f := range fields {
		t := f.Type
		t.NotNull = required && t.NotNull
		if t.ID == stream.Row {
			cols = rowLeaves(cols, prefix+f.Name+".", t.Fields, t.NotNull)
			continue
		}
		cols = append(cols, stream.ColumnDef{Name: prefix + f.Name, Type: t})
	}
	return cols
}

type jsonEncoder struct {
	program *program
	day     dayText
}

var _ operators.Encoder = (*jsonEncoder)(nil)

// Encode implements operators.Encoder. Every row of a supported schema can be written, so it adds nothing to errs.
func (e *jsonEncoder) Encode(dst []byte, ends []uint32, b *stream.Batch, _ *stream.RowErrors) ([]byte, []uint32) {
	if b.Sel != nil {
		for _, row := range b.Sel {
			dst = e.program.append(dst, b.Cols, int(row), &e.day)
			ends = append(ends, uint32(len(dst)))
		}
		return dst, ends
	}
	for row := range b.N {
		dst = e.program.append(dst, b.Cols, row, &e.day)
		ends = append(ends, uint32(len(dst)))
	}
	return dst, ends
}

// lastProgram is the program AppendJSONRow used last: callers write many rows of one schema.
var lastProgram atomic.Pointer[program]

// AppendJSONRow appends row row of b, selected or not, as a JSON object, in the form that format json writes. It serves
// error rows, standard output and results, so it takes also columns that no record can hold: intervals as
// whole numbers (µs, months) and an untyped NULL. It may be called from any goroutine.
func AppendJSONRow(dst []byte, b *stream.Batch, row int) []byte {
	p := lastProgram.Load()
	if p == nil || p.schema != b.Schema {
		p = newProgram(b.Schema)
		lastProgram.Store(p)
	}
	var day dayText
	return p.append(dst, b.Cols, row, &day)
}
