package floor

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"flowd/internal/recordbatch"
	"flowd/state"
)

// Input is the fetch path under the loop: Next fills recs with the next records of one partition, of parts
// partitions in all. No records and more == false is the end.
type Input interface {
	Next(recs *recordbatch.Records) (partition int, more bool, err error)
}

// Output takes the encoded rows of Kafka → Kafka: row i is buf[ends[i-1]:ends[i]].
type Output interface {
	Write(buf []byte, ends []uint32) error
	Flush() error
}

// Result is what a query gave: rows, and a digest of them that does not depend on their order.
type Result struct {
	Records int64
	Rows    int64
	Digest  uint64
}

// add counts a row of integers.
func (r *Result) add(row ...int64) {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range row {
		hi, lo := bits.Mul64(h^uint64(v), 0xe7037ed1a0b428db)
		h = hi ^ lo
	}
	r.Rows++
	r.Digest += h
}

// Add is add for whoever compares the rows of another engine with a Result.
func (r *Result) Add(row ...int64) { r.add(row...) }

const (
	delay = 2000 // ms of disorder that the queries allow
	size  = 10_000
	every = 2_000
)

// Run runs query until in ends. out is used by k2k only. parts is the number of partitions. q0 and q1, which have a row
// for each record, digest their rows only if digest is set.
func Run(query string, parts int, in Input, out Output, digest bool) (Result, error) {
	l := &loop{in: in, out: out, marks: make([]int64, parts), digest: digest}
	for i := range l.marks {
		l.marks[i] = math.MinInt64
	}
	q, ok := map[string]func() (Result, error){
		"framing": l.framing, "q0": l.q0, "q1": l.q1, "q2": l.q2,
		"tumble": l.tumble, "keys": l.keys, "q5": l.q5, "q7": l.q7, "k2k": l.k2k,
	}[query]
	if !ok {
		return Result{}, fmt.Errorf("no floor for query %q", query)
	}
	return q()
}

type loop struct {
	in    Input
	out   Output
	scan  Scanner
	recs  recordbatch.Records
	marks []int64 // highest event time of each partition
	res   Result

	digest bool
}

// each calls f with every batch of records and returns at the end of the input.
func (l *loop) each(f func(part int) error) (Result, error) {
	for {
		l.recs.Reset()
		part, more, err := l.in.Next(&l.recs)
		if err != nil {
			return l.res, err
		}
		l.res.Records += int64(l.recs.Len())
		if l.recs.Len() > 0 {
			if err := f(part); err != nil {
				return l.res, err
			}
		}
		if !more {
			return l.res, nil
		}
	}
}

// watermark is the event time up to which all partitions have been read.
func (l *loop) watermark() int64 {
	w := int64(math.MaxInt64)
	for _, m := range l.marks {
		w = min(w, m)
	}
	if w == math.MinInt64 {
		return w
	}
	return w - delay
}

func (l *loop) framing() (Result, error) {
	return l.each(func(int) error { return nil })
}

// columns is what a row becomes for whoever comes next: q0 and q1 materialise it.
type columns struct {
	auction, bidder, price, time []int64
	high                         []int64
	text                         [3][]byte
	off                          [3][]uint32
}

func (c *columns) reset() {
	c.auction, c.bidder, c.price, c.time, c.high = c.auction[:0], c.bidder[:0], c.price[:0], c.time[:0], c.high[:0]
	for i := range c.text {
		c.text[i], c.off[i] = c.text[i][:0], c.off[i][:0]
	}
}

func (l *loop) q0() (Result, error) {
	var c columns
	var b Bid
	return l.each(func(int) error {
		c.reset()
		for i, start := range l.recs.Start {
			if err := l.scan.Scan(l.recs.Buf, start, l.recs.End[i], &b); err != nil {
				return err
			}
			c.auction, c.bidder = append(c.auction, b.Auction), append(c.bidder, b.Bidder)
			c.price, c.time = append(c.price, b.Price), append(c.time, b.Time)
			c.text[0] = append(c.text[0], b.Channel...)
			c.off[0] = append(c.off[0], uint32(len(c.text[0])))
			c.text[1] = append(c.text[1], b.URL...)
			c.off[1] = append(c.off[1], uint32(len(c.text[1])))
			c.text[2] = append(c.text[2], b.Extra...)
			c.off[2] = append(c.off[2], uint32(len(c.text[2])))
		}
		if !l.digest {
			l.res.Rows += int64(len(c.auction))
			return nil
		}
		var from [3]uint32
		for i, a := range c.auction {
			row := []int64{a, c.bidder[i], c.price[i]}
			for k := range c.text {
				row = append(row, Text(c.text[k][from[k]:c.off[k][i]]))
				from[k] = c.off[k][i]
			}
			l.res.add(append(row, c.time[i])...)
		}
		return nil
	})
}

// Text is a text as a value of a row to digest.
func Text(b []byte) int64 { return int64(state.HashBytes(1, b)) }

func (l *loop) q1() (Result, error) {
	var c columns
	var b Bid
	return l.each(func(int) error {
		c.reset()
		for i, start := range l.recs.Start {
			if err := l.scan.Scan(l.recs.Buf, start, l.recs.End[i], &b); err != nil {
				return err
			}
			hi, lo := bits.Mul64(uint64(b.Price), 908) // prices are not negative; DECIMAL(24,3) has two words
			c.auction, c.time = append(c.auction, b.Auction), append(c.time, b.Time)
			c.price, c.high = append(c.price, int64(lo)), append(c.high, int64(hi))
		}
		if !l.digest {
			l.res.Rows += int64(len(c.auction))
			return nil
		}
		for i, a := range c.auction {
			l.res.add(a, c.high[i], c.price[i], c.time[i])
		}
		return nil
	})
}

func (l *loop) q2() (Result, error) {
	var c columns
	var b Bid
	return l.each(func(int) error {
		c.reset()
		for i, start := range l.recs.Start {
			if err := l.scan.Scan(l.recs.Buf, start, l.recs.End[i], &b); err != nil {
				return err
			}
			if b.Auction%123 == 0 {
				c.auction, c.price = append(c.auction, b.Auction), append(c.price, b.Price)
			}
		}
		for i, a := range c.auction {
			l.res.add(a, c.price[i])
		}
		return nil
	})
}

// windowed decodes every record and calls row with its number of the pane of that width; after each batch it calls
// fire with the watermark.
func (l *loop) windowed(width int64, row func(pane int64, b *Bid), fire func(watermark int64)) (Result, error) {
	var b Bid
	closed := int64(math.MinInt64)
	res, err := l.each(func(part int) error {
		high := l.marks[part]
		for i, start := range l.recs.Start {
			if err := l.scan.Scan(l.recs.Buf, start, l.recs.End[i], &b); err != nil {
				return err
			}
			high = max(high, b.Time)
			row(b.Time/width, &b)
		}
		l.marks[part] = high
		if w := l.watermark(); w > closed {
			closed = w
			fire(w)
		}
		return nil
	})
	if err == nil {
		fire(math.MaxInt64)
		res = l.res
	}
	return res, err
}

// due lists the numbers of open panes below the first that w leaves open, in order.
func due[T any](open map[int64]T, width, w int64) []int64 {
	var out []int64
	for n := range open {
		if (n+1)*width-1 <= w {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func (l *loop) tumble() (Result, error) {
	return l.counted(func(b *Bid) int64 { return b.Auction })
}

// keys is tumble over 100,000 keys.
func (l *loop) keys() (Result, error) {
	return l.counted(func(b *Bid) int64 { return (b.Price*31 + b.Auction) % 100_000 })
}

func (l *loop) counted(key func(b *Bid) int64) (Result, error) {
	p := newPanes()
	return l.windowed(size,
		func(n int64, b *Bid) { p.get(n).add(key(b), 1) },
		func(w int64) {
			for _, n := range due(p.open, size, w) {
				for _, s := range p.open[n].slots {
					if s.count > 0 {
						l.res.add(s.key, s.count, n*size)
					}
				}
				p.drop(n)
			}
		})
}

func (l *loop) q5() (Result, error) {
	const k = size / every
	p := newPanes()
	sum := newCounts()
	next := int64(math.MinInt64) // number of the last slice of the next window to fire
	return l.windowed(every,
		func(n int64, b *Bid) { p.get(n).add(b.Auction, 1) },
		func(w int64) {
			for len(p.open) > 0 {
				first := int64(math.MaxInt64)
				for n := range p.open {
					first = min(first, n)
				}
				last := max(first, next)
				if (last+1)*every-1 > w {
					return
				}
				sum.reset()
				best := int64(0)
				for n := last - k + 1; n <= last; n++ {
					if t := p.open[n]; t != nil {
						for _, s := range t.slots {
							if s.count > 0 {
								best = max(best, sum.add(s.key, s.count))
							}
						}
					}
				}
				if best > 0 {
					for _, s := range sum.slots {
						if s.count == best {
							l.res.add(s.key, s.count, (last-k+1)*every)
						}
					}
				}
				p.drop(last - k + 1)
				next = last + 1
			}
		})
}

func (l *loop) q7() (Result, error) {
	type top struct {
		price int64
		rows  []Bid
	}
	open := map[int64]*top{}
	var last *top
	at := int64(math.MinInt64)
	return l.windowed(size,
		func(n int64, b *Bid) {
			if n != at {
				if last = open[n]; last == nil {
					last = &top{price: math.MinInt64}
					open[n] = last
				}
				at = n
			}
			switch {
			case b.Price > last.price:
				last.price, last.rows = b.Price, append(last.rows[:0], *b)
			case b.Price == last.price:
				last.rows = append(last.rows, *b)
			}
		},
		func(w int64) {
			for _, n := range due(open, size, w) {
				for _, b := range open[n].rows {
					l.res.add(b.Auction, b.Bidder, b.Price, b.Time)
				}
				delete(open, n)
				at = math.MinInt64
			}
		})
}

func (l *loop) k2k() (Result, error) {
	var b Bid
	var buf []byte
	var ends []uint32
	var day int64 = math.MinInt64
	var dayText []byte
	res, err := l.each(func(int) error {
		buf, ends = buf[:0], ends[:0]
		for i, start := range l.recs.Start {
			if err := l.scan.Scan(l.recs.Buf, start, l.recs.End[i], &b); err != nil {
				return err
			}
			hi, lo := bits.Mul64(uint64(b.Price), 908)
			buf = append(buf, `{"auction":`...)
			buf = strconv.AppendInt(buf, b.Auction, 10)
			buf = append(buf, `,"price":`...)
			q, r := bits.Div64(hi, lo, 1000)
			buf = strconv.AppendUint(buf, q, 10)
			buf = append(buf, '.', byte('0'+r/100), byte('0'+r/10%10), byte('0'+r%10))
			buf = append(buf, `,"date_time":"`...)
			if d := b.Time / 86_400_000; d != day {
				day = d
				dayText = time.UnixMilli(b.Time).UTC().AppendFormat(dayText[:0], "2006-01-02 ")
			}
			buf = append(buf, dayText...)
			ms := b.Time % 86_400_000
			s := ms / 1000
			h, m := s/3600, s/60%60
			s, ms = s%60, ms%1000
			buf = append(buf, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':',
				byte('0'+s/10), byte('0'+s%10), '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), '"', '}')
			ends = append(ends, uint32(len(buf)))
		}
		l.res.Rows += int64(len(ends))
		return l.out.Write(buf, ends)
	})
	if err == nil {
		err = l.out.Flush()
	}
	return res, err
}
