package pipeline

import (
	"slices"
	"strings"

	"flowd/operators"
)

// writeYAML writes the pipeline with all defaults filled in, in the order of the table. Variables are replaced,
// secrets masked. It is for reading: what it prints is a pipeline again, but for the secrets.
func writeYAML(s *Spec) string {
	w := yamlWriter{spec: s}
	w.object(s.root, &s.table, 0)
	return s.report.scrub(w.b.String())
}

type yamlWriter struct {
	b    strings.Builder
	spec *Spec
}

func (w *yamlWriter) indent(n int) { w.b.WriteString(strings.Repeat("  ", n)) }

func (w *yamlWriter) object(cfg *operators.Config, f *operators.Field, depth int) {
	for i := range f.Fields {
		fd := &f.Fields[i]
		v, ok := cfg.Values[fd.Name]
		if !ok {
			continue
		}
		// A format is of no concern to a connector that has rows of its own.
		if fd.Name == "format" && !v.Set && w.noFormat(cfg) {
			continue
		}
		if fd.Name == "late" && !cfg.Has("window") {
			continue
		}
		w.indent(depth)
		w.b.WriteString(quote(fd.Name, false))
		w.b.WriteString(":")
		w.value(v, w.spec.nodes[cfg][fd.Name], fd, depth)
	}
}

func (w *yamlWriter) noFormat(cfg *operators.Config) bool {
	for _, s := range w.spec.Sources {
		if s.Config == cfg {
			return s.connector == nil || s.connector.Source.NoFormat
		}
	}
	for _, s := range w.spec.Sinks {
		if s.Config == cfg {
			return s.connector == nil || s.connector.Sink.NoFormat
		}
	}
	return false
}

// value writes what stands behind a colon, and ends the line.
func (w *yamlWriter) value(v operators.Value, n *node, f *operators.Field, depth int) {
	switch f.Type {
	case operators.Object:
		if len(v.Object.Values) == 0 {
			w.b.WriteString(" {}\n")
			return
		}
		w.b.WriteString("\n")
		w.object(v.Object, f, depth+1)
	case operators.Dict:
		w.b.WriteString("\n")
		for _, e := range v.Dict {
			w.indent(depth + 1)
			w.b.WriteString(quote(e.Name, false) + ":")
			w.value(e.Value, n.get(e.Name), f.Elem, depth+1)
		}
	case operators.List:
		w.b.WriteString("\n")
		for _, e := range v.List {
			w.indent(depth + 1)
			w.b.WriteString("-")
			w.value(e, nil, f.Elem, depth+1)
		}
	case operators.Any:
		w.b.WriteString(" " + flowAny(v) + "\n")
	case columnsField, namesField, schemaField, expressionField, orderField, typeField:
		if f.Type == schemaField && n != nil && n.kind == scalarNode {
			w.b.WriteString(" " + quote(n.text, false) + "\n")
			return
		}
		if n == nil {
			w.b.WriteString(" " + quote(v.Text, false) + "\n")
			return
		}
		w.node(n, depth)
	default:
		text := v.Text
		if f.Secret {
			text = mask
		}
		w.b.WriteString(" " + quote(text, f.Type == operators.Text) + "\n")
	}
}

// node writes a value as it was written, in block style.
func (w *yamlWriter) node(n *node, depth int) {
	switch n.kind {
	case scalarNode:
		w.b.WriteString(" " + quote(n.text, false) + "\n")
	case listNode:
		w.b.WriteString("\n")
		for _, it := range n.items {
			w.indent(depth + 1)
			w.b.WriteString("-")
			if it.kind == mapNode {
				w.b.WriteString(" " + flowNode(it) + "\n")
				continue
			}
			w.node(it, depth+1)
		}
	case mapNode:
		w.b.WriteString("\n")
		for _, p := range n.pairs {
			w.indent(depth + 1)
			w.b.WriteString(quote(p.key.text, false) + ":")
			w.node(p.value, depth+1)
		}
	}
}

// flowNode writes a value in one line. A map of one key needs no braces as an item of a list.
func flowNode(n *node) string {
	var parts []string
	switch n.kind {
	case scalarNode:
		return quote(n.text, true)
	case listNode:
		for _, it := range n.items {
			parts = append(parts, flowNode(it))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	if len(n.pairs) == 1 && n.pairs[0].value.kind == scalarNode {
		return quote(n.pairs[0].key.text, false) + ": " + quote(n.pairs[0].value.text, false)
	}
	for _, p := range n.pairs {
		parts = append(parts, quote(p.key.text, true)+": "+flowNode(p.value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func flowAny(v operators.Value) string {
	var parts []string
	switch {
	case v.Scalars:
		return quote(v.Text, true)
	case v.Dict != nil:
		for _, e := range v.Dict {
			parts = append(parts, quote(e.Name, true)+": "+flowAny(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	for _, e := range v.List {
		parts = append(parts, flowAny(e))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// quote writes a scalar so that YAML reads the same text again; flow says that it stands inside brackets.
func quote(s string, flow bool) string {
	plain := s != "" && s == strings.TrimSpace(s) && !strings.ContainsAny(s, "\n\t\r\\\x00") && !strings.Contains(s, ": ") && !strings.Contains(s, " #") &&
		!strings.HasSuffix(s, ":") && !strings.ContainsAny(s[:1], "-?:,[]{}#&*!|>'\"%@`") && !slices.Contains([]string{"~", "null", "Null", "NULL", "<<"}, s)
	if flow && strings.ContainsAny(s, ",[]{}") {
		plain = false
	}
	for _, c := range s {
		if c < ' ' && c != '\n' && c != '\t' {
			plain = false
		}
	}
	switch {
	case plain:
		return s
	case !strings.ContainsAny(s, "\n\t\r\\\x00") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029:
			const hex = "0123456789abcdef"
			b.WriteString(`\u` + string([]byte{hex[c>>12&15], hex[c>>8&15], hex[c>>4&15], hex[c&15]}))
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
