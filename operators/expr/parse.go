package expr

import (
	"fmt"
	"strings"

	"flowd/stream"
)

// Parse reads an expression. It returns every error it can find in one go; the expression is nil if there is one.
func Parse(src string) (*Expr, []*Error) {
	p, err := newParser(src)
	if err != nil {
		return nil, []*Error{err}
	}
	root := p.whole()
	if len(p.lex.errs) > 0 {
		return nil, p.lex.errs
	}
	return &Expr{root: root, src: src}, nil
}

// parser is a recursive descent parser over the tokens. After its first syntax error it stops: guesses about what
// comes after would only bury the real message.
type parser struct {
	lex   lexer
	at    int
	depth int
	nodes int
	dead  bool
}

func newParser(src string) (*parser, *Error) {
	if len(src) > maxText {
		return nil, &Error{
			Off: 0, Len: len(src), Code: CodeLimit,
			Msg:  fmt.Sprintf("the expression has %d bytes; at most %d are allowed", len(src), maxText),
			Hint: "split it over several steps",
		}
	}
	p := &parser{lex: lexer{src: src}}
	p.lex.run()
	return p, nil
}

func (p *parser) whole() *node {
	if p.peek().kind == tokEnd {
		p.fail(p.peek(), "write a field name or an expression", "the expression is empty")
		return nil
	}
	n := p.expr()
	if t := p.peek(); !p.dead && t.kind != tokEnd && !p.otherSQL(t) {
		hint := ""
		switch {
		case t.kind == tokName && t.upper == "AS":
			hint = "a column gets its name in front: name: expression"
		case t.kind == tokName || t.kind == tokQuoted || t.kind == tokNumber || t.kind == tokString:
			hint = "an operator or a comma may be missing before it"
		case t.text == ")":
			hint = "there is no ( that it could close"
		}
		p.fail(t, hint, "unexpected %s after the end of the expression", t.describe())
	}
	return n
}

func (t token) describe() string {
	switch t.kind {
	case tokEnd:
		return "end of the expression"
	case tokString:
		return quoteText(shorten(t.text))
	case tokBytes:
		return "bytes"
	}
	return shorten(t.text)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (p *parser) fail(t token, hint, format string, args ...any) {
	if !p.dead && t.text != "?" { // the lexer has said what is wrong with ?
		p.lex.fail(t.off, t.end, CodeSyntax, hint, format, args...)
	}
	p.dead = true
}

func (p *parser) peek() token {
	if p.dead {
		return token{kind: tokEnd, off: len(p.lex.src), end: len(p.lex.src)}
	}
	return p.lex.toks[p.at]
}

func (p *parser) peek2() token { return p.lex.toks[min(p.at+1, len(p.lex.toks)-1)] }

func (p *parser) take() token {
	t := p.peek()
	if p.at < len(p.lex.toks)-1 {
		p.at++
	}
	return t
}

func (t token) isOp(op string) bool  { return t.kind == tokOp && t.text == op }
func (t token) isWord(w string) bool { return t.kind == tokName && t.upper == w }
func (p *parser) word(w string) bool { return p.takeIf(p.peek().isWord(w)) }
func (p *parser) op(op string) bool  { return p.takeIf(p.peek().isOp(op)) }
func (p *parser) lastEnd() int       { return p.lex.toks[max(p.at-1, 0)].end }
func (p *parser) takeIf(ok bool) bool {
	if ok {
		p.take()
	}
	return ok
}

func (p *parser) expect(what string) bool {
	t := p.peek()
	if t.isOp(what) || t.isWord(what) {
		p.take()
		return true
	}
	if !p.otherSQL(t) {
		p.fail(t, "", "expected %s, found %s", what, t.describe())
	}
	return false
}

// otherSQL reports a keyword that SQL has at this place and flowd has not; it says whether t is one.
func (p *parser) otherSQL(t token) bool {
	if t.isWord("NOT") && !p.dead {
		t = p.peek2()
	}
	hint := ""
	if t.kind == tokName {
		hint = otherSQL[t.upper]
	}
	if hint == "" || p.dead {
		return false
	}
	p.lex.fail(t.off, t.end, CodeSpelling, hint, "%s is not supported", t.upper)
	p.dead = true
	return true
}

// enter counts nesting; the caller leaves with p.depth--.
func (p *parser) enter() bool {
	p.depth++
	if p.depth > maxDepth && !p.dead {
		t := p.peek()
		p.lex.fail(t.off, t.end, CodeLimit, "split it over several steps", "the expression is nested more than %d deep", maxDepth)
		p.dead = true
	}
	return !p.dead
}

func (p *parser) node(kind nodeKind, off int, args ...*node) *node {
	if kind > nInterval {
		if p.nodes++; p.nodes > maxNodes && !p.dead {
			p.lex.fail(off, p.lastEnd(), CodeLimit, "split it over several steps", "the expression has more than %d operations", maxNodes)
			p.dead = true
		}
	}
	return &node{kind: kind, off: off, end: p.lastEnd(), args: args}
}

func (p *parser) expr() *node {
	defer func() { p.depth-- }()
	if !p.enter() {
		return &node{kind: nNull}
	}
	return p.binary(precOr)
}

// binary parses what binds at least as strongly as prec.
func (p *parser) binary(prec int) *node {
	switch prec {
	case precNot:
		return p.negation()
	case precIs:
		return p.is()
	case precIn:
		return p.predicate()
	case precUnary:
		return p.unary()
	}
	left := p.binary(prec + 1)
	for !p.dead {
		t := p.peek()
		name := t.text
		if t.kind == tokName {
			name = t.upper
		} else if t.kind != tokOp {
			break
		}
		if binaryPrec[name] != prec {
			break
		}
		p.take()
		right := p.binary(prec + 1)
		off := left.off
		left = p.node(nBinary, off, left, right)
		left.name = name
	}
	return left
}

func (p *parser) negation() *node {
	off := p.peek().off
	if !p.word("NOT") {
		return p.binary(precIs)
	}
	defer func() { p.depth-- }()
	if !p.enter() {
		return &node{kind: nNull}
	}
	arg := p.negation()
	n := p.node(nUnary, off, arg)
	n.name = "NOT"
	return n
}

func (p *parser) is() *node {
	left := p.binary(precCompare)
	for p.word("IS") {
		not := p.word("NOT")
		t := p.take()
		switch {
		case t.isWord("NULL") || t.isWord("TRUE") || t.isWord("FALSE") || t.isWord("UNKNOWN"):
			left = p.node(nIs, left.off, left)
			left.name = t.upper
		case t.isWord("DISTINCT"):
			p.expect("FROM")
			right := p.binary(precCompare)
			left = p.node(nDistinct, left.off, left, right)
		default:
			p.fail(t, "", "expected NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM after IS, found %s", t.describe())
		}
		left.not = not
	}
	return left
}

func (p *parser) predicate() *node {
	left := p.binary(precAdd)
	for !p.dead {
		t := p.peek()
		not := t.isWord("NOT")
		if not {
			t = p.peek2()
		}
		if !t.isWord("IN") && !t.isWord("BETWEEN") && !t.isWord("LIKE") {
			break
		}
		if not {
			p.take()
		}
		p.take()
		args := []*node{left}
		var kind nodeKind
		flag := false
		switch t.upper {
		case "IN":
			kind = nIn
			p.expect("(")
			args = append(args, p.list()...)
			p.expect(")")
		case "BETWEEN":
			kind = nBetween
			if flag = p.word("SYMMETRIC"); !flag {
				p.word("ASYMMETRIC")
			}
			args = append(args, p.binary(precAdd))
			p.expect("AND")
			args = append(args, p.binary(precAdd))
		case "LIKE":
			kind = nLike
			args = append(args, p.binary(precAdd))
			if p.word("ESCAPE") {
				args = append(args, p.binary(precAdd))
			}
		}
		off := left.off
		left = p.node(kind, off, args...)
		left.not, left.flag = not, flag
	}
	return left
}

func (p *parser) list() []*node {
	args := []*node{p.expr()}
	for p.op(",") {
		args = append(args, p.expr())
	}
	return args
}

func (p *parser) unary() *node {
	t := p.peek()
	if !t.isOp("-") && !t.isOp("+") {
		return p.postfix()
	}
	p.take()
	defer func() { p.depth-- }()
	if !p.enter() {
		return &node{kind: nNull}
	}
	arg := p.unary()
	n := p.node(nUnary, t.off, arg)
	n.name = t.text
	return n
}

func (p *parser) postfix() *node {
	n := p.primary()
	for !p.dead {
		switch {
		case p.op("["):
			index := p.expr()
			p.expect("]")
			n = p.node(nIndex, n.off, n, index)
		case n.kind == nIndex && p.peek().isOp("."), n.kind == nField && p.peek().isOp("."):
			p.take()
			t := p.take()
			if t.kind != tokName && t.kind != tokQuoted {
				p.fail(t, "", "expected a field name after the point, found %s", t.describe())
				return n
			}
			n = p.node(nField, n.off, n)
			n.name = t.text
		default:
			return n
		}
	}
	return n
}

func (p *parser) primary() *node {
	t := p.take()
	switch t.kind {
	case tokNumber:
		n := p.node(nNumber, t.off)
		n.text = t.text
		return n
	case tokString:
		n := p.node(nText, t.off)
		n.text = t.text
		return n
	case tokBytes:
		n := p.node(nBytes, t.off)
		n.text = t.text
		return n
	case tokQuoted:
		return p.path(t)
	case tokName:
		return p.word1(t)
	}
	if t.isOp("(") {
		n := p.expr()
		if p.peek().isOp(",") {
			p.fail(p.peek(), "compare field by field, or write x IN (a, b)", "a list of values in parentheses is no value")
		}
		if p.expect(")") {
			n.off, n.end = t.off, p.lastEnd()
		}
		return n
	}
	hint := ""
	if t.isOp("*") {
		hint = "* stands only in COUNT(*)"
	}
	p.fail(t, hint, "expected a value, found %s", t.describe())
	return &node{kind: nNull, off: t.off, end: t.end}
}

// word1 parses what begins with a word: a literal, CASE, CAST, a call or a name.
func (p *parser) word1(t token) *node {
	next := p.peek()
	switch t.upper {
	case "TRUE":
		return p.node(nTrue, t.off)
	case "FALSE":
		return p.node(nFalse, t.off)
	case "NULL":
		return p.node(nNull, t.off)
	case "CASE":
		return p.caseWhen(t)
	case "DATE", "TIME", "TIMESTAMP":
		if next.kind == tokString {
			p.take()
			n := p.node(nDate, t.off)
			n.name, n.text = t.upper, next.text
			return n
		}
	case "INTERVAL":
		if next.kind == tokString {
			return p.interval(t)
		}
		if next.kind == tokNumber {
			p.fail(next, "write INTERVAL '"+next.text+"' with quotes", "the number of an INTERVAL stands in quotes")
		}
	}
	if next.isOp("(") {
		return p.call(t)
	}
	if reserved[t.upper] {
		hint := "a field of this name is written `" + t.text + "`"
		p.fail(t, hint, "expected a value, found %s", t.text)
		return &node{kind: nNull, off: t.off, end: t.end}
	}
	return p.path(t)
}

func (p *parser) path(t token) *node {
	parts := []string{t.text}
	for p.peek().isOp(".") {
		p.take()
		f := p.take()
		if f.isOp("*") {
			p.fail(f, "name the columns", ".* is not an expression")
			break
		}
		if f.kind != tokName && f.kind != tokQuoted {
			p.fail(f, "", "expected a field name after the point, found %s", f.describe())
			break
		}
		parts = append(parts, f.text)
	}
	if p.peek().isOp("(") {
		p.fail(p.peek(), "", "%s is not a function", strings.Join(parts, "."))
	}
	n := p.node(nName, t.off)
	n.parts = parts
	return n
}

func (p *parser) caseWhen(t token) *node {
	var args []*node
	operand := !p.peek().isWord("WHEN")
	if operand {
		args = append(args, p.expr())
	}
	if !p.peek().isWord("WHEN") {
		p.expect("WHEN")
	}
	for p.word("WHEN") {
		args = append(args, p.expr())
		p.expect("THEN")
		args = append(args, p.expr())
	}
	if p.word("ELSE") {
		args = append(args, p.expr())
	}
	p.expect("END")
	n := p.node(nCase, t.off, args...)
	n.flag = operand
	return n
}

func (p *parser) call(t token) *node {
	p.expect("(")
	n := p.node(nCall, t.off)
	n.name = t.upper
	n.nameEnd = t.end
	switch {
	case t.upper == "CAST" || t.upper == "TRY_CAST":
		n.kind = nCast
		n.flag = t.upper == "TRY_CAST"
		n.args = []*node{p.expr()}
		p.expect("AS")
		n.typ = p.typeName()
		if p.peek().isWord("NOT") {
			p.fail(p.peek(), "", "a cast has a type without NOT NULL")
		}
	case p.peek().isOp("*") && p.peek2().isOp(")"):
		p.take()
		n.star = true
	case p.peek().isOp(")"):
	case t.upper == "EXTRACT":
		n.unit = p.unit()
		p.expect("FROM")
		n.args = []*node{p.expr()}
	case t.upper == "TIMESTAMPDIFF":
		n.unit = p.unit()
		p.expect(",")
		n.args = p.list()
	case t.upper == "TRIM":
		p.trim(n)
	case t.upper == "POSITION":
		n.args = []*node{p.binary(precAdd)}
		if p.word("IN") {
			n.args = append(n.args, p.expr())
		} else if p.peek().isOp(",") {
			p.fail(p.peek(), "write POSITION('b' IN 'abc')", "POSITION has no comma")
		}
	case t.upper == "SUBSTRING":
		p.substring(n)
	default:
		n.flag = p.word("DISTINCT")
		n.args = p.list()
	}
	p.expect(")")
	if known := n.kind == nCast || functions[n.name] != nil || aggregateNames[n.name]; p.dead && !known && len(p.lex.errs) > 0 {
		// A function that is not there may have a syntax of its own: the name is what is wrong.
		if last := p.lex.errs[len(p.lex.errs)-1]; last.Code == CodeSyntax && last.Off >= n.nameEnd {
			*last = *unknownFunction(n)
		}
	}
	n.end = p.lastEnd()
	return n
}

// unit reads the name of a time unit; whether it exists is for Bind to say.
func (p *parser) unit() string {
	t := p.take()
	if t.kind != tokName {
		p.fail(t, "SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR …", "expected a unit of time, found %s", t.describe())
	}
	return t.upper
}

func (p *parser) trim(n *node) {
	t := p.peek()
	side := t.isWord("BOTH") || t.isWord("LEADING") || t.isWord("TRAILING")
	if side && !p.peek2().isOp(")") && !p.peek2().isOp(".") {
		p.take()
		if t.upper != "BOTH" {
			n.unit = t.upper
		}
		if p.word("FROM") {
			n.args = []*node{p.expr()}
			return
		}
	}
	arg := p.expr()
	n.args = []*node{arg}
	if p.word("FROM") {
		n.args = []*node{p.expr(), arg}
	} else if p.peek().isOp(",") {
		p.fail(p.peek(), "write TRIM(BOTH 'x' FROM text)", "TRIM has no comma")
	}
}

func (p *parser) substring(n *node) {
	n.args = []*node{p.expr()}
	switch {
	case p.word("FROM"):
		n.args = append(n.args, p.expr())
		if p.word("FOR") {
			n.args = append(n.args, p.expr())
		}
	case p.op(","):
		n.args = append(n.args, p.list()...)
	}
}

// interval parses what follows INTERVAL: a quoted number and its unit.
func (p *parser) interval(t token) *node {
	text := p.take().text
	unit := p.unit()
	if p.word("TO") {
		unit += " TO " + p.unit()
	}
	n := p.node(nInterval, t.off)
	n.name, n.text = unit, text
	return n
}

// typeName reads a type within a CAST; see ParseType.
func (p *parser) typeName() stream.Type {
	t, err := p.parseType()
	if err != nil && !p.dead {
		p.lex.errs = append(p.lex.errs, err)
		p.dead = true
	}
	return t
}
