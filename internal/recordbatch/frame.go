package recordbatch

import "encoding/binary"

// short decodes a varint of up to three bytes with one load; n is 0 if it is longer. Three bytes hold ±1,048,576: the
// lengths and deltas of nearly all records. b must have four bytes from p on.
func short(b []byte, p int) (v, n int) {
	x := binary.LittleEndian.Uint32(b[p:])
	switch {
	case x&0x80 == 0:
		x, n = x&0x7f, 1
	case x&0x8000 == 0:
		x, n = x&0x7f|x>>1&0x3f80, 2
	case x&0x800000 == 0:
		x, n = x&0x7f|x>>1&0x3f80|x>>2&0x1fc000, 3
	}
	return int(x>>1) ^ -int(x&1), n
}

// frame adds up to most records of the open batch to recs and returns how many. It closes the batch after the last one
// and on an error.
//
// Reading up to eight bytes behind a record is harmless, because every buffer has slack, so a length is loaded first
// and compared with the record's end afterwards.
func (r *Reader) frame(recs *Records, most int) int {
	t := &r.batch
	most = min(most, t.left)
	recs.grow(most, r.opt.Want)
	have := len(recs.Start)
	starts, ends := recs.Start[:have+most], recs.End[:have+most]

	want := r.opt.Want
	full, limit, p := t.full, len(t.b), t.p
	left, delta, lastDelta := t.left, t.delta, t.lastDelta
	floor := max(r.next-t.base, 0) // records before it are not wanted
	stop := int64(lastDelta) + 1   // neither are those from here on
	if r.opt.StopOffset >= 0 {
		stop = min(stop, r.opt.StopOffset-t.base)
	}
	n := 0
	stopped := false
	for n < most && left > 0 {
		size, k := short(full, p)
		p += k
		if k == 0 {
			if size, p = varint32(t.b, p); p < 0 {
				return r.malformed(recs, have, n, delta, "its length")
			}
		}
		if size < minRecord-1 || size > limit-p {
			return r.malformed(recs, have, n, delta, "its length")
		}
		end := p + size
		p++ // attributes

		time, k := short(full, p)
		p += k
		if k == 0 {
			var v int64
			if v, p = varint(full[:end], p); p < 0 {
				return r.malformed(recs, have, n, delta, "its timestamp")
			}
			time = int(v)
		}

		next, k := short(full, p)
		p += k
		if k == 0 {
			if next, p = varint32(full[:end], p); p < 0 {
				return r.malformed(recs, have, n, delta, "its offset")
			}
		}
		if next <= delta || next > lastDelta {
			return r.malformed(recs, have, n, delta, "its offset")
		}

		keyStart, keyEnd := Null, Null
		if full[p] == 1 { // null, the common case
			p++
		} else {
			length, k := short(full, p)
			p += k
			if k == 0 {
				if length, p = varint32(full[:end], p); p < 0 {
					return r.malformed(recs, have, n, delta, "the length of its key")
				}
			}
			if p > end || length < 0 || length > end-p {
				return r.malformed(recs, have, n, delta, "the length of its key")
			}
			keyStart, keyEnd = uint32(p), uint32(p+length)
			p += length
		}

		start, stopAt := Null, Null
		length, k := short(full, p)
		p += k
		if k == 0 {
			if length, p = varint32(full[:end], p); p < 0 {
				return r.malformed(recs, have, n, delta, "the length of its value")
			}
		}
		if p > end || length < -1 || length > end-p {
			return r.malformed(recs, have, n, delta, "the length of its value")
		}
		if length >= 0 {
			start, stopAt = uint32(p), uint32(p+length)
			p += length
		}

		headers, headerStart := 0, end
		if p != end-1 || full[p] != 0 { // no headers: the common case
			if headers, headerStart = r.headers(p, end); headerStart < 0 {
				return r.malformed(recs, have, n, delta, "its headers")
			}
		}
		p = end // not p+1: the next record then does not wait for the lengths in this one

		if int64(next) >= stop {
			stopped = true
			break
		}
		delta = next
		left--
		if int64(next) < floor {
			continue
		}
		i := have + n
		n++
		starts[i], ends[i] = start, stopAt
		if i == 0 {
			recs.First = t.base + int64(next)
		}
		if want == 0 {
			continue
		}
		if want&WantKey != 0 {
			recs.KeyStart, recs.KeyEnd = append(recs.KeyStart, keyStart), append(recs.KeyEnd, keyEnd)
		}
		if want&WantHeaders != 0 {
			recs.HeaderStart = append(recs.HeaderStart, uint32(headerStart))
			recs.HeaderEnd = append(recs.HeaderEnd, uint32(end))
			recs.HeaderCount = append(recs.HeaderCount, int32(headers))
		}
		if want&WantOffset != 0 {
			recs.Offset = append(recs.Offset, t.base+int64(next))
		}
		if want&WantTimestamp != 0 {
			ms := t.baseTime + int64(time)
			if t.logAppend {
				ms = t.maxTime
			}
			recs.Timestamp = append(recs.Timestamp, ms)
		}
	}
	t.p, t.left = p, left
	r.taken(recs, have, n, delta)
	switch {
	case stopped:
		r.next = max(r.next, r.opt.StopOffset)
		r.checkStop()
	case left == 0 && p != limit:
		r.fail(Corrupt, r.next, r.end, r.pos, "%d bytes after its last record", limit-p)
	case left == 0:
		r.passed(r.end - 1)
		r.batch = batch{}
	}
	return n
}

// taken makes n framed records part of recs; delta is the last record read.
func (r *Reader) taken(recs *Records, have, n, delta int) {
	t := &r.batch
	recs.Start, recs.End = recs.Start[:have+n], recs.End[:have+n]
	if n > 0 {
		recs.Last = t.base + int64(delta)
		r.next = max(r.next, recs.Last+1)
	}
	t.delta = delta
}

// malformed ends the batch at a record that cannot be read.
func (r *Reader) malformed(recs *Records, have, n, delta int, what string) int {
	base := r.batch.base
	r.taken(recs, have, n, delta)
	r.fail(Corrupt, max(r.next, base+int64(delta)+1), r.end, r.pos, "%s does not fit the record", what)
	return n
}

// headers checks the headers section at full[p:end] of the open batch. It returns their number and the position after
// it, negative if they do not fit.
func (r *Reader) headers(p, end int) (count, start int) {
	if p > end {
		return 0, -1
	}
	full := r.batch.full
	if count, p = varint32(full[:end], p); p < 0 || ParseHeaders(full[p:end], int32(count), nil) != nil {
		return 0, -1
	}
	return count, p
}
