package aggregate

import (
	"bytes"
	"math"
	"math/bits"

	"flowd/state"
	"flowd/stream"
)

// How partial results lie in lanes:
//
//	COUNT            n
//	SUM integers     low word, high word << 1 | seen   (decimals of up to 18 digits too)
//	SUM wide         low, middle, high word << 1 | seen
//	SUM, AVG floats  bits of the sum, n
//	AVG              the lanes of SUM, n
//	MIN, MAX         value, seen   (MAX: of the inverted value)
//	MIN, MAX wide    low, high, seen
//	MIN, MAX text    reference or NoRef
//
// The high words count carries, so one bit of them is free to say that there was a value.

// Update adds the values of arg to the lanes that begin at lane `at` of the given table rows: rows[j] gets the value
// of batch row sel[j], or j if sel is nil. arg is not read if NeedsArg is false.
func (s Spec) Update(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32) {
	if len(rows) == 0 {
		return
	}
	switch s.op {
	case opCountAll:
		countAll(l, at, rows)
	case opCount:
		count(l, at, rows, arg, sel)
	case opSumInt:
		sumInt(l, at, rows, arg, sel)
	case opAvgInt:
		sumInt(l, at, rows, arg, sel)
		count(l, at+2, rows, arg, sel)
	case opSumWide:
		sumWide(l, at, rows, arg, sel)
	case opAvgWide:
		sumWide(l, at, rows, arg, sel)
		count(l, at+3, rows, arg, sel)
	case opSumFloat:
		sumFloat(l, at, rows, arg, sel, s.Func == Sum && s.Arg.ID == stream.Float)
	case opMinInt:
		minInt(l, at, rows, arg, sel, s.flip)
	case opMinFloat:
		minFloat(l, at, rows, arg, sel, s.flip)
	case opMinWide:
		minWide(l, at, rows, arg, sel, s.flip)
	case opMinText:
		minText(l, at, rows, arg, sel, s.flip != 0)
	}
}

func countAll(l *state.Lanes, at int, rows []uint32) {
	chunks, w := l.Chunks, l.Width
	for _, r := range rows {
		chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*w+at]++
	}
}

// each row of the batch: which it is, and whether its value is NULL. The branches are the same for a whole batch,
// so they cost next to nothing.
func pick(sel []int32, j int) int {
	if sel != nil {
		return int(sel[j])
	}
	return j
}

func count(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32) {
	if !arg.HasNulls() {
		countAll(l, at, rows)
		return
	}
	for j, r := range rows {
		if !arg.IsNull(pick(sel, j)) {
			l.Chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*l.Width+at]++
		}
	}
}

func sumInt(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32) {
	chunks, w, nulls := l.Chunks, l.Width, arg.HasNulls()
	for j, r := range rows {
		i := pick(sel, j)
		if nulls && arg.IsNull(i) {
			continue
		}
		p := int(r&state.ChunkMask)*w + at
		lane := chunks[r>>state.ChunkShift][p : p+2 : p+2]
		v := arg.I64[i]
		lo, carry := bits.Add64(uint64(lane[0]), uint64(v), 0)
		lane[0] = int64(lo)
		lane[1] = (lane[1] + (v>>63+int64(carry))<<1) | 1
	}
}

func sumWide(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32) {
	chunks, w, nulls := l.Chunks, l.Width, arg.HasNulls()
	for j, r := range rows {
		i := pick(sel, j)
		if nulls && arg.IsNull(i) {
			continue
		}
		p := int(r&state.ChunkMask)*w + at
		addWide(chunks[r>>state.ChunkShift][p:p+3], arg.I64[i], arg.Hi[i], arg.Hi[i]>>63)
	}
}

// addWide adds a 192-bit number to the lanes of a wide sum.
func addWide(lane []int64, lo, mid, hi int64) {
	l, carry := bits.Add64(uint64(lane[0]), uint64(lo), 0)
	m, carry := bits.Add64(uint64(lane[1]), uint64(mid), carry)
	lane[0], lane[1] = int64(l), int64(m)
	lane[2] = (lane[2] + (hi+int64(carry))<<1) | 1
}

func sumFloat(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32, single bool) {
	chunks, w, nulls := l.Chunks, l.Width, arg.HasNulls()
	for j, r := range rows {
		i := pick(sel, j)
		if nulls && arg.IsNull(i) {
			continue
		}
		p := int(r&state.ChunkMask)*w + at
		lane := chunks[r>>state.ChunkShift][p : p+2 : p+2]
		v := math.Float64frombits(uint64(lane[0])) + arg.F64[i]
		if single {
			v = float64(float32(v))
		}
		lane[0] = int64(math.Float64bits(v))
		lane[1]++
	}
}

func minInt(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32, flip int64) {
	chunks, w, nulls := l.Chunks, l.Width, arg.HasNulls()
	for j, r := range rows {
		i := pick(sel, j)
		if nulls && arg.IsNull(i) {
			continue
		}
		p := int(r&state.ChunkMask)*w + at
		lane := chunks[r>>state.ChunkShift][p : p+2 : p+2]
		lane[0] = min(lane[0], arg.I64[i]^flip)
		lane[1] = 1
	}
}

func minFloat(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32, flip int64) {
	for j, r := range rows {
		i := pick(sel, j)
		if arg.IsNull(i) {
			continue
		}
		p := int(r&state.ChunkMask)*l.Width + at
		lane := l.Chunks[r>>state.ChunkShift][p : p+2 : p+2]
		lane[0] = min(lane[0], ordered(arg.F64[i])^flip)
		lane[1] = 1
	}
}

// ordered maps floats to integers of the same order: NaN above all, −0 below 0, as Java's Double.compare has it.
func ordered(v float64) int64 {
	if v != v {
		return math.MaxInt64
	}
	b := int64(math.Float64bits(v))
	return b ^ int64(uint64(b>>63)>>1)
}

// unordered is the inverse of ordered.
func unordered(o int64) float64 {
	if o == math.MaxInt64 {
		return math.NaN()
	}
	return math.Float64frombits(uint64(o ^ int64(uint64(o>>63)>>1)))
}

func minWide(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32, flip int64) {
	for j, r := range rows {
		i := pick(sel, j)
		if arg.IsNull(i) {
			continue
		}
		p := int(r&state.ChunkMask)*l.Width + at
		lowerWide(l.Chunks[r>>state.ChunkShift][p:p+3], arg.I64[i]^flip, arg.Hi[i]^flip)
	}
}

func lowerWide(lane []int64, lo, hi int64) {
	if hi < lane[1] || hi == lane[1] && uint64(lo) < uint64(lane[0]) {
		lane[0], lane[1] = lo, hi
	}
	lane[2] = 1
}

func minText(l *state.Lanes, at int, rows []uint32, arg *stream.Column, sel []int32, largest bool) {
	for j, r := range rows {
		i := pick(sel, j)
		if arg.IsNull(i) {
			continue
		}
		lowerText(l.Arena, &l.Chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*l.Width+at], arg.BytesAt(i), largest)
	}
}

// lowerText puts v in the place of what ref refers to if it comes before (largest: after) it, byte by byte.
func lowerText(a *state.Arena, ref *int64, v []byte, largest bool) {
	if *ref != state.NoRef {
		c := bytes.Compare(v, a.Get(*ref))
		if c == 0 || (c > 0) != largest {
			return
		}
	}
	*ref = a.Replace(*ref, v)
}
