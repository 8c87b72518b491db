package aggregate

import (
	"math"
	"math/bits"

	"flowd/state"
	"flowd/stream"
)

// Merge adds the partial results of rows from, from+1, … of src to rows[0], rows[1], … of dst. Both begin at lane at.
func (s Spec) Merge(dst *state.Lanes, at int, rows []uint32, src *state.Lanes, from int) {
	switch s.op {
	case opCountAll, opCount:
		mergeCount(dst, at, rows, src, from)
	case opSumInt:
		mergeInt(dst, at, rows, src, from)
	case opAvgInt:
		mergeInt(dst, at, rows, src, from)
		mergeCount(dst, at+2, rows, src, from)
	case opSumWide:
		mergeWide(dst, at, rows, src, from)
	case opAvgWide:
		mergeWide(dst, at, rows, src, from)
		mergeCount(dst, at+3, rows, src, from)
	case opSumFloat:
		single := s.Func == Sum && s.Arg.ID == stream.Float
		for j, r := range rows {
			d, o := lanesOf(dst, r, at, 2), lanesOf(src, uint32(from+j), at, 2)
			v := math.Float64frombits(uint64(d[0])) + math.Float64frombits(uint64(o[0]))
			if single {
				v = float64(float32(v))
			}
			d[0] = int64(math.Float64bits(v))
			d[1] += o[1]
		}
	case opMinInt, opMinFloat:
		for j, r := range rows {
			d, o := lanesOf(dst, r, at, 2), lanesOf(src, uint32(from+j), at, 2)
			d[0] = min(d[0], o[0])
			d[1] |= o[1]
		}
	case opMinWide:
		for j, r := range rows {
			if o := lanesOf(src, uint32(from+j), at, 3); o[2] != 0 {
				lowerWide(lanesOf(dst, r, at, 3), o[0], o[1])
			}
		}
	case opMinText:
		for j, r := range rows {
			if o := lanesOf(src, uint32(from+j), at, 1); o[0] != state.NoRef {
				lowerText(dst.Arena, &lanesOf(dst, r, at, 1)[0], src.Arena.Get(o[0]), s.flip != 0)
			}
		}
	}
}

func lanesOf(l *state.Lanes, r uint32, at, n int) []int64 {
	p := int(r&state.ChunkMask)*l.Width + at
	return l.Chunks[r>>state.ChunkShift][p : p+n : p+n]
}

func mergeCount(dst *state.Lanes, at int, rows []uint32, src *state.Lanes, from int) {
	for j, r := range rows {
		o := uint32(from + j)
		dst.Chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*dst.Width+at] += src.Chunks[o>>state.ChunkShift][int(o&state.ChunkMask)*src.Width+at]
	}
}

func mergeInt(dst *state.Lanes, at int, rows []uint32, src *state.Lanes, from int) {
	for j, r := range rows {
		d, o := lanesOf(dst, r, at, 2), lanesOf(src, uint32(from+j), at, 2)
		lo, carry := bits.Add64(uint64(d[0]), uint64(o[0]), 0)
		d[0] = int64(lo)
		d[1] = (d[1]&^1 + o[1]&^1 + int64(carry)<<1) | (d[1]|o[1])&1
	}
}

func mergeWide(dst *state.Lanes, at int, rows []uint32, src *state.Lanes, from int) {
	for j, r := range rows {
		if o := lanesOf(src, uint32(from+j), at, 3); o[2]&1 != 0 {
			addWide(lanesOf(dst, r, at, 3), o[0], o[1], o[2]>>1)
		}
	}
}
