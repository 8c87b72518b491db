package expr

import (
	"fmt"
	"slices"
	"strings"

	"flowd/internal/nearest"
	"flowd/stream"
)

// name resolves a path: a field, a field of a row, either of them after an input's name, or a variable.
func (b *binder) name(n *node) *tnode {
	path := strings.Join(n.parts, ".")
	if i := b.scope.Schema.Index(path); i >= 0 {
		return b.column(n, i)
	}
	qualified := len(n.parts) > 1 && slices.Contains(b.scope.Qualifiers, n.parts[0])
	rest := path
	if qualified {
		rest = strings.Join(n.parts[1:], ".")
		if i := b.scope.Schema.Index(rest); i >= 0 {
			return b.column(n, i)
		}
	}
	if n.parts[0] == "vars" && len(n.parts) == 2 {
		if c, ok := b.scope.Vars[n.parts[1]]; ok {
			c.Type.NotNull = !c.Null
			return &tnode{op: opConst, t: c.Type, val: c, src: n}
		}
		names := make([]string, 0, len(b.scope.Vars))
		for v := range b.scope.Vars {
			names = append(names, v)
		}
		slices.Sort(names)
		hint := "declare it under vars"
		if near := nearest.Name(n.parts[1], names); near != "" {
			hint = "did you mean vars." + near + "?"
		}
		b.fail(n, CodeField, hint, "unknown variable vars.%s", shorten(n.parts[1]))
		return nil
	}
	if under := b.scope.Schema.Under(rest); len(under) > 0 {
		fields := make([]string, 0, len(under))
		for _, i := range under {
			fields = append(fields, b.scope.Schema.Columns[i].Name)
		}
		b.fail(n, CodeType, "name one of its fields: "+list(fields), "%s is a row, not a value", path)
		return nil
	}
	b.unknownField(n, rest)
	return nil
}

func (b *binder) column(n *node, i int) *tnode {
	return &tnode{op: opColumn, t: b.scope.Schema.Columns[i].Type, col: i, src: n}
}

func (b *binder) unknownField(n *node, path string) {
	names := make([]string, len(b.scope.Schema.Columns))
	for i, c := range b.scope.Schema.Columns {
		names[i] = c.Name
	}
	if clock[strings.ToUpper(path)] {
		b.fail(n, CodeFunction, noClock, "%s is not supported", path)
		return
	}
	hint := "there are no fields here"
	if near := nearest.Name(path, names); near != "" {
		hint = fmt.Sprintf("did you mean %s (%s)?", near, b.scope.Schema.Columns[b.scope.Schema.Index(near)].Type)
	} else if len(names) > 0 {
		hint = "the fields are " + list(names)
	}
	b.fail(n, CodeField, hint, "unknown field %s", shorten(path))
}

// list joins names, at most ten of them.
func list(names []string) string {
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + fmt.Sprintf(" and %d more", len(names)-10)
	}
	return strings.Join(names, ", ")
}

// element binds array[index] and map[key], and path, the field of a row that an element may be.
func (b *binder) element(n *node, path []string) *tnode {
	switch n.kind {
	case nField:
		return b.element(n.args[0], append([]string{n.name}, path...))
	case nIndex:
	default:
		return b.bind(n)
	}
	of, index := b.bind(n.args[0]), b.bind(n.args[1])
	if of == nil || index == nil {
		return nil
	}
	r := &tnode{op: opElement, src: n}
	var leaves []*stream.Type
	switch of.t.ID {
	case stream.Array:
		if !index.t.IsInteger() {
			b.fail(n.args[1], CodeType, "elements count from 1: a[1]", "an array index is an integer, not %s", index.t.Nullable())
			return nil
		}
		if index.isConst() && !index.val.Null && index.val.I64 < 1 {
			b.fail(n.args[1], CodeConstant, "elements count from 1", "there is no element %d", index.val.I64)
			return nil
		}
	case stream.Map:
		if index = b.coerce(n.args[1], index, of.t.Key.Nullable(), "the key"); index == nil {
			return nil
		}
	default:
		b.fail(n.args[0], CodeType, "only arrays and maps have elements", "%s has no elements", of.t.Nullable())
		return nil
	}
	r.args = []*tnode{of, index}
	names := leafTypes(&leaves, nil, "", of.t.Elem)
	field := strings.Join(path, ".")
	r.sub = slices.Index(names, field)
	if r.sub < 0 {
		switch {
		case of.t.Elem.ID != stream.Row:
			b.fail(n, CodeType, "", "an element of %s has no fields", of.t.Nullable())
		case field == "":
			b.fail(n, CodeType, "name one of its fields: "+list(names), "an element of %s is a row, not a value", (&Expr{root: n.args[0]}).String())
		default:
			hint := "the fields are " + list(names)
			if near := nearest.Name(field, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			b.fail(n, CodeField, hint, "unknown field %s", shorten(field))
		}
		return nil
	}
	r.t = leaves[r.sub].Nullable()
	return r
}

// leafTypes lists the columns that an element of type t is held in: one, or the leaves of a row.
func leafTypes(types *[]*stream.Type, names []string, prefix string, t *stream.Type) []string {
	if t.ID != stream.Row {
		*types = append(*types, t)
		return append(names, strings.TrimSuffix(prefix, "."))
	}
	for i := range t.Fields {
		names = leafTypes(types, names, prefix+t.Fields[i].Name+".", &t.Fields[i].Type)
	}
	return names
}
