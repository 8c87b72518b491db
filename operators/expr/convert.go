package expr

import (
	"slices"

	"flowd/stream"
)

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
