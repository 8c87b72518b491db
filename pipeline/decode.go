package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowd/internal/nearest"
	"flowd/operators"
)

// decoder turns nodes into values by the table of fields. It reports what is wrong and goes on.
type decoder struct {
	opts Options
	r    *report
	// nodes are the values as written, by object and key, for what is looked at again: expressions, column lists …
	nodes map[*operators.Config]map[string]*node
	maps  map[*operators.Config]*node // objects as written, short forms written out
	at    map[operators.Pos][]*node   // to find the file of a connector's Problem
	bad   map[*operators.Config]bool  // objects with an error in them
}

func newDecoder(opts Options, r *report) *decoder {
	return &decoder{opts: opts, r: r, nodes: make(map[*operators.Config]map[string]*node), maps: make(map[*operators.Config]*node), bad: make(map[*operators.Config]bool), at: make(map[operators.Pos][]*node)}
}

func (d *decoder) fail(n *node, code, msg, hint string) {
	if !d.r.full() {
		d.r.add(n.src, n.diag(code, msg, hint))
	}
}

func pos(n *node) operators.Pos { return operators.Pos{Line: n.line, Col: n.col} }

// object decodes n, nil for one that is absent and has defaults only. owner is what a missing key is reported at.
func (d *decoder) object(n, owner *node, f *operators.Field) *operators.Config {
	cfg := &operators.Config{Values: make(map[string]operators.Value)}
	before := len(d.r.list)
	defer func() {
		d.bad[cfg] = slices.ContainsFunc(d.r.list[before:], func(e entry) bool { return !e.Warning })
	}()
	own := make(map[string]*node)
	d.nodes[cfg] = own
	written := n != nil
	if n != nil {
		cfg.At = pos(n)
		d.at[cfg.At] = append(d.at[cfg.At], n)
		if n.kind != mapNode {
			bare := child(f, f.Bare)
			switch {
			case n.null && !needsKeys(f): // stdout:
				n = &node{src: n.src, kind: mapNode, line: n.line, col: n.col}
			case n.null:
				d.fail(owner, "F011", fmt.Sprintf("%s is empty", title(f, owner)), exampleHint(f))
				return cfg
			case f.Bare != "" && bare != nil && (n.kind == scalarNode || bare.Type == operators.List || bare.Type == operators.Any):
				n = &node{src: n.src, kind: mapNode, line: n.line, col: n.col, pairs: []pair{{&node{src: n.src, line: n.line, col: n.col, text: f.Bare, shown: title(f, owner)}, n}}}
			default:
				hint := exampleHint(f)
				if f.Name == "window" && n.kind == scalarNode {
					hint = "for a fixed window write {tumble: " + n.text + "}"
				}
				d.fail(n, "F011", fmt.Sprintf("%s must be a map of keys, this is %s", title(f, owner), n.what()), hint)
				return cfg
			}
		}
		d.maps[cfg] = n
		for _, p := range n.pairs {
			if meant := d.key(cfg, own, p, owner, f); meant != "" {
				own[meant] = nil // it is not missing as well
			}
		}
	}
	var missing []string
	for i := range f.Fields {
		fd := &f.Fields[i]
		n, known := own[fd.Name]
		if n != nil || fd.Later {
			continue
		}
		if known {
			delete(own, fd.Name)
		}
		if v, ok := d.fallback(fd); ok {
			cfg.Values[fd.Name] = v
		} else if fd.Required && written && !known {
			missing = append(missing, fd.Name)
		}
	}
	for _, m := range missing {
		fd := child(f, m)
		d.fail(owner, "F013", fmt.Sprintf("%s needs %s", title(f, owner), m), strings.TrimSpace(fd.Doc+" "+exampleHint(fd)))
	}
	return cfg
}

// needsKeys says whether an object without keys means nothing.
func needsKeys(f *operators.Field) bool { return len(f.Fields) > 0 }

// title names an object for a message: the step it is, or its key.
func title(f *operators.Field, owner *node) string {
	if owner != nil && owner.text != "" {
		return owner.title()
	}
	return f.Name
}

func exampleHint(f *operators.Field) string {
	switch {
	case f.Example != "" && f.Name != "":
		return "for example " + f.Name + ": " + f.Example
	case f.Example != "":
		return "for example " + f.Example
	}
	return ""
}

// key decodes one key of an object.
func (d *decoder) key(cfg *operators.Config, own map[string]*node, p pair, owner *node, f *operators.Field) (meant string) {
	name := p.key.text
	fd := child(f, name)
	if fd == nil {
		if f.Name == "pipeline" && strings.HasPrefix(name, "x-") {
			return ""
		}
		return d.unknownKey(p, owner, f)
	}
	own[name] = p.value
	if fd.Later {
		d.fail(p.key, "F090", name+" is part of the language, but not of this version of flowd", "remove it")
		return ""
	}
	if v, ok := d.value(p.value, p.key, fd); ok {
		v.Set = true
		cfg.Values[name] = v
	} else if v, ok := d.fallback(fd); ok {
		cfg.Values[name] = v // so that nothing else is said
	}
	return ""
}

// unknownKey reports a key that f has not. meant is the one that was probably meant.
func (d *decoder) unknownKey(p pair, owner *node, f *operators.Field) (meant string) {
	var names []string
	for _, fd := range f.Fields {
		names = append(names, fd.Name)
	}
	title, group, hint := title(f, owner), f.Name, ""
	switch f.Name {
	case "source", "transform", "sink":
		title, group = "the "+f.Name+" "+title, "step"
	}
	if other := keysElsewhere[group][p.key.text]; other != "" && slices.Contains(names, other) {
		hint, meant = "flowd calls it "+other, other
	}
	switch {
	case strings.Contains(p.key.text, "${"):
		hint = "variables are replaced in values, never in keys"
	case f.Name == "window" && (p.key.text == "size" || p.key.text == "length") && p.value.kind == scalarNode:
		hint = "for a fixed window write {tumble: " + p.value.text + "}"
	case hint == "" && group == "step" && p.key.text == "type" && p.value.kind == scalarNode:
		hint = "a step has no type: its connector is a key, as in kafka: clicks"
	case hint == "":
		hint, meant = nearest.Hint(p.key.text, names), nearest.Name(p.key.text, names)
	}
	if hint == "" {
		hint = "known: " + strings.Join(names, ", ")
	}
	if hasSecret(f) { // it may be the secret under a misspelt name
		hide(p.value)
	}
	d.fail(p.key, "F010", fmt.Sprintf("%s has no key %q", title, p.key.text), hint)
	return meant
}

// fallback is the value of a field that was not written.
func (d *decoder) fallback(f *operators.Field) (operators.Value, bool) {
	switch {
	case f.Default == "":
		return operators.Value{}, false
	case f.Type == operators.Object && f.Default == "{}":
		return operators.Value{Object: d.object(nil, nil, f)}, true
	case f.Type == operators.Object && f.Bare != "":
		n := &node{kind: mapNode, pairs: []pair{{&node{text: f.Bare}, &node{text: f.Default}}}}
		return operators.Value{Object: d.unset(d.object(n, nil, f))}, true
	}
	n := &node{text: f.Default}
	if f.Type == operators.List && f.Default == "[]" {
		n = &node{kind: listNode}
	}
	v, ok := d.value(n, nil, f)
	return v, ok
}

// unset takes back that the user wrote what a default stands for.
func (d *decoder) unset(c *operators.Config) *operators.Config {
	for k, v := range c.Values {
		v.Set = false
		c.Values[k] = v
	}
	return c
}

// value decodes one value. ok is false when it cannot be used, which has been reported.
func (d *decoder) value(n, owner *node, f *operators.Field) (v operators.Value, ok bool) {
	v.At = pos(n)
	d.at[v.At] = append(d.at[v.At], n)
	if n.bad {
		return v, false
	}
	switch f.Type {
	case operators.Object:
		v.Object = d.object(n, owner, f)
		return v, true
	case operators.List:
		return d.list(n, owner, f)
	case operators.Dict:
		return d.dict(n, owner, f)
	case operators.Any:
		return d.any(n), true
	case columnsField, schemaField, namesField:
		if n.null {
			d.fail(owner, "F011", owner.title()+" is empty", exampleHint(f))
			return v, false
		}
		return v, true
	}
	if n.kind == scalarNode && n.null && slices.Contains([]string{"none", "null"}, f.Default) {
		v.Text = f.Default
		return v, true
	}
	if n.kind != scalarNode || n.null && owner != nil {
		at := n
		if n.null {
			at = owner
		}
		if f.Secret {
			hide(n)
		}
		what, hint := kindNames[f.Type], exampleHint(f)
		if f.Type == operators.Enum {
			if slices.Contains(othersLater, f.Name) {
				d.fail(owner, "F090", f.Name+" other than none is part of the language, but not of this version of flowd", "write "+f.Name+": none, or remove it")
				return v, false
			}
			what = oneOf(f.Enum)
		}
		d.fail(at, "F011", fmt.Sprintf("%s must be %s, this is %s", owner.title(), what, n.what()), hint)
		return v, false
	}
	if f.Type == expressionField || f.Type == orderField || f.Type == typeField {
		v.Text = n.text
		return v, true
	}
	text, secret, ok := d.expand(n)
	if !ok {
		return v, false
	}
	if f.Secret && owner != nil {
		if !strings.Contains(n.text, "${") {
			n.src.mask(n.secretSpan())
			d.r.add(n.src, warn(n.diag("F019", owner.title()+" is written in the file", "keep secrets out of it: '${NAME}' or '${file:/run/secrets/name}'")))
		}
		secret = true
	}
	if secret {
		d.r.secrets = append(d.r.secrets, text)
	}
	v.Text = text
	return v, d.scalar(&v, n, owner, f, text, secret)
}

// hasSecret says whether a secret is among the keys of f.
func hasSecret(f *operators.Field) bool {
	return slices.ContainsFunc(f.Fields, func(c operators.Field) bool { return c.Secret })
}

// hide masks every value below n in whatever shows the file.
func hide(n *node) {
	if n == nil {
		return
	}
	if n.kind == scalarNode && !n.null && n.text != "" {
		n.src.mask(n.secretSpan())
	}
	for _, c := range n.items {
		hide(c)
	}
	for _, p := range n.pairs {
		hide(p.value)
	}
}

func warn(d Diagnostic) Diagnostic { d.Warning = true; return d }

var kindNames = map[operators.FieldType]string{
	operators.Text: "text", operators.Bool: "true or false", operators.Integer: "a whole number", operators.Duration: "a duration such as 30s",
	operators.Size: "a size such as 64MiB", operators.Enum: "a word", operators.Instant: "an instant", expressionField: "an expression",
	orderField: "name, name asc or name desc", typeField: "a type",
}

// scalar reads text as the field wants it.
func (d *decoder) scalar(v *operators.Value, n, owner *node, f *operators.Field, text string, secret bool) bool {
	shown := strconv.Quote(text)
	if secret {
		shown = "its value"
	} else if n.text != text {
		shown = strconv.Quote(n.text) + " (" + strconv.Quote(text) + ")"
	}
	bad := func(code, want, hint string) bool {
		d.fail(n, code, fmt.Sprintf("%s must be %s, not %s", owner.title(), want, shown), hint)
		return false
	}
	switch f.Type {
	case operators.Text:
		if f.Required && text == "" {
			d.fail(n, "F011", owner.title()+" is empty", exampleHint(f))
			return false
		}
	case operators.Bool:
		switch text {
		case "true", "false":
			v.Bool = text == "true"
		default:
			hint := ""
			if b := map[string]string{"yes": "true", "on": "true", "True": "true", "TRUE": "true", "no": "false", "off": "false", "False": "false", "FALSE": "false"}[text]; b != "" {
				hint = "write " + b
			}
			return bad("F015", "true or false", hint)
		}
	case operators.Integer:
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return bad("F015", "a whole number", "")
		}
		v.Int = i
	case operators.Duration:
		dur, hint := parseDuration(text)
		if hint != "" {
			return bad("F016", "a duration such as 500ms, 30s, 5m, 24h or 7d", hint)
		}
		v.Dur = dur
	case operators.Size:
		size, hint := parseSize(text)
		if hint != "" {
			return bad("F016", "a size such as 20KiB or 64MiB", hint)
		}
		v.Int = size
	case operators.Instant:
		if hint := checkInstant(text); hint != "" {
			return bad("F016", "an instant such as 2026-01-01T00:00:00Z, now or now-6h", hint)
		}
	case operators.Enum:
		return d.enum(v, n, owner, f, text, bad)
	}
	return true
}

func (d *decoder) enum(v *operators.Value, n, owner *node, f *operators.Field, text string, bad func(code, want, hint string) bool) bool {
	if s := synonyms[f.Name][text]; s != "" {
		v.Text = s
		return true
	}
	if slices.Contains(f.Enum, text) {
		return true
	}
	if slices.Contains(othersLater, f.Name) {
		d.fail(n, "F090", f.Name+" other than none is part of the language, but not of this version of flowd", "write "+f.Name+": none, or remove it")
		return false
	}
	if slices.Contains(later[f.Name], text) {
		use := ""
		if len(f.Enum) > 0 {
			use = "this version has " + oneOf(f.Enum)
		}
		d.fail(n, "F090", fmt.Sprintf("%s: %s is part of the language, but not of this version of flowd", owner.title(), text), use)
		return false
	}
	hint := elsewhere[f.Name][text]
	if hint == "" {
		if near := nearest.Name(text, append(slices.Clone(f.Enum), later[f.Name]...)); near != "" {
			hint = "did you mean " + near + "?"
		}
	}
	return bad("F014", oneOf(f.Enum), hint)
}

func (d *decoder) list(n, owner *node, f *operators.Field) (v operators.Value, ok bool) {
	v.At = pos(n)
	if n.null && n.src != nil {
		d.fail(owner, "F011", owner.title()+" is empty", exampleHint(f))
		return v, false
	}
	items := n.items
	if n.kind == mapNode {
		d.fail(n, "F011", fmt.Sprintf("%s must be a list, this is a map", owner.title()), exampleHint(f))
		return v, false
	}
	if n.kind == scalarNode { // a list may be written as one text, which also a variable can hold
		text, secret, ok := d.expand(n)
		if !ok {
			return v, false
		}
		v.Text = text
		for part := range strings.SplitSeq(text, ",") {
			item := operators.Value{At: v.At, Set: true}
			item.Text = strings.TrimSpace(part)
			if f.Elem.Type == operators.Object {
				d.fail(n, "F011", fmt.Sprintf("%s must be a list of maps, this is text", owner.title()), exampleHint(f))
				return v, false
			}
			if !d.scalar(&item, n, owner, f.Elem, item.Text, secret) {
				return v, false
			}
			v.List = append(v.List, item)
		}
		return v, true
	}
	ok = true
	for _, it := range n.items {
		named := &node{src: it.src, line: it.line, col: it.col, text: owner.title()}
		item, good := d.value(it, named, f.Elem)
		item.Set = true
		v.List = append(v.List, item)
		ok = ok && good
	}
	if len(items) == 0 && f.Required {
		d.fail(n, "F011", owner.title()+" is empty", exampleHint(f))
		return v, false
	}
	return v, ok
}

// maxSteps bounds the entries of a map of names: sources, transforms, vars …
const maxSteps = 500

func (d *decoder) dict(n, owner *node, f *operators.Field) (v operators.Value, ok bool) {
	v.At = pos(n)
	if n.null {
		d.fail(owner, "F011", owner.title()+" is empty", "add an entry, or remove the key")
		return v, false
	}
	if n.kind != mapNode {
		hint := ""
		if n.kind == listNode {
			hint = "write name: and what it is below it, without dashes"
		}
		d.fail(n, "F011", fmt.Sprintf("%s must be a map of names, this is %s", owner.title(), n.what()), hint)
		return v, false
	}
	if len(n.pairs) > maxSteps {
		d.fail(owner, "F003", fmt.Sprintf("%s has %d entries; at most %d are possible", owner.title(), len(n.pairs), maxSteps), "split the pipeline")
		return v, false
	}
	for _, p := range n.pairs {
		e := operators.Entry{Name: p.key.text, NameAt: pos(p.key)}
		if item, ok := d.value(p.value, p.key, f.Elem); ok {
			item.Set = true
			e.Value = item
			v.Dict = append(v.Dict, e)
		}
	}
	return v, true
}

// any decodes what a connector reads itself.
func (d *decoder) any(n *node) operators.Value {
	v := operators.Value{At: pos(n), Set: true}
	d.at[v.At] = append(d.at[v.At], n)
	switch n.kind {
	case scalarNode:
		text, _, _ := d.expand(n)
		v.Text, v.Scalars = text, true
	case listNode:
		for _, it := range n.items {
			v.List = append(v.List, d.any(it))
		}
	case mapNode:
		for _, p := range n.pairs {
			v.Dict = append(v.Dict, operators.Entry{Name: p.key.text, NameAt: pos(p.key), Value: d.any(p.value)})
		}
	}
	return v
}

var (
	durationPart = regexp.MustCompile(`^(\d{1,9})(ms|s|m|h|d)`)
	sizeText     = regexp.MustCompile(`^(\d{1,9})(B|KiB|MiB|GiB|TiB)$`)
	looseSize    = regexp.MustCompile(`(?i)^\d+\s*[kmgt]i?b?$`)
	bareNumber   = regexp.MustCompile(`^\d+(\.\d+)?$`)
)

var durationUnits = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// parseDuration reads 500ms, 30s, 5m, 24h, 7d and sequences of them such as 1h30m. hint is empty when it can.
func parseDuration(s string) (total time.Duration, hint string) {
	if bareNumber.MatchString(s) {
		return 0, "a number needs a unit: " + s + "s, " + s + "ms …"
	}
	if s == "" {
		return 0, "it is empty"
	}
	for rest := s; rest != ""; {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			hint := "units are ms, s, m, h and d, without spaces"
			if strings.Contains(rest, ".") {
				hint = "write whole numbers: 1500ms for 1.5s"
			} else if strings.HasPrefix(s, "-") {
				hint = "it cannot be negative"
			}
			return 0, hint
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		unit := durationUnits[m[2]]
		if n > int64(200*365*24*time.Hour/unit) {
			return 0, "at most 200 years"
		}
		total += time.Duration(n) * unit
		if total > 200*365*24*time.Hour {
			return 0, "at most 200 years"
		}
		rest = rest[len(m[0]):]
	}
	return total, ""
}

func parseSize(s string) (int64, string) {
	if m := sizeText.FindStringSubmatch(s); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		shift := map[string]int{"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[m[2]]
		if n > (1<<62)>>shift {
			return 0, "that is more than any machine has"
		}
		return n << shift, ""
	}
	switch {
	case bareNumber.MatchString(s):
		return 0, "a number needs a unit: " + s + "MiB, " + s + "KiB …"
	case looseSize.MatchString(s):
		digits := strings.TrimRight(s, "kKmMgGtTiIbB ")
		unit := strings.ToUpper(strings.TrimSpace(s[len(digits):])[:1])
		return 0, "write " + digits + unit + "iB"
	}
	return 0, "units are B, KiB, MiB, GiB and TiB"
}

// checkInstant says what is wrong with an instant, nothing when it is right.
func checkInstant(s string) string {
	if s == "now" {
		return ""
	}
	if rest, ok := strings.CutPrefix(s, "now-"); ok {
		_, hint := parseDuration(rest)
		return hint
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if _, err := time.Parse(layout, s); err == nil {
			return ""
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return "write " + t.Format("2006-01-02T15:04:05") + "Z for UTC, or another offset"
		}
	}
	if bareNumber.MatchString(s) {
		return "write it as a date, not as a number"
	}
	return "it is a date and a time with Z or an offset, or a date, or now and a duration back"
}
