package pipeline

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	yamlLine    = regexp.MustCompile(`^yaml: line (\d+): `)
	anchorError = regexp.MustCompile(`unknown anchor '([^']*)' referenced`)
	wrongEscape = regexp.MustCompile(`"(?:[^"\\\n]|\\[0abt\tnvfre "/\\N_LPxuU\n])*(\\[^0abt\tnvfre "/\\N_LPxuU\n])`)
	blockHeader = regexp.MustCompile(`^[|>][-+0-9]*\s*(#.*)?$`)
	secretLine  = regexp.MustCompile(`(?i)["']?\b[a-z_]*(?:password|secret|token|credential)[a-z_]*["']?\s*:\s*([^\s#].*)`)
)

// explainSyntax says why a file is no YAML. The library gives no column, sometimes no line and sometimes the wrong
// one, so the text is looked over for the mistakes that people make; all of them are told.
func explainSyntax(src *source, err error, r *report) {
	// Nothing was decoded, so secrets are told by their keys alone.
	for _, m := range secretLine.FindAllStringSubmatchIndex(src.text, -1) {
		src.mask(m[2], m[3])
	}
	msg := err.Error()
	if !utf8.ValidString(src.text) {
		badBytes(src, r)
		return
	}
	line := 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	msg = strings.TrimPrefix(yamlLine.ReplaceAllString(msg, ""), "yaml: ")
	if m := anchorError.FindStringSubmatch(msg); m != nil {
		if at := strings.Index(src.text, "*"+m[1]); at >= 0 {
			tell(src, r, at, len(m[1])+1, "nothing above has the anchor &"+m[1],
				"a value that begins with * must be in quotes: YAML takes it for an alias")
			return
		}
	}
	if strings.Contains(msg, "control characters") {
		for i, c := range src.text {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				tell(src, r, i, 1, "there is a control character (U+00"+strconv.FormatInt(int64(c)+0x100, 16)[1:]+") here", "remove it")
				return
			}
		}
	}
	s := flaws{src: src, r: r}
	s.scan()
	if s.found > 0 {
		return
	}
	if s.open >= 0 {
		tell(src, r, s.open, 1, "this "+string(src.text[s.open])+" is never closed", "")
		return
	}
	if m := wrongEscape.FindStringSubmatchIndex(src.text); m != nil && strings.Contains(msg, "escape") {
		tell(src, r, m[2], m[3]-m[2], "text in double quotes has no escape "+src.text[m[2]:m[3]],
			`in single quotes \ is a character like any other; in double quotes write \\`)
		return
	}
	line = min(max(line, 1), len(src.lines))
	for line > 1 && strings.TrimSpace(src.line(line)) == "" {
		line--
	}
	text := src.line(line)
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	if strings.Contains(msg, "mapping values are not allowed") && indent > 0 {
		tell(src, r, src.lines[line-1]+indent, len(strings.TrimSpace(text)), "this line is indented deeper than the one before, which is complete",
			"give the keys of one map the same indentation")
		return
	}
	hint := "check the indentation, the colons and the quotes of this line and the one before"
	tell(src, r, src.lines[line-1]+indent, len(strings.TrimSpace(text)), "this is no YAML: "+msg, hint)
}

func tell(src *source, r *report, at, length int, msg, hint string) {
	line, col := src.place(at)
	end := min(at+length, src.lines[line-1]+len(src.line(line)))
	r.add(src, Diagnostic{Line: line, Col: col, Len: utf8.RuneCountInString(src.text[at:max(end, at)]), Code: "F001", Msg: msg, Hint: hint})
}

func badBytes(src *source, r *report) {
	for i := 0; i < len(src.text); {
		c, w := utf8.DecodeRuneInString(src.text[i:])
		if c == utf8.RuneError && w == 1 {
			tell(src, r, i, 1, "the file is not UTF-8: byte "+strconv.Itoa(i)+" belongs to no character", "save it as UTF-8")
			return
		}
		i += w
	}
}

// flaws looks for mistakes that YAML refuses, without being a YAML parser: it follows quotes, brackets and block
// scalars, and looks at values where they begin.
type flaws struct {
	src   *source
	r     *report
	found int
	open  int   // offset of a quote or bracket that never closes, −1
	stack []int // offsets of open brackets
}

func (f *flaws) tell(at, length int, msg, hint string) {
	f.found++
	tell(f.src, f.r, at, length, msg, hint)
}

func (f *flaws) scan() {
	f.open = -1
	var quote byte
	quoteAt := 0
	block := -1 // indentation of the key of the block scalar we are in
	for n := 1; n <= len(f.src.lines); n++ {
		line, start := f.src.line(n), f.src.lines[n-1]
		body := strings.TrimLeft(line, " ")
		indent := len(line) - len(body)
		if block >= 0 {
			if body == "" || indent > block {
				continue
			}
			block = -1
		}
		if quote == 0 && len(f.stack) == 0 {
			if strings.HasPrefix(body, "\t") && strings.TrimSpace(body) != "" {
				f.tell(start+indent, 1, "a line is indented with a tab", "YAML wants spaces")
				continue
			}
			at := indent + valueStart(body)
			value := strings.TrimRight(line[at:], " \t")
			if blockHeader.MatchString(value) {
				block = indent
				continue
			}
			if f.badStart(start+at, value) {
				continue
			}
			f.colon(start+at, value)
		}
		quote, quoteAt = f.walk(line, start, quote, quoteAt)
	}
	switch {
	case quote != 0:
		f.open = quoteAt
	case len(f.stack) > 0:
		f.open = f.stack[len(f.stack)-1]
	}
}

// walk follows quotes and brackets through a line.
func (f *flaws) walk(line string, start int, quote byte, quoteAt int) (byte, int) {
	for i := 0; i < len(line); i++ {
		c := line[i]
		if quote != 0 {
			switch {
			case c == '\\' && quote == '"':
				i++
			case c == quote && quote == '\'' && strings.HasPrefix(line[i+1:], "'"):
				i++
			case c == quote:
				quote = 0
			}
			continue
		}
		begins := i == 0 || strings.IndexByte(" \t[{,:", line[i-1]) >= 0
		switch {
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return quote, quoteAt
		case (c == '\'' || c == '"') && begins && f.atValue(line[:i]):
			quote, quoteAt = c, start+i
		case (c == '[' || c == '{') && (len(f.stack) > 0 || f.atValue(line[:i])):
			if c == '{' && i > 0 && line[i-1] == '$' {
				f.tell(start+i-1, strings.IndexByte(line[i:]+"}", '}')+2, "${ } inside [ ] or { } must be in quotes", "write '${NAME}'")
				if j := strings.IndexByte(line[i:], '}'); j > 0 {
					i += j
				}
				continue
			}
			f.stack = append(f.stack, start+i)
		case (c == ']' || c == '}') && len(f.stack) > 0:
			f.stack = f.stack[:len(f.stack)-1]
		}
	}
	return quote, quoteAt
}

// atValue says whether a value may begin behind before: a quote inside a plain value opens nothing.
func (f *flaws) atValue(before string) bool {
	t := strings.TrimRight(before, " \t")
	if len(f.stack) > 0 {
		return t == "" || strings.IndexByte("[{,:", t[len(t)-1]) >= 0
	}
	return t == "" || strings.HasSuffix(t, ":") || strings.Trim(t, "- ") == ""
}

// badStart finds characters that no plain value begins with.
func (f *flaws) badStart(at int, value string) bool {
	if value == "" {
		return false
	}
	switch value[0] {
	case '@', '`', '%':
		f.tell(at, len(value), "a value cannot begin with "+value[:1], "put the whole value in single quotes")
		return true
	case '!':
		tag, rest, _ := strings.Cut(value, " ")
		f.tell(at, len(value), "YAML takes "+tag+" for a tag", "in an expression write NOT "+strings.TrimSpace(tag[1:]+" "+rest))
		return true
	case '|', '>':
		f.tell(at, len(value), "YAML takes "+value[:1]+" at the start of a value for a block of text", "put the whole value in single quotes")
		return true
	}
	return false
}

// colon finds a colon and a space inside a plain value.
func (f *flaws) colon(at int, value string) {
	if value == "" || strings.IndexByte("'\"[{#&*!", value[0]) >= 0 {
		return
	}
	if i := strings.Index(value, " #"); i >= 0 {
		value = value[:i]
	}
	i := strings.Index(value, ": ")
	if i < 0 {
		return
	}
	if q := strings.Index(value, " ? "); q >= 0 && q < i {
		f.tell(at, len(value), "a ? b : c is not part of the language, and its colon ends the value for YAML",
			"write CASE WHEN a THEN b ELSE c END")
		return
	}
	f.tell(at+i, 1, "a colon and a space end the value for YAML", "put the whole value in single quotes")
}

// valueStart is where the value of a line begins: behind dashes and one key.
func valueStart(s string) int {
	at := 0
	for strings.HasPrefix(s[at:], "- ") {
		at += 2
		for at < len(s) && s[at] == ' ' {
			at++
		}
	}
	i := at
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		if j := strings.IndexByte(s[i+1:], s[i]); j >= 0 {
			i += j + 2
		}
	}
	for ; i < len(s); i++ {
		switch {
		case s[i] == ':' && (i+1 == len(s) || s[i+1] == ' '):
			i++
			for i < len(s) && s[i] == ' ' {
				i++
			}
			return i
		case strings.IndexByte("[{#'\"", s[i]) >= 0:
			return at
		}
	}
	return at
}

// isName says whether s could be a field name.
func isName(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i, c := range s {
		if c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && (c == '.' || c >= '0' && c <= '9') {
			continue
		}
		return false
	}
	return true
}
