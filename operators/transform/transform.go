// Package transform is the stateless part of a step: where, select, add and drop, and the event time of a source.
// It computes columns and narrows selections; it keeps nothing between batches.
package transform

import (
	"flowd/operators/expr"
	"flowd/operators/format"
	"flowd/stream"
)

// Config says what a transform does: rows for which Where is not TRUE go, then the columns are made.
type Config struct {
	In, Out *stream.Schema
	Where   *expr.Bound // over In; nil: all rows pass
	Columns []Column    // one for each column of Out; nil: the columns stay as they are
}

// Column is a column of the output: one of the input, or an expression over it.
type Column struct {
	From int // column of the input, −1 for an expression
	Expr *expr.Bound
}

// New checks nothing: the plan has. The function it returns makes one instance.
func New(cfg Config) func() stream.Operator {
	return func() stream.Operator { return &operator{cfg: cfg} }
}

type operator struct {
	cfg    Config
	stats  *stream.Stats
	ctx    *stream.Context
	where  *expr.Program
	exprs  []computed
	pool   *stream.Pool // of the computed columns only; nil if there are none
	errs   stream.RowErrors
	reject stream.Rejecter
}

// computed is an output column that has to be calculated: column own of the pool's batches becomes column to.
type computed struct {
	program *expr.Program
	to      int
}

var _ stream.Operator = (*operator)(nil)

func (o *operator) Open(c *stream.Context) error {
	o.ctx, o.stats = c, c.Stats
	o.reject.Open(c)
	if o.cfg.Where != nil {
		o.where = o.cfg.Where.Compile()
	}
	var own []stream.ColumnDef
	for i, col := range o.cfg.Columns {
		if col.Expr != nil {
			o.exprs = append(o.exprs, computed{col.Expr.Compile(), i})
			own = append(own, o.cfg.Out.Columns[i])
		}
	}
	if len(own) > 0 {
		o.pool = c.NewPool(stream.NewSchema(own...))
	}
	return nil
}

func (o *operator) Process(_ int, b *stream.Batch, out stream.Output) error {
	before := b.Rows()
	if o.where != nil {
		o.where.Filter(b, &o.errs)
		bad := o.errs.Len()
		if err := o.rejectRows(b, out); err != nil {
			b.Release()
			return err
		}
		o.stats.Filtered.Add(int64(before - bad - b.Rows()))
	}
	if b.Rows() == 0 {
		b.Release()
		return nil
	}
	if o.cfg.Columns != nil {
		var err error
		if b, err = o.project(b, out); err != nil {
			return err
		}
		if b.Rows() == 0 {
			b.Release()
			return nil
		}
	}
	o.stats.Passed.Add(int64(b.Rows()))
	return out.Emit(stream.PortMain, b)
}

// project makes the output batch from in, which it ends. Columns of the input are not copied.
func (o *operator) project(in *stream.Batch, out stream.Output) (*stream.Batch, error) {
	var b *stream.Batch
	if o.pool != nil {
		var err error
		if b, err = o.pool.Get(o.ctx.Ctx); err != nil {
			in.Release()
			return nil, err
		}
	} else {
		b = stream.NewHeader(o.cfg.Out)
	}
	var own [16]*stream.Column
	made := append(own[:0], b.Cols...)
	for i := range o.exprs {
		o.exprs[i].program.Eval(in, made[i], &o.errs)
		o.errs.Unselect(in)
		if err := o.rejectRows(in, out); err != nil {
			in.Release()
			b.Release()
			return nil, err
		}
	}
	b.Schema = o.cfg.Out
	b.Cols = b.Cols[:0]
	for _, col := range o.cfg.Columns {
		if col.Expr != nil {
			b.Cols = append(b.Cols, made[0])
			made = made[1:]
			continue
		}
		b.Cols = append(b.Cols, in.Cols[col.From])
	}
	b.Hold(in)
	b.N, b.Time, b.Kinds = in.N, in.Time, in.Kinds
	if in.Sel != nil {
		b.Sel = append(b.SelBuf(), in.Sel...)
	}
	in.Release()
	return b, nil
}

// rejectRows passes on what errs holds, each with its row as JSON.
func (o *operator) rejectRows(b *stream.Batch, out stream.Output) error {
	if o.errs.Len() == 0 {
		return nil
	}
	for i := range o.errs.List {
		e := &o.errs.List[i]
		e.Raw = format.AppendJSONRow(nil, b, int(e.Row))
		if b.Time != nil {
			e.Time = b.Time[e.Row]
		}
	}
	return o.reject.Reject(&o.errs, out)
}

func (o *operator) OnWatermark(int64, stream.Output) error { return nil }

func (o *operator) Close() error { return nil }
