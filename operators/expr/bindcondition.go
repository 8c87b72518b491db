package expr

import (
	"strconv"
	"strings"

	"flowd/stream"
)

// The operators of opCompare in sub.
const (
	cmpEQ = iota
	cmpNE
	cmpLT
	cmpLE
	cmpGT
	cmpGE
)

var comparisons = map[string]int{"=": cmpEQ, "<>": cmpNE, "<": cmpLT, "<=": cmpLE, ">": cmpGT, ">=": cmpGE}

func (b *binder) compare(n *node, name string, l, r *tnode) *tnode {
	l, r = b.comparable(n, name, l, r)
	if l == nil {
		return nil
	}
	t := makeNode(n, opCompare, booleanType, l, r)
	t.sub = comparisons[name]
	return t
}

// comparable brings two values to a common form for comparing; l is nil when there is none. Decimals and integers
// stay as they are: their kernels compare across scales.
func (b *binder) comparable(n *node, what string, l, r *tnode) (*tnode, *tnode) {
	if l.t.ID == stream.Null && r.t.ID == stream.Null {
		b.fail(n, CodeType, "write IS NULL", "NULL %s NULL is never true", what)
		return nil, nil
	}
	exact := func(t stream.Type) bool { return t.IsInteger() || t.ID == stream.Decimal }
	switch {
	case l.t.ID == stream.Array || l.t.ID == stream.Map || r.t.ID == stream.Array || r.t.ID == stream.Map:
		b.fail(n, CodeType, "compare their elements", "%s does not work on arrays and maps", what)
		return nil, nil
	case exact(l.t) && exact(r.t):
		return l, r
	case isTime(l.t) && r.t.ID == stream.String:
		return l, b.convert(n, r, l.t)
	case isTime(r.t) && l.t.ID == stream.String:
		return b.convert(n, l, r.t), r
	case l.t.ID == stream.Date && r.t.IsTimestamp() || r.t.ID == stream.Date && l.t.IsTimestamp():
		b.fail(n, CodeType, "write CAST(… AS date) or CAST(… AS timestamp)", "%s cannot compare %s with %s", what, l.t.Nullable(), r.t.Nullable())
		return nil, nil
	}
	t, ok := common(l.t, r.t)
	if !ok {
		hint := ""
		switch {
		case l.t.ID == stream.String && r.t.IsNumeric():
			hint = textAndNumber(l, r)
		case r.t.ID == stream.String && l.t.IsNumeric():
			hint = textAndNumber(r, l)
		case l.t.ID == stream.Boolean || r.t.ID == stream.Boolean:
			hint = "a boolean is a condition by itself: b, NOT b"
		}
		b.fail(n, CodeType, hint, "%s cannot compare %s with %s", what, l.t.Nullable(), r.t.Nullable())
		return nil, nil
	}
	return b.convert(n, l, t), b.convert(n, r, t)
}

// textAndNumber says how to compare text with a number.
func textAndNumber(text, number *tnode) string {
	if text.isConst() && text.src != nil && text.src.kind == nText {
		if _, err := strconv.ParseFloat(text.val.Str, 64); err == nil {
			return "write the number without quotes"
		}
		return quoteText(shorten(text.val.Str)) + " is no number"
	}
	return "write CAST(… AS " + number.t.Nullable().String() + ") around the text"
}

// neverTrue warns about the comparison n if one of its sides is NULL as written.
func (b *binder) neverTrue(n *node) {
	for i, a := range n.args {
		other := n.args[1-i]
		if a.kind != nNull || other.kind == nNull {
			continue
		}
		hint := "write … IS NULL"
		if n.name == "<>" {
			hint = "write … IS NOT NULL"
		}
		if x := (&Expr{root: other}).String(); len(x) <= 40 && other.kind != nBinary {
			hint = strings.Replace(hint, "…", x, 1)
		}
		b.warnings = append(b.warnings, &Error{
			Off: n.off, Len: n.end - n.off, Code: CodeNull,
			Msg: "a comparison with NULL is never true", Hint: hint,
		})
		return
	}
}

func (b *binder) is(n *node) *tnode {
	var x *tnode
	if n.name == "NULL" {
		x = b.bind(n.args[0])
		if x != nil && x.t.ID == stream.Null {
			return boolConst(n, !n.not)
		}
	} else {
		x = b.boolean(n.args[0], "IS "+n.name)
	}
	if x == nil {
		return nil
	}
	t := makeNode(n, opIs, booleanType, x)
	t.t.NotNull = true
	t.sub, t.not = int(n.name[0]), n.not
	if n.name == "UNKNOWN" {
		t.sub = 'N'
	}
	return t
}

func (b *binder) distinct(n *node) *tnode {
	args, ok := b.bindAll(n.args)
	if !ok {
		return nil
	}
	if args[0].t.ID == stream.Null && args[1].t.ID == stream.Null {
		return boolConst(n, n.not)
	}
	l, r := b.comparable(n, "IS DISTINCT FROM", args[0], args[1])
	if l == nil {
		return nil
	}
	t := makeNode(n, opDistinct, booleanType, l, r)
	t.t.NotNull, t.not = true, n.not
	return t
}

// in becomes a lookup when all values are constants of one kind, and a chain of comparisons otherwise.
func (b *binder) in(n *node) *tnode {
	args, ok := b.bindAll(n.args)
	if !ok {
		return nil
	}
	res := &tnode{op: opIn, src: n, not: n.not, t: booleanType}
	simple := true
	x := args[0]
	res.t.NotNull = x.t.NotNull
	var cmps []*tnode
	for i, a := range args[1:] {
		l, r := b.comparable(n.args[i+1], "IN", x, a)
		if l == nil {
			ok = false
			continue
		}
		res.t.NotNull = res.t.NotNull && r.t.NotNull
		c := makeNode(n, opCompare, booleanType, l, r)
		cmps = append(cmps, c)
		if !r.isConst() || l != x {
			simple = false
			continue
		}
		if exact := x.t; (exact.IsInteger() || exact.ID == stream.Decimal) && !r.val.Null {
			if r, ok = exactConst(x.t, r); !ok { // a constant the type cannot hold is never equal
				simple, ok = false, true
			}
		}
		res.args = append(res.args, r)
	}
	if !ok {
		return nil
	}
	if simple && x.t.Kind() != stream.KindWide && x.t.Kind() != stream.KindFloat64 {
		res.args = append([]*tnode{x}, res.args...)
		return res
	}
	or := cmps[0]
	for _, c := range cmps[1:] {
		or = makeNode(n, opOr, booleanType, or, c)
	}
	if n.not {
		or = makeNode(n, opNot, booleanType, or)
	}
	return or
}

func (b *binder) between(n *node) *tnode {
	args, ok := b.bindAll(n.args)
	if !ok {
		return nil
	}
	within := func(lo, hi *tnode) *tnode {
		l, r := b.compare(n, ">=", args[0], lo), b.compare(n, "<=", args[0], hi)
		if l == nil || r == nil {
			return nil
		}
		return makeNode(n, opAnd, booleanType, l, r)
	}
	t := within(args[1], args[2])
	if t == nil {
		return nil
	}
	if n.flag {
		t = makeNode(n, opOr, booleanType, t, within(args[2], args[1]))
	}
	if n.not {
		t = makeNode(n, opNot, booleanType, t)
	}
	return t
}

func (b *binder) like(n *node) *tnode {
	args, ok := b.bindAll(n.args)
	if !ok {
		return nil
	}
	for i, a := range args {
		if a = b.coerce(n.args[i], a, stream.Type{ID: stream.String}, "LIKE"); a == nil {
			return nil
		}
		args[i] = a
	}
	if len(args) == 3 {
		e := args[2]
		if !e.isConst() || e.val.Null || len([]rune(e.val.Str)) != 1 || len(e.val.Str) != 1 {
			return b.fail(n.args[2], CodeType, "write ESCAPE '!'", "ESCAPE is one ASCII character in quotes")
		}
	}
	t := makeNode(n, opLike, booleanType, args...)
	t.not = n.not
	if p := args[1]; p.isConst() && !p.val.Null {
		if p.val.Str == "" { // true of every text in Flink, of the empty text elsewhere
			return b.fail(n.args[1], CodeConstant, "write = ''", "LIKE has no meaning with an empty pattern")
		}
		if _, err := compileLike(p.val.Str, likeEscape(t)); err != "" {
			return b.fail(n.args[1], CodeConstant, "an escape stands before %, _ or itself", "the pattern %s has a wrong escape", quoteText(shorten(p.val.Str)))
		}
	}
	return t
}

func (b *binder) caseWhen(n *node) *tnode {
	args := n.args
	var operand *tnode
	ok := true
	if n.flag {
		operand = b.bind(args[0])
		ok = operand != nil
		args = args[1:]
	}
	var conds, values []*tnode
	var valueNodes []*node
	for ; len(args) >= 2; args = args[2:] {
		var c *tnode
		if n.flag {
			if v := b.bind(args[0]); v != nil && operand != nil {
				if v.t.ID == stream.Null && operand.t.ID == stream.Null {
					c = constant(args[0], Constant{Type: booleanType, Null: true})
				} else if c = b.compare(args[0], "=", operand, v); c != nil {
					c = b.fold(args[0], c)
				}
			}
		} else {
			c = b.boolean(args[0], "WHEN")
		}
		v := b.bind(args[1])
		ok = ok && c != nil && v != nil
		conds, values, valueNodes = append(conds, c), append(values, v), append(valueNodes, args[1])
	}
	if len(args) == 1 {
		v := b.bind(args[0])
		ok = ok && v != nil
		values, valueNodes = append(values, v), append(valueNodes, args[0])
	} else {
		values = append(values, constant(n, Constant{Type: stream.Type{ID: stream.Null}, Null: true}))
		valueNodes = append(valueNodes, n)
	}
	if !ok {
		return nil
	}
	if values = b.unify(n, "CASE", values, valueNodes); values == nil {
		return nil
	}
	t := &tnode{op: opCase, src: n, t: values[0].t}
	t.t.NotNull = notNull(values...)
	for i, c := range conds {
		t.args = append(t.args, c, values[i])
	}
	t.args = append(t.args, values[len(values)-1])
	return t
}
