package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Diagnostic is an error or a warning about a place in a pipeline file.
type Diagnostic struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0: about the file as a whole
	Col     int    `json:"col"`  // in characters, from 1
	Len     int    `json:"len"`  // characters to underline, at least 1
	Code    string `json:"code"` // F0xx, stable: Codes explains it
	Msg     string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do, or the nearest known name
	Warning bool   `json:"warning,omitempty"`
	Source  string `json:"source,omitempty"` // the line it is about, secrets masked
}

// Error is the first line of what Format prints.
func (d Diagnostic) Error() string {
	kind := ""
	if d.Warning {
		kind = "warning "
	}
	return fmt.Sprintf("%s: %s%s %s", d.place(), kind, d.Code, d.Msg)
}

func (d Diagnostic) place() string {
	if d.Line == 0 {
		return d.File
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Col)
}

// Diagnostics is a list in the order of the files and of the places in them.
type Diagnostics []Diagnostic

// Err says whether one of them is an error.
func (ds Diagnostics) Err() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return !d.Warning })
}

// Error joins the first lines of all errors, so that Diagnostics can travel as an error.
func (ds Diagnostics) Error() string {
	var out []string
	for _, d := range ds {
		if !d.Warning {
			out = append(out, d.Error())
		}
	}
	return strings.Join(out, "\n")
}

// counts are the numbers of errors and warnings.
func (ds Diagnostics) counts() (errors, warnings int) {
	for _, d := range ds {
		if d.Warning {
			warnings++
		} else {
			errors++
		}
	}
	return errors, warnings
}

// Formats lists what Format understands.
func Formats() []string { return []string{"text", "json", "github"} }

// Format writes the list for people (text, with the lines underlined), for programs (json, one array) or as
// annotations of GitHub Actions (github). Color is for text only.
func (ds Diagnostics) Format(w io.Writer, format string, color bool) error {
	var b bytes.Buffer
	switch format {
	case "", "text":
		ds.text(&b, color)
	case "json":
		list := ds
		if list == nil {
			list = Diagnostics{}
		}
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(list); err != nil {
			return fmt.Errorf("writing diagnostics: %w", err)
		}
	case "github":
		ds.github(&b)
	default:
		return fmt.Errorf("unknown format %q: use text, json or github", format)
	}
	_, err := w.Write(b.Bytes())
	return err
}

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

func (ds Diagnostics) text(b *bytes.Buffer, color bool) {
	paint := func(c, s string) string {
		if !color || s == "" {
			return s
		}
		return c + s + plain
	}
	for _, d := range ds {
		tone, kind := red, ""
		if d.Warning {
			tone, kind = yellow, "warning "
		}
		fmt.Fprintf(b, "%s: %s %s\n", paint(bold, d.place()), paint(tone, kind+d.Code), d.Msg)
		if d.Line == 0 || d.Source == "" {
			if d.Hint != "" {
				fmt.Fprintf(b, "       %s\n", d.Hint)
			}
			continue
		}
		line, col := excerpt(d.Source, d.Col)
		n := min(max(d.Len, 1), max(utf8.RuneCountInString(line)-col+1, 1))
		fmt.Fprintf(b, "%5d | %s\n", d.Line, line)
		mark := paint(tone, strings.Repeat("^", n))
		if d.Hint != "" {
			mark += " " + d.Hint
		}
		fmt.Fprintf(b, "      | %s%s\n", indentLike(line, col-1), mark)
	}
	errors, warnings := ds.counts()
	if errors+warnings == 0 {
		return
	}
	var parts []string
	if errors > 0 {
		parts = append(parts, plural(errors, "error"))
	}
	if warnings > 0 {
		parts = append(parts, plural(warnings, "warning"))
	}
	fmt.Fprintf(b, "%s. `flowd docs %s` explains a code.\n", strings.Join(parts, ", "), ds[0].Code)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// excerpt cuts a long line to what fits a terminal around character col, and says where col is then.
func excerpt(line string, col int) (string, int) {
	const width = 120
	r := []rune(line)
	if len(r) <= width {
		return line, col
	}
	from := max(col-1-width/3, 0)
	to := min(from+width, len(r))
	cut := string(r[from:to])
	if to < len(r) {
		cut += "…"
	}
	if from > 0 {
		return "…" + cut, col - from + 1
	}
	return cut, col
}

// indentLike is n characters of white space that are as wide as the first n characters of line.
func indentLike(line string, n int) string {
	var b strings.Builder
	for _, r := range line {
		if n <= 0 {
			break
		}
		n--
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	for ; n > 0; n-- {
		b.WriteByte(' ')
	}
	return b.String()
}

func (ds Diagnostics) github(b *bytes.Buffer) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	prop := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, d := range ds {
		kind := "error"
		if d.Warning {
			kind = "warning"
		}
		msg := d.Msg
		if d.Hint != "" {
			msg += ": " + d.Hint
		}
		fmt.Fprintf(b, "::%s file=%s", kind, prop.Replace(d.File))
		if d.Line > 0 {
			fmt.Fprintf(b, ",line=%d,col=%d,endColumn=%d", d.Line, d.Col, d.Col+max(d.Len, 1))
		}
		fmt.Fprintf(b, ",title=%s::%s\n", prop.Replace("flowd "+d.Code), data.Replace(msg))
	}
}
