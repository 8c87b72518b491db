package pipeline

import (
	"strings"
	"unicode/utf8"
)

// node is a value of a pipeline file: what is left of YAML when anchors, aliases and merge keys are resolved. A
// node that an alias names is shared, so nodes are read only.
type node struct {
	src       *source
	kind      nodeKind
	line, col int // of the first character, both from 1, in characters
	style     scalarStyle
	flow      bool   // a list or map written with [ ] or { }
	null      bool   // a scalar without text, or ~ or null
	bad       bool   // a scalar that cannot be used, which has been reported
	text      string // scalar: decoded
	shown     string // what messages call a key that stands for a short form; "" for text
	items     []*node
	pairs     []pair
	size      int // nodes below and including this one, aliases expanded
	offs      []int32
}

type pair struct{ key, value *node }

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	listNode
	mapNode
)

func (k nodeKind) String() string { return [...]string{"text", "a list", "a map"}[k] }

type scalarStyle uint8

const (
	plainStyle scalarStyle = iota
	singleStyle
	doubleStyle
	literalStyle
	foldedStyle
)

// get is the value of a key of a map, nil if there is none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, p := range n.pairs {
		if p.key.text == key {
			return p.value
		}
	}
	return nil
}

// title is what messages call a key.
func (n *node) title() string {
	if n.shown != "" {
		return n.shown
	}
	return n.text
}

// what names the kind of the node for a message.
func (n *node) what() string {
	if n.null {
		return "nothing"
	}
	return n.kind.String()
}

// diag makes a diagnostic that underlines the node; of a list or map, its first character.
func (n *node) diag(code, msg, hint string) Diagnostic {
	d := Diagnostic{Code: code, Msg: msg, Hint: hint}
	if n == nil || n.src == nil {
		return d
	}
	from := n.src.offset(n.line, n.col) // what is empty may stand behind the last line
	d.Line, d.Col = n.src.place(from)
	d.Len = 1
	if n.kind == scalarNode && n.style < literalStyle {
		offs := n.offsets()
		to := int(offs[len(offs)-1])
		if n.style != plainStyle {
			to++
		}
		if end := n.src.lines[d.Line-1] + len(n.src.line(d.Line)); to > end || to <= from {
			to = max(end, from)
		}
		d.Len = max(utf8.RuneCountInString(n.src.text[from:to]), 1)
	}
	return d
}

// diagAt underlines length bytes of the decoded text from byte off on.
func (n *node) diagAt(off, length int, code, msg, hint string) Diagnostic {
	d := Diagnostic{Code: code, Msg: msg, Hint: hint}
	if n == nil || n.src == nil {
		return d
	}
	offs := n.offsets()
	off = min(max(off, 0), len(n.text))
	end := min(off+max(length, 0), len(n.text))
	from := int(offs[off])
	to := from
	if end > off {
		// the end of the last character that belongs to it, not the start of the next: a line break may lie between
		_, w := utf8.DecodeLastRuneInString(n.text[off:end])
		last := int(offs[end-w])
		to = max(from, min(int(offs[end]), last+max(w, n.escapeAt(last))))
	}
	d.Line, d.Col = n.src.place(from)
	lineEnd := n.src.lines[d.Line-1] + len(n.src.line(d.Line))
	to = min(to, lineEnd)
	if to > from {
		d.Len = utf8.RuneCountInString(n.src.text[from:to])
	}
	d.Len = max(d.Len, 1)
	return d
}

// escapeAt is the length of the escape sequence at a byte of the source, 0 if there is none.
func (n *node) escapeAt(at int) int {
	switch {
	case n.style == singleStyle && strings.HasPrefix(n.src.text[at:], "''"):
		return 2
	case n.style == doubleStyle && at < len(n.src.text) && n.src.text[at] == '\\':
		length, _ := escape(n.src.text[at:])
		return length
	}
	return 0
}

// tail is the comment behind a plain scalar on its line, "" if there is none.
func (n *node) tail() (comment string, at int) {
	if n.src == nil || n.kind != scalarNode || n.style != plainStyle || n.null {
		return "", 0
	}
	offs := n.offsets()
	end := int(offs[len(offs)-1])
	line, _ := n.src.place(end)
	rest := n.src.text[end : n.src.lines[line-1]+len(n.src.line(line))]
	trimmed := strings.TrimLeft(rest, " \t")
	if len(trimmed) < len(rest) && strings.HasPrefix(trimmed, "#") {
		return trimmed, end + len(rest) - len(trimmed)
	}
	return "", 0
}

// secretSpan is where the value of a scalar stands in its file.
func (n *node) secretSpan() (from, to int) {
	offs := n.offsets()
	return int(offs[0]), int(offs[len(offs)-1])
}

// offsets maps each byte of the decoded text, and its end, to a byte of the file. YAML decoders do not keep this,
// so the source is read again beside the text: where both agree they advance together, and what a style folds,
// escapes or indents is stepped over. Should they ever disagree, the rest maps to the last known place.
func (n *node) offsets() []int32 {
	if n.offs == nil {
		m := mapper{src: n.src.text, text: n.text, offs: make([]int32, len(n.text)+1)}
		m.i = m.skipProperties(n.src.offset(n.line, n.col))
		switch n.style {
		case literalStyle, foldedStyle:
			m.block(n.style == foldedStyle)
		default:
			m.flow(n.style)
		}
		n.offs = m.offs
	}
	return n.offs
}

// mapper walks source and decoded text side by side.
type mapper struct {
	src, text string
	offs      []int32
	i, t      int // next byte of src and of text
}

// skipProperties steps over an anchor and a tag before the value, to which the decoder's position points.
func (m *mapper) skipProperties(i int) int {
	for i < len(m.src) && (m.src[i] == '&' || m.src[i] == '!') {
		for i < len(m.src) && !isSpace(m.src[i]) {
			i++
		}
		for i < len(m.src) && isSpace(m.src[i]) {
			i++
		}
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// emit says that the next n bytes of the text come from byte at of the source.
func (m *mapper) emit(n, at int) {
	for ; n > 0 && m.t < len(m.text); n-- {
		m.offs[m.t] = int32(at)
		m.t++
	}
}

// rest maps what is left to the present place.
func (m *mapper) rest() {
	m.emit(len(m.text)-m.t, min(m.i, len(m.src)))
	m.offs[len(m.text)] = int32(min(m.i, len(m.src)))
}

// flow maps plain and quoted scalars: the two differ in what stands for itself.
func (m *mapper) flow(style scalarStyle) {
	if style != plainStyle && m.i < len(m.src) {
		m.i++ // the quote
	}
	for m.t < len(m.text) && m.i < len(m.src) {
		c := m.src[m.i]
		if isSpace(c) {
			if j, breaks := m.space(m.i); breaks > 0 {
				m.emit(max(breaks-1, 1), m.i)
				m.i = j
				continue
			}
		}
		switch {
		case style == doubleStyle && c == '\\':
			length, bytes := escape(m.src[m.i:])
			at := m.i
			m.i += length
			if bytes == 0 { // an escaped line break: what follows is indentation, and blank lines stay breaks
				j, breaks := m.space(m.i)
				m.emit(breaks, at)
				m.i = j
				continue
			}
			m.emit(bytes, at)
		case style == singleStyle && strings.HasPrefix(m.src[m.i:], "''"):
			m.emit(1, m.i)
			m.i += 2
		case c == m.text[m.t]:
			m.emit(1, m.i)
			m.i++
		default:
			m.rest()
			return
		}
	}
	m.rest()
}

// space is the end of the white space at i and the number of line breaks in it.
func (m *mapper) space(i int) (end, breaks int) {
	for i < len(m.src) && isSpace(m.src[i]) {
		if m.src[i] == '\n' || m.src[i] == '\r' && !strings.HasPrefix(m.src[i+1:], "\n") {
			breaks++
		}
		i++
	}
	return i, breaks
}

// escape is the length of the escape sequence that s begins with and of what it stands for: 0 for a line break.
func escape(s string) (length, bytes int) {
	if len(s) < 2 {
		return len(s), 1
	}
	var digits int
	switch s[1] {
	case '\n':
		return 2, 0
	case '\r':
		if strings.HasPrefix(s[2:], "\n") {
			return 3, 0
		}
		return 2, 0
	case 'N', '_':
		return 2, 2
	case 'L', 'P':
		return 2, 3
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		return 2, 1
	}
	var r rune
	for i := 2; i < min(2+digits, len(s)); i++ {
		r = r<<4 | rune(hexDigit(s[i]))
	}
	return min(2+digits, len(s)), max(utf8.RuneLen(r), 1)
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0
}

// block maps literal and folded scalars, line by line.
func (m *mapper) block(folded bool) {
	m.nextLine()
	for m.t < len(m.text) && m.text[m.t] == '\n' { // blank lines before the first
		m.emit(1, m.i)
	}
	indent := -1
	for m.t < len(m.text) && m.i < len(m.src) {
		line := m.line()
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if indent < 0 {
			if spaces == len(line) {
				m.nextLine()
				continue
			}
			own := len(m.text[m.t:]) - len(strings.TrimLeft(m.text[m.t:], " "))
			indent = max(spaces-own, 0)
		}
		if len(line) <= indent {
			m.nextLine()
			continue
		}
		m.i += indent
		for _, c := range []byte(line[indent:]) {
			if m.t >= len(m.text) || m.text[m.t] != c {
				m.rest()
				return
			}
			m.emit(1, m.i)
			m.i++
		}
		eol := m.i
		if folded && m.t < len(m.text) && m.text[m.t] == ' ' {
			m.emit(1, eol)
		} else {
			for m.t < len(m.text) && m.text[m.t] == '\n' {
				m.emit(1, eol)
			}
		}
		if m.t < len(m.text) {
			m.nextLine()
		}
	}
	m.rest()
}

// line is the rest of the present line of the source.
func (m *mapper) line() string {
	end := strings.IndexAny(m.src[m.i:], "\r\n")
	if end < 0 {
		return m.src[m.i:]
	}
	return m.src[m.i : m.i+end]
}

// nextLine moves to the start of the next line.
func (m *mapper) nextLine() {
	m.i += len(m.line())
	if strings.HasPrefix(m.src[m.i:], "\r\n") {
		m.i += 2
	} else if m.i < len(m.src) {
		m.i++
	}
}
