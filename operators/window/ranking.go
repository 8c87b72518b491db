package window

import (
	"slices"

	"flowd/operators/expr"
	"flowd/stream"
)

// rankPlan is what the rankings of one operator share: which columns they keep, and the programs that compute those
// that are not columns of what is ranked.
type rankPlan struct {
	top     *Top
	kept    int   // how many columns are results
	from    []int // column of what is ranked, for each column but the computed ones, which follow
	by, per []int // columns to order and to group by
	types   []stream.Type
	progs   []*expr.Program
	scratch []*stream.Column
	cols    []*stream.Column // of the last batch evaluated
}

// newRankPlan plans a ranking of rows of in. whole keeps all their columns; otherwise only what decides is kept.
func newRankPlan(top *Top, in *stream.Schema, whole bool, rows int) *rankPlan {
	p := &rankPlan{top: top}
	add := func(c int) int {
		if i := slices.Index(p.from, c); i >= 0 {
			return i
		}
		p.from = append(p.from, c)
		p.types = append(p.types, in.Columns[c].Type)
		return len(p.from) - 1
	}
	if whole {
		p.kept = len(in.Columns)
		for c := range in.Columns {
			add(c)
		}
	}
	for _, c := range top.Per {
		p.per = append(p.per, add(c))
	}
	for _, by := range top.By {
		if c, ok := by.Expr.Column(); ok {
			add(c)
		}
	}
	for _, by := range top.By {
		if c, ok := by.Expr.Column(); ok {
			p.by = append(p.by, add(c))
			continue
		}
		p.by = append(p.by, len(p.types))
		p.types = append(p.types, by.Expr.Type())
		p.progs = append(p.progs, by.Expr.Compile())
		p.scratch = append(p.scratch, stream.NewColumn(by.Expr.Type(), rows))
	}
	return p
}

// eval finds the columns of b that rankings keep, and computes those that are expressions.
func (p *rankPlan) eval(b *stream.Batch, errs *stream.RowErrors) {
	p.cols = p.cols[:0]
	for _, c := range p.from {
		p.cols = append(p.cols, b.Cols[c])
	}
	for i, prog := range p.progs {
		prog.Eval(b, p.scratch[i], errs)
		p.cols = append(p.cols, p.scratch[i])
	}
}

// ranking keeps the rows that can still be among the first N of a window (per value of some columns): it takes all
// that come, and now and then throws out those that cannot be. So it holds a few times N rows per group, and ties.
type ranking struct {
	plan        *rankPlan
	cols, spare []*stream.Column
	seq         []int64 // arrival
	limit       int     // number of rows at which to prune
	bar         int     // a row that further ones must reach, −1 if there is none
	order       []int32
	sel         []int32
}

func newRanking(p *rankPlan) *ranking {
	k := &ranking{plan: p}
	for _, t := range p.types {
		k.cols = append(k.cols, stream.NewColumn(t, 0))
		k.spare = append(k.spare, stream.NewColumn(t, 0))
	}
	k.reset()
	return k
}

func (k *ranking) len() int { return len(k.seq) }

func (k *ranking) reset() {
	for _, c := range k.cols {
		c.Reset()
	}
	k.seq, k.bar = k.seq[:0], -1
	k.limit = k.room()
}

// room is how many rows may come before it is worth looking for those that cannot stay.
func (k *ranking) room() int { return 2*min(k.plan.top.N, 1<<30) + 64 }

func (k *ranking) size() int64 {
	n := int64(cap(k.seq))*8 + int64(cap(k.order)+cap(k.sel))*4
	for i := range k.cols {
		n += columnSize(k.cols[i]) + columnSize(k.spare[i])
	}
	return n
}

// piece is how many rows are looked at together.
const piece = 256

// offer takes rows of the columns that the plan has evaluated last; row i arrived as number base + i.
func (k *ranking) offer(n int, sel []int32, base int64) {
	if sel != nil {
		n = len(sel)
	}
	for at := 0; at < n; at += piece {
		k.sel = k.sel[:0]
		if sel != nil {
			k.sel = append(k.sel, sel[at:min(at+piece, n)]...)
		} else {
			for i := at; i < min(at+piece, n); i++ {
				k.sel = append(k.sel, int32(i))
			}
		}
		if k.bar >= 0 {
			k.belowBar(!k.plan.top.KeepTies && len(k.plan.by) == 1)
		}
		for c, col := range k.cols {
			appendRows(col, k.plan.cols[c], k.sel)
		}
		for _, i := range k.sel {
			k.seq = append(k.seq, base+int64(i))
		}
		if k.len() >= k.limit {
			k.prune()
		}
	}
}

// merge takes all rows of o.
func (k *ranking) merge(o *ranking) {
	for at := 0; at < o.len(); at += piece {
		k.sel = k.sel[:0]
		for i := at; i < min(at+piece, o.len()); i++ {
			k.sel = append(k.sel, int32(i))
		}
		for c, col := range k.cols {
			appendRows(col, o.cols[c], k.sel)
		}
		k.seq = append(k.seq, o.seq[at:min(at+piece, o.len())]...)
		if k.len() >= k.limit {
			k.prune()
		}
	}
}

// belowBar takes out of k.sel the rows whose first column says that N others come before them. strict: equal is not
// enough, because rows come in the order of arrival and nothing else decides.
func (k *ranking) belowBar(strict bool) {
	c := k.plan.by[0]
	held, col := k.cols[c], k.plan.cols[c]
	if held.Kind != stream.KindInt64 || col.HasNulls() || held.IsNull(k.bar) {
		return
	}
	// Descending: v stays if v ≥ low. Ascending is the same of the inverted numbers.
	flip := int64(-1)
	if k.plan.top.By[0].Desc {
		flip = 0
	}
	low := held.I64[k.bar] ^ flip
	n := 0
	for _, i := range k.sel {
		k.sel[n] = i
		if v := col.I64[i] ^ flip; v > low || v == low && !strict {
			n++
		}
	}
	k.sel = k.sel[:n]
}

// best is the rows that count, in their order: by group, then by rank. It holds until rows are added.
func (k *ranking) best() []int32 {
	k.order = k.order[:0]
	for i := range k.len() {
		k.order = append(k.order, int32(i))
	}
	slices.SortFunc(k.order, k.compare)
	n, inGroup := 0, 0
	for j, i := range k.order {
		if j > 0 && k.comparePer(k.order[j-1], i) != 0 {
			inGroup = 0
		}
		// order[n-1] is the last taken of this group, when inGroup > 0.
		if inGroup >= k.plan.top.N && (!k.plan.top.KeepTies || k.compareBy(k.order[n-1], i) != 0) {
			continue
		}
		k.order[n] = i
		n++
		inGroup++
	}
	k.order = k.order[:n]
	return k.order
}

// prune throws out all but the best.
func (k *ranking) prune() {
	best := k.best()
	last := int32(-1)
	if len(k.plan.per) == 0 && len(best) >= k.plan.top.N {
		last = best[k.plan.top.N-1]
	}
	slices.Sort(best)
	k.bar = slices.Index(best, last)
	for c := range k.cols {
		k.spare[c].Reset()
		appendRows(k.spare[c], k.cols[c], best)
	}
	k.cols, k.spare = k.spare, k.cols
	for j, i := range best {
		k.seq[j] = k.seq[i]
	}
	k.seq = k.seq[:len(best)]
	k.limit = max(2*len(best), k.room())
}

func (k *ranking) compare(a, b int32) int {
	if c := k.comparePer(a, b); c != 0 {
		return c
	}
	if c := k.compareBy(a, b); c != 0 {
		return c
	}
	return compare(k.seq[a], k.seq[b])
}

func (k *ranking) comparePer(a, b int32) int {
	for _, c := range k.plan.per {
		if d := compareValues(k.cols[c], int(a), int(b)); d != 0 {
			return d
		}
	}
	return 0
}

func (k *ranking) compareBy(a, b int32) int {
	for i, c := range k.plan.by {
		if d := compareValues(k.cols[c], int(a), int(b)); d != 0 {
			if k.plan.top.By[i].Desc {
				return -d
			}
			return d
		}
	}
	return 0
}
