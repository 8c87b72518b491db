package expr

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"flowd/stream"
)

// letterCaseKernel is UPPER and LOWER, by the rules of Unicode without a language.
func letterCaseKernel(k *funcKernel) {
	upper := k.node.fn.name == "UPPER"
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			w.row(i)
			text := in[0].BytesAt(i)
			from := len(out.Bytes)
			out.Bytes = append(out.Bytes, text...)
			if !asciiCase(out.Bytes[from:], upper) {
				out.Bytes = appendCase(out.Bytes[:from], text, upper)
			}
		}
		w.end()
	}
}

// asciiCase changes b in place; false if it has other letters than ASCII's.
func asciiCase(b []byte, upper bool) bool {
	first, last := byte('A'), byte('Z')
	if upper {
		first, last = 'a', 'z'
	}
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
		if c >= first && c <= last {
			b[i] = c ^ 0x20
		}
	}
	return true
}

func appendCase(dst, text []byte, upper bool) []byte {
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		switch {
		case upper && c >= utf8.RuneSelf && upperSpecial[c] != "":
			dst = append(dst, upperSpecial[c]...)
		case upper:
			dst = utf8.AppendRune(dst, unicode.ToUpper(c))
		case c == 'İ':
			dst = append(dst, "i̇"...)
		case c == 'Σ' && finalSigma(text, i, n):
			dst = append(dst, "ς"...)
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(c))
		}
		i += n
	}
	return dst
}

// finalSigma says whether the Σ at text[i:i+n] ends a word.
func finalSigma(text []byte, i, n int) bool {
	before, _ := utf8.DecodeLastRune(text[:i])
	after, _ := utf8.DecodeRune(text[i+n:])
	return i > 0 && unicode.IsLetter(before) && (i+n == len(text) || !unicode.IsLetter(after))
}

func trimKernel(k *funcKernel) {
	left, right := k.node.unit != "TRAILING", k.node.unit != "LEADING"
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			text, cut := in[0].BytesAt(i), spaces
			if len(in) == 2 {
				cut = in[1].BytesAt(i)
			}
			for left && len(text) > 0 {
				c, n := utf8.DecodeRune(text)
				if !bytes.ContainsRune(cut, c) {
					break
				}
				text = text[n:]
			}
			for right && len(text) > 0 {
				c, n := utf8.DecodeLastRune(text)
				if !bytes.ContainsRune(cut, c) {
					break
				}
				text = text[:len(text)-n]
			}
			w.set(i, text)
		}
		w.end()
	}
}

var spaces = []byte(" ")

func substringKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			length := int64(1) << 40
			if len(in) == 3 {
				length = in[2].I64[i]
			}
			if length < 0 {
				r.null(out, i)
				continue
			}
			w.set(i, substring(in[0].BytesAt(i), in[1].I64[i], length))
		}
		w.end()
	}
}

// substring counts characters; start 0 is 1, negative starts count from the end and yield nothing before the beginning.
func substring(text []byte, start, length int64) []byte {
	skip := start - 1
	switch {
	case start == 0:
		skip = 0
	case start < 0:
		n := int64(utf8.RuneCount(text))
		if skip = n + start; skip < 0 {
			return nil
		}
	}
	for ; skip > 0 && len(text) > 0; skip-- {
		text = text[runeLen(text):]
	}
	end := 0
	for ; length > 0 && end < len(text); length-- {
		end += runeLen(text[end:])
	}
	return text[:end]
}

func runeLen(b []byte) int {
	if b[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(b)
	return n
}

func replaceKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			w.row(i)
			text, from, to := in[0].BytesAt(i), in[1].BytesAt(i), in[2].BytesAt(i)
			for len(from) > 0 {
				at := bytes.Index(text, from)
				if at < 0 {
					break
				}
				out.Bytes = append(append(out.Bytes, text[:at]...), to...)
				text = text[at+len(from):]
			}
			for len(from) == 0 && len(text) > 0 { // nothing stands before every character and at the end
				n := runeLen(text)
				out.Bytes = append(append(out.Bytes, to...), text[:n]...)
				text = text[n:]
			}
			out.Bytes = append(out.Bytes, text...)
			if len(from) == 0 {
				out.Bytes = append(out.Bytes, to...)
			}
		}
		w.end()
	}
}

func splitIndexKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			var by []byte
			if in[1].Kind == stream.KindBytes {
				by = in[1].BytesAt(i)
			} else {
				k.scratch = utf8.AppendRune(k.scratch[:0], rune(min(max(in[1].I64[i], 0), utf8.MaxRune)))
				by = k.scratch
			}
			if part, ok := splitIndex(in[0].BytesAt(i), by, in[2].I64[i]); ok {
				w.set(i, part)
			} else {
				r.null(out, i)
			}
		}
		w.end()
	}
}

// splitIndex is part index of text; no part of the empty text exists. An empty delimiter splits at white space.
func splitIndex(text, by []byte, index int64) ([]byte, bool) {
	if len(text) == 0 || index < 0 {
		return nil, false
	}
	for ; ; index-- {
		at, n := bytes.Index(text, by), len(by)
		if n == 0 {
			if at = bytes.IndexFunc(text, unicode.IsSpace); at >= 0 {
				n = runeLen(text[at:])
			}
		}
		switch {
		case index == 0 && at < 0:
			return text, true
		case index == 0:
			return text[:at], true
		case at < 0:
			return nil, false
		}
		text = text[at+n:]
	}
}

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
