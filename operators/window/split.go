package window

import (
	"math"
	"math/bits"
	"slices"

	"flowd/stream"
)

// part is the rows of a batch that belong to one slice.
type part struct {
	start int64
	sel   []int32 // nil: the selection of the batch
}

// rows is the number of rows of p, a part of b.
func (p part) rows(b *stream.Batch) int {
	if p.sel != nil {
		return len(p.sel)
	}
	return b.Rows()
}

// splitter divides the rows of a batch among slices. Most batches touch one slice or a few neighbours, so it looks at
// the smallest and the largest time first, and then deals rows out without a branch per row.
type splitter struct {
	grain, offset int64
	parts         []part
	buckets       []int32
	index         map[int64]int // general case: slice → part
	sels          [][]int32
}

const maxBuckets = 16

// split returns the parts of b by slice; rows keep their order. They hold until the next call. bad says that there
// are times too large to compute with, and that the parts are of no use.
func (s *splitter) split(b *stream.Batch) (parts []part, bad bool) {
	s.parts = s.parts[:0]
	if b.Rows() == 0 {
		return nil, false
	}
	lo, hi := bounds(b)
	if !usable(lo) || !usable(hi) {
		return nil, true
	}
	first := floor(lo, s.grain, s.offset)
	if hi-first < s.grain {
		s.parts = append(s.parts, part{start: first, sel: b.Sel})
		return s.parts, false
	}
	if hi-first <= math.MaxUint32 && (hi-first)/s.grain < maxBuckets && s.grain > 1 {
		s.deal(b, first, int((hi-first)/s.grain)+1)
	} else {
		s.sort(b)
	}
	return s.parts, false
}

// bounds is the smallest and the largest time of the selected rows.
func bounds(b *stream.Batch) (lo, hi int64) {
	lo, hi = math.MaxInt64, math.MinInt64
	if b.Sel == nil {
		for _, t := range b.Time[:b.N] {
			lo, hi = min(lo, t), max(hi, t)
		}
		return lo, hi
	}
	for _, i := range b.Sel {
		t := b.Time[i]
		lo, hi = min(lo, t), max(hi, t)
	}
	return lo, hi
}

// deal puts each row into one of n buckets by its slice. The division is a multiplication by the reciprocal, exact for
// 32-bit distances (Lemire, Kaser, Kurz: Faster remainder by direct computation, 2019).
func (s *splitter) deal(b *stream.Batch, first int64, n int) {
	if cap(s.buckets) < n*b.N {
		s.buckets = make([]int32, maxBuckets*b.N)
	}
	buckets := s.buckets[:n*b.N]
	var at [maxBuckets]int
	for i := range at[:n] {
		at[i] = i * b.N
	}
	reciprocal := math.MaxUint64/uint64(s.grain) + 1
	if b.Sel == nil {
		for i, t := range b.Time[:b.N] {
			q, _ := bits.Mul64(uint64(t-first), reciprocal)
			p := &at[q&(maxBuckets-1)]
			buckets[*p] = int32(i)
			*p++
		}
	} else {
		for _, i := range b.Sel {
			q, _ := bits.Mul64(uint64(b.Time[i]-first), reciprocal)
			p := &at[q&(maxBuckets-1)]
			buckets[*p] = i
			*p++
		}
	}
	for q := range n {
		if from := q * b.N; at[q] > from {
			s.parts = append(s.parts, part{start: first + int64(q)*s.grain, sel: buckets[from:at[q]:at[q]]})
		}
	}
}

// sort is for batches whose rows are spread over many slices.
func (s *splitter) sort(b *stream.Batch) {
	if s.index == nil {
		s.index = make(map[int64]int)
	}
	clear(s.index)
	cur := 0
	if b.Sel == nil {
		for i, t := range b.Time[:b.N] {
			cur = s.place(cur, t)
			s.sels[cur] = append(s.sels[cur], int32(i))
		}
	} else {
		for _, i := range b.Sel {
			cur = s.place(cur, b.Time[i])
			s.sels[cur] = append(s.sels[cur], i)
		}
	}
	for i := range s.parts {
		s.parts[i].sel = s.sels[i]
	}
	slices.SortFunc(s.parts, func(x, y part) int { return compare(x.start, y.start) })
}

// place finds or makes the part of a row of time t; cur is that of the row before.
func (s *splitter) place(cur int, t int64) int {
	if cur < len(s.parts) {
		if start := s.parts[cur].start; t >= start && t-start < s.grain {
			return cur
		}
	}
	start := floor(t, s.grain, s.offset)
	if i, ok := s.index[start]; ok {
		return i
	}
	i := len(s.parts)
	s.index[start] = i
	s.parts = append(s.parts, part{start: start})
	if len(s.sels) == i {
		s.sels = append(s.sels, nil)
	}
	s.sels[i] = s.sels[i][:0]
	return i
}
