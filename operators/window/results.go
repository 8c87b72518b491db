package window

import (
	"flowd/operators/expr"
	"flowd/state"
	"flowd/state/hashmap"
	"flowd/stream"
)

// results turns windows into batches. Results of several windows that fire together share batches.
type results struct {
	o        *operator
	pool     *stream.Pool
	batch    *stream.Batch // being built; nil if none
	having   *expr.Program
	errs     stream.RowErrors // of rows of batch
	rejecter stream.Rejecter
	rejected stream.Stats // its counts, which are not of input rows

	start, end int64
	ids        []uint32
	key        state.Column

	// With top over aggregated rows: the columns that having and top read, of a chunk of rows at a time.
	chunk   *stream.Batch
	needed  []bool
	failed  stream.RowErrors // of rows of chunk
	ranking *ranking
}

func (r *results) open(o *operator) {
	r.o, r.pool = o, o.ctx.NewPool(o.cfg.Out)
	own := *o.ctx
	own.Stats = &r.rejected
	r.rejecter.Open(&own)
	if o.cfg.Having != nil {
		r.having = o.cfg.Having.Compile()
	}
	if o.cfg.Top == nil || o.cfg.ranks() {
		return
	}
	r.ranking = newRanking(newRankPlan(o.cfg.Top, o.cfg.Out, false, o.ctx.BatchRows))
	r.chunk = &stream.Batch{Schema: o.cfg.Out}
	r.needed = make([]bool, len(o.cfg.Out.Columns))
	for _, c := range o.cfg.Out.Columns {
		r.chunk.Cols = append(r.chunk.Cols, stream.NewColumn(c.Type, o.ctx.BatchRows))
	}
	need := func(cols []int) {
		for _, c := range cols {
			r.needed[c] = true
		}
	}
	need(o.cfg.Top.Per)
	for _, by := range o.cfg.Top.By {
		need(by.Expr.Columns())
	}
	if o.cfg.Having != nil {
		need(o.cfg.Having.Columns())
	}
}

// window says which window the next results are of.
func (r *results) window(start, end int64) { r.start, r.end = start, end }

// table emits the rows of an aggregated window.
func (r *results) table(t *hashmap.Table, out stream.Output) error {
	if r.ranking != nil {
		return r.top(t, out)
	}
	for row := 0; row < t.Len(); {
		b, err := r.room(out)
		if err != nil {
			return err
		}
		n := min(b.Free(), t.Len()-row)
		r.ids = r.ids[:0]
		for i := range n {
			r.ids = append(r.ids, uint32(row+i))
		}
		r.fill(b, t, r.ids)
		row += n
	}
	return nil
}

// top emits the first rows of an aggregated window. Only the columns that decide are computed for all of its rows.
func (r *results) top(t *hashmap.Table, out stream.Output) error {
	r.ranking.reset()
	size := r.o.ctx.BatchRows
	for row := 0; row < t.Len(); row += size {
		n := min(size, t.Len()-row)
		r.ids = r.ids[:0]
		for i := range n {
			r.ids = append(r.ids, uint32(row+i))
		}
		b := r.chunk
		b.N, b.Sel = n, nil
		for i, c := range b.Cols {
			if r.needed[i] {
				c.Reset()
				r.column(i, t, r.ids, c, &r.failed)
			}
		}
		r.failed.Unselect(b)
		known := r.failed.Len()
		if r.having != nil {
			r.having.Filter(b, &r.failed)
		}
		r.ranking.plan.eval(b, &r.failed)
		if r.failed.Len() > known {
			r.failed.Unselect(b)
			r.date(&r.failed, known)
		}
		r.ranking.offer(n, b.Sel, int64(row))
		if err := r.reject(&r.failed, out); err != nil {
			return err
		}
	}
	for best := r.ranking.best(); len(best) > 0; {
		b, err := r.room(out)
		if err != nil {
			return err
		}
		n := min(b.Free(), len(best))
		r.ids = r.ids[:0]
		for _, i := range best[:n] {
			r.ids = append(r.ids, uint32(r.ranking.seq[i]))
		}
		r.fill(b, t, r.ids)
		best = best[n:]
	}
	return nil
}

// ranked emits the first rows of a window that ranks input rows.
func (r *results) ranked(k *ranking, out stream.Output) error {
	for best := k.best(); len(best) > 0; {
		b, err := r.room(out)
		if err != nil {
			return err
		}
		n := min(b.Free(), len(best))
		for i := range k.plan.kept {
			appendRows(b.Cols[i], k.cols[i], best[:n])
		}
		r.bounds(b, n)
		best = best[n:]
	}
	return nil
}

// room is a batch with room for a row.
func (r *results) room(out stream.Output) (*stream.Batch, error) {
	if r.batch != nil && r.batch.Free() == 0 {
		if err := r.flush(out); err != nil {
			return nil, err
		}
	}
	if r.batch == nil {
		b, err := r.pool.Get(r.o.ctx.Ctx)
		if err != nil {
			return nil, err
		}
		r.batch = b
	}
	return r.batch, nil
}

// fill appends the given rows of t to b.
func (r *results) fill(b *stream.Batch, t *hashmap.Table, rows []uint32) {
	for i := range len(b.Cols) - 2 {
		r.column(i, t, rows, b.Cols[i], &r.errs)
	}
	r.bounds(b, len(rows))
}

// column appends output column i of the given rows to c.
func (r *results) column(i int, t *hashmap.Table, rows []uint32, c *stream.Column, errs *stream.RowErrors) {
	keys := len(r.o.cfg.Keys)
	switch {
	case i < keys:
		setKey(&r.key, c)
		t.ReadKey(i, rows, &r.key)
		c.I64, c.Hi, c.F64, c.Off, c.Bytes, c.Valid = r.key.I64, r.key.Hi, r.key.F64, r.key.Off, r.key.Bytes, r.key.Valid
	case i < keys+len(r.o.cfg.Aggs):
		known := errs.Len()
		r.o.cfg.Aggs[i-keys].Spec.Emit(t.Lanes(), r.o.at[i-keys], rows, c, errs)
		r.date(errs, known)
	default:
		ms := r.start
		if i == len(r.o.cfg.Out.Columns)-1 {
			ms = r.end
		}
		for range rows {
			c.AppendInt64(ms * 1000)
		}
	}
}

// date gives the errors from number n on the event time of the window.
func (r *results) date(errs *stream.RowErrors, n int) {
	for i := n; i < errs.Len(); i++ {
		errs.List[i].Time = r.end - 1
	}
}

// bounds appends window_start, window_end and event time of n rows to b, and counts them.
func (r *results) bounds(b *stream.Batch, n int) {
	start, end := b.Cols[len(b.Cols)-2], b.Cols[len(b.Cols)-1]
	for range n {
		start.AppendInt64(r.start * 1000)
		end.AppendInt64(r.end * 1000)
		b.AppendTime(r.end - 1)
	}
	b.N += n
}

// flush emits what has been built.
func (r *results) flush(out stream.Output) error {
	b := r.batch
	if b == nil {
		return nil
	}
	r.batch = nil
	r.errs.Unselect(b)
	if r.having != nil && r.ranking == nil {
		known := r.errs.Len()
		r.having.Filter(b, &r.errs)
		for i := range r.errs.List[known:] {
			e := &r.errs.List[known+i]
			e.Time = b.Time[e.Row]
		}
	}
	if err := r.reject(&r.errs, out); err != nil {
		b.Release()
		return err
	}
	n := b.Rows()
	if n == 0 {
		b.Release()
		return nil
	}
	return out.Emit(stream.PortMain, b)
}

// reject deals with the errors of result rows. They are counted apart: the rows behind them have been absorbed.
func (r *results) reject(errs *stream.RowErrors, out stream.Output) error {
	if errs.Len() == 0 {
		return nil
	}
	once(errs)
	r.o.ctx.Stats.ResultErrors.Add(int64(errs.Len()))
	return r.rejecter.Reject(errs, out)
}
