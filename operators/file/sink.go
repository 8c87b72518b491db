package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"flowd/internal/lines"
	"flowd/operators"
	"flowd/stream"
)

// What a single file's sink does at the start when there is content already. To replace or append is for the user to say: the
// file may be last week's result.
const (
	existsFail    = "fail"
	existsAppend  = "append"
	existsReplace = "replace"
)

// flushAt is how many bytes of lines are gathered before they are written although more rows wait.
const flushAt = 256 << 10

// options are the settings of a sink.
type options struct {
	path        string
	compression string
	exists      string
	suffix      string
	roll        roll
	newEncoder  func() operators.Encoder
	now         func() time.Time
}

// output is a file being written: whole lines, through a compressor if there is one. It starts no goroutine.
type output struct {
	f          *os.File
	size       int64 // bytes in f
	whole      int64 // bytes in f that end with a whole line; 0 if compressed
	compressor compressor
	begun      bool // the compressor has something to finish
}

// compressor is what gzip.Writer and zstd.Encoder have in common.
type compressor interface {
	io.Writer
	Flush() error
	Close() error
}

func newOutput(f *os.File, compression string) (*output, error) {
	o := &output{f: f}
	var err error
	switch compression {
	case gzipped:
		o.compressor, err = gzip.NewWriterLevel(sized{o}, gzip.DefaultCompression)
	case zstandard:
		o.compressor, err = zstd.NewWriter(sized{o}, zstd.WithEncoderConcurrency(1))
	}
	return o, err
}

// sized writes to the file of an output and counts.
type sized struct{ o *output }

func (s sized) Write(p []byte) (int, error) {
	n, err := s.o.f.Write(p)
	s.o.size += int64(n)
	return n, err
}

// write adds whole lines. If that fails for a plain file, the part of a line that was written is taken back.
func (o *output) write(p []byte) error {
	if o.compressor != nil {
		o.begun = true
		_, err := o.compressor.Write(p)
		return err
	}
	_, err := sized{o}.Write(p)
	if err != nil {
		return errors.Join(err, o.f.Truncate(o.whole))
	}
	o.whole = o.size
	return nil
}

// sync returns when what was written is on the disk and can be read.
func (o *output) sync() error {
	if o.compressor != nil {
		o.begun = true
		if err := o.compressor.Flush(); err != nil {
			return err
		}
	}
	return o.f.Sync()
}

// finish ends the compressed data, so that the file is complete. Where nothing was written, nothing is.
func (o *output) finish() error {
	if o.compressor == nil || !o.begun {
		return nil
	}
	return o.compressor.Close()
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// begun knows whether a run has written to its single file before: a job that restarts goes on with the file it began.
type begun struct{ done atomic.Bool }

// single writes one file, whose rows appear as they are written. What the file held stays as it is until the first bytes are
// written, or the sink is flushed without any: a run that fails earlier has no result to put in its place.
type single struct {
	options
	run     *begun
	lines   lines.Encoder
	buf     []byte
	out     *output
	info    os.FileInfo // of a regular file, which is claimed; else nil
	started bool        // the file is as exists says
	synced  bool        // the file's name is durable
}

var (
	_ stream.Sink    = (*single)(nil)
	_ stream.Drained = (*single)(nil)
)

func (s *single) Open(c *stream.Context) error {
	s.lines.Open(c, s.newEncoder())
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return stream.Permanent(err) // names the path
	}
	if err := s.take(f); err != nil {
		if s.info != nil {
			release(s.info)
			s.info = nil
		}
		return errors.Join(err, f.Close())
	}
	return nil
}

// take claims f and makes it the output. It changes nothing in it.
func (s *single) take(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		if err := claim(f, info, s.path); err != nil {
			return err
		}
		s.info = info
	}
	if info, err = f.Stat(); err != nil { // again, as another writer may have ended in between
		return err
	}
	if s.info != nil && info.Size() > 0 && s.exists == existsFail && !s.run.done.Load() {
		return stream.Permanent(fmt.Errorf("%s holds %d bytes already: move it away, or set exists: append or exists: replace", s.path, info.Size()))
	}
	out, err := newOutput(f, s.compression)
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.path, err)
	}
	if out.size, err = f.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	out.whole = out.size
	s.out, s.started = out, s.info == nil
	return nil
}

// start does what exists says, once: afterwards the file is empty or ends with a whole line, and is written at its end.
func (s *single) start() error {
	if s.started {
		return nil
	}
	var err error
	switch {
	case s.exists == existsReplace && !s.run.done.Load():
		err = s.out.f.Truncate(0)
	case s.compression == plain && s.out.size > 0:
		err = endLine(s.out.f, s.out.size)
	}
	if err == nil {
		s.out.size, err = s.out.f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.path, err)
	}
	s.out.whole = s.out.size
	s.started = true
	s.run.done.Store(true)
	return nil
}

// endLine adds a line break if the file does not end with one.
func endLine(f *os.File, size int64) error {
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err := f.WriteAt([]byte{'\n'}, size)
	return err
}

func (s *single) Write(b *stream.Batch, out stream.Output) error {
	var err error
	s.buf, _, err = s.lines.Append(s.buf, b, out)
	b.Release()
	if err == nil && len(s.buf) >= flushAt {
		err = s.pass()
	}
	return err
}

// pass writes the lines gathered so far.
func (s *single) pass() error {
	if len(s.buf) == 0 {
		return nil
	}
	if err := s.start(); err != nil {
		return err
	}
	err := s.out.write(s.buf)
	s.buf = s.buf[:0]
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.path, err)
	}
	return nil
}

// OnDrained lets readers see the rows so far.
func (s *single) OnDrained() error { return s.pass() }

// Flush returns when all rows are on the disk. No row is a result too: an empty file.
func (s *single) Flush(context.Context) error {
	if err := errors.Join(s.start(), s.pass()); err != nil {
		return err
	}
	if err := s.out.sync(); err != nil {
		return fmt.Errorf("writing %s: %w", s.path, err)
	}
	if !s.synced {
		s.synced = true
		return syncDir(filepath.Dir(s.path))
	}
	return nil
}

func (s *single) Close() error {
	if s.out == nil {
		return nil
	}
	err := errors.Join(s.out.finish(), s.out.f.Close())
	s.out = nil
	if s.info != nil {
		release(s.info)
		s.info = nil
	}
	return err
}
