package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"flowd/internal/nearest"
	"flowd/operators/expr"
	"flowd/stream"
)

// item is one entry of a column list.
type item struct {
	name     string // of the output
	at       *node  // where the name stands
	off, len int
	expr     *node // name: expression; nil for a name alone
}

// items reads a column list: names, or name: expression, as a list, a map, or one name alone.
func (c *compiler) items(n *node, key string) []item {
	if n == nil || n.null {
		return nil
	}
	var out []item
	pairs := func(m *node) {
		for _, p := range m.pairs {
			if p.value.null {
				c.fail(p.key, "F081", "the column "+p.key.text+" has no expression", "write "+p.key.text+": expression; a name alone stands in a list, without a colon")
				continue
			}
			if p.value.kind != scalarNode {
				c.fail(p.value, "F081", fmt.Sprintf("the column %s must be an expression, this is %s", p.key.text, p.value.what()), "")
				continue
			}
			if !c.columnName(p.key, p.key.text, 0, len(p.key.text)) {
				continue
			}
			out = append(out, item{p.key.text, p.key, 0, len(p.key.text), p.value})
		}
	}
	switch n.kind {
	case mapNode:
		pairs(n)
	case listNode:
		for _, it := range n.items {
			switch {
			case it.kind == mapNode:
				pairs(it)
			case it.bad:
			case it.kind == listNode || it.null:
				c.fail(it, "F081", fmt.Sprintf("an entry of %s must be a name, or name: expression, this is %s", key, it.what()), "")
			default:
				out = append(out, c.plainItems(it, key, false)...)
			}
		}
	default:
		out = c.plainItems(n, key, true)
	}
	return out
}

// plainItems reads a scalar: a name, or several with commas.
func (c *compiler) plainItems(n *node, key string, split bool) []item {
	c.comment(n)
	off := 0
	var out []item
	parts := []string{n.text}
	if split {
		parts = strings.Split(n.text, ",")
	}
	for _, part := range parts {
		name := strings.TrimSpace(part)
		at := off + len(part) - len(strings.TrimLeft(part, " \t\n"))
		off += len(part) + 1
		plain := strings.ReplaceAll(name, "`", "")
		e, errs := expr.Parse(name)
		if len(errs) == 0 {
			if path, ok := e.Name(); ok {
				out = append(out, item{path, n, at, len(name), nil})
				continue
			}
		}
		msg, hint := "an expression needs a name", "write "+key+": {name: expression}"
		if n.text != "" && len(parts) == 1 && !strings.ContainsAny(n.text, "\n\"") {
			hint = "write name: " + n.text
		}
		if as := sqlName.FindStringSubmatch(name); as != nil {
			msg, hint = "a new name stands in front, not behind AS", "write "+as[2]+": "+as[1]
			switch {
			case len(parts) > 1:
				hint = "write " + key + ": [" + as[2] + ": " + as[1] + ", …]"
			case split: // not an entry of a list
				hint = "write " + key + ": {" + as[2] + ": " + as[1] + "}"
			}
		}
		if name == "*" || strings.HasSuffix(name, ".*") {
			msg, hint = "there is no "+name, "without select all columns stay; add adds or replaces some, drop removes some"
		}
		if name == "" || plain == "" {
			c.r.add(n.src, n.diagAt(at, max(len(name), 1), "F081", "a name is missing here", ""))
			return out
		}
		c.r.add(n.src, n.diag("F081", msg, hint))
		return out
	}
	return out
}

// sqlName is SQL's way to name a column.
var sqlName = regexp.MustCompile(`(?is)^(.+?)\s+AS\s+([A-Za-z_][A-Za-z_0-9]*)$`)

// columnName refuses names that could not be used in expressions.
func (c *compiler) columnName(n *node, name string, off, length int) bool {
	if name == "" || strings.ContainsAny(name, "`\n") || strings.Contains(name, "${") {
		c.r.add(n.src, n.diagAt(off, length, "F017", fmt.Sprintf("%q is no name for a column", name), "variables are replaced in values, never in keys"))
		return false
	}
	return true
}

// comment warns about a comment behind an expression.
func (c *compiler) comment(n *node) {
	if tail, at := n.tail(); tail != "" {
		line, col := n.src.place(at)
		c.r.add(n.src, Diagnostic{
			Line: line, Col: col, Len: len([]rune(tail)), Code: "F006", Warning: true,
			Msg:  "what follows # is a comment and no part of the expression",
			Hint: "put the whole expression in quotes if it belongs to it, else the comment on a line of its own",
		})
	}
}

// parse reads the expression that a scalar holds.
func (c *compiler) parse(n *node) *expr.Expr {
	if n == nil || n.kind != scalarNode || n.null || n.bad {
		return nil
	}
	c.comment(n)
	if i := strings.Index(n.text, "${"); i >= 0 {
		end := strings.IndexByte(n.text[i:], '}') + 1
		c.r.add(n.src, n.diagAt(i, max(end, 2), "F007", "variables are not replaced inside expressions",
			"declare it under vars: with env: NAME, and write vars.name"))
		return nil
	}
	e, errs := expr.Parse(n.text)
	if len(errs) > 0 {
		c.exprErrors(n, errs, nil)
		return nil
	}
	return e
}

// bind parses and types an expression over r. tainted says that it failed only because of columns about which an
// error was reported before.
func (c *compiler) bind(n *node, r *rows, qualifiers []string) (b *expr.Bound, tainted bool) {
	e := c.parse(n)
	if e == nil {
		return nil, true
	}
	return c.bindExpr(n, e, r, qualifiers)
}

func (c *compiler) bindExpr(n *node, e *expr.Expr, r *rows, qualifiers []string) (b *expr.Bound, tainted bool) {
	b, errs := e.Bind(&expr.Scope{Schema: c.schema(r), Qualifiers: qualifiers, Vars: c.spec.Vars})
	if len(errs) > 0 {
		return nil, c.exprErrors(n, errs, r)
	}
	for _, w := range b.Warnings() {
		c.r.add(n.src, warn(n.diagAt(w.Off, w.Len, w.Code, w.Msg, w.Hint)))
	}
	return b, false
}

// exprErrors reports the errors of an expression, without those that follow from others. It says whether the
// expression cannot be judged or has an error, so that what depends on it is not judged either.
func (c *compiler) exprErrors(n *node, errs []*expr.Error, r *rows) bool {
	for _, e := range errs {
		if r != nil && e.Code == expr.CodeField && c.follows(n.text, e, r) {
			continue
		}
		msg := e.Msg
		c.r.add(n.src, n.diagAt(e.Off, e.Len, e.Code, msg, e.Hint))
	}
	return true
}

// follows says whether an unknown field follows from an error that was reported.
func (c *compiler) follows(text string, e *expr.Error, r *rows) bool {
	if r.open {
		return true
	}
	end := min(e.Off+e.Len, len(text))
	name := strings.ReplaceAll(text[min(e.Off, end):end], "`", "")
	if c.spec.unknown[name] {
		return true
	}
	for {
		if r.tainted[name] {
			return true
		}
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		name = rest
	}
}

// lookup finds the columns that a name stands for: one, or all leaves of a row.
func (c *compiler) lookup(it item, r *rows, qualifiers []string) (cols []int, ok bool) {
	s := c.schema(r)
	for _, name := range candidates(it.name, qualifiers) {
		if i := s.Index(name); i >= 0 {
			return []int{i}, true
		}
		if under := s.Under(name); len(under) > 0 {
			return under, true
		}
	}
	if r.open || r.tainted[it.name] || c.r.full() {
		return nil, false
	}
	var known []string
	for _, col := range append(slices.Clone(r.cols), r.hidden...) {
		known = append(known, col.Name)
	}
	hint := nearest.Hint(it.name, known[:len(r.cols)])
	if near := nearest.Name(it.name, known); near != "" {
		hint = fmt.Sprintf("did you mean %s (%s)?", near, s.Columns[s.Index(near)].Type.Nullable())
	}
	c.r.add(it.at.src, it.at.diagAt(it.off, it.len, expr.CodeField, fmt.Sprintf("unknown field %q", it.name), hint))
	return nil, false
}

// candidates are the readings of a name: as it is, and without the name of an input before it.
func candidates(name string, qualifiers []string) []string {
	out := []string{name}
	if q, rest, ok := strings.Cut(name, "."); ok && slices.Contains(qualifiers, q) {
		out = append(out, rest)
	}
	return out
}

// column is an output column: one of the input, or an expression over it.
type column struct {
	name string
	t    stream.Type
	from int // −1: expr
	expr *expr.Bound
	at   *node
}

// columns reads a column list over r. tainted are the names that have an error.
func (c *compiler) columns(n *node, key string, r *rows, qualifiers []string) (out []column, tainted names) {
	tainted = make(names)
	s := c.schema(r)
	for _, it := range c.items(n, key) {
		if c.r.full() {
			break
		}
		if it.expr == nil {
			cols, ok := c.lookup(it, r, qualifiers)
			if !ok {
				tainted[it.name] = true
			}
			for _, i := range cols {
				out = append(out, column{s.Columns[i].Name, s.Columns[i].Type, i, nil, it.at})
			}
			continue
		}
		e := c.parse(it.expr)
		if e == nil {
			tainted[it.name] = true
			continue
		}
		if name, ok := e.Name(); ok { // a row under a new name
			for _, name := range candidates(name, qualifiers) {
				under := s.Under(name)
				if s.Index(name) < 0 && len(under) > 0 {
					for _, i := range under {
						out = append(out, column{it.name + strings.TrimPrefix(s.Columns[i].Name, name), s.Columns[i].Type, i, nil, it.at})
					}
					e = nil
					break
				}
			}
			if e == nil {
				continue
			}
		}
		b, bad := c.bindExpr(it.expr, e, r, qualifiers)
		if bad {
			tainted[it.name] = true
			continue
		}
		col := column{it.name, b.Type(), -1, b, it.at}
		if i, ok := b.Column(); ok {
			col.from, col.expr = i, nil
		}
		out = append(out, col)
	}
	return out, tainted
}

// unique reports columns of one name; the first stays.
func (c *compiler) unique(cols []column) []column {
	seen := make(names)
	out := cols[:0:0]
	for _, col := range cols {
		if seen[col.name] {
			if col.at != nil {
				c.fail(col.at, "F078", "there are two output columns "+col.name, "give one another name: name: expression")
			}
			continue
		}
		seen[col.name] = true
		out = append(out, col)
	}
	return out
}

func defs(cols []column) []stream.ColumnDef {
	var out []stream.ColumnDef
	for _, col := range cols {
		out = append(out, stream.ColumnDef{Name: col.name, Type: col.t})
	}
	return out
}
