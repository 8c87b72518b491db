package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flowd/operators"
	"flowd/operators/expr"
	"flowd/operators/transform"
	"flowd/operators/window"
	"flowd/stream"
)

// build makes the nodes of the plan. Each column is first traced from the sinks back, so that only those exist that
// a later step reads; then nodes are made from the sources on.
func (c *compiler) build(order []*unit) *Plan {
	order = slices.DeleteFunc(slices.Clone(order), func(u *unit) bool { return !u.live })
	for _, u := range slices.Backward(order) {
		c.need(u)
	}
	c.plan = &Plan{Name: c.spec.Name, Parallelism: c.spec.Parallelism, StateMemory: c.spec.StateMemory}
	for _, u := range order {
		switch {
		case u.source != nil:
			c.buildSource(u)
		case u.transform != nil:
			c.buildTransform(u)
		default:
			c.buildSink(u)
		}
	}
	c.times(order)
	c.plan.steps = order
	return c.plan
}

// demand says that columns of a port are read.
func (u *unit) demand(port int, cols names) {
	if u.needs[port] == nil {
		u.needs[port] = make(names)
	}
	for name := range cols {
		u.needs[port][name] = true
	}
}

// need finds the columns that a step reads, given those that are read of it.
func (c *compiler) need(u *unit) {
	cols := make(names)
	switch {
	case u.source != nil:
		return
	case u.sink != nil:
		for _, col := range u.in.cols {
			cols[col.Name] = true
		}
	default:
		u.logic.prune(u, cols)
	}
	for _, in := range u.inputs {
		in.unit.demand(in.port, cols)
	}
}

// prune throws out what nobody reads, and adds to cols the columns of the input that the rest reads.
func (l *logic) prune(u *unit, cols names) {
	in := u.in.schema()
	read := func(set names, s *stream.Schema, e *expr.Bound) {
		if e != nil {
			for _, i := range e.Columns() {
				set[s.Columns[i].Name] = true
			}
		}
	}
	res := l.res.schema()
	wanted := make(names) // of res
	if u.needs[stream.PortMain] == nil {
		u.needs[stream.PortMain] = make(names)
	}
	l.cols = slices.DeleteFunc(slices.Clone(l.cols), func(col column) bool { return !u.needs[stream.PortMain][col.name] })
	for _, col := range l.cols {
		if col.expr == nil {
			wanted[res.Columns[col.from].Name] = true
		}
		read(wanted, res, col.expr)
	}
	read(cols, in, l.where)
	if !l.windowed {
		for name := range wanted {
			cols[name] = true
		}
		return
	}
	for name := range u.needs[stream.PortLate] {
		cols[name] = true
	}
	if l.ranks {
		for _, o := range l.top.by {
			read(cols, in, o.expr)
		}
		for _, i := range l.top.per {
			cols[in.Columns[i].Name] = true
		}
		for _, col := range u.in.cols {
			if wanted[col.Name] {
				cols[col.Name] = true
			}
		}
		return
	}
	read(wanted, res, l.having)
	if l.top != nil {
		for _, o := range l.top.by {
			read(wanted, res, o.expr)
		}
		for _, i := range l.top.per {
			wanted[res.Columns[i].Name] = true
		}
	}
	calls := wanted
	if l.composites != nil {
		mid := l.mid.schema()
		calls = make(names)
		l.composites = slices.DeleteFunc(slices.Clone(l.composites), func(col column) bool { return !wanted[col.name] })
		for _, col := range l.composites {
			if col.expr == nil {
				calls[mid.Columns[col.from].Name] = true
			}
			read(calls, mid, col.expr)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(l.aggs), func(a aggColumn) bool { return !calls[a.name] })
	if len(kept) == 0 && len(l.keys) == 0 {
		kept = l.aggs[:1] // without any, the operator would rank rows
	}
	l.aggs = kept
	for _, a := range l.aggs {
		read(cols, in, a.arg)
	}
	for _, k := range l.keys {
		if k.expr == nil {
			cols[in.Columns[k.from].Name] = true
		}
		read(cols, in, k.expr)
	}
}

// node adds a node of a step.
func (c *compiler) node(u *unit, n Node) *Node {
	n.ID, n.Step, n.OnError = len(c.plan.Nodes), u.Name, u.OnError
	if u.OnError == stream.ErrorDivert && !strings.HasPrefix(n.Role, "input") {
		n.Schemas[stream.PortErrors] = stream.ErrorSchema
		u.outs[stream.PortErrors] = append(u.outs[stream.PortErrors], Edge{Node: n.ID, Port: stream.PortErrors})
	}
	c.plan.Nodes = append(c.plan.Nodes, &n)
	u.nodes = append(u.nodes, n.ID)
	return &n
}

// edge joins a port to a receiver of that parallelism.
func (c *compiler) edge(from Edge, parallelism int) Edge {
	from.Exchange, from.Key = Rebalance, nil
	if c.plan.Nodes[from.Node].Parallelism == parallelism {
		from.Exchange = Forward
	}
	return from
}

func (c *compiler) schemaOf(e Edge) *stream.Schema { return c.plan.Nodes[e.Node].Schemas[e.Port] }

// project adds a node that makes the columns of want from those of the same names.
func (c *compiler) project(u *unit, role string, from Edge, want *stream.Schema, parallelism int) Edge {
	in := c.schemaOf(from)
	cols := make([]transform.Column, len(want.Columns))
	for i, col := range want.Columns {
		cols[i] = transform.Column{From: in.Index(col.Name)}
	}
	n := c.node(u, Node{
		Role: role, Kind: OperatorNode, Detail: "choose " + columnNames(want), Parallelism: parallelism, Stateless: true,
		Inputs: []Edge{c.edge(from, parallelism)},
	})
	n.Schemas[stream.PortMain] = want
	n.NewOperator = transform.New(transform.Config{In: in, Out: want, Columns: cols})
	return Edge{Node: n.ID}
}

func columnNames(s *stream.Schema) string {
	var list []string
	for _, col := range s.Columns {
		list = append(list, col.Name)
	}
	return strings.Join(list, ", ")
}

// inputsOf are the edges of all inputs of a step, brought to one schema. With exact, its columns are those of want in
// their order; otherwise they are any that include them.
func (c *compiler) inputsOf(u *unit, want []stream.ColumnDef, exact bool) ([]Edge, *stream.Schema) {
	var edges []Edge
	for _, in := range u.inputs {
		edges = append(edges, in.unit.outs[in.port]...)
	}
	schema := c.schemaOf(edges[0])
	if exact || slices.ContainsFunc(edges, func(e Edge) bool { return !sameColumns(c.schemaOf(e), schema) }) {
		schema = stream.NewSchema(want...)
	}
	for i, e := range edges {
		if !sameColumns(c.schemaOf(e), schema) {
			edges[i] = c.project(u, fmt.Sprintf("input%d", i+1), e, schema, c.plan.Nodes[e.Node].Parallelism)
		}
	}
	return edges, schema
}

func sameColumns(a, b *stream.Schema) bool {
	return slices.EqualFunc(a.Columns, b.Columns, func(x, y stream.ColumnDef) bool { return x.Name == y.Name })
}

// pick is the columns of r, visible or hidden, that are in set.
func (r *rows) pick(set names) []stream.ColumnDef {
	var out []stream.ColumnDef
	for _, col := range append(slices.Clone(r.cols), r.hidden...) {
		if set[col.Name] {
			out = append(out, col)
		}
	}
	return out
}

// onto moves an expression from a logical schema to the one that there is.
func onto(e *expr.Bound, from, to *stream.Schema) *expr.Bound {
	if e == nil {
		return nil
	}
	return e.Remap(func(i int) int { return to.Index(from.Columns[i].Name) })
}

func (c *compiler) buildSource(u *unit) {
	src, r := u.source, u.ports[stream.PortMain]
	logical := r.schema()
	wanted := u.needs[stream.PortMain]
	if wanted == nil {
		wanted = make(names)
	}
	target := wanted[eventTime] && u.times.computed
	if u.times.column >= 0 {
		wanted[logical.Columns[u.times.column].Name] = true
	}
	if u.times.expr != nil {
		delete(wanted, eventTime)
		for _, i := range u.times.expr.Columns() {
			wanted[logical.Columns[i].Name] = true
		}
	}
	var cols []stream.ColumnDef
	decoded := 0
	for _, col := range r.pick(wanted) {
		cols = append(cols, col)
		if !slices.ContainsFunc(r.hidden, func(h stream.ColumnDef) bool { return h.Name == col.Name }) {
			decoded++
		}
	}
	read := stream.NewSchema(cols...)
	made := read
	if target {
		made = stream.NewSchema(append(slices.Clone(cols), logical.Columns[logical.Index(eventTime)])...)
	}
	reader, detail := c.sourceEnd(u, read, decoded)
	total := len(r.cols)
	if u.times.computed {
		total--
	}
	n := c.node(u, Node{
		Role: "source", Kind: SourceNode, Detail: fmt.Sprintf("%s, %d of %s", detail, decoded, plural(total, "field")),
		Parallelism: u.Parallelism, Source: reader,
	})
	n.Schemas[stream.PortMain] = made
	u.outs[stream.PortMain] = []Edge{{Node: n.ID}}
	if !r.timed {
		return
	}
	n.Time = &TimeSpec{Delay: src.Delay, Idle: src.Idle, MaxAhead: src.MaxAhead, Align: src.Align}
	if src.connector.Source.NoFormat {
		n.Time.MaxAhead = 0 // rows that are made here have no clock to be ahead of
	}
	if u.times.column < 0 && u.times.expr == nil {
		return
	}
	t := transform.TimeConfig{Rows: made, Column: -1, Target: -1, Expr: onto(u.times.expr, logical, made)}
	if u.times.column >= 0 {
		t.Column = made.Index(logical.Columns[u.times.column].Name)
	}
	if target {
		t.Target = made.Index(eventTime)
	}
	n.Time.NewTimer = transform.NewEventTimer(t)
}

// problems adds what a connector or format has to say.
func (c *compiler) problems(u *unit, list []operators.Problem) {
	for _, p := range list {
		n := u.key
		for _, o := range c.spec.at[p.Pos] {
			if n == u.key || o.src == u.key.src {
				n = o
			}
		}
		d := n.diag(cmp.Or(p.Code, "F023"), p.Msg, p.Hint)
		if p.Len > 0 {
			d.Len = p.Len
		}
		d.Warning = p.Warn
		c.r.add(n.src, d)
	}
}

// buildTransform makes up to six nodes: where, window, results (what is computed from several aggregates), having,
// rank (the final one of several instances' first rows) and select.
func (c *compiler) buildTransform(u *unit) {
	l := u.logic
	logical := u.in.schema()
	read := make(names)
	l.prune(u, read)
	want := u.in.pick(read)
	edges, in := c.inputsOf(u, want, false)
	if !l.windowed {
		c.transformNode(u, "transform", edges, in, onto(l.where, logical, in), l.cols, logical, l.project, u.Parallelism)
		return
	}
	c.buildWindow(u, edges, in, stream.NewSchema(want...))
}

// transformNode adds a stateless node and makes it the output of the step. cols are over logical, where over in.
func (c *compiler) transformNode(u *unit, role string, edges []Edge, in *stream.Schema, where *expr.Bound, cols []column, logical *stream.Schema, project bool, parallelism int) Edge {
	cfg := transform.Config{In: in, Out: in, Where: where}
	var detail []string
	if where != nil {
		detail = append(detail, "where "+where.String())
	}
	if project {
		cfg.Columns = make([]transform.Column, len(cols))
		cfg.Out = stream.NewSchema(defs(cols)...)
		var list []string
		for i, col := range cols {
			if col.expr == nil {
				cfg.Columns[i].From = in.Index(logical.Columns[col.from].Name)
				list = append(list, renamed(col.name, logical.Columns[col.from].Name))
				continue
			}
			cfg.Columns[i] = transform.Column{From: -1, Expr: onto(col.expr, logical, in)}
			list = append(list, strings.TrimPrefix(col.name, keyColumn(""))+": "+strings.ReplaceAll(col.expr.String(), "`", ""))
		}
		detail = append(detail, "select "+strings.Join(list, ", "))
	}
	if len(detail) == 0 {
		detail = []string{"pass on"}
	}
	inputs := slices.Clone(edges)
	for i := range inputs {
		inputs[i] = c.edge(inputs[i], parallelism)
	}
	n := c.node(u, Node{Role: role, Kind: OperatorNode, Detail: strings.Join(detail, ", "), Parallelism: parallelism, Stateless: true, Inputs: inputs})
	n.Schemas[stream.PortMain] = cfg.Out
	n.NewOperator = transform.New(cfg)
	u.outs[stream.PortMain] = []Edge{{Node: n.ID}}
	return Edge{Node: n.ID}
}

func renamed(name, from string) string {
	if name == from {
		return name
	}
	return name + ": " + from
}

// keyColumn names the column of a group expression on its way to the window. No field can have this name.
func keyColumn(name string) string { return "group `" + name }

func (c *compiler) buildWindow(u *unit, edges []Edge, in, want *stream.Schema) {
	l := u.logic
	logical := u.in.schema()
	p := u.Parallelism
	keyed := len(l.keys) > 0
	if !keyed && !l.ranks {
		p = 1 // one group: there is nothing to share out
	}
	exchanged := keyed && p > 1
	computed := slices.ContainsFunc(l.keys, func(k column) bool { return k.expr != nil })

	// where, and what must be there before rows are shared out by key.
	if l.where != nil || exchanged && (computed || !sameColumns(in, want)) {
		var cols []column
		if exchanged {
			for _, col := range want.Columns {
				cols = append(cols, column{name: col.Name, t: col.Type, from: logical.Index(col.Name)})
			}
			for _, k := range l.keys {
				if k.expr != nil {
					cols = append(cols, column{name: keyColumn(k.name), t: k.t, from: -1, expr: k.expr})
				}
			}
		}
		parallelism := u.Parallelism
		e := c.transformNode(u, "where", edges, in, onto(l.where, logical, in), cols, logical, exchanged, parallelism)
		edges, in = []Edge{e}, c.schemaOf(e)
	}

	cfg := window.Config{In: in, Assigner: l.assigner, EmitLate: u.readers[stream.PortLate] > 0, Hashed: exchanged}
	var key []int
	for _, k := range l.keys {
		switch {
		case k.expr == nil:
			cfg.Keys, cfg.KeyExprs = append(cfg.Keys, in.Index(logical.Columns[k.from].Name)), append(cfg.KeyExprs, nil)
		case exchanged:
			cfg.Keys, cfg.KeyExprs = append(cfg.Keys, in.Index(keyColumn(k.name))), append(cfg.KeyExprs, nil)
		default:
			cfg.Keys, cfg.KeyExprs = append(cfg.Keys, -1), append(cfg.KeyExprs, onto(k.expr, logical, in))
		}
	}
	if exchanged {
		key = cfg.Keys
	}
	if !computed {
		cfg.KeyExprs = nil
	}
	var aggs []stream.ColumnDef
	detail := windowText(l.assigner)
	var made []string
	for _, k := range l.keys {
		made = append(made, k.name)
	}
	if keyed {
		detail += " by " + strings.Join(made, ", ")
	}
	made = nil
	for _, a := range l.aggs {
		cfg.Aggs = append(cfg.Aggs, window.Agg{Spec: a.spec, Arg: onto(a.arg, logical, in)})
		aggs = append(aggs, stream.ColumnDef{Name: a.name, Type: a.spec.Type})
		made = append(made, renamed(a.name, a.text))
	}
	if len(made) > 0 {
		detail += ": " + strings.Join(made, ", ")
	}
	if l.ranks {
		cfg.Out = window.OutputSchema(in.Columns, nil, u.in.time)
	} else {
		cfg.Out = window.OutputSchema(defs(l.keys), aggs, u.in.time)
	}
	over := cfg.Out // what top is over
	inside := l.composites == nil
	if inside && l.having != nil {
		cfg.Having = onto(l.having, l.res.schema(), cfg.Out)
		detail += ", having " + l.having.String()
	}
	if l.ranks {
		over = in
	}
	if inside && l.top != nil {
		cfg.Top = c.topOver(u, over)
		detail += ", " + l.top.text
		if p > 1 {
			detail += " of each instance"
		}
	}
	inputs := slices.Clone(edges)
	for i := range inputs {
		inputs[i] = c.edge(inputs[i], p)
		if exchanged {
			inputs[i].Exchange, inputs[i].Key = Keyed, key
		}
	}
	n := c.node(u, Node{Role: "window", Kind: OperatorNode, Detail: detail, Parallelism: p, Stateful: true, Inputs: inputs})
	n.NewOperator = window.New(cfg)
	n.Schemas[stream.PortMain] = cfg.Out
	if cfg.EmitLate {
		n.Schemas[stream.PortLate] = in
		u.outs[stream.PortLate] = []Edge{{Node: n.ID, Port: stream.PortLate}}
	}
	out := Edge{Node: n.ID}
	u.outs[stream.PortMain] = []Edge{out}
	res := l.res.schema()
	if l.composites != nil {
		out = c.transformNode(u, "results", []Edge{out}, c.schemaOf(out), nil, l.composites, l.mid.schema(), true, p)
		if l.having != nil {
			out = c.transformNode(u, "having", []Edge{out}, c.schemaOf(out), onto(l.having, res, c.schemaOf(out)), nil, nil, false, p)
		}
	}
	project := l.project
	if l.top != nil && (p > 1 || !inside) {
		out = c.rank(u, out)
		p, project = 1, true
	}
	if project {
		c.transformNode(u, "select", []Edge{out}, c.schemaOf(out), nil, l.cols, res, true, p)
	}
}

// topOver is the ranking of a step over the schema that there is.
func (c *compiler) topOver(u *unit, over *stream.Schema) *window.Top {
	l := u.logic
	logical := l.res.schema()
	if l.ranks {
		logical = u.in.schema()
	}
	t := &window.Top{N: l.top.n, KeepTies: l.top.ties}
	for _, o := range l.top.by {
		t.By = append(t.By, window.Order{Expr: onto(o.expr, logical, over), Desc: o.desc})
	}
	for _, i := range l.top.per {
		t.Per = append(t.Per, over.Index(logical.Columns[i].Name))
	}
	return t
}

// rank adds the final ranking of rows that several instances of a window have made. The rows of the window that ends
// at e have the event time e − 1 ms, and windows end every Every ms: so windows that tumble by Every and end where the
// first ones do bring together the rows of one window, and close when its last row has come.
func (c *compiler) rank(u *unit, from Edge) Edge {
	l := u.logic
	in := c.schemaOf(from)
	a := l.assigner
	cfg := window.Config{
		In: in, Out: window.OutputSchema(in.Columns, nil, u.in.time),
		Assigner: window.Assigner{Size: a.Every, Every: a.Every, Offset: (a.Offset + a.Size) % a.Every}, Top: c.topOver(u, in),
	}
	n := c.node(u, Node{Role: "rank", Kind: OperatorNode, Detail: l.top.text + " of all", Parallelism: 1, Stateful: true, Inputs: []Edge{c.edge(from, 1)}})
	n.NewOperator = window.New(cfg)
	n.Schemas[stream.PortMain] = cfg.Out
	return Edge{Node: n.ID}
}

func windowText(a window.Assigner) string {
	s := "tumble " + millis(a.Size)
	if a.Every != a.Size {
		s = "slide " + millis(a.Size) + " every " + millis(a.Every)
	}
	if a.Offset != 0 {
		s += " offset " + millis(a.Offset)
	}
	return s
}

func (c *compiler) buildSink(u *unit) {
	k := u.sink
	edges, in := c.inputsOf(u, u.in.cols, true)
	writer, detail := c.sinkEnd(u, in)
	for i := range edges {
		edges[i] = c.edge(edges[i], u.Parallelism)
	}
	n := c.node(u, Node{Role: "sink", Kind: SinkNode, Detail: detail + ", " + k.Delivery, Parallelism: u.Parallelism, Inputs: edges, NewSink: writer})
	n.Schemas[stream.PortMain] = in
}

// times fills in what sources must know about the steps behind them: the granule of lateness, and which sources meet.
func (c *compiler) times(order []*unit) {
	behind := make(map[*unit]map[*unit]bool) // by source: the steps that its rows reach
	var sources []*unit
	for _, u := range order {
		if u.source != nil {
			sources = append(sources, u)
			behind[u] = map[*unit]bool{u: true}
			continue
		}
		for _, s := range sources {
			if slices.ContainsFunc(u.inputs, func(in input) bool { return behind[s][in.unit] }) {
				behind[s][u] = true
			}
		}
	}
	group := make(map[*unit]int)
	next := 1
	for i, s := range sources {
		for _, o := range sources[:i] {
			if group[o] == group[s] || !meet(behind[o], behind[s]) {
				continue
			}
			if group[s] == 0 {
				group[s] = group[o]
				continue
			}
			for _, x := range sources[:i] { // s joins two groups
				if group[x] == group[o] && x != s {
					group[x] = group[s]
				}
			}
		}
		if group[s] == 0 {
			group[s] = next
			next++
		}
	}
	for _, s := range sources {
		t := c.plan.Nodes[s.nodes[0]].Time
		if t == nil {
			continue
		}
		t.AlignGroup = group[s]
		for u := range behind[s] {
			if u.logic != nil && u.logic.windowed {
				a := u.logic.assigner
				t.Granule = gcd(gcd(gcd(t.Granule, a.Size), a.Every), a.Offset)
			}
		}
	}
}

func meet(a, b map[*unit]bool) bool {
	for u := range a {
		if b[u] {
			return true
		}
	}
	return false
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
