package expr

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"flowd/stream"
)

// likePattern is a LIKE pattern: pieces between %, in which anyChar stands for one character.
type likePattern struct {
	pieces [][]byte
	any    bool // some piece has an anyChar
}

const anyChar = 0xFF // no byte of UTF-8

// likeEscape is the escape character of a LIKE, 0 if it has none.
func likeEscape(t *tnode) byte {
	if len(t.args) == 3 {
		return t.args[2].val.Str[0]
	}
	return 0
}

// compileLike cuts a pattern at %. Without ESCAPE a pattern that has a _ takes \ as escape and others do not: that is
// what Flink does, which only has a fast path without it for patterns of plain text and %.
func compileLike(pattern string, escape byte) (p likePattern, err string) {
	if escape == 0 && strings.Contains(pattern, "_") {
		escape = '\\'
	}
	var piece []byte
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == escape && escape != 0:
			i++
			if i == len(pattern) || pattern[i] != '%' && pattern[i] != '_' && pattern[i] != escape {
				return p, "wrong escape"
			}
			piece = append(piece, pattern[i])
		case c == '%':
			p.pieces = append(p.pieces, piece)
			piece = nil
		case c == '_':
			piece = append(piece, anyChar)
			p.any = true
		default:
			piece = append(piece, c)
		}
	}
	p.pieces = append(p.pieces, piece)
	return p, ""
}

// match matches greedily: each piece at its first place after the one before, the last at the end.
func (p *likePattern) match(text []byte) bool {
	first, last := p.pieces[0], p.pieces[len(p.pieces)-1]
	if len(p.pieces) == 1 {
		n := prefix(text, first)
		return n == len(text)
	}
	n := prefix(text, first)
	if n < 0 {
		return false
	}
	text = text[n:]
	for _, piece := range p.pieces[1 : len(p.pieces)-1] {
		if n = p.find(text, piece); n < 0 {
			return false
		}
		text = text[n:]
	}
	if !p.any {
		return bytes.HasSuffix(text, last)
	}
	for start := len(text); ; { // characters of the last piece counted from the end
		if n := prefix(text[start:], last); n == len(text)-start {
			return true
		}
		if start == 0 {
			return false
		}
		_, n := utf8.DecodeLastRune(text[:start])
		start -= n
	}
}

// find is where the first match of piece in text ends, −1 if there is none.
func (p *likePattern) find(text, piece []byte) int {
	if !p.any {
		if at := bytes.Index(text, piece); at >= 0 {
			return at + len(piece)
		}
		return -1
	}
	for at := 0; ; {
		if n := prefix(text[at:], piece); n >= 0 {
			return at + n
		}
		if at == len(text) {
			return -1
		}
		at += runeLen(text[at:])
	}
}

// prefix is how many bytes of text the piece matches at its start, −1 if it does not.
func prefix(text, piece []byte) int {
	at := 0
	for _, c := range piece {
		switch {
		case at == len(text):
			return -1
		case c == anyChar:
			at += runeLen(text[at:])
		case text[at] != c:
			return -1
		default:
			at++
		}
	}
	return at
}

// likeKernel is LIKE; a pattern that is no constant is compiled when it changes from row to row.
type likeKernel struct {
	x, p     operand
	not      bool
	escape   byte
	constant bool
	pattern  likePattern
	current  []byte
	bad      bool
	node     *tnode
}

func newLike(t *tnode) kernel {
	k := &likeKernel{x: compile(t.args[0]), p: compile(t.args[1]), not: t.not, escape: likeEscape(t), node: t}
	if p := t.args[1]; p.isConst() && !p.val.Null {
		k.constant = true
		k.pattern, _ = compileLike(p.val.Str, k.escape)
	}
	return k
}

func (k *likeKernel) eval(r *run, sel []int32, out *stream.Column) {
	c, p := k.x.get(r, sel), k.p.get(r, sel)
	out.Resize(r.n)
	validity(out, r.n, c, p)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		if out.IsNull(i) {
			continue
		}
		if !k.constant {
			if text := p.BytesAt(i); k.current == nil || !bytes.Equal(text, k.current) {
				k.current = append(append(k.current[:0], text...), 0)[:len(text)]
				var err string
				k.pattern, err = compileLike(string(text), k.escape)
				k.bad = err != ""
			}
			if k.bad {
				out.I64[i] = 0
				r.fail(out, i, k.node.text()+": the pattern "+quoteText(shorten(string(k.current)))+" has a wrong escape")
				continue
			}
		}
		out.I64[i] = b2i(k.pattern.match(c.BytesAt(i)) != k.not)
	}
}
