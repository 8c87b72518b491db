package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"flowd/internal/lines"
	"flowd/stream"
)

// folder writes part files into a folder. A part is written under a name that begins with a dot and renamed once it is
// complete and on the disk, so a reader of part-* sees whole files only, also after a crash.
type folder struct {
	options
	instance int
	lines    lines.Encoder
	buf      []byte

	next  int     // number to try for the next part
	out   *output // nil between parts
	name  string  // of the part when complete
	begun time.Time
}

var (
	_ stream.Sink    = (*folder)(nil)
	_ stream.Drained = (*folder)(nil)
)

func (s *folder) Open(c *stream.Context) error {
	s.lines.Open(c, s.newEncoder())
	s.instance = c.Instance
	if err := os.MkdirAll(s.path, 0o755); err != nil {
		return stream.Permanent(err) // names the path
	}
	var err error
	s.next, err = nextPart(s.path, s.instance)
	return err
}

// nextPart is one more than the highest number of the instance's parts in dir, complete or not.
func nextPart(dir string, instance int) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	next := 1
	for _, e := range entries {
		rest, found := strings.CutPrefix(strings.TrimPrefix(e.Name(), "."), fmt.Sprintf("part-%d-", instance))
		if !found {
			continue
		}
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		if n, err := strconv.Atoi(digits); err == nil && n >= next {
			next = n + 1
		}
	}
	return next, nil
}

// begin opens the next part. Whoever made its dotted name owns the number: another writer of the folder takes the next one.
func (s *folder) begin() error {
	for ; ; s.next++ {
		name := fmt.Sprintf("part-%d-%06d%s%s", s.instance, s.next, s.suffix, extension(s.compression))
		f, err := os.OpenFile(s.hidden(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err // names the path
		}
		if _, err := os.Lstat(filepath.Join(s.path, name)); err == nil {
			if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
				return err
			}
			continue
		}
		if s.out, err = newOutput(f, s.compression); err != nil {
			return errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
		s.name, s.begun = name, s.now()
		s.next++
		return nil
	}
}

func (s *folder) hidden(name string) string { return filepath.Join(s.path, "."+name) }

func (s *folder) Write(b *stream.Batch, out stream.Output) error {
	var err error
	s.buf, _, err = s.lines.Append(s.buf, b, out)
	b.Release()
	if err == nil && len(s.buf) >= flushAt {
		err = s.pass()
	}
	return err
}

// pass writes the lines gathered so far, and completes the part if it is due.
func (s *folder) pass() error {
	if len(s.buf) > 0 {
		if s.out == nil {
			if err := s.begin(); err != nil {
				return err
			}
		}
		err := s.out.write(s.buf)
		s.buf = s.buf[:0]
		if err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(s.path, s.name), err)
		}
	}
	if s.out != nil && s.roll.due(s.out.size, s.begun, s.now()) {
		return s.complete()
	}
	return nil
}

// OnDrained writes the rows so far to the hidden file, and completes it if it is due.
func (s *folder) OnDrained() error { return s.pass() }

// Flush completes the part: what no reader may look at has not arrived.
func (s *folder) Flush(context.Context) error {
	if err := s.pass(); err != nil {
		return err
	}
	return s.complete()
}

// complete makes the part visible under its name, after its content is on the disk.
func (s *folder) complete() error {
	if s.out == nil {
		return nil
	}
	o := s.out
	s.out = nil
	err := o.finish()
	if err == nil {
		err = o.f.Sync()
	}
	if err = errors.Join(err, o.f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(s.path, s.name), errors.Join(err, os.Remove(s.hidden(s.name))))
	}
	if err := os.Rename(s.hidden(s.name), filepath.Join(s.path, s.name)); err != nil {
		return err // names both paths
	}
	return syncDir(s.path)
}

// Close throws away the part in progress: its rows were not promised.
func (s *folder) Close() error {
	if s.out == nil {
		return nil
	}
	err := errors.Join(s.out.f.Close(), os.Remove(s.hidden(s.name)))
	s.out = nil
	return err
}
