// Package lines turns batches into text of one record a line, for the sinks that write such text. It does no I/O.
package lines

import (
	"bytes"

	"flowd/operators"
	"flowd/operators/format"
	"flowd/stream"
)

// Encoder appends batches as lines. One goroutine uses it.
type Encoder struct {
	encoder operators.Encoder
	stats   *stream.Stats
	reject  stream.Rejecter
	errs    stream.RowErrors
	buf     []byte
	ends    []uint32
}

// Open prepares e for the instance that c belongs to.
func (e *Encoder) Open(c *stream.Context, encoder operators.Encoder) {
	e.encoder, e.stats = encoder, c.Stats
	e.reject.Open(c)
}

// Append adds a line to dst for each selected row of b and returns how many. Rows that cannot be written as a line
// follow on_error. Rows and bytes are counted. b is still the caller's.
func (e *Encoder) Append(dst []byte, b *stream.Batch, out stream.Output) ([]byte, int, error) {
	e.buf, e.ends = e.encoder.Encode(e.buf[:0], e.ends[:0], b, &e.errs)
	before, rows, start := len(dst), 0, uint32(0)
	// Encoders of text formats escape line breaks, so the scan of the whole buffer nearly always settles it.
	careful := e.errs.Len() > 0 || bytes.IndexByte(e.buf, '\n') >= 0
	failed := e.errs.Len()
	for i, end := range e.ends {
		record := e.buf[start:end]
		start = end
		if careful && !e.check(record, row(b, i), failed) {
			continue
		}
		dst = append(append(dst, record...), '\n')
		rows++
	}
	e.stats.Passed.Add(int64(rows))
	e.stats.BytesOut.Add(int64(len(dst) - before))
	if e.errs.Len() == 0 {
		return dst, rows, nil
	}
	for i := range e.errs.List {
		re := &e.errs.List[i]
		re.Raw = format.AppendJSONRow(nil, b, int(re.Row))
		if b.Time != nil {
			re.Time = b.Time[re.Row]
		}
	}
	return dst, rows, e.reject.Reject(&e.errs, out)
}

// check says whether record, the encoding of row, is to be written: it is not if it is one of the first failed errors, or
// would be read as two lines.
func (e *Encoder) check(record []byte, row, failed int) bool {
	for _, re := range e.errs.List[:failed] {
		if int(re.Row) == row {
			return false
		}
	}
	if bytes.IndexByte(record, '\n') >= 0 {
		e.errs.Add(row, "the value holds a line break, which would make two lines of it")
		return false
	}
	return true
}

// row is the i-th selected row of b.
func row(b *stream.Batch, i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}
