package expr

import (
	"encoding/hex"
	"strings"

	"flowd/stream"
)

// nodeKind says what a node of the syntax tree is and which of its members count.
type nodeKind uint8

const (
	nNumber   nodeKind = iota + 1 // text as written
	nText                         // text
	nBytes                        // text holds the bytes
	nTrue                         //
	nFalse                        //
	nNull                         //
	nDate                         // name DATE, TIME or TIMESTAMP, text
	nInterval                     // text, name is the unit: DAY, DAY TO SECOND
	nName                         // parts
	nField                        // args[0].name
	nIndex                        // args[0][args[1]]
	nUnary                        // name -, + or NOT
	nBinary                       // name, two args
	nIs                           // name NULL, TRUE, FALSE, UNKNOWN; not
	nDistinct                     // IS [NOT] DISTINCT FROM; not
	nIn                           // args[0] in the others; not
	nBetween                      // three args; not, flag: SYMMETRIC
	nLike                         // two or three args; not
	nCase                         // flag: args[0] is the operand; then pairs; an odd rest is ELSE
	nCast                         // args[0], typ; flag: TRY_CAST
	nCall                         // name in upper case, args; unit; star, flag: DISTINCT
)

// node is one node of the syntax tree. One struct for all kinds keeps walking, printing and copying short.
type node struct {
	kind     nodeKind
	off, end int
	nameEnd  int // nCall: end of the name
	name     string
	text     string
	unit     string // EXTRACT, TIMESTAMPDIFF: the unit; TRIM: LEADING, TRAILING
	parts    []string
	args     []*node
	typ      stream.Type
	not      bool
	flag     bool
	star     bool
}

// Expr is a parsed expression without types. It is immutable.
type Expr struct {
	root *node
	src  string
}

// Source is the text the expression was parsed from; for parts of an expression the text of the whole.
func (e *Expr) Source() string { return e.src }

// Pos is the byte range of the expression within the text it was parsed from.
func (e *Expr) Pos() (off, length int) { return e.root.off, e.root.end - e.root.off }

// Name is the field path when the expression is nothing but a name: card.brand.
func (e *Expr) Name() (string, bool) {
	if e.root.kind != nName {
		return "", false
	}
	return strings.Join(e.root.parts, "."), true
}

// String writes the expression in its canonical form: keywords and functions in upper case, one space around
// operators, no parentheses that precedence does not need. Parsing it gives the same expression again.
func (e *Expr) String() string {
	var w strings.Builder
	e.root.write(&w, 0)
	return w.String()
}

// Binding strengths, weakest first, as Calcite has them.
const (
	precOr = iota + 1
	precAnd
	precNot
	precIs
	precCompare
	precIn
	precAdd
	precMul
	precUnary
	precPrimary
)

var binaryPrec = map[string]int{
	"OR": precOr, "AND": precAnd, "=": precCompare, "<>": precCompare, "<": precCompare, "<=": precCompare,
	">": precCompare, ">=": precCompare, "+": precAdd, "-": precAdd, "*": precMul, "/": precMul, "%": precMul, "||": precMul,
}

func (n *node) prec() int {
	switch n.kind {
	case nBinary:
		return binaryPrec[n.name]
	case nUnary:
		if n.name == "NOT" {
			return precNot
		}
		return precUnary
	case nIs, nDistinct:
		return precIs
	case nIn, nBetween, nLike:
		return precIn
	}
	return precPrimary
}

// write writes n where something of that strength or more is expected.
func (n *node) write(w *strings.Builder, least int) {
	prec := n.prec()
	if prec < least {
		w.WriteByte('(')
		defer w.WriteByte(')')
	}
	not := ""
	if n.not {
		not = "NOT "
	}
	switch n.kind {
	case nNumber:
		w.WriteString(n.text)
	case nText:
		w.WriteString(quoteText(n.text))
	case nBytes:
		w.WriteString("x'" + hex.EncodeToString([]byte(n.text)) + "'")
	case nTrue:
		w.WriteString("TRUE")
	case nFalse:
		w.WriteString("FALSE")
	case nNull:
		w.WriteString("NULL")
	case nDate:
		w.WriteString(n.name + " " + quoteText(n.text))
	case nInterval:
		w.WriteString("INTERVAL " + quoteText(n.text) + " " + n.name)
	case nName:
		for i, p := range n.parts {
			if i > 0 {
				w.WriteByte('.')
			}
			w.WriteString(quoteName(p, i > 0))
		}
	case nField:
		n.args[0].write(w, precPrimary)
		w.WriteString("." + quoteName(n.name, true))
	case nIndex:
		n.args[0].write(w, precPrimary)
		w.WriteByte('[')
		n.args[1].write(w, 0)
		w.WriteByte(']')
	case nUnary:
		w.WriteString(n.name)
		if n.name == "NOT" {
			w.WriteByte(' ')
			n.args[0].write(w, precNot)
			return
		}
		if n.args[0].prec() == precUnary { // "--" would begin a comment
			w.WriteByte(' ')
		}
		n.args[0].write(w, precUnary)
	case nBinary:
		n.args[0].write(w, prec)
		w.WriteString(" " + n.name + " ")
		n.args[1].write(w, prec+1)
	case nIs:
		n.args[0].write(w, precIs)
		w.WriteString(" IS " + not + n.name)
	case nDistinct:
		n.args[0].write(w, precIs)
		w.WriteString(" IS " + not + "DISTINCT FROM ")
		n.args[1].write(w, precCompare)
	case nIn:
		n.args[0].write(w, precIn)
		w.WriteString(" " + not + "IN (")
		writeList(w, n.args[1:])
	case nBetween:
		n.args[0].write(w, precIn)
		w.WriteString(" " + not + "BETWEEN ")
		if n.flag {
			w.WriteString("SYMMETRIC ")
		}
		n.args[1].write(w, precAdd)
		w.WriteString(" AND ")
		n.args[2].write(w, precAdd)
	case nLike:
		n.args[0].write(w, precIn)
		w.WriteString(" " + not + "LIKE ")
		n.args[1].write(w, precAdd)
		if len(n.args) == 3 {
			w.WriteString(" ESCAPE ")
			n.args[2].write(w, precAdd)
		}
	case nCase:
		n.writeCase(w)
	case nCast:
		if n.flag {
			w.WriteString("TRY_")
		}
		w.WriteString("CAST(")
		n.args[0].write(w, 0)
		w.WriteString(" AS " + n.typ.String() + ")")
	case nCall:
		n.writeCall(w)
	}
}

func (n *node) writeCase(w *strings.Builder) {
	w.WriteString("CASE ")
	a := n.args
	if n.flag {
		a[0].write(w, 0)
		w.WriteByte(' ')
		a = a[1:]
	}
	for ; len(a) >= 2; a = a[2:] {
		w.WriteString("WHEN ")
		a[0].write(w, 0)
		w.WriteString(" THEN ")
		a[1].write(w, 0)
		w.WriteByte(' ')
	}
	if len(a) == 1 {
		w.WriteString("ELSE ")
		a[0].write(w, 0)
		w.WriteByte(' ')
	}
	w.WriteString("END")
}

func (n *node) writeCall(w *strings.Builder) {
	w.WriteString(n.name + "(")
	switch {
	case n.star:
		w.WriteString("*)")
		return
	case n.flag:
		w.WriteString("DISTINCT ")
	case n.name == "EXTRACT" && len(n.args) > 0:
		w.WriteString(n.unit + " FROM ")
	case n.name == "TRIM" && (n.unit != "" || len(n.args) == 2):
		unit := n.unit
		if unit == "" {
			unit = "BOTH"
		}
		w.WriteString(unit + " ")
		if len(n.args) == 2 {
			n.args[1].write(w, 0)
			w.WriteByte(' ')
		}
		w.WriteString("FROM ")
		writeList(w, n.args[:1])
		return
	case n.name == "POSITION" && len(n.args) == 2:
		n.args[0].write(w, precAdd)
		w.WriteString(" IN ")
		writeList(w, n.args[1:])
		return
	case n.unit != "":
		w.WriteString(n.unit + ", ")
	}
	writeList(w, n.args)
}

func writeList(w *strings.Builder, args []*node) {
	for i, a := range args {
		if i > 0 {
			w.WriteString(", ")
		}
		a.write(w, 0)
	}
	w.WriteByte(')')
}

// quoteName writes a name, in backquotes where it would not be read as one. after says that a point stands before
// it, where keywords are names.
func quoteName(s string, after bool) string {
	plain := s != ""
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		later := r >= '0' && r <= '9' || r == '$'
		if !letter && (i == 0 || !later) {
			plain = false
		}
	}
	if plain && (after || !reserved[strings.ToUpper(s)]) {
		return s
	}
	return "`" + strings.ReplaceAll(s, "`", "``") + "`"
}

// reserved are the words that cannot be a field name without backquotes.
var reserved = map[string]bool{
	"AND": true, "OR": true, "NOT": true, "IS": true, "IN": true, "BETWEEN": true, "LIKE": true, "ESCAPE": true,
	"CASE": true, "WHEN": true, "THEN": true, "ELSE": true, "END": true, "NULL": true, "TRUE": true, "FALSE": true,
	"FROM": true, "AS": true, "DISTINCT": true,
}
