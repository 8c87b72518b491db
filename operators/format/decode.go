package format

import (
	"fmt"
	"math"
	"unsafe"

	"flowd/operators"
	"flowd/stream"
)

// decoder reads JSON records into the columns of a batch. It keeps no reference to a batch or a record between calls.
type decoder struct {
	plan   *plan
	shapes shapes

	// The record being read, and the frame of the batch it goes to.
	base       unsafe.Pointer
	start, end int
	cols       []*stream.Column
	values     int // of arrays and maps so far

	fault fault
	date  dateCache
	text  []byte   // a text without its escapes
	own   []byte   // a copy of a record that has no slack after it
	slots []uint32 // hash table of uniqueKeys
}

func newDecoder(p *plan) *decoder { return &decoder{plan: p, shapes: shapes{every: learnEvery}} }

var _ operators.Decoder = (*decoder)(nil)

// Decode implements operators.Decoder.
func (d *decoder) Decode(b *stream.Batch, recs *operators.RawRecords, from []uint32, errs *stream.RowErrors) []uint32 {
	d.cols = b.Cols[:len(d.plan.want.Columns)]
	buf := recs.Buf
	for _, c := range d.cols {
		// A value is at most three times as long as its JSON: [9e6] is read as text as [9000000.0].
		if len(c.Bytes)+3*len(buf) > math.MaxUint32 {
			panic(fmt.Sprintf("format: %d bytes of records for a batch that holds %d of text already, which is more than its offsets can count", len(buf), len(c.Bytes)))
		}
	}
	d.base = unsafe.Pointer(unsafe.SliceData(buf))
	for i, start := range recs.Start {
		end := recs.End[i]
		if start == operators.NullRecord || start == end {
			continue
		}
		d.start, d.end = int(start), int(end)
		if d.end+slack <= len(buf) {
			from = d.record(b, buf, i, from, errs)
			continue
		}
		d.own = append(append(d.own[:0], buf[start:end]...), make([]byte, slack)...)
		d.start, d.end, d.base = 0, len(d.own)-slack, unsafe.Pointer(unsafe.SliceData(d.own))
		from = d.record(b, d.own, i, from, errs)
		d.base = unsafe.Pointer(unsafe.SliceData(buf))
	}
	d.cols, d.base = nil, nil
	if cap(d.text) > keepText {
		d.text = nil
	}
	if cap(d.own) > keepText {
		d.own = nil
	}
	return from
}

// keepText is how much scratch memory a decoder keeps for the next batch: one huge record must not be paid for ever.
const keepText = 1 << 20

// record reads record i, which lies in buf from d.start to d.end.
func (d *decoder) record(b *stream.Batch, buf []byte, i int, from []uint32, errs *stream.RowErrors) []uint32 {
	d.values = 0
	if d.shapes.match(d, b.N) {
		b.N++
		return append(from, uint32(i))
	}
	d.fault, d.values = fault{}, 0
	if rows := d.document(b.N); rows >= 0 {
		b.N += rows
		for range rows {
			from = append(from, uint32(i))
		}
		return from
	}
	d.undo(b.N)
	errs.Add(i, d.fault.message(buf, d.start, d.end))
	return from
}

// undo takes back what was appended after the first row rows.
func (d *decoder) undo(row int) {
	for _, c := range d.cols {
		c.Truncate(row)
	}
}

// document reads a record whose keys may come in any order and appends its rows. −1: it is bad, and d.fault says why.
func (d *decoder) document(row int) (rows int) {
	const mark = 0xBFBBEF // byte order mark
	d.shapes.learning = false
	p := d.start
	if p+3 <= d.end && load(d.base, p)&0xFFFFFF == mark {
		p += 3
	}
	p = space(d.base, p, d.end)
	if p < d.end && at(d.base, p) == '[' {
		p, rows = d.rows(p+1, row)
	} else {
		d.shapes.begin(d)
		p = d.object(d.plan.root, p, 1, d.cols, row)
		rows = 1
	}
	if p < 0 {
		return -1
	}
	if q := space(d.base, p, d.end); q < d.end {
		d.fail(q, -1, "expected nothing after the JSON value")
		return -1
	}
	if d.shapes.learning {
		d.shapes.finish(d)
	}
	return rows
}

// maxRows is how many rows one record may hold. Three bytes can make a row of any width, so that a record's size does
// not bound its memory.
const maxRows = 1 << 16

// rows reads the elements of an array of records from p on.
func (d *decoder) rows(p, row int) (next, rows int) {
	if p = space(d.base, p, d.end); p < d.end && at(d.base, p) == ']' {
		return p + 1, 0
	}
	for {
		if p = d.object(d.plan.root, p, 2, d.cols, row+rows); p < 0 {
			return -1, 0
		}
		if rows++; rows > maxRows {
			return d.fail(p, p, "a record may hold at most 65536 rows; the next one ends"), rows
		}
		var more bool
		if p, more = d.comma(p, ']'); !more {
			return p, rows
		}
	}
}

// comma goes from the end of an element to the next one, or past the closing byte.
func (d *decoder) comma(p int, closing byte) (next int, more bool) {
	p = space(d.base, p, d.end)
	if p < d.end {
		switch at(d.base, p) {
		case ',':
			return space(d.base, p+1, d.end), true
		case closing:
			return p + 1, false
		}
	}
	return d.fail(p, -1, "expected , or "+string(closing)), false
}

// fail notes what is wrong at position at, unless something was noted before. It returns −1. found is as in fault.
func (d *decoder) fail(at, found int, want string) int {
	if d.fault.want == "" {
		d.fault = fault{at: at, found: found, want: want}
	}
	return -1
}

// failField is fail for the value of a field that begins at p: its end bounds the excerpt, and if it is no JSON at all,
// that is the fault.
func (d *decoder) failField(n *node, p int, want string) int {
	next, bad := skip(d.base, p, d.end, 0)
	if next < 0 {
		return d.failSyntax(p, bad)
	}
	if d.fault.want == "" {
		d.fault = fault{at: p, found: next, field: n.path, want: want}
	}
	return -1
}

// failSyntax is fail for the place bad of a value that begins at p.
func (d *decoder) failSyntax(p, bad int) int {
	want := "expected a JSON value"
	switch {
	case bad < d.end && bad > p && at(d.base, bad) < 0x20:
		want = "control character or wrong separator"
	case bad < d.end && at(d.base, bad) == '\\':
		want = "wrong escape or unpaired surrogate"
	case bad < d.end && at(d.base, bad) >= 0x80:
		want = "text is not valid UTF-8"
	case bad < d.end && (at(d.base, bad) == '-' || at(d.base, bad)-'0' <= 9):
		want = "expected a JSON number"
	case bad < d.end && (at(d.base, bad) == '{' || at(d.base, bad) == '['):
		want = "nested deeper than 1000"
	case bad > p:
		want = "expected valid JSON"
	}
	return d.fail(bad, -1, want)
}
