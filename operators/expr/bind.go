package expr

import (
	"fmt"
	"slices"
	"strings"

	"flowd/stream"
)

// binder types a tree. A method that has reported an error returns nil; callers pass nil on without a further error,
// so that one mistake gives one message and independent mistakes are all found.
type binder struct {
	scope *Scope
	errs  []*Error
}

func (b *binder) fail(n *node, code, hint, format string, args ...any) *tnode {
	return b.failAt(n.off, n.end, code, hint, format, args...)
}

func (b *binder) failAt(off, end int, code, hint, format string, args ...any) *tnode {
	if len(b.errs) < maxErrs {
		b.errs = append(b.errs, &Error{Off: off, Len: end - off, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
	return nil
}

var booleanType = stream.Type{ID: stream.Boolean}

func (b *binder) bind(n *node) *tnode {
	t := b.bindNode(n)
	if t == nil {
		return nil
	}
	return b.fold(n, t)
}

func (b *binder) bindNode(n *node) *tnode {
	switch n.kind {
	case nNumber:
		return b.number(n, n.text)
	case nText:
		return constant(n, Constant{Type: stream.Type{ID: stream.String}, Str: n.text})
	case nBytes:
		return constant(n, Constant{Type: stream.Type{ID: stream.Bytes}, Str: n.text})
	case nTrue, nFalse:
		return boolConst(n, n.kind == nTrue)
	case nNull:
		return constant(n, Constant{Type: stream.Type{ID: stream.Null}, Null: true})
	case nDate:
		return b.dateLiteral(n)
	case nInterval:
		return b.interval(n)
	case nName:
		return b.name(n)
	case nField, nIndex:
		return b.element(n, nil)
	case nUnary:
		return b.unary(n)
	case nBinary:
		return b.binary(n)
	case nIs:
		return b.is(n)
	case nDistinct:
		return b.distinct(n)
	case nIn:
		return b.in(n)
	case nBetween:
		return b.between(n)
	case nLike:
		return b.like(n)
	case nCase:
		return b.caseWhen(n)
	case nCast:
		return b.cast(n)
	case nCall:
		return b.call(n)
	}
	panic(fmt.Sprintf("expr: node kind %d", n.kind))
}

// bindAll binds every argument, so that all errors are found; ok is false if one failed.
func (b *binder) bindAll(args []*node) (out []*tnode, ok bool) {
	ok = true
	for _, a := range args {
		t := b.bind(a)
		ok = ok && t != nil
		out = append(out, t)
	}
	return out, ok
}

func notNull(args ...*tnode) bool {
	for _, a := range args {
		if !a.t.NotNull {
			return false
		}
	}
	return true
}

// make builds a node whose value is NULL if an argument is.
func makeNode(n *node, o op, t stream.Type, args ...*tnode) *tnode {
	t.NotNull = notNull(args...)
	return &tnode{op: o, t: t, args: args, src: n}
}

func (b *binder) unary(n *node) *tnode {
	if n.name == "NOT" {
		x := b.boolean(n.args[0], "NOT")
		if x == nil {
			return nil
		}
		return makeNode(n, opNot, booleanType, x)
	}
	if a := n.args[0]; n.name == "-" && a.kind == nNumber && a.end-a.off == len(a.text) {
		return b.number(n, "-"+a.text)
	}
	x := b.bind(n.args[0])
	if x == nil {
		return nil
	}
	if !x.t.IsNumeric() && x.t.ID != stream.IntervalDay && x.t.ID != stream.IntervalMonth {
		return b.fail(n, CodeType, castHint(x.t, "int"), "%s works on numbers, not on %s", n.name, x.t.Nullable())
	}
	if n.name == "+" {
		return x
	}
	return makeNode(n, opNeg, x.t, x)
}

// castHint suggests a CAST from text.
func castHint(t stream.Type, to string) string {
	if t.ID == stream.String {
		return "write CAST(… AS " + to + ") to read a number from text"
	}
	return ""
}

// boolean binds n, which must be a condition.
func (b *binder) boolean(n *node, where string) *tnode {
	x := b.bind(n)
	if x == nil {
		return nil
	}
	if x.t.ID == stream.Null {
		return b.convert(n, x, booleanType)
	}
	if x.t.ID != stream.Boolean {
		hint := "write a comparison"
		if x.t.IsNumeric() {
			hint = "write " + (&Expr{root: n}).String() + " <> 0"
			if len(hint) > 60 {
				hint = "write … <> 0"
			}
		}
		return b.fail(n, CodeType, hint, "%s needs a boolean, not %s", where, x.t.Nullable())
	}
	return x
}

func (b *binder) binary(n *node) *tnode {
	switch n.name {
	case "AND", "OR":
		l, r := b.boolean(n.args[0], n.name), b.boolean(n.args[1], n.name)
		if l == nil || r == nil {
			return nil
		}
		o := opAnd
		if n.name == "OR" {
			o = opOr
		}
		return makeNode(n, o, booleanType, l, r)
	}
	args, ok := b.bindAll(n.args)
	if !ok {
		return nil
	}
	switch n.name {
	case "||":
		return b.concat(n, args)
	case "+", "-", "*", "/", "%":
		return b.arith(n, args[0], args[1])
	}
	return b.compare(n, n.name, args[0], args[1])
}

func (b *binder) concat(n *node, args []*tnode) *tnode {
	kind := stream.String
	for _, a := range args {
		if a.t.ID == stream.Bytes {
			kind = stream.Bytes
		}
	}
	for i, a := range args {
		if a.t.ID == stream.Null {
			args[i] = b.convert(n.args[i], a, stream.Type{ID: kind})
			continue
		}
		if a.t.ID == stream.Boolean && n.kind == nBinary {
			return b.fail(n, CodeSpelling, "write OR", "|| joins text; it is not the OR of conditions")
		}
		if a.t.ID != kind {
			return b.fail(n.args[i], CodeType, "write CAST(… AS string)", "%s joins text, not %s", n.name, a.t.Nullable())
		}
	}
	return makeNode(n, opConcat, stream.Type{ID: kind}, args...)
}

func isInterval(t stream.Type) bool {
	return t.ID == stream.IntervalDay || t.ID == stream.IntervalMonth
}

func isTime(t stream.Type) bool {
	return t.ID == stream.Date || t.ID == stream.Time || t.IsTimestamp()
}

func (b *binder) arith(n *node, l, r *tnode) *tnode {
	o := int(n.name[0])
	if l.t.ID == stream.Null && r.t.ID == stream.Null {
		return b.fail(n, CodeType, "write CAST(NULL AS int)", "NULL %s NULL has no type", n.name)
	}
	switch {
	case o == '+' && isInterval(l.t) && isTime(r.t):
		l, r = r, l
		fallthrough
	case (o == '+' || o == '-') && isTime(l.t) && isInterval(r.t):
		if l.t.ID == stream.Time && r.t.ID == stream.IntervalMonth {
			return b.fail(n, CodeType, "", "a time of day has no months to add to")
		}
		t := makeNode(n, opTimeAdd, l.t, l, r)
		t.not = o == '-'
		return t
	case (o == '+' || o == '-') && isInterval(l.t) && l.t.ID == r.t.ID,
		o == '*' && isInterval(l.t) && r.t.IsInteger(), o == '*' && isInterval(r.t) && l.t.IsInteger():
		id := l.t.ID
		if isInterval(r.t) {
			id = r.t.ID
		}
		t := makeNode(n, opArith, stream.Type{ID: id}, l, r)
		t.sub = o
		return t
	case o == '-' && isTime(l.t) && isTime(r.t):
		return b.fail(n, CodeType, "write TIMESTAMPDIFF(SECOND, earlier, later)", "times cannot be subtracted with -")
	}
	t, ok := arithType(o, l.t, r.t)
	if !ok {
		bad, at := r, n.args[1]
		if !l.t.IsNumeric() {
			bad, at = l, n.args[0]
		}
		hint := castHint(bad.t, "int")
		switch {
		case bad.t.ID == stream.String && o == '+':
			hint = "text is joined with ||; a number in text is read with CAST(… AS int)"
		case isTime(bad.t):
			hint = "add an INTERVAL '5' MINUTE to a time; TIMESTAMPDIFF subtracts times"
		case bad.t.ID == stream.Float || bad.t.ID == stream.Double:
			hint = "% and MOD work on integers and decimals"
		}
		if o == '%' && bad.t.ID != stream.Float && bad.t.ID != stream.Double && (l.t.ID == stream.Float || l.t.ID == stream.Double) {
			bad, at, hint = l, n.args[0], "% and MOD work on integers and decimals"
		}
		return b.fail(at, CodeType, hint, "%s cannot be used on %s", n.name, bad.t.Nullable())
	}
	if l.t.ID == stream.Null {
		l = b.convert(n.args[0], l, r.t)
	}
	if r.t.ID == stream.Null {
		r = b.convert(n.args[1], r, l.t)
	}
	if exact := t.IsInteger() || t.ID == stream.Decimal; exact && (o == '/' || o == '%') && !l.isConst() && r.isConst() && !r.val.Null && r.val.Dec().IsZero() {
		return b.fail(n, CodeConstant, "NULLIF(x, 0) makes a divisor NULL where it is 0", "division by zero")
	}
	res := makeNode(n, opArith, t, l, r)
	res.sub = o
	return res
}

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
			hint = "write CAST(… AS " + r.t.Nullable().String() + ") around the text"
		case r.t.ID == stream.String && l.t.IsNumeric():
			hint = "write CAST(… AS " + l.t.Nullable().String() + ") around the text"
			if r.isConst() && r.src != nil && r.src.kind == nText {
				hint = "write the number without quotes"
			}
		case l.t.ID == stream.Boolean || r.t.ID == stream.Boolean:
			hint = "a boolean is a condition by itself: b, NOT b"
		}
		b.fail(n, CodeType, hint, "%s cannot compare %s with %s", what, l.t.Nullable(), r.t.Nullable())
		return nil, nil
	}
	return b.convert(n, l, t), b.convert(n, r, t)
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

// unify converts values to their common type; nil if they have none.
func (b *binder) unify(n *node, what string, values []*tnode, nodes []*node) []*tnode {
	t := values[0].t
	for i, v := range values[1:] {
		c, ok := common(t, v.t)
		if !ok {
			b.fail(nodes[i+1], CodeType, "write CAST around one of them", "%s mixes %s and %s", what, t.Nullable(), v.t.Nullable())
			return nil
		}
		t = c
	}
	if t.ID == stream.Null {
		b.fail(n, CodeType, "write CAST(NULL AS string), with the type you mean", "every value of %s is NULL", what)
		return nil
	}
	out := make([]*tnode, len(values))
	for i, v := range values {
		out[i] = b.convert(nodes[i], v, t)
		if out[i] == nil {
			return nil
		}
	}
	return out
}

// coerce converts x to t if that is always right: NULL, the same type, or a number that becomes a larger one.
func (b *binder) coerce(n *node, x *tnode, t stream.Type, what string) *tnode {
	if c, ok := common(x.t, t); ok && c.Same(t) {
		return b.convert(n, x, t)
	}
	hint := ""
	if t.ID == stream.String {
		hint = "write CAST(… AS string)"
	} else if t.IsNumeric() {
		hint = castHint(x.t, t.Nullable().String())
	}
	return b.fail(n, CodeType, hint, "%s needs %s, not %s", what, t.Nullable(), x.t.Nullable())
}

// convert casts x to t without asking whether the user wrote so.
func (b *binder) convert(n *node, x *tnode, t stream.Type) *tnode {
	if x.t.Same(t) {
		return x
	}
	t.NotNull = x.t.NotNull
	if x.t.ID == stream.Null {
		return constant(n, Constant{Type: t, Null: true})
	}
	src := x.src
	if src == nil {
		src = n
	}
	return b.fold(n, &tnode{op: opCast, t: t, args: []*tnode{x}, src: src})
}

func (b *binder) cast(n *node) *tnode {
	x := b.bind(n.args[0])
	if x == nil {
		return nil
	}
	t := n.typ
	t.NotNull = x.t.NotNull && !n.flag
	if x.t.ID == stream.Null {
		return constant(n, Constant{Type: t, Null: true})
	}
	if hint, ok := castable(x.t, t); !ok {
		return b.fail(n, CodeType, hint, "%s cannot be cast to %s", x.t.Nullable(), t.Nullable())
	}
	if x.t.Same(t) && !n.flag {
		return x
	}
	return &tnode{op: opCast, t: t, args: []*tnode{x}, src: n, not: n.flag}
}

// castable says whether a CAST exists, and what to write if not.
func castable(from, to stream.Type) (hint string, ok bool) {
	number := func(t stream.Type) bool { return t.IsNumeric() || t.ID == stream.Boolean }
	switch {
	case from.Same(to), to.ID == stream.String:
		return "", true
	case from.ID == stream.String:
		return "text is cast to scalars", to.Kind() != stream.KindList
	case number(from) && number(to):
		return "", true
	case from.ID == stream.Date && to.IsTimestamp(), from.IsTimestamp() && isTime(to), from.ID == stream.Time && (to.ID == stream.Time || to.IsTimestamp()):
		return "", true
	case from.IsNumeric() && to.IsTimestamp():
		return "write TO_TIMESTAMP_LTZ(number, 3) for milliseconds, 0 for seconds", false
	case from.IsTimestamp() && to.IsNumeric():
		return "write EXTRACT(EPOCH FROM …) for seconds", false
	case from.ID == stream.Date && to.IsNumeric():
		return "write TIMESTAMPDIFF(DAY, DATE '1970-01-01', …)", false
	}
	return "", false
}

// fold replaces a node with constant arguments by its value, computed by the same kernels as at run time.
func (b *binder) fold(n *node, t *tnode) *tnode {
	if t.op == opConst || t.op == opColumn || len(t.args) == 0 || t.t.Kind() == stream.KindList {
		return t
	}
	if !constTree(t) {
		return t
	}
	c, msg := evalConst(t)
	if msg != "" {
		return b.fail(n, CodeConstant, "", "this constant cannot be computed: %s", msg)
	}
	c.Type = t.t // keeps the nullability of the rule, as Flink does
	return &tnode{op: opConst, t: t.t, val: c, src: t.src}
}

// constTree says whether t reads no column.
func constTree(t *tnode) bool {
	return t.op == opConst || len(t.args) > 0 && !slices.ContainsFunc(t.args, func(a *tnode) bool { return !constTree(a) })
}

// call binds a function.
func (b *binder) call(n *node) *tnode {
	f := functions[n.name]
	switch {
	case f == nil:
		return b.unknownFunction(n)
	case n.star:
		return b.fail(n, CodeArgs, "write "+f.usage, "%s has no form with *", n.name)
	case n.flag:
		return b.fail(n, CodeSyntax, "", "DISTINCT stands only in aggregates such as COUNT(DISTINCT x)")
	case len(n.args) < f.min || f.max >= 0 && len(n.args) > f.max:
		return b.fail(n, CodeArgs, "write "+f.usage, "%s takes %s, not %d", n.name, f.arity(), len(n.args))
	}
	args, ok := b.bindAll(n.args)
	if !ok {
		return nil
	}
	return f.bind(b, n, f, args)
}

func (b *binder) unknownFunction(n *node) *tnode {
	e := unknownFunction(n)
	if len(b.errs) < maxErrs {
		b.errs = append(b.errs, e)
	}
	return nil
}

// unknownFunction is the error about a call of a function that is not there.
func unknownFunction(n *node) *Error {
	e := &Error{Off: n.off, Len: n.nameEnd - n.off, Code: CodeFunction}
	switch alias, known := functionAliases[n.name]; {
	case aggregateNames[n.name]:
		e.Msg, e.Hint = n.name+" is an aggregate and cannot be used here", "aggregates stand under aggregate:"
	case later[n.name]:
		e.Msg = n.name + " comes in a later version"
	case known:
		e.Msg, e.Hint = "unknown function "+n.name, "write "+alias
	default:
		e.Msg = "unknown function " + shorten(n.name)
		if near := nearest(n.name, functionNames); near != "" {
			e.Hint = "did you mean " + near + "?"
		} else {
			e.Hint = "the functions are " + strings.Join(functionNames, ", ")
		}
	}
	return e
}
