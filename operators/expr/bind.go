package expr

import (
	"fmt"

	"flowd/internal/nearest"
	"flowd/stream"
)

// binder types a tree. A method that has reported an error returns nil; callers pass nil on without a further error,
// so that one mistake gives one message and independent mistakes are all found.
type binder struct {
	scope    *Scope
	errs     []*Error
	warnings []*Error
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
	b.neverTrue(n)
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
	case notHere[n.name] != "" && (n.name != "UNIX_TIMESTAMP" || len(n.args) == 0):
		e.Msg, e.Hint = n.name+" is not supported", notHere[n.name]
	case known:
		e.Msg, e.Hint = "unknown function "+n.name, "write "+alias
	default:
		e.Msg = "unknown function " + shorten(n.name)
		if near := nearest.Name(n.name, functionNames); near != "" {
			e.Hint = "did you mean " + near + "?"
		} else {
			e.Hint = "`flowd docs functions` lists what there is"
		}
	}
	return e
}
