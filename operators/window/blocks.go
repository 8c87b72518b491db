package window

import "math/bits"

// maxDirect is the most slices that are merged anew for every window they are in. Beyond, merged blocks are kept.
const maxDirect = 8

// blocks keeps slices of sliding windows merged in blocks of 2, 4, 8 …, aligned to multiples of their length, so that a
// window of n slices is put together from at most 2·log₂ n tables, whatever the aggregate. They hold nothing that the
// slices do not: they may be dropped at any time, and must be when a slice of theirs changes.
type blocks struct {
	o     *operator
	made  map[blockID]*slice
	free  []*slice
	bytes int64
	parts []*slice
}

// blockID names the block of the 2^level slices from number index << level.
type blockID struct {
	level int
	index int64
}

// number numbers slices by their place in time.
func (o *operator) number(start int64) int64 { return (start - o.cfg.Offset) / o.grain }

// cover is blocks, in order, that hold just the slices lo ≤ number < hi.
func (k *blocks) cover(lo, hi int64) []*slice {
	k.parts = k.parts[:0]
	for lo < hi {
		level := min(bits.TrailingZeros64(uint64(lo)), bits.Len64(uint64(hi-lo))-1)
		if s := k.block(level, lo>>level); s != nil {
			k.parts = append(k.parts, s)
		}
		lo += 1 << level
	}
	return k.parts
}

// block finds or makes a block; nil if there is no slice in it. A block with one slice is the slice.
func (k *blocks) block(level int, index int64) *slice {
	o := k.o
	from := o.from(index<<level*o.grain + o.cfg.Offset)
	to := o.from((index+1)<<level*o.grain + o.cfg.Offset)
	switch to - from {
	case 0:
		return nil
	case 1:
		return o.slices[from]
	}
	id := blockID{level, index}
	if s := k.made[id]; s != nil {
		return s
	}
	a, b := k.block(level-1, 2*index), k.block(level-1, 2*index+1)
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	s := k.take()
	o.merge(s, a)
	o.merge(s, b)
	s.bytes += k.grown(s)
	k.made[id] = s
	return s
}

func (k *blocks) take() *slice {
	if n := len(k.free); n > 0 {
		s := k.free[n-1]
		k.free = k.free[:n-1]
		return s
	}
	return k.o.newSlice()
}

// grown adds to k.bytes what s has grown by, and returns that.
func (k *blocks) grown(s *slice) int64 {
	d := s.size() - s.bytes
	k.bytes += d
	return d
}

// drop removes the blocks that hold slice number n.
func (k *blocks) drop(n int64) {
	for level := 1; len(k.made) > 0 && level < 64; level++ {
		id := blockID{level, n >> level}
		s := k.made[id]
		if s == nil {
			continue
		}
		delete(k.made, id)
		s.reset()
		s.bytes += k.grown(s)
		if len(k.free) < maxFree {
			k.free = append(k.free, s)
		} else {
			k.bytes -= s.bytes
		}
	}
}

// clear drops all blocks and their memory.
func (k *blocks) clear() {
	clear(k.made)
	k.free, k.parts, k.bytes = nil, nil, 0
}
