package file

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"flowd/operators/operatortest"
	"flowd/stream"
)

// refused checks that err says all of parts.
func refused(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Error("there is no error")
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not say %q", err, p)
		}
	}
}

// TestTwoSinks opens a second sink of the same file, under every name the file has.
func TestTwoSinks(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir+"/a.jsonl", nil)
	for name, link := range map[string]func(string, string) error{"soft": os.Symlink, "hard": os.Link} {
		if err := link(path, dir+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	first, err := openSink(t, newTestSink(t, "path", path)(), 0)
	first.must(err)
	for _, again := range []string{path, dir + "/./x/../a.jsonl", dir + "/soft", dir + "/hard"} {
		for _, exists := range []string{existsFail, existsAppend, existsReplace} {
			write(t, dir+"/x/y", nil)
			second, err := openSink(t, newTestSink(t, "path", again, "exists", exists)(), 0)
			refused(t, err, again+" is written by another sink of this run", "give each sink a file of its own")
			second.must(second.sink.Close())
		}
	}
	first.must(first.write(operatortest.Row{1, "x"}))
	first.must(first.sink.Flush(context.Background()))
	first.must(first.sink.Close())
	if got := content(t, path); !slices.Equal(got, []string{`{"id":1,"name":"x"}`}) {
		t.Errorf("%v", got)
	}
	next, err := openSink(t, newTestSink(t, "path", path, "exists", "append")(), 0)
	next.must(err)
	next.must(next.sink.Close())
}

// TestSharedDevice: what is no regular file may have several writers.
func TestSharedDevice(t *testing.T) {
	for range 2 {
		w, err := openSink(t, newTestSink(t, "path", os.DevNull)(), 0)
		w.must(err)
		defer func() { w.must(w.sink.Close()) }()
	}
}

// TestReadAndWrite has a sink on a file that a source of the same run reads: it fails before there is a row, also if that
// would be of another file of the pattern, and whichever of the two opens first.
func TestReadAndWrite(t *testing.T) {
	for _, follow := range []bool{false, true} {
		for _, sinkFirst := range []bool{true, false} {
			dir := t.TempDir()
			write(t, dir+"/a.jsonl", []byte(`{"id":1}`+"\n"))
			input := write(t, dir+"/b.jsonl", []byte(`{"id":2}`+"\n"))
			sink := newTestSink(t, "path", dir+"/../"+filepath.Base(dir)+"/b.jsonl", "exists", "replace")()
			source := newTestSource(t, dir+"/*.jsonl", follow)
			var w *writer
			var k *kit
			var err, sinkErr error
			if sinkFirst {
				w, sinkErr = openSink(t, sink, 0)
			}
			k, err = newKit(t, source, stream.Flatten(fields))
			if err != nil {
				t.Fatal(err)
			}
			if !sinkFirst {
				w, sinkErr = openSink(t, sink, 0)
			}
			w.must(sinkErr)
			refused(t, k.run(1), input+" is read and written by the same run: give the sink another file")
			if len(k.rows) > 0 {
				t.Errorf("rows came: %v", k.rows)
			}
			w.must(w.sink.Close())
			if got := content(t, input); !slices.Equal(got, []string{`{"id":2}`}) {
				t.Errorf("the input is %v", got)
			}
		}
	}
}

// TestOtherProcess has another process write or read the file.
func TestOtherProcess(t *testing.T) {
	if what := os.Getenv("FLOWD_FILE_TEST"); what != "" {
		hold(t, what, os.Getenv("FLOWD_FILE_PATH"))
		return
	}
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("files are not locked here")
	}
	row := `{"id":1,"name":"x"}`
	path := write(t, t.TempDir()+"/a.jsonl", []byte(row+"\n"))
	sink := newTestSink(t, "path", path, "exists", "append")
	read := func(follow bool) error {
		k, err := newKit(t, newTestSource(t, path, follow), stream.Flatten(fields))
		if err != nil {
			t.Fatal(err)
		}
		return k.run(1)
	}

	end := other(t, "write", path)
	_, err := openSink(t, sink(), 0)
	refused(t, err, path+" is being written by another run", "give this sink another file", "wait")
	refused(t, read(false), path+" is still being written by another run: wait until that has ended", "follow: true")
	if err := read(true); err != nil {
		t.Errorf("following: %v", err)
	}
	end()

	end = other(t, "read", path)
	_, err = openSink(t, sink(), 0)
	refused(t, err, path+" is being read by another run", "give this sink another file", "wait")
	if err := read(false); err != nil {
		t.Errorf("reading what another reads: %v", err)
	}
	end()

	w, err := openSink(t, sink(), 0)
	w.must(err)
	w.must(w.sink.Close())
	if got := content(t, path); !slices.Equal(got, []string{row}) {
		t.Errorf("the file is %v", got)
	}
}

// other runs this test in another process until end.
func other(t *testing.T, what, path string) (end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOtherProcess$")
	cmd.Env = append(os.Environ(), "FLOWD_FILE_TEST="+what, "FLOWD_FILE_PATH="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the other process says %q, error %v", line, err)
	}
	return func() {
		t.Helper()
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// hold opens path as a sink or source does until standard input ends.
func hold(t *testing.T, what, path string) {
	t.Helper()
	if what == "write" {
		w, err := openSink(t, newTestSink(t, "path", path, "exists", "append")(), 0)
		w.must(err)
		defer func() { w.must(w.sink.Close()) }()
	} else {
		k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
		if err != nil {
			t.Fatal(err)
		}
		b := k.pool.TryGet()
		defer b.Release()
		if p, err := k.r.Poll(b, &k.errs); err != nil || p.Rows == 0 {
			t.Fatal(p, err)
		}
	}
	if _, err := os.Stdout.WriteString("open\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		t.Error("standard input says something")
	}
}
