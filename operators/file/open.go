package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"flowd/internal/nearest"
)

// find lists the files that path, a name or a pattern, stands for, in the order of their names.
func find(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a folder: name a file in it, or a pattern such as %s", path, filepath.Join(path, "*.jsonl"))
	case err == nil:
		return []string{path}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err // names the path
	}
	matches, err := filepath.Glob(path)
	if err != nil {
		return nil, fmt.Errorf("pattern %s: %w", path, err)
	}
	matches = slices.DeleteFunc(matches, func(m string) bool {
		info, err := os.Stat(m)
		hidden := strings.HasPrefix(filepath.Base(m), ".") && !strings.HasPrefix(filepath.Base(path), ".")
		return err != nil || info.IsDir() || hidden
	})
	if len(matches) == 0 {
		return nil, missing(path)
	}
	slices.Sort(matches)
	return matches, nil
}

// missing is the error for a path without a file: it says what is there instead.
func missing(path string) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		abs, absErr := filepath.Abs(dir)
		if absErr != nil {
			abs = dir
		}
		return fmt.Errorf("no file %s: its folder %s cannot be read: %w", path, abs, err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if near := nearest.Names(base, names); len(near) > 0 {
		return fmt.Errorf("no file %s; did you mean %s?", path, filepath.Join(dir, near[0]))
	}
	if len(names) == 0 {
		return fmt.Errorf("no file %s: the folder %s has no files", path, dir)
	}
	shown := names[:min(len(names), 5)]
	more := ""
	if len(names) > len(shown) {
		more = " …"
	}
	return fmt.Errorf("no file %s; the folder %s has %s%s", path, dir, strings.Join(shown, ", "), more)
}

// input is an open file, decompressed. It starts no goroutine.
type input struct {
	io.Reader
	file *os.File
	zstd *zstd.Decoder
}

func open(path string) (*input, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // names the path
	}
	in := &input{Reader: f, file: f}
	switch compressionOf(path) {
	case gzipped:
		if in.Reader, err = gzip.NewReader(f); errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // an empty file is no gzip file
		}
	case zstandard:
		// One decoder at a time decodes in the caller; the window limit bounds its memory.
		in.zstd, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		in.Reader = in.zstd
	}
	if err != nil {
		return nil, errors.Join(explain(path, err), f.Close())
	}
	return in, nil
}

// explain says what an error of reading path means.
func explain(path string, err error) error {
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("reading %s: the compressed data ends in the middle; the file is not complete: %w", path, err)
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

func (in *input) Close() error {
	if in.zstd != nil {
		in.zstd.Close()
	}
	return in.file.Close()
}
