package file

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"flowd/stream"
)

// Single files are locked while they are open: two writers would overwrite each other's rows without a word, and a sink that
// replaces a file that a source still reads would destroy the input. The locks are advisory, so that tail and an editor are
// not in the way, and belong to the file and not its name, so that no other spelling or link gets around them. A file system
// without locks is used without them. Files that are not regular (/dev/null, a named pipe) may be shared.
//
// A followed file is not locked: a source may follow what another run's sink writes, and says so when it is truncated.
// Folders are not locked either: a part's name is taken by making it, so no two writers have the same.

// errLocked is what tryLock returns when another has the lock.
var errLocked = errors.New("the file is locked")

// writing are the single files that sinks of this process have open. A lock does not tell who has it; the remedy differs.
var writing struct {
	sync.Mutex
	files []os.FileInfo
}

// writtenHere says whether a sink of this process has the file open.
func writtenHere(info os.FileInfo) bool {
	writing.Lock()
	defer writing.Unlock()
	return writtenLocked(info)
}

func writtenLocked(info os.FileInfo) bool {
	return slices.ContainsFunc(writing.files, func(w os.FileInfo) bool { return os.SameFile(w, info) })
}

// claim makes the regular file f, which was opened as path, a sink's own until release and its Close.
func claim(f *os.File, info os.FileInfo, path string) error {
	writing.Lock() // throughout: of two sinks that open at once, the second is to see the first
	defer writing.Unlock()
	err := tryLock(f, true)
	switch {
	case writtenLocked(info):
		return stream.Permanent(fmt.Errorf("%s is written by another sink of this run already: give each sink a file of its own, or write a folder (a path with a slash at its end), which sinks can share", path))
	case errors.Is(err, errLocked) && tryLock(f, false) == nil:
		return stream.Permanent(fmt.Errorf("%s is being read by another run: give this sink another file, or wait until that run has ended", path))
	case errors.Is(err, errLocked):
		return stream.Permanent(fmt.Errorf("%s is being written by another run: give this sink another file, or wait until that run has ended", path))
	}
	writing.files = append(writing.files, info)
	return nil
}

// release gives up what claim took.
func release(info os.FileInfo) {
	writing.Lock()
	defer writing.Unlock()
	writing.files = slices.DeleteFunc(writing.files, func(w os.FileInfo) bool { return w == info })
}

// share keeps sinks away from f, which is read as path, until its Close.
func share(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if errors.Is(tryLock(f, false), errLocked) || writtenHere(info) {
		return written(path, info)
	}
	return nil
}

// readable says why one of files must not be read: a sink has it open.
func readable(files []string, follow bool) error {
	for _, path := range files {
		info, err := os.Stat(path)
		switch {
		case err != nil || !info.Mode().IsRegular(): // whether it can be read is not asked here; opening a pipe would wait
			continue
		case writtenHere(info):
			return written(path, info)
		case follow:
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return err // names the path
		}
		if err := errors.Join(share(f, path), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// written is the error for a file that a sink has open.
func written(path string, info os.FileInfo) error {
	if writtenHere(info) {
		return fmt.Errorf("%s is read and written by the same run: give the sink another file", path)
	}
	along := ""
	if compressionOf(path) == plain {
		along = ", or set follow: true to read along"
	}
	return fmt.Errorf("%s is still being written by another run: wait until that has ended%s", path, along)
}
