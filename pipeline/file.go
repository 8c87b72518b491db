package pipeline

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// File is one pipeline file, or a part of one: several files merge in order.
type File struct {
	Name string
	Text []byte
}

// source is a file that was read, with what is needed to point into it.
type source struct {
	name  string
	order int // of the files of a run; sorts diagnostics
	text  string
	lines []int // offset of the start of each line
	// masks are the places of literal secrets, never to be shown.
	masks []span
	// last is the place that was asked for last. Places are asked for in order, and lines may be long.
	last struct{ line, col, at int }
}

// span is a stretch of bytes of a source.
type span struct{ from, to int }

func newSource(name string, text []byte, order int) *source {
	s := &source{name: name, text: strings.TrimPrefix(string(text), "\ufeff"), order: order}
	s.lines = append(s.lines, 0)
	for i := 0; i < len(s.text); i++ {
		switch s.text[i] {
		case '\r':
			if i+1 < len(s.text) && s.text[i+1] == '\n' {
				i++
			}
			s.lines = append(s.lines, i+1)
		case '\n':
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// line is line n, from 1, without its end; "" if there is none.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.text)
	if n < len(s.lines) {
		end = s.lines[n]
	}
	return strings.TrimRight(s.text[s.lines[n-1]:end], "\r\n")
}

// offset is the byte of a place; the end of the line for columns beyond it.
func (s *source) offset(line, col int) int {
	if line < 1 {
		return 0
	}
	if line > len(s.lines) {
		return len(s.text)
	}
	from, at := 1, s.lines[line-1]
	end := at + len(s.line(line))
	if s.last.line == line && s.last.col <= col {
		from, at = s.last.col, s.last.at
	}
	for ; from < col && at < end; from++ {
		_, w := utf8.DecodeRuneInString(s.text[at:end])
		at += w
	}
	s.last.line, s.last.col, s.last.at = line, from, at
	return at
}

// place is line and column of a byte.
func (s *source) place(off int) (line, col int) {
	i, found := slices.BinarySearch(s.lines, off)
	if !found {
		i--
	}
	off = min(off, len(s.text))
	from, col := s.lines[i], 1
	if s.last.line == i+1 && s.last.at <= off {
		from, col = s.last.at, s.last.col
	}
	col += utf8.RuneCountInString(s.text[from:off])
	s.last.line, s.last.col, s.last.at = i+1, col, off
	return i + 1, col
}

// shown is line n with secrets masked by as many stars as they have characters.
func (s *source) shown(n int) string {
	line := s.line(n)
	if len(s.masks) == 0 || n < 1 || n > len(s.lines) {
		return line
	}
	start := s.lines[n-1]
	var b strings.Builder
	for i, r := range line {
		if slices.ContainsFunc(s.masks, func(m span) bool { return m.from <= start+i && start+i < m.to }) {
			r = '*'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// mask hides a stretch for good.
func (s *source) mask(from, to int) { s.masks = append(s.masks, span{from, to}) }

// beside is path as seen from the folder of the file.
func (s *source) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(s.name), path)
}

// report collects the diagnostics of a run.
type report struct {
	list    []entry
	secrets []string // resolved values that no message may show
}

type entry struct {
	Diagnostic
	order int
	src   *source
}

// limit is the number of diagnostics after which more would help nobody.
const limit = 200

// full says that nothing more is taken.
func (r *report) full() bool { return len(r.list) > 4*limit }

func (r *report) add(s *source, d Diagnostic) {
	if r.full() {
		return
	}
	e := entry{Diagnostic: d, src: s}
	if s != nil {
		e.File, e.order = s.name, s.order
	}
	for _, o := range r.list {
		if o.File == e.File && o.Line == e.Line && o.Col == e.Col && o.Code == e.Code && o.Msg == e.Msg {
			return
		}
	}
	r.list = append(r.list, e)
}

// maxShown is the longest line, in bytes, that is shown.
const maxShown = 4000

// failed says whether an error was added.
func (r *report) failed() bool {
	return slices.ContainsFunc(r.list, func(e entry) bool { return !e.Warning })
}

// diagnostics is the sorted list, secrets masked.
func (r *report) diagnostics() Diagnostics {
	slices.SortStableFunc(r.list, func(a, b entry) int {
		if a.order != b.order {
			return a.order - b.order
		}
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		if a.Col != b.Col {
			return a.Col - b.Col
		}
		return strings.Compare(a.Code, b.Code)
	})
	var out Diagnostics
	for i, e := range r.list {
		if i == limit {
			break
		}
		d := e.Diagnostic
		d.Len = max(d.Len, 1)
		if e.src != nil && d.Line > 0 && len(e.src.line(d.Line)) <= maxShown {
			d.Source = visible(r.scrub(e.src.shown(d.Line)))
		}
		d.Msg, d.Hint = visible(r.scrub(d.Msg)), visible(r.scrub(d.Hint))
		out = append(out, d)
	}
	return out
}

// visible replaces what a terminal would obey or not show, save tabs, by one character each.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 {
			return utf8.RuneError
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// scrub replaces resolved secrets in s. Very short ones would mask half of every text, so they stay.
func (r *report) scrub(s string) string {
	for _, secret := range r.secrets {
		if len(secret) >= 4 && strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, mask)
		}
	}
	return s
}

// mask stands for a secret in every output.
const mask = "********"
