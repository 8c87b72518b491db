package floor

import "math/bits"

// counts is an open-addressing table from a key to a count, keys inline.
type counts struct {
	slots []slot
	n     int
}

type slot struct {
	key   int64
	count int64 // 0: empty
}

func newCounts() *counts { return &counts{slots: make([]slot, 1024)} }

func (t *counts) add(key, by int64) int64 {
	mask := uint64(len(t.slots) - 1)
	hi, lo := bits.Mul64(uint64(key)^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	for i := (hi ^ lo) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.count == 0 {
			s.key, s.count = key, by
			if t.n++; t.n*10 > len(t.slots)*6 {
				t.grow()
			}
			return by
		}
		if s.key == key {
			s.count += by
			return s.count
		}
	}
}

func (t *counts) grow() {
	old := t.slots
	t.slots, t.n = make([]slot, 2*len(old)), 0
	for _, s := range old {
		if s.count > 0 {
			t.add(s.key, s.count)
		}
	}
}

func (t *counts) reset() {
	clear(t.slots)
	t.n = 0
}

// panes are the tables of open windows or slices, by number.
type panes struct {
	open map[int64]*counts
	free []*counts
	last *counts // of the number of the previous row
	at   int64
}

func newPanes() *panes { return &panes{open: map[int64]*counts{}, at: -1 << 63} }

func (p *panes) get(number int64) *counts {
	if number == p.at {
		return p.last
	}
	t := p.open[number]
	if t == nil {
		if n := len(p.free); n > 0 {
			t, p.free = p.free[n-1], p.free[:n-1]
		} else {
			t = newCounts()
		}
		p.open[number] = t
	}
	p.at, p.last = number, t
	return t
}

func (p *panes) drop(number int64) {
	if t := p.open[number]; t != nil {
		t.reset()
		p.free = append(p.free, t)
		delete(p.open, number)
	}
	p.at = -1 << 63
}
