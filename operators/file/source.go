package file

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"flowd/operators"
	"flowd/stream"
)

const (
	// maxOpen is how many files a reader has open at once; the others wait in the order of their names.
	maxOpen = 64
	// pollEvery is how often a followed file is looked at when it has nothing new.
	pollEvery = 100 * time.Millisecond
	// again asks to be polled again at once, although there was no row.
	again = time.Nanosecond
)

// source reads files. File i belongs to instance i mod parallelism; a reader takes its files in turn, a batch from each,
// so that event time advances in all of them.
type source struct {
	path       string
	follow     bool
	maxLine    int
	newDecoder func() operators.Decoder

	files    []string     // after Open
	readable func() error // says, once all sinks of the run are open, whether one of them has one of files
}

var _ stream.Source = (*source)(nil)

func (s *source) Open(*stream.Context) error {
	files, err := find(s.path)
	if err != nil {
		return stream.Permanent(err)
	}
	for _, f := range files {
		if s.follow && compressionOf(f) != plain {
			return stream.Permanent(fmt.Errorf("%s: follow cannot wait for more of a compressed file", f))
		}
	}
	s.files = files
	s.readable = sync.OnceValue(func() error { return readable(files, s.follow) })
	return nil
}

func (s *source) Reader(c *stream.Context) (stream.Reader, error) {
	r := &reader{source: s, stats: c.Stats, decoder: s.newDecoder()}
	for i, f := range s.files {
		if i%c.Parallelism == c.Instance {
			r.splits = append(r.splits, &split{path: f, id: f, size: -1})
		}
	}
	return r, nil
}

func (s *source) Close() error { return nil }

type reader struct {
	source  *source
	stats   *stream.Stats
	decoder operators.Decoder
	begun   bool // the files may be read
	splits  []*split
	turn    int // split that is asked next
	open    int // how many are
	lines   taken
	from    []uint32
}

var _ stream.Reader = (*reader)(nil)

// split is one file, or what a followed file was before it was made anew.
type split struct {
	path, id string
	in       *input
	scan     scanner
	size     int64 // when last asked, −1 unknown
	caughtUp bool
	finished bool
	paused   bool
	replaced bool // path is another file by now
}

// Poll reads from the files in turn.
func (r *reader) Poll(b *stream.Batch, errs *stream.RowErrors) (stream.Polled, error) {
	if b.Free() <= 0 {
		return stream.Polled{Wait: again}, nil
	}
	if !r.begun { // before there is a row of any file, which might make a sink replace another
		if err := r.source.readable(); err != nil {
			return stream.Polled{}, stream.Permanent(err)
		}
		r.begun = true
	}
	quiet, blocked := time.Duration(0), false
	done, failed := 0, errs.Len()
	for range r.splits {
		i := r.turn
		sp := r.splits[i]
		r.turn = (r.turn + 1) % len(r.splits)
		switch {
		case sp.finished:
			done++
			continue
		case sp.paused:
			blocked = true
			continue
		case sp.in == nil && r.open >= maxOpen && !r.source.follow && r.anyOpenRuns():
			continue
		}
		p, err := r.read(i, b, errs)
		if err != nil {
			return stream.Polled{}, stream.Permanent(err)
		}
		if p.Rows > 0 || errs.Len() > failed || p.Wait == again {
			return p, nil
		}
		if p.Wait > 0 {
			quiet = p.Wait
		}
	}
	switch {
	case done == len(r.splits):
		return stream.Polled{End: true}, nil
	case quiet > 0:
		return stream.Polled{Wait: quiet}, nil
	case blocked:
		return stream.Polled{}, nil // until Pause ends
	}
	return stream.Polled{Wait: again}, nil
}

// anyOpenRuns says whether a file that is open may still be read, so that waiting files can wait for its end.
func (r *reader) anyOpenRuns() bool {
	for _, sp := range r.splits {
		if sp.in != nil && !sp.paused {
			return true
		}
	}
	return false
}

// read appends rows of split i to b. Without any, Wait says when to come back.
func (r *reader) read(i int, b *stream.Batch, errs *stream.RowErrors) (stream.Polled, error) {
	sp := r.splits[i]
	if sp.in == nil {
		if err := r.begin(sp); err != nil {
			return stream.Polled{}, err
		}
	}
	final := !r.source.follow || sp.replaced
	if err := sp.scan.next(&r.lines, b.Free(), final); err != nil {
		return stream.Polled{}, explain(sp.path, err)
	}
	r.stats.BytesIn.Add(r.lines.bytes)
	before := b.N
	if len(r.lines.Start) > 0 {
		r.decode(i, b, errs)
	}
	for _, at := range r.lines.tooLong {
		errs.List = append(errs.List, stream.RowError{
			Row: -1, Msg: fmt.Sprintf("the line has more than %d bytes", r.source.maxLine),
			Topic: sp.path, Split: int32(i), Offset: at.offset, Line: at.line,
		})
	}
	p := stream.Polled{Split: i, Rows: b.N - before, Wait: again}
	sp.caughtUp = sp.scan.eof && sp.scan.seen == sp.scan.end
	if r.lines.bytes > 0 || !sp.scan.eof {
		return p, nil
	}
	if final {
		return p, r.finish(sp)
	}
	p.Wait = pollEvery
	replaced, err := sp.look()
	if err == nil && replaced { // what is left of the old file is read with the next call, then it is finished
		sp.replaced, p.Wait = true, again
		r.splits = append(r.splits, &split{path: sp.path, id: nextID(sp.id), size: -1})
	}
	return p, err
}

// nextID is the id of the file that takes the place of the split id.
func nextID(id string) string {
	n := 1
	if base, number, found := strings.Cut(id, "#"); found {
		if _, err := fmt.Sscanf(number, "%d", &n); err == nil {
			id = base
		}
	}
	return fmt.Sprintf("%s#%d", id, n+1)
}

func (r *reader) begin(sp *split) error {
	in, err := open(sp.path)
	if err != nil {
		return err
	}
	if !r.source.follow {
		if err := share(in.file, sp.path); err != nil {
			return errors.Join(err, in.Close())
		}
	}
	sp.in = in
	sp.scan = scanner{r: in, max: r.source.maxLine, place: place{line: 1}}
	if info, err := in.file.Stat(); err == nil && compressionOf(sp.path) == plain {
		sp.size = info.Size()
	}
	r.open++
	return nil
}

func (r *reader) finish(sp *split) error {
	sp.finished, sp.caughtUp = true, true
	r.open--
	sp.size = sp.scan.offset
	sp.scan.buf = nil
	in := sp.in
	sp.in = nil
	return in.Close()
}

// look asks what became of a followed file that has nothing more to read.
func (sp *split) look() (replaced bool, err error) {
	info, err := sp.in.file.Stat()
	if err != nil {
		return false, err
	}
	if sp.size = info.Size(); sp.size < sp.scan.offset {
		return false, fmt.Errorf("%s was truncated from %d bytes or more to %d while it was followed: rows may be missing; rotate such a file by renaming it, and start again",
			sp.path, sp.scan.offset, sp.size)
	}
	now, err := os.Stat(sp.path)
	if err != nil {
		return false, nil //nolint:nilerr // the file is gone, and the next of its name not there yet
	}
	return !os.SameFile(info, now), nil
}

// decode appends the rows of r.lines to b and completes the errors.
func (r *reader) decode(i int, b *stream.Batch, errs *stream.RowErrors) {
	first := errs.Len()
	r.from = r.decoder.Decode(b, &r.lines.RawRecords, r.from[:0], errs)
	for j := first; j < errs.Len(); j++ {
		e := &errs.List[j]
		rec := e.Row
		at := r.lines.places[rec]
		e.Row, e.Topic, e.Split, e.Offset, e.Line = -1, r.splits[i].path, int32(i), at.offset, at.line
		e.Raw = append([]byte(nil), r.lines.Buf[r.lines.Start[rec]:r.lines.End[rec]]...)
	}
}

// Ready is silent: files do not tell when they grow, and Poll says when to look.
func (r *reader) Ready() <-chan struct{} { return nil }

func (r *reader) Splits() int { return len(r.splits) }

func (r *reader) Split(i int) stream.SplitState {
	sp := r.splits[i]
	st := stream.SplitState{ID: sp.id, CaughtUp: sp.caughtUp, Finished: sp.finished, Position: sp.scan.offset, End: sp.size}
	if st.End >= 0 {
		st.End = max(st.End, st.Position) // it grew since
	}
	return st
}

func (r *reader) Pause(i int, paused bool) { r.splits[i].paused = paused }

func (r *reader) Close() error {
	var first error
	for _, sp := range r.splits {
		if sp.in != nil {
			if err := sp.in.Close(); err != nil && first == nil {
				first = err
			}
			sp.in = nil
		}
	}
	return first
}
