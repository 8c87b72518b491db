package expr

import (
	"slices"

	"flowd/stream"
)

// Program computes one expression over batches. It owns scratch memory, which it keeps, and so belongs to one
// goroutine; in steady state it does not allocate, except in regular expressions and for row errors.
type Program struct {
	root operand
	run  run
}

// run is the state of one Eval or Filter.
type run struct {
	in   *stream.Batch
	n    int
	errs *stream.RowErrors
}

// fail reports that row i cannot be computed. Its value is NULL.
func (r *run) fail(out *stream.Column, i int, msg string) {
	r.errs.Add(i, msg)
	r.null(out, i)
}

// null makes row i of out NULL.
func (r *run) null(out *stream.Column, i int) {
	out.EnsureValid(r.n)
	out.SetNull(i)
}

// kernel computes a column. Rows outside of sel hold unspecified values of fixed size or are empty; what is at a NULL
// row is unspecified, too, so kernels look at validity before they report an error. sel nil means all rows.
type kernel interface {
	eval(r *run, sel []int32, out *stream.Column)
}

// selector is a kernel of a condition that can say which rows are TRUE without making a column. dst may overlap sel
// as Batch.SelBuf allows.
type selector interface {
	filter(r *run, sel, dst []int32) []int32
}

// operand is where a kernel takes its input from: a column of the batch, a constant or another kernel.
type operand struct {
	k    kernel
	col  int // of the batch, if k and fill are nil
	fill *constColumn
	buf  *stream.Column
}

func (o *operand) get(r *run, sel []int32) *stream.Column {
	switch {
	case o.k != nil:
		o.k.eval(r, sel, o.buf)
		return o.buf
	case o.fill != nil:
		return o.fill.rows(r.n)
	}
	return r.in.Cols[o.col]
}

// filter appends to dst the rows of sel where the operand is TRUE.
func (o *operand) filter(r *run, sel, dst []int32) []int32 {
	if s, ok := o.k.(selector); ok {
		return s.filter(r, sel, dst)
	}
	return selectTrue(o.get(r, sel), r.n, sel, dst)
}

// constColumn is a constant as a column, filled once for the largest batch.
type constColumn struct {
	c   Constant
	col *stream.Column
}

func (f *constColumn) rows(n int) *stream.Column {
	for f.col.Len() < n {
		if f.c.Null {
			f.col.AppendNull()
		} else {
			f.c.AppendTo(f.col)
		}
	}
	return f.col
}

// Compile makes a program of the expression.
func (b *Bound) Compile() *Program { return &Program{root: compile(b.root)} }

// Eval computes the expression for the selected rows of in and writes in.N rows to out, a column of the expression's
// type that the caller owns. Rows that are not selected hold zero or nothing. A row that cannot be computed is NULL
// and gets one entry in errs.
func (p *Program) Eval(in *stream.Batch, out *stream.Column, errs *stream.RowErrors) {
	r, first := p.begin(in, errs)
	if p.root.k != nil {
		p.root.k.eval(r, in.Sel, out)
	} else {
		copyColumn(out, p.root.get(r, in.Sel), r.n, in.Sel)
	}
	if bad := p.end(first); len(bad) > 0 {
		dropRows(out, r.n, bad)
	}
	finish(out, r.n, in.Sel)
}

// dropRows makes the rows that have errors NULL, and empty where values have a length.
func dropRows(out *stream.Column, n int, bad []stream.RowError) {
	out.EnsureValid(n)
	for _, e := range bad {
		out.SetNull(int(e.Row))
	}
	if out.Kind != stream.KindBytes && out.Kind != stream.KindList {
		return
	}
	clean := emptyLike(out)
	for i := range n {
		appendRow(clean, out, i)
	}
	*out = *clean
}

// emptyLike is an empty column of the type of c.
func emptyLike(c *stream.Column) *stream.Column {
	e := &stream.Column{Kind: c.Kind}
	if c.Off != nil {
		e.Off = append(e.Off, 0)
	}
	for _, ch := range c.Child {
		e.Child = append(e.Child, emptyLike(ch))
	}
	return e
}

// Filter narrows in.Sel to the rows where the expression, a condition, is TRUE. Rows that cannot be computed are
// removed as well and get one entry in errs each.
func (p *Program) Filter(in *stream.Batch, errs *stream.RowErrors) {
	r, first := p.begin(in, errs)
	dst := in.SelBuf() // may move in.Sel
	dst = p.root.filter(r, in.Sel, dst)
	if bad := p.end(first); len(bad) > 0 {
		dst = slices.DeleteFunc(dst, func(i int32) bool {
			_, found := slices.BinarySearchFunc(bad, i, func(e stream.RowError, i int32) int { return int(e.Row - i) })
			return found
		})
	}
	in.Sel = dst
}

func (p *Program) begin(in *stream.Batch, errs *stream.RowErrors) (*run, int) {
	p.run = run{in: in, n: in.N, errs: errs}
	return &p.run, len(errs.List)
}

// end brings the errors of this call in the order of rows, one each, and returns them.
func (p *Program) end(first int) []stream.RowError {
	errs := p.run.errs
	p.run.in, p.run.errs = nil, nil
	if len(errs.List) > first+1 {
		mine := errs.List[first:]
		slices.SortStableFunc(mine, func(a, b stream.RowError) int { return int(a.Row - b.Row) })
		mine = slices.CompactFunc(mine, func(a, b stream.RowError) bool { return a.Row == b.Row })
		errs.List = errs.List[:first+len(mine)]
	}
	return errs.List[first:]
}

// evalConst computes a node whose arguments are constants; msg says why it cannot be.
func evalConst(t *tnode) (c Constant, msg string) {
	p := Program{root: compile(t)}
	out := stream.NewColumn(t.t, 1)
	var errs stream.RowErrors
	p.Eval(&stream.Batch{N: 1}, out, &errs)
	if errs.Len() > 0 {
		return c, errs.List[0].Msg
	}
	return ConstantAt(t.t, out, 0), ""
}

// compile makes the kernels of t.
func compile(t *tnode) operand {
	switch t.op {
	case opConst:
		return operand{fill: &constColumn{c: t.val, col: stream.NewColumn(t.t, 0)}}
	case opColumn:
		return operand{col: t.col}
	}
	return operand{k: newKernel(t), buf: stream.NewColumn(t.t, 0)}
}

func compileAll(args []*tnode) []operand {
	out := make([]operand, len(args))
	for i, a := range args {
		out[i] = compile(a)
	}
	return out
}

// compileAs is compile with a cast in front if t is of another type.
func compileAs(t *tnode, as stream.Type) operand {
	if t.t.Same(as) {
		return compile(t)
	}
	as.NotNull = t.t.NotNull
	return compile(&tnode{op: opCast, t: as, args: []*tnode{t}, src: t.src})
}

func newKernel(t *tnode) kernel {
	switch t.op {
	case opArith:
		return newArith(t)
	case opNeg:
		return &negKernel{x: compile(t.args[0]), t: t.t, node: t}
	case opCompare:
		return newCompare(t)
	case opDistinct:
		eq := *t
		eq.op, eq.sub = opCompare, cmpEQ
		return &distinctKernel{l: compile(t.args[0]), r: compile(t.args[1]), eq: newCompare(&eq), not: t.not}
	case opAnd, opOr:
		return &logicKernel{l: compile(t.args[0]), r: compile(t.args[1]), or: t.op == opOr, lazy: canFail(t.args[1])}
	case opNot:
		return &notKernel{x: compile(t.args[0])}
	case opIs:
		return &isKernel{x: compile(t.args[0]), what: t.sub, not: t.not}
	case opIn:
		return newIn(t)
	case opLike:
		return newLike(t)
	case opCase:
		return newCase(t)
	case opCoalesce:
		return &coalesceKernel{args: compileAll(t.args)}
	case opCast:
		return &castKernel{x: compile(t.args[0]), from: t.args[0].t, to: t.t, try: t.not, node: t}
	case opConcat:
		return &concatKernel{args: compileAll(t.args), in: make([]*stream.Column, len(t.args))}
	case opTimeAdd:
		return &timeAddKernel{x: compile(t.args[0]), d: compile(t.args[1]), t: t.t, interval: t.args[1].t, minus: t.not, node: t}
	case opElement:
		return newElement(t)
	case opFunc:
		k := &funcKernel{node: t, t: t.t, args: compileAll(t.args), in: make([]*stream.Column, len(t.args))}
		t.fn.kernel(k)
		return k
	}
	panic("expr: no kernel")
}

// canFail says whether computing t can report a row error, or is so dear that rows should be chosen first.
func canFail(t *tnode) bool {
	switch t.op {
	case opConst, opColumn, opCompare, opDistinct, opAnd, opOr, opNot, opIs, opIn:
		return slices.ContainsFunc(t.args, canFail)
	}
	return true
}
