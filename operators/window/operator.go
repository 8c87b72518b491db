package window

import (
	"fmt"
	"slices"

	"flowd/operators/expr"
	"flowd/state"
	"flowd/state/hashmap"
	"flowd/stream"
)

// operator aggregates or ranks per window. A row changes the state of one slice; windows are put together from
// slices when the watermark passes their end.
type operator struct {
	cfg   Config
	ctx   *stream.Context
	grain int64

	watermark int64
	slices    []*slice // open ones, by start
	free      []*slice
	layout    state.Layout
	at        []int // first lane of each aggregate

	keySchema *stream.Schema
	keyProgs  []*expr.Program // nil: a column of the input
	argProgs  []*expr.Program
	argAt     []int // columns of the input, −1 for a program
	keyCols   []*stream.Column
	keyVals   []state.Column
	keyOrder  []int // 0, 1, …: the positions of keySchema
	argCols   []*stream.Column
	hash      []uint64
	rows      []uint32
	errs      stream.RowErrors
	rejecter  stream.Rejecter

	ranks   *rankPlan // when ranking input rows
	arrived int64

	split   splitter
	lateSel []int32

	merged  *slice
	tags    []uint32
	blocks  blocks
	results results

	bytes     int64 // of slices, free ones too
	stateRows int64
}

// slice is the state of the rows of one slice of event time.
type slice struct {
	start int64
	table *hashmap.Table // when aggregating
	rank  *ranking       // when ranking input rows
	bytes int64          // as last added to operator.bytes
	rows  int            // as last added to operator.stateRows
}

func (s *slice) size() int64 {
	if s.table != nil {
		return s.table.Size()
	}
	return s.rank.size()
}

func (s *slice) len() int {
	if s.table != nil {
		return s.table.Len()
	}
	return s.rank.len()
}

func (s *slice) reset() {
	if s.table != nil {
		s.table.Reset()
		return
	}
	s.rank.reset()
}

var _ stream.Operator = (*operator)(nil)

// Open implements stream.Operator.
func (o *operator) Open(c *stream.Context) error {
	if err := o.cfg.check(); err != nil {
		return stream.Permanent(err)
	}
	o.ctx, o.watermark = c, stream.MinWatermark
	o.cfg.Assigner = o.cfg.normal()
	o.grain = o.cfg.Grain()
	o.split.grain, o.split.offset = o.grain, o.cfg.Offset
	o.rejecter.Open(c)
	o.openKeys()
	for _, a := range o.cfg.Aggs {
		o.at = append(o.at, o.layout.KeyLanes()+len(o.layout.Init))
		for _, ref := range a.Spec.Refs() {
			o.layout.Refs = append(o.layout.Refs, len(o.layout.Init)+ref)
		}
		o.layout.Init = append(o.layout.Init, a.Spec.Init()...)
		o.openArg(a)
	}
	if o.cfg.ranks() {
		o.ranks = newRankPlan(o.cfg.Top, o.cfg.In, true, c.BatchRows)
	}
	o.merged = o.newSlice()
	o.blocks = blocks{o: o, made: make(map[blockID]*slice)}
	o.results.open(o)
	return nil
}

// openKeys prepares the group columns: which are columns of the input, and how the table holds them.
func (o *operator) openKeys() {
	defs := make([]stream.ColumnDef, len(o.cfg.Keys))
	o.keyProgs = make([]*expr.Program, len(defs))
	o.keyCols = make([]*stream.Column, len(defs))
	o.keyVals = make([]state.Column, len(defs))
	for i, c := range o.cfg.Keys {
		o.keyOrder = append(o.keyOrder, i)
		if c >= 0 {
			defs[i] = o.cfg.In.Columns[c]
		} else {
			e := o.cfg.KeyExprs[i]
			defs[i] = stream.ColumnDef{Name: e.String(), Type: e.Type()}
			o.keyProgs[i] = e.Compile()
			o.keyCols[i] = stream.NewColumn(e.Type(), o.ctx.BatchRows)
		}
		t := defs[i].Type
		o.layout.Keys = append(o.layout.Keys, state.KeyType{Kind: keyKind(t), Nullable: !t.NotNull})
		o.keyVals[i].Kind = keyKind(t)
	}
	o.keySchema = stream.NewSchema(defs...)
}

func keyKind(t stream.Type) state.Kind {
	switch t.Kind() {
	case stream.KindFloat64:
		return state.Float64
	case stream.KindWide:
		return state.Wide
	case stream.KindBytes:
		return state.Bytes
	}
	return state.Int64
}

func (o *operator) openArg(a Agg) {
	at, prog, col := -1, (*expr.Program)(nil), (*stream.Column)(nil)
	if a.Spec.NeedsArg() {
		if c, ok := a.Arg.Column(); ok {
			at = c
		} else {
			prog, col = a.Arg.Compile(), stream.NewColumn(a.Arg.Type(), o.ctx.BatchRows)
		}
	}
	o.argAt, o.argProgs, o.argCols = append(o.argAt, at), append(o.argProgs, prog), append(o.argCols, col)
}

// Close implements stream.Operator.
func (o *operator) Close() error {
	if b := o.results.batch; b != nil { // after an error
		o.results.batch = nil
		b.Release()
	}
	return nil
}

// Process implements stream.Operator.
func (o *operator) Process(_ int, b *stream.Batch, out stream.Output) error {
	err := o.process(b, out)
	b.Release()
	if err != nil {
		return err
	}
	return o.account()
}

func (o *operator) process(b *stream.Batch, out stream.Output) error {
	if err := o.evaluate(b, out); err != nil {
		return err
	}
	parts, bad := o.split.split(b)
	if bad {
		if err := o.rejectTimes(b, out); err != nil {
			return err
		}
		parts, _ = o.split.split(b)
	}
	hash := o.hashes(b)
	absorbed := 0
	o.lateSel = o.lateSel[:0]
	for _, p := range parts {
		if closed(o.cfg.lastEnd(p.start), o.watermark) {
			o.late(b, p)
			continue
		}
		o.absorb(b, p, hash)
		absorbed += p.rows(b)
	}
	o.arrived += int64(b.N)
	o.ctx.Stats.Absorbed.Add(int64(absorbed))
	return o.emitLate(b, out)
}

// absorb adds rows of b to their slice.
func (o *operator) absorb(b *stream.Batch, p part, hash []uint64) {
	s := o.slice(p.start)
	if s.rank != nil {
		s.rank.offer(b.N, p.sel, o.arrived)
	} else {
		o.rows = s.table.Upsert(hash, o.keyVals, p.sel, o.rows)
		lanes := s.table.Lanes()
		for i := range o.cfg.Aggs {
			o.cfg.Aggs[i].Spec.Update(lanes, o.at[i], o.rows, o.argCols[i], p.sel)
		}
	}
	if p.start <= o.watermark { // it has been in windows that fired
		o.blocks.drop(o.number(p.start))
	}
	o.settle(s)
}

// evaluate computes keys and arguments. Rows where that fails are rejected.
func (o *operator) evaluate(b *stream.Batch, out stream.Output) error {
	for i, c := range o.cfg.Keys {
		if p := o.keyProgs[i]; p != nil {
			p.Eval(b, o.keyCols[i], &o.errs)
		} else {
			o.keyCols[i] = b.Cols[c]
		}
		setKey(&o.keyVals[i], o.keyCols[i])
	}
	for i, p := range o.argProgs {
		if p != nil {
			p.Eval(b, o.argCols[i], &o.errs)
		} else if o.argAt[i] >= 0 {
			o.argCols[i] = b.Cols[o.argAt[i]]
		}
	}
	if o.ranks != nil {
		o.ranks.eval(b, &o.errs)
	}
	if o.errs.Len() == 0 {
		return nil
	}
	return o.reject(b, out)
}

// reject takes the rows of o.errs out of b and deals with them.
func (o *operator) reject(b *stream.Batch, out stream.Output) error {
	once(&o.errs)
	for i := range o.errs.List {
		if e := &o.errs.List[i]; b.Time != nil {
			e.Time = b.Time[e.Row]
		}
	}
	o.errs.Unselect(b)
	return o.rejecter.Reject(&o.errs, out)
}

// once leaves the first error of each row.
func once(errs *stream.RowErrors) {
	slices.SortStableFunc(errs.List, func(x, y stream.RowError) int { return int(x.Row) - int(y.Row) })
	errs.List = slices.CompactFunc(errs.List, func(x, y stream.RowError) bool { return x.Row == y.Row })
}

// rejectTimes rejects the rows whose windows have no bounds that a timestamp can hold.
func (o *operator) rejectTimes(b *stream.Batch, out stream.Output) error {
	for j := range b.Rows() {
		i := j
		if b.Sel != nil {
			i = int(b.Sel[j])
		}
		if t := b.Time[i]; !usable(t) {
			o.errs.Add(i, fmt.Sprintf("event time %d ms is too far from 1970 for a window", t))
		}
	}
	return o.reject(b, out)
}

func setKey(k *state.Column, c *stream.Column) {
	k.I64, k.Hi, k.F64, k.Off, k.Bytes, k.Valid = c.I64, c.Hi, c.F64, c.Off, c.Bytes, c.Valid
}

// hashes is the hash of the key of each selected row of b. Without keys its length is all that counts.
func (o *operator) hashes(b *stream.Batch) []uint64 {
	if o.cfg.Hashed && b.Hash != nil {
		return b.Hash[:b.N]
	}
	o.hash = slices.Grow(o.hash[:0], b.N)[:b.N]
	if len(o.cfg.Keys) > 0 {
		keys := stream.NewHeader(o.keySchema)
		keys.N, keys.Sel = b.N, b.Sel
		keys.Cols = append(keys.Cols[:0], o.keyCols...)
		stream.HashRows(o.hash, keys, o.keyOrder, o.ctx.HashSeed)
		keys.Release()
	}
	return o.hash
}

func (o *operator) late(b *stream.Batch, p part) {
	if p.sel != nil {
		o.lateSel = append(o.lateSel, p.sel...)
		return
	}
	if b.Sel != nil {
		o.lateSel = append(o.lateSel, b.Sel...)
		return
	}
	for i := range b.N {
		o.lateSel = append(o.lateSel, int32(i))
	}
}

func (o *operator) emitLate(b *stream.Batch, out stream.Output) error {
	if len(o.lateSel) == 0 {
		return nil
	}
	o.ctx.Stats.Late.Add(int64(len(o.lateSel)))
	if !o.cfg.EmitLate {
		return nil
	}
	slices.Sort(o.lateSel) // of several slices, each in order
	late := b.Share()
	late.Sel = append(late.SelBuf(), o.lateSel...)
	return out.Emit(stream.PortLate, late)
}
