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
		if err := o.compressor.Flush(); err != nil {
			return err
		}
	}
	return o.f.Sync()
}

// finish ends the compressed data, so that the file is complete.
func (o *output) finish() error {
	if o.compressor == nil {
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

// firstOpen knows whether a run has opened its single file before: a job that restarts goes on with the file it began.
type firstOpen struct{ done atomic.Bool }

// single writes one file, whose rows appear as they are written.
type single struct {
	options
	run    *firstOpen
	lines  lines.Encoder
	buf    []byte
	out    *output
	synced bool // the file's name is durable
}

var (
	_ stream.Sink    = (*single)(nil)
	_ stream.Drained = (*single)(nil)
)

func (s *single) Open(c *stream.Context) error {
	s.lines.Open(c, s.newEncoder())
	mode := s.exists
	if s.run.done.Load() {
		mode = existsAppend
	}
	f, err := openSingle(s.path, mode)
	if err != nil {
		return err
	}
	if s.out, err = newOutput(f, s.compression); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", s.path, err), f.Close())
	}
	end, err := f.Seek(0, io.SeekEnd)
	s.out.size, s.out.whole = end, end
	s.run.done.Store(true)
	return err
}

// openSingle opens the file for writing at its end. What it holds ends with a whole line afterwards.
func openSingle(path, mode string) (*os.File, error) {
	flags := os.O_RDWR | os.O_CREATE
	if mode == existsReplace {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, stream.Permanent(err) // names the path
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		switch {
		case mode == existsFail:
			err = stream.Permanent(fmt.Errorf("%s holds %d bytes already: move it away, or set exists: append or exists: replace", path, info.Size()))
		case compressionOf(path) == plain:
			err = endLine(f, info.Size())
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
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
	err := s.out.write(s.buf)
	s.buf = s.buf[:0]
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.path, err)
	}
	return nil
}

// OnDrained lets readers see the rows so far.
func (s *single) OnDrained() error { return s.pass() }

// Flush returns when all rows are on the disk.
func (s *single) Flush(context.Context) error {
	if err := s.pass(); err != nil {
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
	return err
}
