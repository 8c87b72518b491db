package expr

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind tells tokens apart. Operators and punctuation carry their spelling in text.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokQuoted // `odd name`
	tokNumber
	tokString
	tokBytes // x'00ff'
	tokOp
)

type token struct {
	kind     tokenKind
	text     string // name as written, text decoded, operator
	upper    string // of names: in upper case, to compare with keywords
	off, end int
}

// Limits of an expression. They keep recursion, error lists and compiled programs small whatever the text.
const (
	maxText  = 64 << 10
	maxDepth = 200
	maxNodes = 4096
	maxErrs  = 20
)

// lexer cuts text into tokens. Spellings of other languages become the token that was meant, plus an Error, so
// that the parser can go on and find what else is wrong.
type lexer struct {
	src  string
	pos  int
	toks []token
	errs []*Error
}

func (l *lexer) fail(off, end int, code, hint, format string, args ...any) {
	if len(l.errs) < maxErrs {
		l.errs = append(l.errs, &Error{Off: off, Len: end - off, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (l *lexer) run() {
	for l.next() {
	}
	l.toks = append(l.toks, token{kind: tokEnd, off: len(l.src), end: len(l.src)})
}

func (l *lexer) emit(kind tokenKind, text string, off int) {
	l.toks = append(l.toks, token{kind: kind, text: text, off: off, end: l.pos})
}

func (l *lexer) next() bool {
	l.skipSpace()
	if l.pos >= len(l.src) {
		return false
	}
	off := l.pos
	c := l.src[off]
	switch {
	case (c == 'x' || c == 'X') && off+1 < len(l.src) && l.src[off+1] == '\'':
		l.pos++
		l.bytes(off)
	case c == '_' || c < utf8.RuneSelf && unicode.IsLetter(rune(c)) || c >= utf8.RuneSelf:
		l.name(off)
	case c >= '0' && c <= '9' || c == '.' && off+1 < len(l.src) && isDigit(l.src[off+1]) && !l.afterOperand():
		l.number(off)
	case c == '\'':
		l.emitText(tokString, off, '\'')
	case c == '`':
		l.emitText(tokQuoted, off, '`')
	case c == '"':
		text, ok := l.quoted('"')
		if !ok {
			l.fail(off, l.pos, CodeSpelling, "write 'text' in single quotes", "text in double quotes that do not end")
			return true
		}
		l.fail(off, l.pos, CodeSpelling, "write "+quoteText(text), "text stands in single quotes, not double quotes")
		l.emit(tokString, text, off)
	default:
		l.operator(off)
	}
	return true
}

// afterOperand says whether a point here selects a field (a.5 never is a number after a name).
func (l *lexer) afterOperand() bool {
	if len(l.toks) == 0 {
		return false
	}
	t := l.toks[len(l.toks)-1]
	return t.kind == tokName && t.end == l.pos || t.kind == tokQuoted || t.kind == tokOp && (t.text == ")" || t.text == "]")
}

func (l *lexer) skipSpace() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.pos++
		case c == '-' && strings.HasPrefix(l.src[l.pos:], "--"):
			if i := strings.IndexByte(l.src[l.pos:], '\n'); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.src)
			}
		default:
			return
		}
	}
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func (l *lexer) name(off int) {
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if r == utf8.RuneError && n <= 1 {
			if l.pos == off {
				l.pos++
				l.fail(off, l.pos, CodeSyntax, "", "a byte that is not UTF-8")
				return
			}
			break
		}
		if r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			if l.pos == off {
				l.pos += n
				l.fail(off, l.pos, CodeSyntax, foreignQuote(r), "unexpected character %q", r)
				return
			}
			break
		}
		l.pos += n
	}
	l.emit(tokName, l.src[off:l.pos], off)
	t := &l.toks[len(l.toks)-1]
	t.upper = strings.ToUpper(t.text)
}

func foreignQuote(r rune) string {
	switch r {
	case '‘', '’', '“', '”', '„':
		return "text stands between two '"
	}
	return ""
}

func (l *lexer) number(off int) {
	digits := func() {
		for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
			l.pos++
		}
	}
	digits()
	if l.pos < len(l.src) && l.src[l.pos] == '.' {
		l.pos++
		digits()
	}
	if l.pos < len(l.src) && l.src[l.pos]|0x20 == 'e' {
		p := l.pos + 1
		if p < len(l.src) && (l.src[p] == '+' || l.src[p] == '-') {
			p++
		}
		if p < len(l.src) && isDigit(l.src[p]) {
			l.pos = p
			digits()
		}
	}
	end := l.pos
	for l.pos < len(l.src) && (l.src[l.pos] == '_' || l.src[l.pos] < utf8.RuneSelf && (unicode.IsLetter(rune(l.src[l.pos])) || isDigit(l.src[l.pos]))) {
		l.pos++
	}
	if l.pos > end {
		l.fail(off, l.pos, CodeSyntax, "a number is written 12, 12.5 or 1e3", "%s is not a number", l.src[off:l.pos])
	}
	l.emit(tokNumber, l.src[off:end], off)
}

// quoted reads text between two q, in which q is written twice; l.pos is at the first.
func (l *lexer) quoted(q byte) (string, bool) {
	l.pos++
	start, twice := l.pos, false
	for l.pos < len(l.src) {
		if l.src[l.pos] != q {
			l.pos++
			continue
		}
		if l.pos+1 < len(l.src) && l.src[l.pos+1] == q {
			twice = true
			l.pos += 2
			continue
		}
		text := l.src[start:l.pos]
		l.pos++
		if twice {
			text = strings.ReplaceAll(text, string([]byte{q, q}), string(q))
		}
		return text, true
	}
	return "", false
}

func (l *lexer) emitText(kind tokenKind, off int, q byte) {
	text, ok := l.quoted(q)
	switch {
	case !ok && q == '`':
		l.fail(off, l.pos, CodeSyntax, "end it with a second `", "a name in backquotes that does not end")
	case !ok:
		l.fail(off, l.pos, CodeSyntax, "end it with a second '; a quote within text is written ''", "text that does not end")
	case !utf8.ValidString(text):
		l.fail(off, l.pos, CodeSyntax, "write bytes as x'00ff'", "text that is not UTF-8")
	case kind == tokQuoted && text == "":
		l.fail(off, l.pos, CodeSyntax, "", "an empty name")
	}
	l.emit(kind, text, off)
}

func (l *lexer) bytes(off int) {
	text, ok := l.quoted('\'')
	b, err := hex.DecodeString(text)
	if !ok || err != nil {
		l.fail(off, l.pos, CodeSyntax, "write an even number of hexadecimal digits: x'00ff'", "bytes that cannot be read")
	}
	l.emit(tokBytes, string(b), off)
}

// foreign maps operators of other languages to what is meant here.
var foreign = []struct{ written, means, hint string }{
	{"===", "=", "use ="},
	{"!==", "<>", "use <>"},
	{"==", "=", "use ="},
	{"&&", "AND", "use AND"},
	{"<=>", "=", "use IS NOT DISTINCT FROM"},
	{"^=", "<>", "use <>"},
}

var operators = []string{"<>", "!=", "<=", ">=", "||", "+", "-", "*", "/", "%", "=", "<", ">", "(", ")", "[", "]", ",", "."}

func (l *lexer) operator(off int) {
	rest := l.src[off:]
	for _, f := range foreign {
		if strings.HasPrefix(rest, f.written) {
			l.pos += len(f.written)
			l.fail(off, l.pos, CodeSpelling, f.hint, "%s is not an operator here", f.written)
			if f.means == "AND" {
				l.toks = append(l.toks, token{kind: tokName, text: "AND", upper: "AND", off: off, end: l.pos})
			} else {
				l.emit(tokOp, f.means, off)
			}
			return
		}
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			if op == "!=" {
				op = "<>"
			}
			l.emit(tokOp, op, off)
			return
		}
	}
	l.pos++
	switch rest[0] {
	case '!':
		l.fail(off, l.pos, CodeSpelling, "use NOT", "! is not an operator here")
		l.toks = append(l.toks, token{kind: tokName, text: "NOT", upper: "NOT", off: off, end: l.pos})
	case '?':
		l.fail(off, l.pos, CodeSpelling, "use CASE WHEN a THEN b ELSE c END", "a ? b : c is not written so here")
		l.emit(tokOp, "?", off)
	case '&', '|', '^', '~':
		l.fail(off, l.pos, CodeSpelling, "logic is AND, OR and NOT; text is joined with ||", "%c is not an operator here", rest[0])
		l.emit(tokOp, "?", off)
	case ':':
		hint := ""
		if strings.HasPrefix(rest, "::") {
			l.pos++
			hint = "write CAST(x AS type)"
		}
		l.fail(off, l.pos, CodeSyntax, hint, "unexpected %s", l.src[off:l.pos])
		l.emit(tokOp, "?", off)
	case ';':
		l.fail(off, l.pos, CodeSyntax, "an expression ends without a semicolon", "unexpected ;")
	default:
		l.fail(off, l.pos, CodeSyntax, "", "unexpected character %q", rest[0])
	}
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
