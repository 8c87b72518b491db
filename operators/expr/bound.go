package expr

import (
	"slices"

	"flowd/stream"
)

// Scope is what the names of an expression can mean.
type Scope struct {
	Schema     *stream.Schema
	Qualifiers []string            // names of inputs that may stand before a field: bids.price
	Vars       map[string]Constant // vars.name
}

// op says what a typed node computes.
type op uint8

const (
	opConst op = iota + 1
	opColumn
	opArith    // sub + - * / %: numbers of any type in, t out
	opNeg      //
	opCompare  // sub; args of one kind, see compare
	opDistinct // not: IS NOT DISTINCT FROM
	opAnd
	opOr
	opNot
	opIs // sub N T F; not
	opIn // args[0] in the others; not
	opLike
	opCase // condition, value, …, else; there always is an else
	opCoalesce
	opCast // not: TRY_CAST
	opConcat
	opTimeAdd // date, time or timestamp plus interval; not: minus
	opElement // array[index] or map[key]; sub is the leaf within an element that is a row
	opFunc    // fn
)

// tnode is a node of the typed tree. It is immutable once Bind has returned.
type tnode struct {
	op   op
	t    stream.Type
	args []*tnode
	col  int
	val  Constant
	sub  int
	not  bool
	unit string
	fn   *function
	src  *node // where it comes from, for the text of row errors
}

// Bound is an expression with types over a schema. It is immutable.
type Bound struct {
	expr     *Expr
	root     *tnode
	warnings []*Error
}

var noFields = stream.NewSchema()

// Bind gives the expression types. It returns every error there is, in the order of the text; the Bound is nil if
// there is one. Constant parts are computed.
func (e *Expr) Bind(s *Scope) (*Bound, []*Error) {
	b := binder{scope: s}
	if s.Schema == nil { // constants need none
		b.scope = &Scope{Schema: noFields, Qualifiers: s.Qualifiers, Vars: s.Vars}
	}
	root := b.bind(e.root)
	if root != nil && root.t.ID == stream.Null {
		b.fail(e.root, CodeType, "write CAST(NULL AS string), with the type you mean", "NULL alone has no type")
	}
	if len(b.errs) > 0 {
		slices.SortStableFunc(b.errs, func(x, y *Error) int { return x.Off - y.Off })
		return nil, b.errs
	}
	return &Bound{expr: e, root: root, warnings: b.warnings}, nil
}

// Type is the type of the value, NOT NULL where it cannot be NULL.
func (b *Bound) Type() stream.Type { return b.root.t }

// String is the canonical form of the expression.
func (b *Bound) String() string { return b.expr.String() }

// Warnings is what is allowed and hardly meant.
func (b *Bound) Warnings() []*Error { return b.warnings }

// Expr is the expression that was bound.
func (b *Bound) Expr() *Expr { return b.expr }

// Columns lists the positions of the schema's columns that the expression reads, ascending, each once.
func (b *Bound) Columns() []int {
	var cols []int
	b.root.walk(func(n *tnode) {
		if n.op == opColumn {
			cols = append(cols, n.col)
		}
	})
	slices.Sort(cols)
	return slices.Compact(cols)
}

// Column says whether the expression is nothing but a column, and which.
func (b *Bound) Column() (int, bool) { return b.root.col, b.root.op == opColumn }

// Const is the value of a constant expression.
func (b *Bound) Const() (Constant, bool) { return b.root.val, b.root.op == opConst }

// Remap is the expression over a batch whose columns stand elsewhere: column i is now at newPos(i).
func (b *Bound) Remap(newPos func(int) int) *Bound {
	return &Bound{expr: b.expr, root: b.root.remap(newPos)}
}

func (n *tnode) walk(f func(*tnode)) {
	f(n)
	for _, a := range n.args {
		a.walk(f)
	}
}

func (n *tnode) remap(newPos func(int) int) *tnode {
	c := *n
	if n.op == opColumn {
		c.col = newPos(n.col)
	}
	c.args = make([]*tnode, len(n.args))
	for i, a := range n.args {
		c.args[i] = a.remap(newPos)
	}
	return &c
}

func (n *tnode) isConst() bool { return n.op == opConst }

// text is the source of n for messages, shortened.
func (n *tnode) text() string {
	if n.src == nil {
		return ""
	}
	return shorten((&Expr{root: n.src}).String())
}
