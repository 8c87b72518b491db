package pipeline

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"flowd/internal/nearest"
	"flowd/operators"
	"flowd/operators/expr"
	"flowd/stream"
)

// Options are what Parse needs from outside.
type Options struct {
	Env      func(name string) (string, bool)  // environment variables; nil: none is set
	ReadFile func(path string) ([]byte, error) // for schema files and ${file:…}; nil: files cannot be read
	Registry *operators.Registry               // what a pipeline can name
	Set      []string                          // a.b=c, laid over the files
}

// Spec is what the user said, with lines and defaults. It is immutable.
type Spec struct {
	Name        string
	Description string
	Cluster     *operators.Config // the top-level kafka: object, nil if absent
	Parallelism int
	StateMemory int64
	Vars        map[string]expr.Constant
	Sources     []*SourceSpec // in the order of the file, as are Transforms and Sinks
	Transforms  []*TransformSpec
	Sinks       []*SinkSpec

	table  operators.Field
	root   *operators.Config
	files  []string
	report report
	nodes  map[*operators.Config]map[string]*node
	at     map[operators.Pos][]*node
	bad    map[*operators.Config]bool
	// unknown are names that stand for something this version cannot do: nothing is said about their use.
	unknown map[string]bool
}

// step is what sources, transforms and sinks have in common.
type step struct {
	Name        string
	Config      *operators.Config // the keys of the step
	Parallelism int
	OnError     stream.ErrorPolicy

	key   *node // the name as written
	own   map[string]*node
	pairs []pair // keys and values as written
	// opaque says that the step has a part that cannot be used, which has been reported: its columns are not known.
	opaque bool
}

// SourceSpec is one entry of sources.
type SourceSpec struct {
	step
	Connector                    string
	Connection                   *operators.Config // the connector's object
	Format                       *operators.Config
	Fields                       []stream.Field // schema as written or as the connector knows it
	Delay, Idle, MaxAhead, Align time.Duration

	connector *operators.Connector
	known     *operators.KnownSchema
	time      *node  // as written; nil
	timeName  string // event-time column that the connector knows
}

// TransformSpec is one entry of transforms.
type TransformSpec struct {
	step
	From []string // nil: left out

	from   []reference
	late   bool // divert
	window *operators.Config
	top    *operators.Config
}

// SinkSpec is one entry of sinks.
type SinkSpec struct {
	step
	From       []string
	Connector  string
	Connection *operators.Config
	Format     *operators.Config
	Delivery   string

	from      []reference
	connector *operators.Connector
}

// reference is a name in from, with the place it was written at.
type reference struct {
	name     string
	node     *node
	off, len int
}

// Parse reads the files, which merge in order, into a Spec. The Spec is nil if they are no YAML; otherwise it can be
// compiled even if Diagnostics has errors, to find the others.
func Parse(files []File, opts Options) (*Spec, Diagnostics) {
	if opts.Registry == nil {
		opts.Registry = &operators.Registry{}
	}
	s := &Spec{Vars: make(map[string]expr.Constant), unknown: make(map[string]bool), table: language(opts.Registry)}
	r := &s.report
	var root *node
	broken := false
	for i, f := range files {
		s.files = append(s.files, f.Name)
		n := parseYAML(newSource(f.Name, f.Text, i), r)
		switch {
		case n == nil:
			broken = true
		case n.kind != mapNode:
			r.add(n.src, n.diag("F011", "a pipeline is a map of keys, this is "+n.what(), "begin with name: and sources:"))
			broken = true
		case root == nil:
			root = n
		default:
			root = merge(root, n)
		}
	}
	if broken || root == nil {
		return nil, r.diagnostics()
	}
	for i, arg := range opts.Set {
		root = override(root, arg, len(files)+i, &s.table, r)
	}
	d := newDecoder(opts, r)
	s.nodes, s.at, s.bad = d.nodes, d.at, d.bad
	title := &node{src: root.src, kind: mapNode, line: root.line, col: root.col, text: "the pipeline"}
	s.root = d.object(root, title, &s.table)
	s.read(d)
	return s, r.diagnostics()
}

var stepName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// checkName reports a name that is none, with one that would be.
func (d *decoder) checkName(key *node, what string) {
	if stepName.MatchString(key.text) {
		return
	}
	hint := "a name is made of a–z, 0–9 and _, begins with a letter and has at most 63 characters"
	fixed := strings.Trim(regexp.MustCompile(`[^a-z0-9_]+`).ReplaceAllString(strings.ToLower(key.text), "_"), "_")
	fixed = strings.TrimLeft(fixed, "_0123456789")
	if stepName.MatchString(fixed) {
		hint = "write " + fixed + ": " + hint
	}
	d.fail(key, "F017", fmt.Sprintf("%q is no name for a %s", key.text, what), hint)
}

func (s *Spec) read(d *decoder) {
	own := d.nodes[s.root]
	s.Name, s.Description = s.root.String("name"), s.root.String("description")
	if n := own["name"]; n != nil && s.root.IsSet("name") && n.kind == scalarNode {
		name := *n
		name.text = s.Name
		if !stepName.MatchString(s.Name) {
			d.checkName(&name, "pipeline")
		}
	}
	if v := s.root.Get("version"); v.Set && v.Int != 1 {
		d.fail(own["version"], "F014", fmt.Sprintf("version %s of the language is not known", v.Text), "there is only version: 1")
	}
	s.Parallelism = s.parallelism(d, s.root, own, 1)
	s.StateMemory = s.root.Sub("state").Int("memory")
	if st := s.root.Sub("state"); st.IsSet("memory") && s.StateMemory < 1<<20 {
		d.fail(d.nodes[st]["memory"], "F015", "state.memory must be at least 1MiB", "")
	}
	if s.root.Has("kafka") {
		s.Cluster = s.root.Sub("kafka")
	}
	s.readVars(d)
	if n := own["tables"]; n != nil && n.kind == mapNode {
		for _, p := range n.pairs {
			s.unknown[p.key.text] = true
		}
	}
	seen := make(map[string]*node)
	unique := func(key *node, what string) bool {
		d.checkName(key, what)
		if first := seen[key.text]; first != nil {
			d.fail(key, "F018", fmt.Sprintf("the name %s is used for a second time", key.text), fmt.Sprintf("the first is at line %d; names are unique across sources, tables and transforms", first.line))
			return false
		}
		seen[key.text] = key
		return true
	}
	for name, cfg := range s.steps(d, "sources") {
		src := &SourceSpec{}
		if s.step(d, &src.step, name, cfg) && unique(name, "source") {
			s.readSource(d, src)
			s.Sources = append(s.Sources, src)
		}
	}
	for name, cfg := range s.steps(d, "transforms") {
		t := &TransformSpec{}
		if s.step(d, &t.step, name, cfg) && unique(name, "step") {
			s.readTransform(d, t)
			s.Transforms = append(s.Transforms, t)
		}
	}
	for name, cfg := range s.steps(d, "sinks") {
		k := &SinkSpec{}
		if s.step(d, &k.step, name, cfg) {
			d.checkName(name, "sink")
			s.readSink(d, k)
			s.Sinks = append(s.Sinks, k)
		}
	}
	for _, key := range []string{"sources", "sinks"} {
		if v, ok := s.root.Values[key]; ok && len(v.Dict) == 0 && own[key] != nil && len(own[key].pairs) == 0 && own[key].kind == mapNode {
			d.fail(own[key], "F013", key+" is empty", "a pipeline reads from at least one source and writes to at least one sink")
		}
	}
}

// steps goes over the entries of sources, transforms or sinks.
func (s *Spec) steps(d *decoder, key string) func(func(*node, *operators.Config) bool) {
	return func(yield func(*node, *operators.Config) bool) {
		n := d.nodes[s.root][key]
		if n == nil || n.kind != mapNode {
			return
		}
		for _, e := range s.root.Get(key).Dict {
			for _, p := range n.pairs {
				if p.key.text == e.Name {
					if !yield(p.key, e.Value.Object) {
						return
					}
				}
			}
		}
	}
}

// step fills what all steps have.
func (s *Spec) step(d *decoder, st *step, name *node, cfg *operators.Config) bool {
	st.Name, st.key, st.Config, st.own = name.text, name, cfg, d.nodes[cfg]
	if n := d.maps[cfg]; n != nil {
		st.pairs = n.pairs
	}
	st.Parallelism = s.parallelism(d, cfg, st.own, s.Parallelism)
	switch cfg.String("on_error") {
	case "drop":
		st.OnError = stream.ErrorDrop
	case "divert":
		st.OnError = stream.ErrorDivert
	}
	return true
}

// maxParallelism is the number of key groups: more instances would have nothing to do.
const maxParallelism = 128

func (s *Spec) parallelism(d *decoder, cfg *operators.Config, own map[string]*node, def int) int {
	v := cfg.Get("parallelism")
	if v.Text == "" {
		return def
	}
	if v.Int < 1 || v.Int > maxParallelism {
		if n := own["parallelism"]; n != nil {
			d.fail(n, "F015", fmt.Sprintf("parallelism must be 1 to %d, not %d", maxParallelism, v.Int), "")
		}
		return def
	}
	return int(v.Int)
}

func (s *Spec) readVars(d *decoder) {
	own := d.nodes[s.root]["vars"]
	if own == nil {
		return
	}
	for _, e := range s.root.Get("vars").Dict {
		cfg := e.Value.Object
		nodes := d.nodes[cfg]
		var key *node
		for _, p := range own.pairs {
			if p.key.text == e.Name {
				key = p.key
			}
		}
		d.checkName(key, "variable")
		s.unknown["vars."+e.Name] = true
		t, ok := d.parseType(nodes["type"])
		if !ok {
			continue
		}
		text, at := cfg.String("default"), nodes["default"]
		found := cfg.Has("default")
		if name := cfg.String("env"); name != "" && d.opts.Env != nil {
			if v, set := d.opts.Env(name); set && v != "" {
				text, at, found = v, nodes["env"], true
			}
		}
		if at == nil {
			at = key
		}
		if !found {
			hint := "give it an env or a default"
			if name := cfg.String("env"); name != "" {
				hint = "set the environment variable " + name + ", or add a default"
			}
			d.fail(key, "F007", "the variable "+e.Name+" has no value", hint)
			continue
		}
		c, err := constant(t, text)
		if err != nil {
			d.fail(at, "F015", fmt.Sprintf("the value of the variable %s is no %s: %v", e.Name, t.Nullable(), err), "")
			continue
		}
		s.Vars[e.Name] = c
		delete(s.unknown, "vars."+e.Name)
	}
}

// parseType reads the type that n holds.
func (d *decoder) parseType(n *node) (stream.Type, bool) {
	if n == nil {
		return stream.Type{}, false
	}
	if n.kind != scalarNode || n.null {
		return stream.Type{}, false
	}
	t, err := expr.ParseType(n.text)
	if err != nil {
		d.r.add(n.src, n.diagAt(err.Off, err.Len, "F022", err.Msg, err.Hint))
		return stream.Type{}, false
	}
	return t, true
}

func (s *Spec) readSource(d *decoder, src *SourceSpec) {
	cfg := src.Config
	var chosen []string
	for _, c := range d.opts.Registry.Connectors {
		if c.Source != nil && src.own[c.Name] != nil {
			chosen = append(chosen, c.Name)
		}
	}
	if name, ok := d.oneConnector(&src.step, chosen, true); ok {
		src.Connector, src.connector = name, d.opts.Registry.Connector(name)
		src.Connection = cfg.Sub(name)
		src.opaque = src.opaque || !cfg.Has(name)
	} else {
		src.opaque = true
	}
	w := cfg.Sub("watermark")
	src.Delay, src.Idle, src.MaxAhead, src.Align = w.Duration("delay"), w.Duration("idle"), w.Duration("max_ahead"), w.Duration("align")
	src.time = src.own["time"]
	if !cfg.IsSet("time") {
		src.time = nil
	}
	src.Format = cfg.Sub("format")
	if src.connector != nil {
		s.checkFormat(d, &src.step, src.Format, src.connector.Source.NoFormat)
	}
	s.readSchema(d, src)
}

// oneConnector finds the one connector of a source or sink.
func (d *decoder) oneConnector(st *step, chosen []string, isSource bool) (string, bool) {
	var all []string
	for _, c := range d.opts.Registry.Connectors {
		if isSource && c.Source != nil || !isSource && c.Sink != nil {
			all = append(all, c.Name)
		}
	}
	what := "sink"
	if isSource {
		what = "source"
	}
	switch len(chosen) {
	case 1:
		return chosen[0], true
	case 0:
		for _, name := range later["connector"] {
			if st.own[name] != nil {
				return "", false
			}
		}
		if d.maps[st.Config] != nil && !slices.ContainsFunc(st.pairs, func(p pair) bool { return st.own[p.key.text] == nil }) {
			d.fail(st.key, "F021", fmt.Sprintf("the %s %s has no connector", what, st.Name), "add one of the keys "+oneOf(all))
		}
		return "", false
	}
	slices.SortFunc(chosen, func(a, b string) int { return st.own[a].line - st.own[b].line })
	d.fail(st.own[chosen[1]], "F020", fmt.Sprintf("the %s %s has two connectors, %s and %s", what, st.Name, chosen[0], chosen[1]), "keep one; write two "+what+"s to use both")
	return "", false
}

// checkFormat refuses settings of other formats.
func (s *Spec) checkFormat(d *decoder, st *step, cfg *operators.Config, none bool) {
	n := st.own["format"]
	f := d.opts.Registry.Format(cfg.String("type"))
	of := func(name string) bool {
		return name == "type" || f != nil && slices.ContainsFunc(f.Fields, func(o operators.Field) bool { return o.Name == name })
	}
	maps.DeleteFunc(cfg.Values, func(name string, _ operators.Value) bool { return !of(name) }) // defaults of other formats
	if n == nil {
		return
	}
	if none {
		d.fail(n, "F020", fmt.Sprintf("%s has no format: its connector makes or takes rows as they are", st.Name), "remove format")
		return
	}
	if f == nil {
		st.opaque = true
		return
	}
	own := d.nodes[cfg]
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if !of(key) {
			d.fail(own[key], "F020", fmt.Sprintf("%s is no setting of the format %s", key, f.Name), "remove it")
		}
	}
}

func (s *Spec) readSchema(d *decoder, src *SourceSpec) {
	if src.connector != nil && src.connector.Source.Schema != nil && src.Connection != nil {
		src.known = src.connector.Source.Schema(src.Connection)
	}
	n := src.own["schema"]
	if n == nil || !src.Config.IsSet("schema") {
		switch {
		case n != nil:
			src.opaque = true
		case src.known != nil:
			src.Fields = src.known.Fields
		case src.connector != nil:
			d.fail(src.key, "F013", "the source "+src.Name+" needs a schema", "list the fields of a record and their types, for example schema: {id: bigint not null, at: timestamp_ltz}")
			src.opaque = true
		}
	} else {
		fields, ok := d.schema(n)
		if !ok {
			src.opaque = true
		}
		src.Fields = fields
		if ok && src.known != nil {
			s.compareKnown(d, src, n)
		}
	}
	if src.known != nil {
		src.timeName = src.known.Time
		if w := src.Config.Sub("watermark"); !w.IsSet("delay") && w.Values != nil {
			src.Delay = src.known.Watermark
			w.Values["delay"] = operators.Value{Text: durationText(src.Delay), Dur: src.Delay}
		}
	}
}

// compareKnown checks a schema that was written although the connector brings its own: it may name fewer fields.
func (s *Spec) compareKnown(d *decoder, src *SourceSpec, n *node) {
	var names []string
	for _, f := range src.known.Fields {
		names = append(names, f.Name)
	}
	var fields []stream.Field
	for _, f := range src.Fields {
		i := slices.Index(names, f.Name)
		if i < 0 {
			d.fail(fieldNode(n, f.Name), "F022", fmt.Sprintf("%s makes no field %s", src.Connector, f.Name), nearest.Hint(f.Name, names))
			src.opaque = true
			continue
		}
		if !src.known.Fields[i].Type.Same(f.Type) {
			d.fail(fieldNode(n, f.Name), "F022", fmt.Sprintf("%s is %s in what %s makes, not %s", f.Name, src.known.Fields[i].Type, src.Connector, f.Type), "the schema may be left out")
			src.opaque = true
		}
		fields = append(fields, src.known.Fields[i])
	}
	src.Fields = fields
}

func fieldNode(n *node, name string) *node {
	for _, p := range n.pairs {
		if p.key.text == name {
			return p.key
		}
	}
	return n
}

// schema reads a map of fields, or the file that a text names.
func (d *decoder) schema(n *node) ([]stream.Field, bool) {
	if n.kind == scalarNode {
		path, _, ok := d.expand(n)
		if !ok {
			return nil, false
		}
		if strings.ContainsAny(path, ": \n") {
			d.fail(n, "F011", "schema must be a map of fields or the path of a file with one", "for example schema: {id: bigint not null, at: timestamp_ltz}")
			return nil, false
		}
		if d.opts.ReadFile == nil {
			d.fail(n, "F008", "files cannot be read here", "write the schema in the pipeline")
			return nil, false
		}
		full := n.src.beside(path)
		text, err := d.opts.ReadFile(full)
		if err != nil {
			d.fail(n, "F008", fmt.Sprintf("reading the schema: %v", err), "the path is relative to the folder of the pipeline file")
			return nil, false
		}
		file := parseYAML(newSource(full, text, n.src.order), d.r)
		if file == nil {
			return nil, false
		}
		n = file
	}
	if n.kind != mapNode {
		d.fail(n, "F011", "a schema is a map of fields and their types, this is "+n.what(), "for example {id: bigint not null, at: timestamp_ltz}")
		return nil, false
	}
	return d.fields(n, 0)
}

const maxFields = 2000

func (d *decoder) fields(n *node, depth int) ([]stream.Field, bool) {
	if len(n.pairs) == 0 {
		d.fail(n, "F022", "a row needs at least one field", "for example {id: bigint not null, at: timestamp_ltz}")
		return nil, false
	}
	if len(n.pairs) > maxFields {
		d.fail(n, "F022", fmt.Sprintf("a row of %d fields; at most %d are possible", len(n.pairs), maxFields), "")
		return nil, false
	}
	var out []stream.Field
	ok := true
	for _, p := range n.pairs {
		name := p.key.text
		if name == "" || strings.ContainsAny(name, ".`\n") {
			d.fail(p.key, "F017", fmt.Sprintf("%q is no name for a field", name), "a name has no dot and no backtick; a nested map is a row")
			ok = false
			continue
		}
		t, good := d.fieldType(p.value, p.key, depth)
		ok = ok && good
		if good {
			out = append(out, stream.Field{Name: name, Type: t})
		}
	}
	return out, ok
}

func (d *decoder) fieldType(n, key *node, depth int) (stream.Type, bool) {
	switch {
	case n.null:
		d.fail(key, "F022", "the field "+key.text+" has no type", "for example "+key.text+": string")
		return stream.Type{}, false
	case n.kind == mapNode:
		fields, ok := d.fields(n, depth+1)
		return stream.Type{ID: stream.Row, Fields: fields}, ok
	case n.kind == listNode:
		if len(n.items) != 1 || n.items[0].kind != mapNode {
			d.fail(n, "F022", "a list of one map is an array of rows", "for an array of simple values write array<string>")
			return stream.Type{}, false
		}
		fields, ok := d.fields(n.items[0], depth+1)
		return stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Row, Fields: fields}}, ok
	}
	return d.parseType(n)
}

func (s *Spec) readTransform(d *decoder, t *TransformSpec) {
	t.from = d.references(t.own["from"])
	for _, r := range t.from {
		t.From = append(t.From, r.name)
	}
	t.late = t.Config.String("late") == "divert"
	if t.own["window"] != nil {
		t.window = t.Config.Sub("window")
	}
	if t.own["top"] != nil {
		t.top = t.Config.Sub("top")
	}
	for i := range s.table.Fields {
		if s.table.Fields[i].Name == "transforms" {
			t.opaque = t.opaque || s.hasLater(d, t.Config, s.table.Fields[i].Elem)
		}
	}
}

// hasLater says whether a key of cfg, or of an object in it, belongs to a later version.
func (s *Spec) hasLater(d *decoder, cfg *operators.Config, f *operators.Field) bool {
	for i := range f.Fields {
		fd := &f.Fields[i]
		if d.nodes[cfg][fd.Name] == nil {
			continue
		}
		if fd.Later || fd.Type == operators.Object && s.hasLater(d, cfg.Sub(fd.Name), fd) {
			return true
		}
	}
	return false
}

// references are the names in from.
func (d *decoder) references(n *node) []reference {
	if n == nil || n.null {
		return nil
	}
	items := n.items
	if n.kind == scalarNode {
		items = []*node{n}
	}
	var out []reference
	for _, it := range items {
		if it.kind != scalarNode || it.null {
			d.fail(it, "F011", "from must be the name of an input or a list of names", "for example from: [a, b]")
			continue
		}
		off := 0
		for part := range strings.SplitSeq(it.text, ",") {
			name := strings.TrimSpace(part)
			at := off + len(part) - len(strings.TrimLeft(part, " "))
			out = append(out, reference{name, it, at, len(name)})
			off += len(part) + 1
		}
	}
	if n.kind == mapNode {
		d.fail(n, "F011", "from must be the name of an input or a list of names, this is a map", "for example from: [a, b]")
	}
	return out
}

func (s *Spec) readSink(d *decoder, k *SinkSpec) {
	k.from = d.references(k.own["from"])
	for _, r := range k.from {
		k.From = append(k.From, r.name)
	}
	var chosen []string
	for _, c := range d.opts.Registry.Connectors {
		if c.Sink != nil && k.own[c.Name] != nil {
			chosen = append(chosen, c.Name)
		}
	}
	if name, ok := d.oneConnector(&k.step, chosen, false); ok {
		k.Connector, k.connector = name, d.opts.Registry.Connector(name)
		k.Connection = k.Config.Sub(name)
		k.opaque = k.opaque || !k.Config.Has(name)
	} else {
		k.opaque = true
	}
	k.Delivery = k.Config.String("delivery")
	k.Format = k.Config.Sub("format")
	if k.connector != nil {
		s.checkFormat(d, &k.step, k.Format, k.connector.Sink.NoFormat)
	}
}
