package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"flowd/operators"
	"flowd/operators/format"
	"flowd/operators/operatortest"
	"flowd/stream"
)

func sinkEnv(t testing.TB, f operators.Format, parallelism int) operators.SinkEnv {
	t.Helper()
	rows := stream.Flatten(fields)
	if f.Name == "raw" {
		rows = stream.Flatten(fields[1:])
	}
	encoder, problems := f.NewEncoder(nil, rows)
	if problems != nil {
		t.Fatalf("%+v", problems)
	}
	return operators.SinkEnv{Rows: rows, NewEncoder: encoder, Parallelism: parallelism}
}

func newTestSink(t testing.TB, pairs ...string) func() stream.Sink {
	t.Helper()
	f, problems := Connector().Sink.New(config(pairs...), sinkEnv(t, format.JSON(), 1))
	if problems != nil {
		t.Fatalf("%+v", problems)
	}
	return f
}

func sinkRows(n int) []operatortest.Row {
	var rows []operatortest.Row
	for i := range n {
		rows = append(rows, operatortest.Row{i, strings.Repeat("ab", i%50)})
	}
	return rows
}

// content reads a file as anybody would: what can be decompressed of it, without an error at the end for files in progress.
func content(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(data)
	switch compressionOf(path) {
	case gzipped:
		if len(data) == 0 {
			return nil
		}
		if r, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
	case zstandard:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		r = d
	}
	if data, err = io.ReadAll(r); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		whole, ok := strings.CutSuffix(line, "\n")
		if !ok {
			t.Fatalf("%s ends within a line: %q", path, line)
		}
		out = append(out, whole)
	}
	return out
}

func parts(t testing.TB, dir string) (visible, hidden []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name()[0] == '.' {
			hidden = append(hidden, e.Name())
		} else {
			visible = append(visible, e.Name())
		}
	}
	return visible, hidden
}

func TestSinkExaminer(t *testing.T) {
	for _, name := range []string{"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"} {
		t.Run(name, func(t *testing.T) {
			operatortest.Sink(t, operatortest.SinkTest{
				New: func(t *testing.T) (stream.Sink, func() []string) {
					path := filepath.Join(t.TempDir(), name)
					return newTestSink(t, "path", path)(), func() []string { return content(t, path) }
				},
				Schema: stream.Flatten(fields), Rows: sinkRows(150),
				Broken: func() stream.Sink { return newTestSink(t, "path", t.TempDir()+"/none/"+name)() },
			})
		})
	}
	for _, c := range []string{plain, gzipped, zstandard} {
		t.Run("folder/"+c, func(t *testing.T) {
			operatortest.Sink(t, operatortest.SinkTest{
				New: func(t *testing.T) (stream.Sink, func() []string) {
					dir := t.TempDir() + "/new/out/"
					return newTestSink(t, "path", dir, "compression", c, "roll", "300B or 1h")(), func() []string {
						var out []string
						names, hidden := parts(t, dir)
						if len(hidden) > 0 {
							t.Errorf("in progress after Flush: %v", hidden)
						}
						for _, n := range names {
							out = append(out, content(t, dir+n)...)
						}
						return out
					}
				},
				Schema: stream.Flatten(fields), Rows: sinkRows(150),
				Broken: func() stream.Sink { return newTestSink(t, "path", write(t, t.TempDir()+"/file", nil)+"/x/")() },
			})
		})
	}
}

// writer drives a sink by hand.
type writer struct {
	t    testing.TB
	sink stream.Sink
	ctx  *stream.Context
	pool *stream.Pool
}

func openSink(t testing.TB, sink stream.Sink, instance int) (*writer, error) {
	t.Helper()
	ctx := operatortest.Context(t, instance, instance+1)
	return &writer{t: t, sink: sink, ctx: ctx, pool: stream.NewPool(stream.Flatten(fields), 4096, 2)}, sink.Open(ctx)
}

func (w *writer) write(rows ...operatortest.Row) error {
	b := w.pool.TryGet()
	for _, r := range rows {
		operatortest.Append(b, r)
	}
	return w.sink.Write(b, nil)
}

func (w *writer) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestExists(t *testing.T) {
	for _, c := range []struct {
		before, exists string
		want           string // content afterwards; "" for an error
	}{
		{"", existsFail, `{"id":1,"name":"x"}`},
		{"old\n", existsFail, ""},
		{"old\n", existsAppend, `old|{"id":1,"name":"x"}`},
		{"old", existsAppend, `old|{"id":1,"name":"x"}`},
		{"old\n", existsReplace, `{"id":1,"name":"x"}`},
	} {
		path := write(t, t.TempDir()+"/a.jsonl", []byte(c.before))
		w, err := openSink(t, newTestSink(t, "path", path, "exists", c.exists)(), 0)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), path+" holds 4 bytes already: move it away, or set exists: append") {
				t.Errorf("%q %s: %v", c.before, c.exists, err)
			}
			if got := content(t, path); !slices.Equal(got, []string{"old"}) {
				t.Errorf("the refused file changed to %v", got)
			}
			continue
		}
		w.must(err)
		w.must(w.write(operatortest.Row{1, "x"}))
		w.must(w.sink.Flush(context.Background()))
		w.must(w.sink.Close())
		if got := strings.Join(content(t, path), "|"); got != c.want {
			t.Errorf("%q %s: %s, want %s", c.before, c.exists, got, c.want)
		}
	}
}

// TestRestart opens the sink of one run again, as a job that restarts does: nothing that was written goes.
func TestRestart(t *testing.T) {
	for _, exists := range []string{existsFail, existsReplace} {
		for _, name := range []string{"a.jsonl", "a.gz", "a.zst"} {
			path := filepath.Join(t.TempDir(), name)
			newSink := newTestSink(t, "path", path, "exists", exists)
			for i := range 3 {
				w, err := openSink(t, newSink(), 0)
				w.must(err)
				w.must(w.write(operatortest.Row{i, "x"}))
				w.must(w.sink.(stream.Drained).OnDrained())
				w.must(w.sink.Close())
			}
			want := []string{`{"id":0,"name":"x"}`, `{"id":1,"name":"x"}`, `{"id":2,"name":"x"}`}
			if got := content(t, path); !slices.Equal(got, want) {
				t.Errorf("%s %s: %v", exists, name, got)
			}
		}
	}
}

// TestFailedEarly ends a run before it has written: what the file held is still there. An empty result is a result.
func TestFailedEarly(t *testing.T) {
	for _, name := range []string{"a.jsonl", "a.gz", "a.zst"} {
		for _, exists := range []string{existsFail, existsAppend, existsReplace} {
			old := []byte("old\nno line break")
			if c := compressionOf(name); c != plain {
				old = zip(t, c, []byte("old\n"))
			}
			path := write(t, filepath.Join(t.TempDir(), name), old)
			newSink := newTestSink(t, "path", path, "exists", exists)
			w, err := openSink(t, newSink(), 0)
			if exists == existsFail {
				if err == nil {
					t.Errorf("%s: %s holds something, and is opened", exists, name)
				}
			} else {
				w.must(err)
				w.must(w.sink.(stream.Drained).OnDrained())
				w.must(w.write(operatortest.Row{1, "gathered, not written"}))
			}
			w.must(w.sink.Close())
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, old) {
				t.Errorf("%s: %s holds %q after a run without rows, want %q; error %v", exists, name, got, old, err)
			}
			if exists != existsReplace {
				continue
			}
			w, err = openSink(t, newSink(), 0) // the same run again, which has not begun the file
			w.must(err)
			w.must(w.sink.Flush(context.Background()))
			w.must(w.sink.Close())
			if got := content(t, path); got != nil {
				t.Errorf("%s: %s holds %q after an empty result", exists, name, got)
			}
			k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
			w.must(err)
			if err := k.run(0); err != nil {
				t.Errorf("reading an empty %s: %v", name, err)
			}
		}
	}
}

func TestRoll(t *testing.T) {
	dir := t.TempDir() + "/"
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sink, ok := newTestSink(t, "path", dir, "roll", "1h or 1KiB", "suffix", ".txt")().(*folder)
	if !ok {
		t.Fatal("not a folder")
	}
	sink.now = func() time.Time { return clock }
	w, err := openSink(t, sink, 3)
	w.must(err)
	step := func(size int, visible, hidden string) {
		t.Helper()
		if size > 0 {
			w.must(w.write(operatortest.Row{1, strings.Repeat("x", size)}))
		}
		w.must(sink.OnDrained())
		v, h := parts(t, dir)
		if strings.Join(v, " ") != visible || strings.Join(h, " ") != hidden {
			t.Fatalf("visible %v, hidden %v; want %q and %q", v, h, visible, hidden)
		}
	}
	step(0, "", "")
	step(10, "", ".part-3-000001.txt")
	step(500, "", ".part-3-000001.txt")
	step(600, "part-3-000001.txt", "")
	clock = clock.Add(2 * time.Hour)
	step(10, "part-3-000001.txt", ".part-3-000002.txt")
	clock = clock.Add(time.Hour - 1)
	step(10, "part-3-000001.txt", ".part-3-000002.txt")
	clock = clock.Add(1)
	step(10, "part-3-000001.txt part-3-000002.txt", "")
	if got := content(t, dir+"part-3-000002.txt"); len(got) != 3 {
		t.Errorf("part 2: %v", got)
	}
	step(10, "part-3-000001.txt part-3-000002.txt", ".part-3-000003.txt")
	w.must(sink.Close()) // what is in progress goes, what is complete stays
	v, h := parts(t, dir)
	if len(v) != 2 || len(h) != 0 {
		t.Errorf("after Close: %v, %v", v, h)
	}
}

// TestCrash leaves a sink without Close, as a killed process does, and begins anew: what was complete is untouched, what was in
// progress stays hidden, and numbers go on.
func TestCrash(t *testing.T) {
	dir := t.TempDir() + "/"
	w, err := openSink(t, newTestSink(t, "path", dir)(), 0)
	w.must(err)
	w.must(w.write(operatortest.Row{1, "x"}))
	w.must(w.sink.Flush(context.Background()))
	w.must(w.write(operatortest.Row{2, "x"}))
	w.must(w.sink.(stream.Drained).OnDrained())
	crashed := w

	w, err = openSink(t, newTestSink(t, "path", dir)(), 0)
	w.must(err)
	w.must(w.write(operatortest.Row{3, "x"}))
	w.must(w.sink.Flush(context.Background()))
	w.must(w.sink.Close())
	v, h := parts(t, dir)
	if !slices.Equal(v, []string{"part-0-000001.jsonl", "part-0-000003.jsonl"}) || !slices.Equal(h, []string{".part-0-000002.jsonl"}) {
		t.Errorf("visible %v, hidden %v", v, h)
	}
	if got := content(t, dir+v[0]); !slices.Equal(got, []string{`{"id":1,"name":"x"}`}) {
		t.Errorf("part 1: %v", got)
	}
	w = crashed // it was not dead: it goes on beside the other, and takes no name twice
	w.must(w.sink.Flush(context.Background()))
	w.must(w.write(operatortest.Row{4, "x"}))
	w.must(w.sink.Flush(context.Background()))
	w.must(w.sink.Close())
	if v, h = parts(t, dir); len(v) != 4 || len(h) != 0 {
		t.Errorf("visible %v, hidden %v", v, h)
	}
	if got := content(t, dir+"part-0-000003.jsonl"); !slices.Equal(got, []string{`{"id":3,"name":"x"}`}) {
		t.Errorf("part 3 was overwritten: %v", got)
	}
}

// TestFullDisk writes to a file that fails after a number of bytes, with /dev/full as the plain case.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	w, err := openSink(t, newTestSink(t, "path", "/dev/full")(), 0)
	w.must(err)
	w.must(w.write(operatortest.Row{1, "x"}))
	err = w.sink.Flush(context.Background())
	if err == nil || !strings.Contains(err.Error(), "writing /dev/full") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Flush: %v", err)
	}
	w.must(w.sink.Close())
}

// TestFailedPart makes the last step of a part fail: nothing of it may be visible, and the error names it.
func TestFailedPart(t *testing.T) {
	dir := t.TempDir() + "/"
	sink, ok := newTestSink(t, "path", dir)().(*folder)
	if !ok {
		t.Fatal("not a folder")
	}
	w, err := openSink(t, sink, 0)
	w.must(err)
	w.must(w.write(operatortest.Row{1, "x"}))
	w.must(sink.OnDrained())
	w.must(sink.out.f.Close()) // from now on the disk refuses everything
	err = sink.Flush(context.Background())
	if err == nil || !strings.Contains(err.Error(), "part-0-000001.jsonl") {
		t.Errorf("Flush: %v", err)
	}
	w.must(sink.Close())
	if v, h := parts(t, dir); len(v)+len(h) != 0 {
		t.Errorf("left behind: %v %v", v, h)
	}
}

// TestPartialWrite makes a plain write fail half way: the half line is taken back.
func TestPartialWrite(t *testing.T) {
	path := t.TempDir() + "/a"
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	o := &output{f: f}
	if err := o.write([]byte("whole\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := (sized{o}).Write([]byte("ha")); err != nil { // as far as the disk took it
		t.Fatal(err)
	}
	ro, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	o.f = ro // writes fail; so does truncating, which must not hide why
	if err := o.write([]byte("lf\n")); err == nil || !strings.Contains(err.Error(), "write "+path) {
		t.Errorf("%v", err)
	}
	o.f = f
	if err := f.Truncate(o.whole); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); !slices.Equal(got, []string{"whole"}) {
		t.Errorf("%v", got)
	}
	if err := errors.Join(ro.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestLineBreak(t *testing.T) {
	path := t.TempDir() + "/a.txt"
	newSink, problems := Connector().Sink.New(config("path", path), sinkEnv(t, format.Raw(), 1))
	if problems != nil {
		t.Fatal(problems)
	}
	ctx := operatortest.Context(t, 0, 1)
	ctx.OnError = stream.ErrorDrop
	sink := newSink()
	pool := stream.NewPool(stream.Flatten(fields[1:]), 10, 1)
	b := pool.TryGet()
	for _, v := range []any{"one", "two\nlines", nil, "", "three"} {
		operatortest.Append(b, operatortest.Row{v})
	}
	for _, err := range []error{sink.Open(ctx), sink.Write(b, nil), sink.Flush(context.Background()), sink.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := content(t, path); !slices.Equal(got, []string{"one", "", "three"}) {
		t.Errorf("%q", got)
	}
	if p, e := ctx.Stats.Passed.Load(), ctx.Stats.Errors.Load(); p != 3 || e != 2 {
		t.Errorf("passed %d, errors %d", p, e)
	}
}

func TestSinkProblems(t *testing.T) {
	for _, c := range []struct {
		pairs       []string
		parallelism int
		want        string
	}{
		{[]string{"path", "a.jsonl"}, 2, "F056 3:9 2 instances cannot write one file | write a.jsonl/ for a folder of part files, or parallelism: 1 in this sink"},
		{[]string{"path", ""}, 1, "F055 3:9 path is empty | write a file, or a folder with a slash at its end"},
		{[]string{"path", "a/", "exists", "append"}, 1, "F056 4:9 exists is for a single file; a folder keeps its parts | leave exists out"},
		{[]string{"path", "a", "roll", "soon"}, 1, `F056 4:9 roll: "soon" is neither a duration nor a size | write roll: 1h, roll: 128MiB, or roll: 1h or 128MiB`},
		{[]string{"path", "a", "roll", "1h or 2h"}, 1, `F056 4:9 roll: "1h or 2h" is neither a duration nor a size | write roll: 1h, roll: 128MiB, or roll: 1h or 128MiB`},
		{[]string{"path", "a", "roll", "128MiB or 1d"}, 2, ""},
		{[]string{"path", "a/"}, 2, ""},
	} {
		_, ps := Connector().Sink.New(config(c.pairs...), sinkEnv(t, format.JSON(), c.parallelism))
		got := ""
		if len(ps) == 1 {
			p := ps[0]
			got = p.Code + " " + string(rune('0'+p.Pos.Line)) + ":" + string(rune('0'+p.Pos.Col)) + " " + p.Msg + " | " + p.Hint
		}
		if got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.pairs, got, c.want)
		}
	}
}

func TestParseRoll(t *testing.T) {
	for s, want := range map[string]roll{
		"1h": {every: time.Hour}, "2d": {every: 48 * time.Hour}, "90s": {every: 90 * time.Second}, "128MiB": {size: 128 << 20},
		"1.5GB": {size: 1_500_000_000}, "64 KiB or 10m": {every: 10 * time.Minute, size: 64 << 10}, "700B": {size: 700},
	} {
		if got, err := parseRoll(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1", "-1h", "0s", "0MiB", "1h or", "1h, 1MiB", "9999999TiB"} {
		if got, err := parseRoll(s); err == nil {
			t.Errorf("%q is read as %+v", s, got)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"} {
		path := filepath.Join(t.TempDir(), name)
		w, err := openSink(t, newTestSink(t, "path", path)(), 0)
		w.must(err)
		for range 20 {
			w.must(w.write(sinkRows(1000)...))
		}
		w.must(w.sink.Flush(context.Background()))
		w.must(w.sink.Close())
		k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
		w.must(err)
		w.must(k.run(0))
		if len(k.rows) != 20_000 || k.rows[19_999] != content(t, path)[19_999] {
			t.Errorf("%s: %d rows", name, len(k.rows))
		}
	}
}
