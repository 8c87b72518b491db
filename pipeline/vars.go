package pipeline

import (
	"fmt"
	"strings"

	"flowd/operators"
)

// expand replaces the variables in a scalar: ${NAME}, ${NAME:-text}, ${NAME:?message}, ${file:path}, and $${ for a
// literal ${. ok is false when something was wrong, which has been reported. secret says that a file was read.
func (d *decoder) expand(n *node) (text string, secret, ok bool) {
	if !strings.Contains(n.text, "${") {
		return n.text, false, true
	}
	var b strings.Builder
	ok = true
	for i := 0; i < len(n.text); {
		rest := n.text[i:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			b.WriteString("${")
			i += 3
		case strings.HasPrefix(rest, "${"):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				d.r.add(n.src, n.diagAt(i, len(rest), "F007", "this ${ is never closed", "write ${NAME}, or $${ for a literal ${"))
				return n.text, secret, false
			}
			v, file, good := d.variable(n, i, rest[2:end], end+1)
			b.WriteString(v)
			secret, ok = secret || file, ok && good
			i += end + 1
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	return b.String(), secret, ok
}

// variable is the value of what stands between ${ and }.
func (d *decoder) variable(n *node, off int, body string, length int) (value string, file, ok bool) {
	fail := func(msg, hint string) (string, bool, bool) {
		d.r.add(n.src, n.diagAt(off, length, "F007", msg, hint))
		return "", false, false
	}
	if path, is := strings.CutPrefix(body, "file:"); is {
		if d.opts.ReadFile == nil {
			return fail("files cannot be read here", "")
		}
		text, err := d.opts.ReadFile(n.src.beside(path))
		if err != nil {
			d.r.add(n.src, n.diagAt(off, length, "F008", fmt.Sprintf("reading %s: %v", path, err), "the value of ${file:…} is the content of that file"))
			return "", true, false
		}
		s := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		d.r.secrets = append(d.r.secrets, s)
		return s, true, true
	}
	name, rest := body, ""
	if i := strings.IndexByte(body, ':'); i >= 0 {
		name, rest = body[:i], body[i:]
	}
	if !isVariable(name) {
		return fail(fmt.Sprintf("%q is no name of a variable", name), "write ${NAME}, ${NAME:-text}, ${NAME:?message} or ${file:/path}")
	}
	set := false
	if d.opts.Env != nil {
		value, set = d.opts.Env(name)
	}
	switch {
	case rest == "":
		if !set {
			return fail("the environment variable "+name+" is not set", "set it, or write ${"+name+":-value} for a default")
		}
		return value, false, true
	case strings.HasPrefix(rest, ":-"):
		if value == "" {
			value = rest[2:]
		}
		return value, false, true
	case strings.HasPrefix(rest, ":?"):
		if value == "" {
			return fail("the environment variable "+name+" is not set", rest[2:])
		}
		return value, false, true
	}
	return fail(fmt.Sprintf("unknown form ${%s}", body), "write ${NAME}, ${NAME:-text}, ${NAME:?message} or ${file:/path}")
}

func isVariable(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// merge lays over onto base: maps join key by key, everything else is replaced.
func merge(base, over *node) *node {
	if base == nil || base.kind != mapNode || over.kind != mapNode {
		return over
	}
	m := *base
	m.pairs = append([]pair(nil), base.pairs...)
	for _, p := range over.pairs {
		m.set(p)
	}
	return &m
}

// set puts p into a map of our own.
func (n *node) set(p pair) {
	for i, o := range n.pairs {
		if o.key.text == p.key.text {
			n.pairs[i] = pair{p.key, merge(o.value, p.value)}
			return
		}
	}
	n.pairs = append(n.pairs, p)
}

// override applies one --set a.b=c. The table is followed along the path, so that a short form that stands in the
// way (kafka: clicks) becomes the object it stands for and loses nothing.
func override(root *node, arg string, order int, table *operators.Field, r *report) *node {
	path, text, found := strings.Cut(arg, "=")
	src := newSource("--set "+path, []byte(text), order)
	if !found || path == "" {
		r.add(newSource("--set "+arg, nil, order), Diagnostic{Code: "F009", Msg: fmt.Sprintf("--set %s has no value", arg), Hint: "write --set checkpoint=none or --set sources.bids.kafka.start=latest"})
		return root
	}
	value := &node{src: src, line: 1, col: 1, size: 1, text: text, null: text == ""}
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") || strings.HasPrefix(text, "'") || strings.HasPrefix(text, "\"") {
		if value = parseYAML(src, r); value == nil {
			return root
		}
	}
	keys := strings.Split(path, ".")
	return put(root, keys, value, table)
}

func put(n *node, keys []string, value *node, f *operators.Field) *node {
	if len(keys) == 0 {
		return value
	}
	src := value.src
	var m node
	switch {
	case n == nil || n.null:
		m = node{src: src, kind: mapNode, line: 1, col: 1, size: 1}
	case n.kind == mapNode:
		m = *n
	case f != nil && f.Type == operators.Object && f.Bare != "":
		m = node{src: n.src, kind: mapNode, line: n.line, col: n.col, size: 2}
		m.pairs = []pair{{&node{src: n.src, line: n.line, col: n.col, text: f.Bare, size: 1}, n}}
	default:
		m = node{src: src, kind: mapNode, line: 1, col: 1, size: 1}
	}
	m.pairs = append([]pair(nil), m.pairs...)
	for i, p := range m.pairs {
		if p.key.text == keys[0] {
			m.pairs[i].value = put(p.value, keys[1:], value, child(f, keys[0]))
			return &m
		}
	}
	key := &node{src: src, line: 1, col: 1, text: keys[0], size: 1}
	m.pairs = append(m.pairs, pair{key, put(nil, keys[1:], value, child(f, keys[0]))})
	return &m
}

// child is the field that key has below f, nil if unknown.
func child(f *operators.Field, key string) *operators.Field {
	if f == nil {
		return nil
	}
	if f.Type == operators.Dict {
		return f.Elem
	}
	for i := range f.Fields {
		if f.Fields[i].Name == key {
			return &f.Fields[i]
		}
	}
	return nil
}
