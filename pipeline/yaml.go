package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// Limits of a pipeline file. They are far above what a person writes and far below what hurts.
const (
	maxFileSize = 1 << 20
	maxDepth    = 40
	maxNodes    = 200_000 // after aliases are expanded
)

// parseYAML reads one file into nodes, nil when it cannot be read at all. This is the only place that knows the
// YAML library.
func parseYAML(src *source, r *report) *node {
	if len(src.text) > maxFileSize {
		r.add(src, Diagnostic{
			Code: "F003", Msg: fmt.Sprintf("the file has %d bytes; at most %d are read", len(src.text), maxFileSize),
			Hint: "a pipeline is a page of text: is this the right file?",
		})
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader([]byte(src.text)))
	var doc yaml.Node
	if err := decodeYAML(dec, &doc); err != nil {
		if errors.Is(err, io.EOF) {
			r.add(src, Diagnostic{Code: "F001", Msg: "the file is empty", Hint: "a pipeline has name, sources and sinks: `flowd docs` describes it"})
			return nil
		}
		explainSyntax(src, err, r)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		r.add(src, Diagnostic{Code: "F001", Msg: "the file is empty", Hint: "a pipeline has name, sources and sinks: `flowd docs` describes it"})
		return nil
	}
	var second yaml.Node
	switch err := decodeYAML(dec, &second); {
	case err == nil:
		line := max(second.Line, 1)
		if len(second.Content) > 0 {
			line = second.Content[0].Line
		}
		r.add(src, Diagnostic{
			Line: line, Col: 1, Code: "F004", Msg: "a second YAML document begins here",
			Hint: "a file holds one pipeline: remove the line with ---, or write two files",
		})
		return nil
	case !errors.Is(err, io.EOF):
		explainSyntax(src, err, r)
		return nil
	}
	c := converter{src: src, r: r, done: make(map[*yaml.Node]*node)}
	n := c.convert(doc.Content[0], 0)
	if n == nil || c.stop {
		return nil
	}
	return n
}

// decodeYAML turns a panic of the library, which hostile input can cause, into an error.
func decodeYAML(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return dec.Decode(n)
}

// converter makes nodes from those of the library.
type converter struct {
	src  *source
	r    *report
	done map[*yaml.Node]*node // finished; nil while under way
	stop bool                 // a limit was passed
	// merged counts what << keys have brought, which is looked at for each of them anew.
	merged int
}

func (c *converter) fail(y *yaml.Node, code, msg, hint string) {
	c.r.add(c.src, Diagnostic{Line: max(y.Line, 1), Col: max(y.Column, 1), Len: 1, Code: code, Msg: msg, Hint: hint})
}

func (c *converter) convert(y *yaml.Node, depth int) *node {
	if c.stop {
		return nil
	}
	if depth > maxDepth {
		c.stop = true
		c.fail(y, "F003", fmt.Sprintf("values are nested more than %d deep", maxDepth), "")
		return nil
	}
	if y.Kind == yaml.AliasNode {
		return c.alias(y)
	}
	n := &node{src: c.src, line: y.Line, col: y.Column, size: 1}
	if y.Anchor != "" {
		c.done[y] = nil
	}
	switch y.Kind {
	case yaml.ScalarNode:
		c.scalar(n, y)
	case yaml.SequenceNode:
		n.kind, n.flow = listNode, y.Style&yaml.FlowStyle != 0
		c.tag(y)
		for _, e := range y.Content {
			n.items = append(n.items, c.convert(e, depth+1))
		}
	case yaml.MappingNode:
		n.kind, n.flow = mapNode, y.Style&yaml.FlowStyle != 0
		c.tag(y)
		c.mapping(n, y, depth)
	}
	if c.stop {
		return nil
	}
	if n.flow && strings.IndexByte("[{", c.byteAt(n)) >= 0 { // and not the one pair of [a: b]
		c.rejoin(n)
	}
	for _, e := range n.items {
		n.size += e.size
	}
	for _, p := range n.pairs {
		n.size += 1 + p.value.size
	}
	if n.size > maxNodes {
		c.stop = true
		c.fail(y, "F003", fmt.Sprintf("the file stands for more than %d values when its aliases are expanded", maxNodes),
			"write out what the anchors stand for, or split the file")
		return nil
	}
	if y.Anchor != "" {
		c.done[y] = n
	}
	return n
}

// byteAt is the first byte of a list or map.
func (c *converter) byteAt(n *node) byte {
	m := mapper{src: c.src.text}
	if i := m.skipProperties(c.src.offset(n.line, n.col)); i < len(c.src.text) {
		return c.src.text[i]
	}
	return 0
}

func (c *converter) alias(y *yaml.Node) *node {
	n, seen := c.done[y.Alias]
	if n == nil {
		what := "the alias *" + y.Value + " stands inside the value that it names"
		if !seen {
			what = "nothing above has the anchor &" + y.Value
		}
		c.fail(y, "F004", what, "")
		return &node{src: c.src, line: y.Line, col: y.Column, null: true, size: 1}
	}
	return n
}

// tag refuses tags that YAML itself does not define.
func (c *converter) tag(y *yaml.Node) bool {
	if !strings.HasPrefix(y.Tag, "!") || strings.HasPrefix(y.Tag, "!!") || y.Tag == "!" {
		return true
	}
	hint := "remove it, or put the value in quotes if it begins with !"
	if name := strings.TrimPrefix(y.Tag, "!"); y.Kind == yaml.ScalarNode && isName(name) {
		hint = "YAML takes !" + name + " for a tag; in an expression write NOT " + strings.TrimSpace(name+" "+y.Value)
	}
	c.r.add(c.src, Diagnostic{Line: y.Line, Col: y.Column, Len: len([]rune(y.Tag)), Code: "F004", Msg: "the tag " + y.Tag + " means nothing here", Hint: hint})
	return false
}

func (c *converter) scalar(n *node, y *yaml.Node) {
	n.text = y.Value
	switch {
	case y.Style&yaml.SingleQuotedStyle != 0:
		n.style = singleStyle
	case y.Style&yaml.DoubleQuotedStyle != 0:
		n.style = doubleStyle
	case y.Style&yaml.LiteralStyle != 0:
		n.style = literalStyle
	case y.Style&yaml.FoldedStyle != 0:
		n.style = foldedStyle
	}
	if y.Style&yaml.TaggedStyle != 0 { // the style is lost: see how the source goes on
		n.style = c.styleOf(y)
	}
	n.null = n.style == plainStyle && (y.Value == "" || y.Tag == "!!null")
	if !c.tag(y) {
		n.null, n.bad = false, true
	}
}

func (c *converter) styleOf(y *yaml.Node) scalarStyle {
	m := mapper{src: c.src.text}
	i := m.skipProperties(c.src.offset(y.Line, y.Column))
	if i < len(c.src.text) {
		switch c.src.text[i] {
		case '\'':
			return singleStyle
		case '"':
			return doubleStyle
		case '|':
			return literalStyle
		case '>':
			return foldedStyle
		}
	}
	return plainStyle
}

func (c *converter) mapping(n *node, y *yaml.Node, depth int) {
	seen := make(map[string]*node)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		yk, yv := y.Content[i], y.Content[i+1]
		if yk.Tag == "!!merge" {
			merges = append(merges, yv)
			continue
		}
		if yk.Kind == yaml.AliasNode {
			yk = yk.Alias
		}
		if yk.Kind != yaml.ScalarNode {
			c.fail(yk, "F004", "a key must be text", "put the value in quotes if it begins with [ or {")
			continue
		}
		key := &node{src: c.src, line: yk.Line, col: yk.Column, size: 1}
		c.scalar(key, yk)
		key.text = yk.Value
		value := c.convert(yv, depth+1)
		if c.stop {
			return
		}
		if first := seen[key.text]; first != nil {
			c.r.add(c.src, key.diag("F002", fmt.Sprintf("the key %s is here for the second time", key.text),
				fmt.Sprintf("the first is at line %d; keep one of them", first.line)))
			continue
		}
		seen[key.text] = key
		n.pairs = append(n.pairs, pair{key, value})
	}
	for _, m := range merges {
		c.merge(n, m, seen, depth)
	}
}

// merge adds what a << key brings, for keys that the map itself has not.
func (c *converter) merge(n *node, y *yaml.Node, seen map[string]*node, depth int) {
	from := c.convert(y, depth+1)
	if from == nil {
		return
	}
	list := []*node{from}
	if from.kind == listNode {
		list = from.items
	}
	for _, m := range list {
		if m.kind != mapNode {
			c.fail(y, "F004", "<< takes a map, an alias of one, or a list of them", "")
			return
		}
		if c.merged += len(m.pairs); c.merged > maxNodes {
			c.stop = true
			c.fail(y, "F003", fmt.Sprintf("<< keys bring more than %d values", maxNodes), "write out what the anchors stand for, or split the file")
			return
		}
		for _, p := range m.pairs {
			if seen[p.key.text] == nil {
				seen[p.key.text] = p.key
				n.pairs = append(n.pairs, p)
			}
		}
	}
}

// rejoin finds values that a comma inside parentheses cut in two, as in {price: decimal(10,2)}, says so once, and
// puts them together so that nothing else is said about the pieces.
func (c *converter) rejoin(n *node) {
	open := func(v *node) int {
		if v.kind != scalarNode || v.style != plainStyle {
			return 0
		}
		return strings.Count(v.text, "(") - strings.Count(v.text, ")")
	}
	tell := func(v *node) {
		c.r.add(c.src, v.diag("F005", "a comma inside "+brackets(n)+" ends the value",
			"put it in quotes, or on a line of its own"))
	}
	join := func(v *node, piece string) *node {
		w := *v
		w.text, w.offs = v.text+","+piece, nil
		return &w
	}
	var items []*node
	for i := 0; i < len(n.items); i++ {
		it := n.items[i]
		value := it
		if it.kind == mapNode && len(it.pairs) == 1 {
			value = it.pairs[0].value
		}
		if open(value) > 0 {
			tell(value)
			for i+1 < len(n.items) && open(value) > 0 && n.items[i+1].kind == scalarNode {
				i++
				value = join(value, n.items[i].text)
			}
			if it.kind == mapNode {
				m := *it
				m.pairs = []pair{{it.pairs[0].key, value}}
				it = &m
			} else {
				it = value
			}
		}
		items = append(items, it)
	}
	n.items = items
	var pairs []pair
	for i := 0; i < len(n.pairs); i++ {
		p := n.pairs[i]
		if open(p.value) > 0 {
			tell(p.value)
			for i+1 < len(n.pairs) && open(p.value) > 0 {
				i++
				p.value = join(p.value, n.pairs[i].key.text)
			}
		}
		pairs = append(pairs, p)
	}
	n.pairs = pairs
}

func brackets(n *node) string {
	if n.kind == listNode {
		return "[ ]"
	}
	return "{ }"
}
