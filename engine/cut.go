package engine

import "flowd/stream"

// emitRows emits rows from ≤ i < to of b, which goes on.
func (s *source) emitRows(b *stream.Batch, from, to int) error {
	if from == to {
		return nil
	}
	part := b.Share()
	selectRows(part, from, to)
	return s.node.Emit(stream.PortMain, part)
}

// selectRows narrows the selection of b to rows from ≤ i < to.
func selectRows(b *stream.Batch, from, to int) {
	if b.Sel == nil {
		sel := b.SelBuf()
		for i := from; i < to; i++ {
			sel = append(sel, int32(i))
		}
		b.Sel = sel
		return
	}
	lo, hi := 0, len(b.Sel)
	for lo < hi && int(b.Sel[lo]) < from {
		lo++
	}
	for lo < hi && int(b.Sel[hi-1]) >= to {
		hi--
	}
	b.Sel = b.Sel[lo:hi]
}

// runs finds the runs of selected rows of a batch.
type runs struct {
	sel  []int32
	next int // entries of sel before it lie before the row asked for last
}

// from is the first run at or after row i that ends by limit; an empty one at limit if there is none.
func (r *runs) from(i, limit int) (begin, end int) {
	if r.sel == nil {
		return i, limit
	}
	for r.next < len(r.sel) && int(r.sel[r.next]) < i {
		r.next++
	}
	if r.next == len(r.sel) || int(r.sel[r.next]) >= limit {
		return limit, limit
	}
	begin = int(r.sel[r.next])
	end = begin
	for k := r.next; k < len(r.sel) && int(r.sel[k]) == end && end < limit; k++ {
		end++
	}
	return begin, end
}
