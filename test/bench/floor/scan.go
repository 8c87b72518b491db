// Package floor is what a benchmark query costs when written by hand: one loop over the records of the same fetch
// path, one struct for a bid, no engine, no generic operator. It is a yardstick, not a way to run pipelines.
package floor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"time"
	"unicode/utf8"
)

// Bid is one decoded bid. Text fields alias the record.
type Bid struct {
	Auction, Bidder, Price int64
	Channel, URL, Extra    []byte
	Time                   int64 // ms
}

// Scanner decodes bids strictly: every byte of the record is checked, UTF-8 included. It expects the fields in the
// order in which Nexmark's generators write them and without spaces; any other record takes a slow way.
type Scanner struct {
	day   [10]byte // text of the date that dayMs stands for
	dayMs int64
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Scan decodes rec, which lies in buf at [start, end); at least 8 bytes of buf follow end.
func (s *Scanner) Scan(buf []byte, start, end uint32, b *Bid) error {
	p, ok := lit(buf, int(start), `{"auction":`)
	if !ok {
		return s.slow(buf[start:end], b)
	}
	if b.Auction, p, ok = integer(buf, p); !ok {
		return s.slow(buf[start:end], b)
	}
	if p, ok = lit(buf, p, `,"bidder":`); !ok {
		return s.slow(buf[start:end], b)
	}
	if b.Bidder, p, ok = integer(buf, p); !ok {
		return s.slow(buf[start:end], b)
	}
	if p, ok = lit(buf, p, `,"price":`); !ok {
		return s.slow(buf[start:end], b)
	}
	if b.Price, p, ok = integer(buf, p); !ok {
		return s.slow(buf[start:end], b)
	}
	if p, ok = lit(buf, p, `,"channel":"`); !ok {
		return s.slow(buf[start:end], b)
	}
	if b.Channel, p, ok = text(buf, p, int(end)); !ok {
		return s.slow(buf[start:end], b)
	}
	if p, ok = lit(buf, p, `,"url":"`); !ok {
		return s.slow(buf[start:end], b)
	}
	if b.URL, p, ok = text(buf, p, int(end)); !ok {
		return s.slow(buf[start:end], b)
	}
	if p, ok = lit(buf, p, `,"date_time":"`); !ok {
		return s.slow(buf[start:end], b)
	}
	if b.Time, p, ok = s.timestamp(buf, p); !ok {
		return s.slow(buf[start:end], b)
	}
	if p, ok = lit(buf, p, `","extra":"`); !ok {
		return s.slow(buf[start:end], b)
	}
	if b.Extra, p, ok = text(buf, p, int(end)); !ok {
		return s.slow(buf[start:end], b)
	}
	if p+1 != int(end) || buf[p] != '}' {
		return s.slow(buf[start:end], b)
	}
	return nil
}

func lit(buf []byte, p int, want string) (int, bool) {
	e := p + len(want)
	if e > len(buf) || string(buf[p:e]) != want {
		return p, false
	}
	return e, true
}

// integer reads up to 7 digits with one load and three multiplications (the method of D. Lemire, "Quickly parsing
// eight digits"), more digits one by one.
func integer(buf []byte, p int) (int64, int, bool) {
	if p+8 > len(buf) {
		return 0, p, false
	}
	x := binary.LittleEndian.Uint64(buf[p:])
	t := x ^ 0x3030303030303030
	n := bits.TrailingZeros64(((t+0x7676767676767676)|t)&highs) >> 3
	if n == 0 || (buf[p] == '0' && n > 1) {
		return 0, p, false
	}
	if n < 8 {
		t <<= uint(8-n) * 8
		return eight(t), p + n, true
	}
	v := eight(t)
	p += 8
	for p < len(buf) && buf[p]-'0' <= 9 {
		if v > 1e17 {
			return 0, p, false
		}
		v = v*10 + int64(buf[p]-'0')
		p++
	}
	return v, p, true
}

func eight(t uint64) int64 {
	t = (t * 2561) >> 8 & 0x00ff00ff00ff00ff
	t = (t * 6553601) >> 16 & 0x0000ffff0000ffff
	return int64(t * 42949672960001 >> 32)
}

// text reads a string without escapes up to its closing quote, eight bytes at a time.
func text(buf []byte, p, end int) ([]byte, int, bool) {
	start := p
	for ; p+16 <= len(buf); p += 16 {
		b := buf[p : p+16]
		m, n := stops(binary.LittleEndian.Uint64(b)), stops(binary.LittleEndian.Uint64(b[8:]))
		if m|n == 0 {
			continue
		}
		if m == 0 {
			p, m = p+8, n
		}
		p += bits.TrailingZeros64(m) >> 3
		if p >= end || buf[p] != '"' {
			return nil, p, false
		}
		return buf[start:p], p + 1, true
	}
	return nil, p, false
}

// stops marks, in its lowest high bit, the first byte that is a quote, a backslash, a control character or not ASCII:
// a borrow can only come from such a byte, and so lies above it.
func stops(x uint64) uint64 {
	return (((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones) | (x - ones*0x20) | x) & highs
}

// timestamp reads "2026-01-01 00:00:04.962".
func (s *Scanner) timestamp(buf []byte, p int) (int64, int, bool) {
	if p+24 > len(buf) {
		return 0, p, false
	}
	b := buf[p : p+24]
	if [10]byte(b[:10]) != s.day {
		t, err := time.Parse("2006-01-02", string(b[:10]))
		if err != nil {
			return 0, p, false
		}
		s.day, s.dayMs = [10]byte(b[:10]), t.UnixMilli()
	}
	clock := binary.LittleEndian.Uint64(b[11:]) // hh:mm:ss
	frac := binary.LittleEndian.Uint32(b[19:])  // .mmm
	const colons = uint64(':')<<16 | uint64(':')<<40
	const dot = uint32('.')
	if b[10] != ' ' || clock&(0xff<<16|0xff<<40) != colons || frac&0xff != dot {
		return 0, p, false
	}
	d := (clock ^ colons) | 0x30<<16 | 0x30<<40
	d ^= 0x3030303030303030
	f := (frac ^ dot | 0x30) ^ 0x30303030
	if ((d+0x7676767676767676)|d)&highs != 0 || ((f+0x76767676)|f)&0x80808080 != 0 {
		return 0, p, false
	}
	h := int64(d&15)*10 + int64(d>>8&15)
	m := int64(d>>24&15)*10 + int64(d>>32&15)
	sec := int64(d>>48&15)*10 + int64(d>>56&15)
	ms := int64(f>>8&15)*100 + int64(f>>16&15)*10 + int64(f>>24&15)
	if h > 23 || m > 59 || sec > 59 {
		return 0, p, false
	}
	return s.dayMs + ((h*60+m)*60+sec)*1000 + ms, p + 23, true
}

// slow decodes a record that is not laid out as expected.
func (s *Scanner) slow(rec []byte, b *Bid) error {
	if !utf8.Valid(rec) {
		return fmt.Errorf("record is not UTF-8: %.60q", rec)
	}
	var v struct {
		Auction, Bidder, Price int64
		Channel, URL, Extra    string
		DateTime               string `json:"date_time"`
	}
	if err := json.Unmarshal(rec, &v); err != nil {
		return err
	}
	t, err := time.Parse("2006-01-02 15:04:05.999", v.DateTime)
	if err != nil {
		return err
	}
	*b = Bid{v.Auction, v.Bidder, v.Price, []byte(v.Channel), []byte(v.URL), []byte(v.Extra), t.UnixMilli()}
	return nil
}
