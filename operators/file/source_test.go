package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"flowd/operators"
	"flowd/operators/format"
	"flowd/operators/operatortest"
	"flowd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var fields = []stream.Field{
	{Name: "id", Type: stream.Type{ID: stream.BigInt}},
	{Name: "name", Type: stream.Type{ID: stream.String}},
}

// config is the settings key, value, key, value …
func config(pairs ...string) *operators.Config {
	cfg := &operators.Config{At: operators.Pos{Line: 2, Col: 3}, Values: map[string]operators.Value{
		"exists": {Text: existsFail}, "suffix": {Text: ".jsonl"},
	}}
	for i := 0; i < len(pairs); i += 2 {
		cfg.Values[pairs[i]] = operators.Value{At: operators.Pos{Line: 3 + i/2, Col: 9}, Set: true, Text: pairs[i+1], Bool: pairs[i+1] == "true"}
	}
	return cfg
}

func sourceEnv(t testing.TB, f operators.Format, maxRecord int) operators.SourceEnv {
	t.Helper()
	declared := fields
	if f.Name == "raw" {
		declared = fields[1:]
	}
	rows := stream.Flatten(declared)
	decoder, problems := f.NewDecoder(nil, declared, rows)
	if problems != nil {
		t.Fatalf("%+v", problems)
	}
	return operators.SourceEnv{Rows: rows, Decoded: len(rows.Columns), NewDecoder: decoder, MaxRecord: maxRecord}
}

func newTestSource(t testing.TB, path string, follow bool) stream.Source {
	t.Helper()
	cfg := config("path", path)
	if follow {
		cfg = config("path", path, "follow", "true")
	}
	s, problems := Connector().Source.New(cfg, sourceEnv(t, format.JSON(), 0))
	if problems != nil {
		t.Fatalf("%+v", problems)
	}
	return s
}

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func jsonLines(from, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"id":%d,"name":"row %d"}`, from+i, from+i))
	}
	return out
}

func zip(t testing.TB, compression string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if compression == zstandard {
		var err error
		if w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// kit reads a source without an examiner, step by step.
type kit struct {
	t    testing.TB
	r    stream.Reader
	pool *stream.Pool
	errs stream.RowErrors
	rows []string
}

func newKit(t testing.TB, s stream.Source, rows *stream.Schema) (*kit, error) {
	t.Helper()
	ctx := &stream.Context{Ctx: context.Background(), Stats: &stream.Stats{}, Log: zerolog.Nop(), Parallelism: 1}
	if err := s.Open(ctx); err != nil {
		return nil, err
	}
	r, err := s.Reader(ctx)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &kit{t: t, r: r, pool: stream.NewPool(rows, 100, 1)}, nil
}

// run polls until the end, an error, or, when a followed file has nothing more, until it has been polled idle times in vain.
func (k *kit) run(idle int) error {
	for {
		b := k.pool.TryGet()
		p, err := k.r.Poll(b, &k.errs)
		k.rows = append(k.rows, operatortest.Texts(b)...)
		b.Release()
		switch {
		case err != nil:
			return err
		case p.End:
			return nil
		case p.Rows == 0 && p.Wait != again:
			if idle--; idle <= 0 {
				return nil
			}
		}
	}
}

func TestSourceExaminer(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i, ext := range []string{"", ".gz", ".zst", ".gz", ""} {
		rows := jsonLines(1000*i, 150*i+40)
		want = append(want, rows...)
		data := []byte(strings.Join(rows, "\n")) // no line break at the end
		if ext != "" {
			data = zip(t, compressionOf("x"+ext), data)
		}
		write(t, fmt.Sprintf("%s/%d.jsonl%s", dir, i, ext), data)
	}
	write(t, dir+"/.hidden.jsonl", []byte("nonsense"))
	operatortest.Source(t, operatortest.SourceTest{
		New:    func() stream.Source { return newTestSource(t, dir+"/*.jsonl*", false) },
		Rows:   stream.Flatten(fields),
		Want:   want,
		Broken: func() stream.Source { return newTestSource(t, dir+"/none.jsonl", false) },
	})
}

// TestForms reads the same lines in every form a file may have.
func TestForms(t *testing.T) {
	want := jsonLines(0, 3)
	gz := zip(t, gzipped, []byte(want[0]+"\n"+want[1]))
	for name, data := range map[string][]byte{
		"plain.jsonl":   []byte(strings.Join(want, "\n") + "\n"),
		"open.jsonl":    []byte(strings.Join(want, "\n")),
		"crlf.jsonl":    []byte(strings.Join(want, "\r\n") + "\r\n"),
		"opencr.jsonl":  []byte(strings.Join(want, "\r\n") + "\r"),
		"blank.jsonl":   []byte("\n\r\n" + strings.Join(want, "\n\n\r\n") + "\n\n\n"),
		"blanks.jsonl":  []byte(strings.Repeat("\n", 3*chunk) + strings.Join(want, "\n")),
		"members.gz":    append(slices.Clone(gz), zip(t, gzipped, []byte("\n"+want[2]))...),
		"members.zst":   append(zip(t, zstandard, []byte(want[0]+"\n"+want[1][:5])), zip(t, zstandard, []byte(want[1][5:]+"\n"+want[2]))...),
		"UPPER.JSON.GZ": zip(t, gzipped, []byte(strings.Join(want, "\n"))),
	} {
		path := write(t, filepath.Join(t.TempDir(), name), data)
		k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
		if err == nil {
			err = k.run(0)
		}
		if err != nil || !slices.Equal(k.rows, want) || k.errs.Len() > 0 {
			t.Errorf("%s: error %v, row errors %v, rows %v", name, err, k.errs.List, k.rows)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	path := write(t, t.TempDir()+"/empty.jsonl", nil)
	k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.run(0); err != nil || len(k.rows) > 0 || !k.r.Split(0).Finished {
		t.Errorf("error %v, rows %v, %+v", err, k.rows, k.r.Split(0))
	}
}

func TestRowErrors(t *testing.T) {
	lines := []string{`{"id":1}`, `{"id":`, ``, `{"id":2}`, `nonsense`}
	path := write(t, t.TempDir()+"/a.jsonl", []byte(strings.Join(lines, "\r\n")))
	k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.run(0); err != nil || len(k.rows) != 2 || k.errs.Len() != 2 {
		t.Fatalf("error %v, rows %v, errors %+v", err, k.rows, k.errs.List)
	}
	for i, want := range []stream.RowError{{Raw: []byte(lines[1]), Offset: 10, Line: 2}, {Raw: []byte(lines[4]), Offset: 30, Line: 5}} {
		got := k.errs.List[i]
		if got.Row != -1 || got.Topic != path || got.Split != 0 || got.Offset != want.Offset || got.Line != want.Line || !bytes.Equal(got.Raw, want.Raw) || got.Msg == "" {
			t.Errorf("error %d: %+v", i, got)
		}
	}
	if st := k.r.Split(0); st.Position != 38 || st.End != 38 || !st.Finished || !st.CaughtUp {
		t.Errorf("%+v", st)
	}
}

// TestGiantLine reads around lines that are too long, in memory that does not grow with them.
func TestGiantLine(t *testing.T) {
	const limit = 1000
	for _, size := range []int{limit + 1, chunk - 1, chunk, 5*chunk + 3} {
		for _, last := range []bool{false, true} {
			giant := `{"name":"` + strings.Repeat("x", size-11) + `"}`
			fits := `{"name":"` + strings.Repeat("x", limit-11) + `"}`
			data := fits + "\n" + giant + "\n" + `{"id":7}` + "\n"
			if last {
				data = fits + "\n" + `{"id":7}` + "\n" + giant
			}
			path := write(t, t.TempDir()+"/a.jsonl", []byte(data))
			s, problems := Connector().Source.New(config("path", path), sourceEnv(t, format.JSON(), limit))
			if problems != nil {
				t.Fatal(problems)
			}
			k, err := newKit(t, s, stream.Flatten(fields))
			if err != nil {
				t.Fatal(err)
			}
			if err := k.run(0); err != nil || len(k.rows) != 2 || k.errs.Len() != 1 {
				t.Fatalf("%d bytes, last %v: error %v, %d rows, errors %+v", size, last, err, len(k.rows), k.errs.List)
			}
			want, line := int64(limit+1), int64(2)
			if last {
				want, line = want+9, 3
			}
			if e := k.errs.List[0]; e.Offset != want || e.Line != line || !strings.Contains(e.Msg, "more than 1000 bytes") {
				t.Errorf("%+v, want offset %d, line %d", e, want, line)
			}
			if got := k.r.Split(0).Position; got != int64(len(data)) {
				t.Errorf("position %d, want %d", got, len(data))
			}
		}
	}
	s := scanner{r: io.LimitReader(endless{}, 1<<30), max: limit}
	var l taken
	for !s.eof {
		if err := s.next(&l, 10, true); err != nil {
			t.Fatal(err)
		}
		if len(s.buf) > 4*chunk {
			t.Fatalf("the buffer grew to %d bytes", len(s.buf))
		}
	}
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestDamaged reads compressed files that end too early or are wrong: what is whole comes, then an error.
func TestDamaged(t *testing.T) {
	rows := jsonLines(0, 50_000)
	for _, c := range []string{gzipped, zstandard} {
		whole := zip(t, c, []byte(strings.Join(rows, "\n")))
		flipped := slices.Clone(whole)
		flipped[len(flipped)/2] ^= 0xFF
		for name, data := range map[string][]byte{
			"cut": whole[:len(whole)/2], "tail": whole[:len(whole)-3], "flipped": flipped, "empty": nil, "text": []byte(rows[0] + "\n"),
		} {
			if name == "empty" && c == zstandard {
				continue // no frame at all is a valid zstd stream of nothing
			}
			path := write(t, t.TempDir()+"/a.jsonl"+extension(c), data)
			k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
			if err != nil {
				t.Fatal(err)
			}
			err = k.run(0)
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s %s: error %v", c, name, err)
			}
			if (name == "cut" || name == "tail") && (!errors.Is(err, io.ErrUnexpectedEOF) || len(k.rows) < 100) {
				t.Errorf("%s %s: %d rows, error %v", c, name, len(k.rows), err)
			}
			for i, r := range k.rows {
				if name == "flipped" {
					break // gzip's checksum comes at the very end: rows before it may be wrong, the run fails
				}
				if r != rows[i] {
					t.Fatalf("%s %s: row %d is %s", c, name, i, r)
				}
			}
		}
	}
}

// TestLineNumbers counts every line, also blank ones, lines over the limit, and those of earlier batches.
func TestLineNumbers(t *testing.T) {
	var data strings.Builder
	var want []int64
	for i := range int64(5000) {
		switch {
		case i%500 == 7:
			data.WriteString("nonsense\n")
			want = append(want, i+1)
		case i%1000 == 13:
			data.WriteString(strings.Repeat("x", 2*chunk) + "\n")
			want = append(want, i+1)
		case i%3 == 0:
			data.WriteString("\r\n")
		default:
			data.WriteString(`{"id":1}` + "\n")
		}
	}
	path := write(t, t.TempDir()+"/a.jsonl", []byte(data.String()))
	s, problems := Connector().Source.New(config("path", path), sourceEnv(t, format.JSON(), 1000))
	if problems != nil {
		t.Fatal(problems)
	}
	k, err := newKit(t, s, stream.Flatten(fields))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.run(0); err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, e := range k.errs.List {
		got = append(got, e.Line)
	}
	if slices.Sort(got); !slices.Equal(got, want) { // a batch's lines that are too long come after its others
		t.Errorf("lines %v, want %v", got, want)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	path := write(t, t.TempDir()+"/log.jsonl", []byte(`{"id":1}`+"\n"+`{"id":`))
	k, err := newKit(t, newTestSource(t, path, true), stream.NewSchema(stream.Flatten(fields).Columns...))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(n int) {
		t.Helper()
		if err := k.run(3); err != nil {
			t.Fatal(err)
		}
		if len(k.rows) != n || k.errs.Len() > 0 {
			t.Fatalf("%d rows, want %d: %v, errors %v", len(k.rows), n, k.rows, k.errs.List)
		}
	}
	expect(1)
	if st := k.r.Split(0); st.Finished || !st.CaughtUp || st.Position != 9 {
		t.Errorf("waiting for more: %+v", st)
	}
	appendTo(t, path, `2}`)
	expect(1)
	appendTo(t, path, "\r\n"+`{"id":3}`+"\n")
	expect(3)

	// Renamed and made anew: the old one is read to its end, also what it gets later, then the new one.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path+".1", `{"id":4}`)
	expect(3)
	write(t, path, []byte(`{"id":5}`+"\n"))
	expect(5)
	if k.r.Splits() != 2 || !k.r.Split(0).Finished || k.r.Split(1).ID != path+"#2" {
		t.Errorf("after rotation: %+v, %+v", k.r.Split(0), k.r.Split(1))
	}

	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	if err := k.run(3); err == nil || !strings.Contains(err.Error(), "was truncated") || !strings.Contains(err.Error(), path) {
		t.Errorf("after truncation: %v", err)
	}
}

func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 * maxOpen {
		write(t, fmt.Sprintf("%s/%03d.jsonl", dir, i), []byte(strings.Join(jsonLines(i*1000, 300), "\n")))
	}
	k, err := newKit(t, newTestSource(t, dir+"/*.jsonl", false), stream.Flatten(fields))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := k.r.(*reader)
	if !ok {
		t.Fatal("not a reader")
	}
	most := 0
	for i := range maxOpen { // all that would be open are paused: the others are read nevertheless
		r.Pause(i, true)
	}
	for {
		b := k.pool.TryGet()
		p, err := r.Poll(b, &k.errs)
		if err != nil {
			t.Fatal(err)
		}
		k.rows = append(k.rows, operatortest.Texts(b)...)
		b.Release()
		most = max(most, r.open)
		if p.Rows == 0 && p.Wait == 0 {
			break
		}
	}
	if len(k.rows) != 2*maxOpen*300 {
		t.Errorf("%d rows while %d files are paused", len(k.rows), maxOpen)
	}
	for i := range maxOpen {
		r.Pause(i, false)
	}
	if err := k.run(0); err != nil || len(k.rows) != 3*maxOpen*300 {
		t.Errorf("%d rows in the end, error %v", len(k.rows), err)
	}
	if most > maxOpen {
		t.Errorf("%d files were open at once", most)
	}
}

func TestNotFound(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/clicks.jsonl", nil)
	write(t, dir+"/bids.jsonl.gz", nil)
	write(t, dir+"/sub/.hidden", nil)
	for path, want := range map[string]string{
		dir + "/click.jsonl":  "no file " + dir + "/click.jsonl; did you mean " + dir + "/clicks.jsonl?",
		dir + "/orders*.csv":  "no file " + dir + "/orders*.csv; the folder " + dir + "/ has bids.jsonl.gz, clicks.jsonl",
		dir + "/sub/x":        "no file " + dir + "/sub/x: the folder " + dir + "/sub/ has no files",
		dir + "/nodir/x.json": "no file " + dir + "/nodir/x.json: its folder " + dir + "/nodir cannot be read: ",
		dir:                   dir + " is a folder: name a file in it, or a pattern such as " + dir + "/*.jsonl",
	} {
		_, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", path, err, want)
		}
	}
}

func TestSourceProblems(t *testing.T) {
	for _, c := range []struct{ path, follow, want string }{
		{"a[", "", "F055 a[ is no pattern"},
		{"dir/", "", `F055 "dir/" names no file`},
		{"a.gz", "true", "F056 follow cannot wait for more of a compressed file"},
	} {
		_, ps := Connector().Source.New(config("path", c.path, "follow", c.follow), operators.SourceEnv{})
		if len(ps) != 1 || ps[0].Code+" "+ps[0].Msg != c.want || ps[0].Hint == "" || ps[0].Pos.Line == 0 {
			t.Errorf("%s: %+v, want %s", c.path, ps, c.want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	line := []byte(`{"id":123456,"name":"somebody or other"}` + "\n")
	path := write(t, t.TempDir()+"/a.jsonl", bytes.Repeat(line, 400_000))
	k, err := newKit(t, newTestSource(t, path, false), stream.Flatten(fields))
	if err != nil {
		t.Fatal(err)
	}
	pool := stream.NewPool(stream.Flatten(fields), 1024, 1)
	poll := func() {
		b := pool.TryGet()
		if p, err := k.r.Poll(b, &k.errs); err != nil || p.Rows == 0 {
			t.Fatal(p, err)
		}
		b.Release()
	}
	for range 20 {
		poll()
	}
	if n := testing.AllocsPerRun(100, poll); n > 0 {
		t.Errorf("%v allocations for 1024 lines", n)
	}
}

func BenchmarkSource(b *testing.B) {
	line := []byte(`{"id":123456,"name":"somebody or other"}` + "\n")
	path := write(b, b.TempDir()+"/a.jsonl", bytes.Repeat(line, b.N))
	k, err := newKit(b, newTestSource(b, path, false), stream.Flatten(fields))
	if err != nil {
		b.Fatal(err)
	}
	pool := stream.NewPool(stream.Flatten(fields), stream.DefaultRows, 1)
	b.SetBytes(int64(len(line)))
	b.ResetTimer()
	for {
		batch := pool.TryGet()
		p, err := k.r.Poll(batch, &k.errs)
		if err != nil {
			b.Fatal(err)
		}
		batch.Release()
		if p.End {
			return
		}
	}
}
