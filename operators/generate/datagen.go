package generate

import (
	"encoding/binary"
	"math/bits"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/stream"
)

// datagen makes rows of any schema. It is immutable.
type datagen struct {
	columns []*rule
	clock   clock // of rows
}

func (g *datagen) fill(b *stream.Batch, rows []uint64, needTime bool) {
	for i, r := range g.columns {
		c := b.Cols[i]
		for _, n := range rows {
			r.append(c, random(r.key, n), n, g.clock)
		}
	}
	if needTime {
		for _, n := range rows {
			b.AppendTime(g.clock.at(n))
		}
	}
}

// append adds the value of row n, which follows from the bits h, to c.
func (r *rule) append(c *stream.Column, h, n uint64, at clock) {
	if r.null > 0 && mix(h^golden) < r.null {
		c.AppendNull()
		return
	}
	switch c.Kind {
	case stream.KindInt64:
		c.AppendInt64(r.integer(h, n, at))
	case stream.KindFloat64:
		f := r.flo + float64((r.fhi-r.flo)*unit(h))
		if r.how == byList {
			f = r.list[below(h, uint64(len(r.list)))].f
		}
		if r.typ.ID == stream.Float {
			f = float64(float32(f))
		}
		c.AppendFloat64(f)
	case stream.KindWide:
		var d dec.Dec
		if r.how == byList {
			d = r.list[below(h, uint64(len(r.list)))].d
		} else {
			d = between(r.lo, r.hi, h)
		}
		c.AppendWide(d.Hi, d.Lo)
	case stream.KindBytes:
		r.appendBytes(c, h)
	case stream.KindList:
		length, h := split(h, r.hi.Lo-r.lo.Lo+1)
		for i, e := range r.elems {
			for j := range r.lo.Lo + length {
				e.append(c.Child[i], random(h^e.key, j), n, at)
			}
		}
		c.EndList()
	}
}

// integer is a value of a KindInt64 column.
func (r *rule) integer(h, n uint64, at clock) int64 {
	switch r.how {
	case bySequence: // wraps around at the end of its type
		v := int64(r.lo.Lo) + int64(n)*r.step
		unused := 64 - integerBits[r.typ.ID]
		return v << unused >> unused
	case byList:
		return int64(r.list[below(h, uint64(len(r.list)))].d.Lo)
	case byShare:
		if h < r.share {
			return 1
		}
		return 0
	case byClock:
		us := at.at(n) * 1000
		if r.step > 0 {
			us = at.start*1000 + int64(n)*r.step
		}
		us -= int64(below(h, uint64(r.late)+1))
		if r.typ.ID == stream.Date {
			days, _ := civil.Split(us)
			return days
		}
		return civil.TruncPrecision(us, int(r.typ.Precision))
	default:
		v := int64(r.lo.Lo)
		if span := r.hi.Lo - r.lo.Lo + 1; span != 0 {
			v += int64(below(h, span))
		} else {
			v = int64(h)
		}
		if r.typ.ID == stream.Time || r.typ.IsTimestamp() {
			return r.truncate(v)
		}
		return v
	}
}

// truncate cuts a time or timestamp down to its precision.
func (r *rule) truncate(v int64) int64 {
	if r.typ.ID == stream.Time {
		return civil.TruncPrecision(v*1000, int(r.typ.Precision)) / 1000
	}
	return civil.TruncPrecision(v, int(r.typ.Precision))
}

// between is a number from lo to hi, both in, that follows from the bits h and as many more.
func between(lo, hi dec.Dec, h uint64) dec.Dec {
	sLo, borrow := bits.Sub64(hi.Lo, lo.Lo, 0)
	sHi, _ := bits.Sub64(uint64(hi.Hi), uint64(lo.Hi), borrow)
	sLo, carry := bits.Add64(sLo, 1, 0) // span = hi − lo + 1, below 2¹²⁷
	sHi += carry
	// The high 128 bits of span · (h, more).
	more := mix(h + golden)
	aHi, aLo := bits.Mul64(sHi, h)
	bHi, bLo := bits.Mul64(sLo, h)
	cHi, cLo := bits.Mul64(sHi, more)
	dHi, _ := bits.Mul64(sLo, more)
	mid, c1 := bits.Add64(bLo, cLo, 0)
	_, c2 := bits.Add64(mid, dHi, 0)
	vLo, c3 := bits.Add64(aLo, bHi, c1)
	vLo, c4 := bits.Add64(vLo, cHi, c2)
	vHi := aHi + c3 + c4
	rLo, carry := bits.Add64(lo.Lo, vLo, 0)
	return dec.Dec{Hi: lo.Hi + int64(vHi+carry), Lo: rLo}
}

// appendBytes adds a text or bytes.
func (r *rule) appendBytes(c *stream.Column, h uint64) {
	switch r.how {
	case byList:
		c.AppendString(r.list[below(h, uint64(len(r.list)))].s)
	case byUUID:
		var id [36]byte
		c.AppendBytes(appendUUID(id[:0], h))
	default:
		// Appending nothing marks the row valid; then the value is made in place.
		c.AppendString("")
		more, h := split(h, r.hi.Lo-r.lo.Lo+1)
		if n := int(r.lo.Lo + more); r.typ.ID == stream.String {
			c.Bytes = appendLetters(c.Bytes, h, n)
		} else {
			c.Bytes = appendRandom(c.Bytes, h, n)
		}
		c.Off[len(c.Off)-1] = uint32(len(c.Bytes))
	}
}

// appendRandom adds n bytes that follow from the bits r.
func appendRandom(dst []byte, r uint64, n int) []byte {
	for ; n > 0; n -= 8 {
		r = mix(r + golden)
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], r)
		dst = append(dst, w[:min(n, 8)]...)
	}
	return dst
}

// appendUUID adds a version 4 UUID (RFC 9562) as text.
func appendUUID(dst []byte, h uint64) []byte {
	const hex = "0123456789abcdef"
	hi, lo := h&^0xF000|0x4000, mix(h+golden)&^(3<<62)|1<<63
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		w := hi
		if i >= 16 {
			w = lo
		}
		dst = append(dst, hex[w>>(60-4*(i%16))&0xF])
	}
	return dst
}
