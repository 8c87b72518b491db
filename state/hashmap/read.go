package hashmap

import (
	"math"

	"flowd/state"
)

// ReadKey implements state.Table.
func (t *Table) ReadKey(k int, rows []uint32, dst *state.Column) {
	kt, lane := t.layout.Keys[k], t.keyLane(k)
	n := columnLen(dst, kt.Kind)
	switch kt.Kind {
	case state.Int64:
		for _, r := range rows {
			dst.I64 = append(dst.I64, t.lane(r, lane))
		}
	case state.Float64:
		for _, r := range rows {
			dst.F64 = append(dst.F64, math.Float64frombits(uint64(t.lane(r, lane))))
		}
	case state.Wide:
		for _, r := range rows {
			dst.I64, dst.Hi = append(dst.I64, t.lane(r, lane)), append(dst.Hi, t.lane(r, lane+1))
		}
	case state.Bytes:
		if len(dst.Off) == 0 {
			dst.Off = append(dst.Off, 0)
		}
		for _, r := range rows {
			dst.Bytes = append(dst.Bytes, t.arena.Get(t.lane(r, lane))...)
			dst.Off = append(dst.Off, uint32(len(dst.Bytes)))
		}
	}
	if kt.Nullable {
		t.readNulls(k, rows, n, dst)
	}
}

// readNulls sets the validity of the rows that follow the first n of dst.
func (t *Table) readNulls(k int, rows []uint32, n int, dst *state.Column) {
	if !t.masked && t.null < 0 && len(dst.Valid) == 0 {
		return
	}
	for j, r := range rows {
		null := int64(r) == t.null
		if t.masked {
			null = t.lane(r, 0)>>k&1 != 0
		}
		if !null && len(dst.Valid) == 0 {
			continue
		}
		i := n + j
		for len(dst.Valid) < (n+len(rows)+63)/64 {
			dst.Valid = append(dst.Valid, ^uint64(0))
		}
		if null {
			dst.Valid[i>>6] &^= 1 << (i & 63)
		} else {
			dst.Valid[i>>6] |= 1 << (i & 63)
		}
	}
}

func (t *Table) lane(r uint32, lane int) int64 {
	return t.lanes.Chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*t.width+lane]
}

// keyLane is the first lane of key column k.
func (t *Table) keyLane(k int) int {
	lane := 0
	if t.masked {
		lane = 1
	}
	for _, kt := range t.layout.Keys[:k] {
		lane += kt.Kind.Lanes()
	}
	return lane
}

func columnLen(c *state.Column, k state.Kind) int {
	switch k {
	case state.Float64:
		return len(c.F64)
	case state.Bytes:
		return max(len(c.Off)-1, 0)
	}
	return len(c.I64)
}
