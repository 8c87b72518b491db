package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"flowd/internal/nearest"
	"flowd/operators"
	"flowd/stream"
)

// Compile makes the plan of a spec. The diagnostics are those of Parse and its own; the plan is nil if one of them
// is an error. One goroutine at a time may compile a spec.
func Compile(spec *Spec, reg *operators.Registry) (*Plan, Diagnostics) {
	c := &compiler{spec: spec, reg: reg, units: make(map[string]*unit), schemas: make(map[*rows]*stream.Schema)}
	c.r.list = slices.Clone(spec.report.list)
	c.r.secrets = spec.report.secrets
	c.gather()
	order := c.connect()
	for _, u := range order {
		c.analyse(u)
	}
	c.unread(order)
	var p *Plan
	if c.r.failed() {
		c.checkEnds(order)
	} else {
		p = c.build(order)
	}
	if c.r.failed() {
		p = nil
	}
	return p, c.r.diagnostics()
}

// Load is Parse and Compile.
func Load(files []File, opts Options) (*Spec, *Plan, Diagnostics) {
	spec, diags := Parse(files, opts)
	if spec == nil {
		return nil, nil, diags
	}
	plan, diags := Compile(spec, opts.Registry)
	return spec, plan, diags
}

type compiler struct {
	spec  *Spec
	reg   *operators.Registry
	r     report
	all   []*unit          // in the order of the file: sources, transforms, sinks
	units map[string]*unit // sources and transforms, and sinks of other names
	plan  *Plan
	// schemas keeps what rows.schema makes; rows only ever grow.
	schemas map[*rows]*stream.Schema
}

// schema is r.schema, made once.
func (c *compiler) schema(r *rows) *stream.Schema {
	s := c.schemas[r]
	if s == nil || len(s.Columns) != len(r.cols)+len(r.hidden) {
		s = r.schema()
		c.schemas[r] = s
	}
	return s
}

// unit is a step on its way to nodes.
type unit struct {
	*step
	source    *SourceSpec
	transform *TransformSpec
	sink      *SinkSpec

	inputs  []input
	readers [stream.NumPorts]int
	lost    bool // an input could not be found: columns are not known
	live    bool // a sink depends on it

	in    *rows                   // what the step sees
	ports [stream.NumPorts]*rows  // what it offers
	logic *logic                  // transforms
	times timing                  // sources
	needs [stream.NumPorts]names  // columns of ports that are read
	nodes []int                   // of the plan, in order
	outs  [stream.NumPorts][]Edge // where ports come from: Node and Port count
}

// input is a port of another step.
type input struct {
	unit *unit
	port int
	ref  reference
}

// names is a set of column names.
type names map[string]bool

// rows is the type of what a port offers.
type rows struct {
	cols    []stream.ColumnDef
	hidden  []stream.ColumnDef // metadata: found by name, never part of all columns
	tainted names              // columns whose type is not known, because of an error that was reported
	open    bool               // any column may exist, for the same reason
	timed   bool
	time    stream.Type // of the event time
}

func (r *rows) schema() *stream.Schema {
	return stream.NewSchema(append(slices.Clone(r.cols), r.hidden...)...)
}

func (c *compiler) fail(n *node, code, msg, hint string) {
	if !c.r.full() {
		c.r.add(n.src, n.diag(code, msg, hint))
	}
}

func (c *compiler) failRef(r reference, code, msg, hint string) {
	c.r.add(r.node.src, r.node.diagAt(r.off, r.len, code, msg, hint))
}

func (c *compiler) gather() {
	for _, s := range c.spec.Sources {
		c.all = append(c.all, &unit{step: &s.step, source: s})
	}
	for _, t := range c.spec.Transforms {
		c.all = append(c.all, &unit{step: &t.step, transform: t})
	}
	for _, u := range c.all {
		c.units[u.Name] = u
	}
	for _, k := range c.spec.Sinks {
		u := &unit{step: &k.step, sink: k}
		c.all = append(c.all, u)
		if c.units[k.Name] == nil {
			c.units[k.Name] = u
		}
	}
}

// connect finds the inputs of all steps and puts the steps in an order in which each follows its inputs. Steps of a
// circle are left out.
func (c *compiler) connect() []*unit {
	for _, u := range c.all {
		var refs []reference
		switch {
		case u.transform != nil:
			refs = u.transform.from
			if with := u.own["join"].get("with"); with != nil { // of a later version, but read it does
				if o := c.units[with.text]; o != nil {
					o.readers[stream.PortMain]++
				}
			}
		case u.sink != nil:
			refs = u.sink.from
		}
		for _, r := range refs {
			c.resolve(u, r)
		}
	}
	for _, u := range c.all {
		if u.transform != nil && len(u.transform.from) == 0 && u.own["from"] == nil {
			c.omitted(u, c.possible(u))
		}
	}
	var unread []*unit
	for _, u := range c.all {
		if u.sink == nil && u.readers[stream.PortMain] == 0 {
			unread = append(unread, u)
		}
	}
	for _, u := range c.all {
		if u.sink != nil && len(u.sink.from) == 0 && u.own["from"] == nil {
			c.omitted(u, unread)
		}
	}
	return c.order()
}

// possible are the inputs that a transform without from could mean: all sources and transforms save those that read
// the transform itself.
func (c *compiler) possible(u *unit) []*unit {
	behind := map[*unit]bool{u: true}
	for grew := true; grew; {
		grew = false
		for _, o := range c.all {
			if !behind[o] && slices.ContainsFunc(o.inputs, func(in input) bool { return behind[in.unit] }) {
				behind[o], grew = true, true
			}
		}
	}
	var out []*unit
	for _, o := range c.all {
		if o.sink == nil && !behind[o] {
			out = append(out, o)
		}
	}
	return out
}

func (c *compiler) omitted(u *unit, candidates []*unit) {
	if len(candidates) == 1 {
		c.link(u, candidates[0], stream.PortMain, reference{candidates[0].Name, u.key, 0, 0})
		return
	}
	u.lost = true
	var list []string
	for _, o := range candidates {
		list = append(list, o.Name)
	}
	switch {
	case len(candidates) > 0:
		why := "could read " + oneOf(list)
		if u.sink != nil {
			why = "could read any of the steps that nobody reads: " + strings.Join(list, ", ")
		}
		c.fail(u.key, "F071", u.Name+" "+why, "add from: "+list[0])
	case len(c.spec.Sources) == 0:
		// That there is no source has been reported.
	default:
		c.fail(u.key, "F071", "there is no input for "+u.Name+": every step is read already", "add from: with the name of a step")
	}
}

func (c *compiler) link(u, from *unit, port int, ref reference) {
	from.readers[port]++
	u.inputs = append(u.inputs, input{from, port, ref})
}

var portNames = [stream.NumPorts]string{stream.PortMain: "", stream.PortLate: "late", stream.PortErrors: "errors"}

// resolve finds what a name in from means.
func (c *compiler) resolve(u *unit, r reference) {
	name, suffix, dotted := strings.Cut(r.name, ".")
	o := c.units[name]
	fail := func(code, msg, hint string) {
		u.lost = true
		c.failRef(r, code, msg, hint)
	}
	switch {
	case strings.Contains(r.name, "${"):
		fail("F070", "variables are not replaced in from", "write the name")
		return
	case o == nil && c.spec.unknown[name]:
		u.lost = true
		return
	case o == nil:
		var known []string
		for _, k := range c.all {
			if k.sink == nil {
				known = append(known, k.Name)
			}
		}
		fail("F070", fmt.Sprintf("there is no input %q", r.name), nearest.Hint(name, known))
		return
	case o == u && u.sink == nil:
		fail("F072", u.Name+" reads itself", "")
		return
	}
	port := slices.Index(portNames[:], suffix)
	switch {
	case !dotted && o.sink != nil:
		fail("F070", o.Name+" is a sink: nothing comes out of it", "read what the sink reads")
		return
	case dotted && port <= 0:
		fail("F070", fmt.Sprintf("%s has no output %q", name, suffix), outputs(o))
		return
	case port == stream.PortErrors && o.OnError != stream.ErrorDivert:
		fail("F074", r.name+" does not exist, because "+name+" does not say on_error: divert", "add on_error: divert to "+name)
		return
	case port == stream.PortLate && (o.transform == nil || o.own["window"] == nil):
		fail("F074", r.name+" does not exist, because "+name+" has no window", "")
		return
	case port == stream.PortLate && !o.transform.late:
		fail("F074", r.name+" does not exist, because "+name+" does not say late: divert", "add late: divert to "+name)
		return
	}
	if slices.ContainsFunc(u.inputs, func(in input) bool { return in.unit == o && in.port == port }) {
		fail("F020", r.name+" is named twice", "each row would be read twice: keep one")
		return
	}
	c.link(u, o, port, r)
}

// outputs is a hint about what can be read of a step.
func outputs(u *unit) string {
	if u.transform != nil {
		return "the outputs are " + u.Name + ", " + u.Name + ".late and " + u.Name + ".errors"
	}
	return "the outputs are " + u.Name + " and " + u.Name + ".errors"
}

// order sorts topologically, inputs in the order of the file first, and reports circles.
func (c *compiler) order() []*unit {
	var out []*unit
	state := make(map[*unit]int) // 1: under way, 2: done, 3: on a circle
	var path []*unit
	var visit func(u *unit) bool
	visit = func(u *unit) bool {
		switch state[u] {
		case 2:
			return true
		case 3:
			return false
		case 1:
			c.circle(path[slices.Index(path, u):])
			return false
		}
		state[u] = 1
		path = append(path, u)
		ok := true
		for _, in := range u.inputs {
			ok = visit(in.unit) && ok
		}
		path = path[:len(path)-1]
		if !ok {
			state[u] = 3
			return false
		}
		state[u] = 2
		out = append(out, u)
		return true
	}
	for _, u := range c.all {
		visit(u)
	}
	return out
}

func (c *compiler) circle(path []*unit) {
	var list []string
	for _, u := range slices.Backward(path) {
		list = append(list, u.Name)
	}
	list = append(list, list[0])
	u := path[0]
	c.fail(u.key, "F072", "steps read each other in a circle: "+strings.Join(list, " → "), "take one of them out of a from")
}

// unread marks what a sink depends on, and warns about what nobody reads.
func (c *compiler) unread(order []*unit) {
	for _, u := range slices.Backward(order) {
		u.live = u.live || u.sink != nil
		if u.live {
			for _, in := range u.inputs {
				in.unit.live = true
			}
		}
	}
	if len(order) < len(c.all) || c.r.failed() {
		return // names may be missing because of an error
	}
	for _, u := range order {
		if u.sink != nil {
			continue
		}
		if u.readers[stream.PortMain]+u.readers[stream.PortLate]+u.readers[stream.PortErrors] == 0 {
			c.r.add(u.key.src, warn(u.key.diag("F077", "nobody reads "+u.Name, "it will not run: read it, or remove it")))
			continue
		}
		if u.OnError == stream.ErrorDivert && u.readers[stream.PortErrors] == 0 {
			n := u.own["on_error"]
			c.r.add(n.src, warn(n.diag("F077", "nobody reads "+u.Name+".errors", "its rows are counted and thrown away, as with on_error: drop")))
		}
		if u.transform != nil && u.transform.late && u.readers[stream.PortLate] == 0 {
			n := u.own["late"]
			c.r.add(n.src, warn(n.diag("F077", "nobody reads "+u.Name+".late", "its rows are counted and thrown away, as with late: drop")))
		}
	}
}
