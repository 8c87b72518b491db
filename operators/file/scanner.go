package file

import (
	"bytes"
	"errors"
	"io"

	"flowd/operators"
)

const (
	maxLine = 64 << 20  // longest line unless the pipeline says otherwise
	chunk   = 256 << 10 // bytes read at once: enough for a batch of usual lines, little for many open files
	slack   = 8         // bytes a decoder may read past the last record
)

// scanner cuts a stream of bytes into lines. It keeps one line at most beyond what it is asked for.
type scanner struct {
	r       io.Reader
	max     int
	buf     []byte // room for chunk bytes or the longest line, and slack
	at, end int    // buf[at:end] was read and not yet given out
	seen    int    // buf[at:seen] has no line break
	place          // in the stream, of buf[at]
	skip    bool   // of a line that is too long the rest must go
	eof     bool   // r had no more when it was last asked
	err     error  // of r, after bytes that came with it
}

// place is where a line begins.
type place struct {
	offset int64 // bytes before it
	line   int64 // its number, from 1
}

// taken is what one call of next gives: records that lie in the buffer of the scanner, until the next call.
type taken struct {
	operators.RawRecords
	places  []place // of the records, in the stream
	tooLong []place // of lines that were skipped
	bytes   int64   // taken from the stream, line breaks and blank lines included
}

func (l *taken) reset() {
	l.Start, l.End, l.places, l.tooLong, l.bytes = l.Start[:0], l.End[:0], l.places[:0], l.tooLong[:0], 0
}

// next fills l with up to limit lines, and reads at most until there is one. At the end of the stream, what
// follows the last line break is a line if final is set, and otherwise waits for its line break. An error comes after the
// lines before it, at the next call.
func (s *scanner) next(l *taken, limit int, final bool) error {
	l.reset()
	for {
		if s.take(l, limit); len(l.Start) > 0 || len(l.tooLong) > 0 {
			break
		}
		if s.end-s.at > s.max && !s.skip {
			l.tooLong = append(l.tooLong, s.place)
			s.skip = true
		}
		if s.skip { // what is there of the line goes, its end is still to come
			l.bytes += int64(s.end - s.at)
			s.offset += int64(s.end - s.at)
			s.at, s.end, s.seen = 0, 0, 0
		}
		if len(l.tooLong) > 0 {
			break
		}
		more, err := s.read()
		if err != nil {
			return err
		}
		if !more {
			if final && s.at < s.end {
				s.add(l, s.end, s.end)
			}
			if final {
				s.skip = false
			}
			break
		}
	}
	l.Buf = s.buf
	return nil
}

// take moves lines that are in the buffer as a whole to l.
func (s *scanner) take(l *taken, limit int) {
	for len(l.Start) < limit {
		i := bytes.IndexByte(s.buf[s.seen:s.end], '\n')
		if i < 0 {
			s.seen = s.end
			return
		}
		s.add(l, s.seen+i, s.seen+i+1)
	}
}

// add makes buf[at:end] a line of l, unless it is blank or too long, and goes on at next.
func (s *scanner) add(l *taken, end, next int) {
	start := s.at
	if end > start && s.buf[end-1] == '\r' {
		end--
	}
	switch {
	case s.skip:
		s.skip = false
	case end-start > s.max:
		l.tooLong = append(l.tooLong, s.place)
	case end > start:
		l.Start = append(l.Start, uint32(start))
		l.End = append(l.End, uint32(end))
		l.places = append(l.places, s.place)
	}
	l.bytes += int64(next - start)
	s.offset += int64(next - start)
	s.line++
	s.at, s.seen = next, next
}

// read reads once more of the stream; more says whether there was any.
func (s *scanner) read() (more bool, err error) {
	if s.at > 0 { // lines given out earlier are done with
		copy(s.buf, s.buf[s.at:s.end])
		s.seen, s.end, s.at = s.seen-s.at, s.end-s.at, 0
	}
	if room := len(s.buf) - slack - s.end; room < chunk/2 {
		s.buf = append(s.buf[:s.end], make([]byte, max(chunk, s.end)+slack)...)
	}
	if s.err != nil {
		return false, s.err
	}
	for range 100 { // io.Reader allows a reader to give nothing a few times
		n, err := s.r.Read(s.buf[s.end : len(s.buf)-slack])
		s.end += n
		s.eof = errors.Is(err, io.EOF)
		if err != nil && !s.eof {
			s.err = err
		}
		switch {
		case n > 0:
			return true, nil
		case s.eof:
			return false, nil
		case s.err != nil:
			return false, s.err
		}
	}
	return false, io.ErrNoProgress
}
