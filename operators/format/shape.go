package format

// Limits of what is remembered.
const (
	maxShapes    = 8
	maxSlots     = 1024
	maxLiterals  = 64 << 10
	learnEvery   = 32 // misses between two lessons once all shapes are taken: a topic without layouts learns nothing
	shortLiteral = 16 // longest literal that two loads cover
	patience     = 64 // records in a row that fit no shape, after which
	retryEvery   = 16 // only each 16th is tried
)

// shape is the layout of an earlier record.
type shape struct {
	slots []slot
	tail  []byte // after the last value
	nulls []int  // columns whose keys are missing
	text  []byte // memory of the long literals
}

// slot is a value and the bytes that stand before it, from the end of the value before: {"a": or ,"b":{"c": with white space.
type slot struct {
	head, last uint64 // the first and the last eight bytes of the literal, or all of it twice
	mask       uint64 // of the bytes of a literal shorter than eight
	n, back    int32  // its length; where last begins
	op         op
	depth      int32
	node       *node  // nil: nobody wants the value
	long       []byte // a literal of more than 16 bytes
}

// shapes are the layouts one decoder knows, and the one it is learning.
type shapes struct {
	known    []*shape
	last     int  // the one that matched last
	victim   int  // the one to replace next
	misses   int  // since the last lesson
	streak   int  // records since the last one that a shape fitted
	every    int  // learnEvery, but in tests
	off      bool // never learn: tests and benchmarks of the other way set it
	learning bool
	lit      int // where the literal before the next value begins
	draft    *shape
}

// match tries to read the record as row row by a known shape. If it cannot, nothing of the row is left.
func (s *shapes) match(d *decoder, row int) bool {
	if len(s.known) == 0 {
		return false
	}
	if s.streak >= patience && s.streak%retryEvery != 0 {
		s.streak++
		s.misses++
		return false
	}
	if d.match(s.known[s.last], row) {
		s.streak = 0
		return true
	}
	for i, sh := range s.known {
		if i != s.last && d.match(sh, row) {
			s.last, s.streak = i, 0
			return true
		}
	}
	s.misses++
	s.streak++
	return false
}

// match reads the record by shape sh.
func (d *decoder) match(sh *shape, row int) bool {
	base, p, end := d.base, d.start, d.end
	for i := range sh.slots {
		s := &sh.slots[i]
		q := p + int(s.n)
		if q >= end || ((load(base, p)^s.head)|(load(base, p+int(s.back))^s.last))&s.mask != 0 ||
			s.long != nil && string(s.long) != string(view(base, p, q)) {
			return d.mismatch(i, row)
		}
		switch s.op {
		case opInt:
			v, next := integer(base, q, end)
			if next < 0 || v < s.node.min || v > s.node.max {
				break
			}
			c := d.cols[s.node.col]
			if len(c.Valid) > 0 {
				setValid(c, row)
			}
			c.I64 = append(c.I64, v)
			p = next
			continue
		case opTimestamp, opLocalTimestamp:
			v, next := d.date.timestamp(base, q, end, s.op == opLocalTimestamp, s.node.t.Precision)
			if next < 0 {
				break
			}
			c := d.cols[s.node.col]
			if len(c.Valid) > 0 {
				setValid(c, row)
			}
			c.I64 = append(c.I64, v)
			p = next
			continue
		case opString:
			if at(base, q) != '"' {
				break
			}
			c := d.cols[s.node.col]
			buf, next := copyText(c.Bytes, base, q+1, end)
			if next < 0 {
				break
			}
			if len(c.Valid) > 0 {
				setValid(c, row)
			}
			c.Bytes = buf
			c.Off = append(c.Off, uint32(len(buf)))
			p = next
			continue
		case opSkip:
			var next int
			switch c := at(base, q); {
			case c == '"':
				next, _, _ = skipText(base, q+1, end)
			case c-'0' <= 9:
				next, _ = number(base, q, end)
			default:
				next, _ = skip(base, q, end, int(s.depth))
			}
			if next < 0 {
				return d.mismatch(i, row)
			}
			p = next
			continue
		case opNullRow:
			if at(base, q) != 'n' {
				return d.mismatch(i, row)
			}
		}
		if p = d.value(s.node, q, int(s.depth), d.cols, row); p < 0 {
			return d.mismatch(len(sh.slots), row)
		}
	}
	if string(view(base, p, end)) != string(sh.tail) {
		return d.mismatch(len(sh.slots), row)
	}
	for _, c := range sh.nulls {
		d.cols[c].AppendNull()
	}
	return true
}

// mismatch takes back what slots slots may have appended to row row.
func (d *decoder) mismatch(slots, row int) bool {
	if slots > 0 {
		d.undo(row)
	}
	return false
}

// begin starts to learn the layout of the record that is being read, if that is worth it.
func (s *shapes) begin(d *decoder) {
	s.learning = !s.off && (len(s.known) < maxShapes || s.misses >= s.every)
	if !s.learning {
		return
	}
	s.misses = 0
	if s.draft == nil {
		s.draft = &shape{}
	}
	s.draft.slots, s.draft.nulls, s.draft.text = s.draft.slots[:0], s.draft.nulls[:0], s.draft.text[:0]
	s.lit = d.start
}

// value learns that a value for n lies between p and next.
func (s *shapes) value(d *decoder, o op, n *node, depth, p, next int) {
	sh := s.draft
	lit := view(d.base, s.lit, p)
	s.lit = next
	if len(sh.slots) == maxSlots || len(sh.text)+len(lit) > maxLiterals {
		s.learning = false
		return
	}
	sl := slot{op: o, node: n, depth: int32(depth), n: int32(len(lit)), mask: ^uint64(0)}
	sl.head = headOf(lit)
	sl.last = sl.head
	if len(lit) < 8 {
		sl.mask = 1<<(8*uint(len(lit))) - 1
	} else {
		sl.back = int32(len(lit) - 8)
		sl.last = headOf(lit[sl.back:])
	}
	if len(lit) > shortLiteral {
		if len(sh.text)+len(lit) > cap(sh.text) {
			sh.text = make([]byte, 0, max(256, 2*cap(sh.text), len(lit))) // literals before keep the old memory
		}
		at := len(sh.text)
		sh.text = append(sh.text, lit...)
		sl.long = sh.text[at:]
	}
	sh.slots = append(sh.slots, sl)
}

// missing learns that the record has no key for a leaf.
func (s *shapes) missing(leaf *node) {
	if s.learning {
		s.draft.nulls = append(s.draft.nulls, leaf.col)
	}
}

// finish keeps what was learnt from a record that turned out to be good.
func (s *shapes) finish(d *decoder) {
	s.learning = false
	sh := s.draft
	tail := view(d.base, s.lit, d.end)
	if len(tail) > maxLiterals {
		return
	}
	sh.tail = append(sh.tail[:0], tail...)
	if len(s.known) < maxShapes {
		s.known = append(s.known, sh)
		s.draft = nil
		s.last = len(s.known) - 1
		return
	}
	s.victim = (s.victim + 1) % maxShapes
	if s.victim == s.last {
		s.victim = (s.victim + 1) % maxShapes
	}
	s.known[s.victim], s.draft = sh, s.known[s.victim]
}
