package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flowd/operators/aggregate"
	"flowd/operators/expr"
	"flowd/operators/window"
	"flowd/stream"
)

// timing is where the event time of a source comes from, over its columns and metadata.
type timing struct {
	column   int         // −1: expr or the record
	expr     *expr.Bound // nil: column or the record
	computed bool        // expr is the column event_time
	record   bool        // the reader sets it
}

// logic is what a transform does, over the columns that the step sees (in) and, behind a window, over those of its
// results (res). Nothing is pruned yet.
type logic struct {
	where      *expr.Bound
	windowed   bool
	ranks      bool // window and top without aggregate: res is in plus the bounds of the window
	assigner   window.Assigner
	keys       []column
	aggs       []aggColumn
	mid        *rows    // what the window makes when there are composites: groups, calls, bounds
	composites []column // over mid; nil: every aggregate is one call, and mid is res
	res        *rows
	having     *expr.Bound
	top        *ranking
	cols       []column // over res
	project    bool     // there is a select, add or drop
}

// aggColumn is one aggregate call.
type aggColumn struct {
	name string
	spec aggregate.Spec
	arg  *expr.Bound // over in; nil with COUNT(*)
	text string      // as written, canonical
}

// ranking is top: over res, or over in when input rows are ranked.
type ranking struct {
	n    int
	by   []ordering
	per  []int
	ties bool
	text string
}

type ordering struct {
	expr *expr.Bound
	desc bool
}

// analyse types one step whose inputs have been typed.
func (c *compiler) analyse(u *unit) {
	switch {
	case u.source != nil:
		c.analyseSource(u)
	default:
		u.in = c.union(u)
		if u.transform != nil {
			c.analyseTransform(u)
		}
	}
	if u.OnError == stream.ErrorDivert {
		u.ports[stream.PortErrors] = &rows{cols: stream.ErrorSchema.Columns, timed: true, time: stream.Type{ID: stream.TimestampLTZ, Precision: 3}}
	}
}

func (c *compiler) analyseSource(u *unit) {
	src := u.source
	r := &rows{cols: slices.Clone(stream.Flatten(src.Fields).Columns), open: src.opaque}
	u.ports[stream.PortMain] = r
	u.times = timing{column: -1}
	if src.connector == nil {
		r.timed = true // unknown: say nothing more
		return
	}
	kind := src.connector.Source
	r.hidden = kind.Metadata
	switch {
	case src.time != nil:
		c.sourceTime(u, r)
	case src.timeName != "":
		u.times.column = r.schema().Index(src.timeName)
		if u.times.column < 0 { // left out of a schema that was written: it is read all the same
			for _, col := range stream.Flatten(src.known.Fields).Columns {
				if col.Name == src.timeName {
					u.times.column = len(r.cols)
					r.cols = append(r.cols, col)
				}
			}
		}
		if u.times.column >= 0 {
			r.timed, r.time = true, r.cols[u.times.column].Type
		}
	case kind.RecordTime:
		u.times.record = true
		r.timed, r.time = true, stream.Type{ID: stream.TimestampLTZ, Precision: 3, NotNull: true}
	case src.opaque:
		r.timed = true
	}
}

// eventTime is the name of an event time that is computed.
const eventTime = "event_time"

func (c *compiler) sourceTime(u *unit, r *rows) {
	n := u.source.time
	r.timed = true // in any case: an error about it is enough
	b, bad := c.bind(n, r, nil)
	if bad {
		r.tainted = names{eventTime: true}
		return
	}
	if t := b.Type(); !t.IsTimestamp() {
		text, hint := n.text, "use TO_TIMESTAMP or TO_TIMESTAMP_LTZ"
		switch {
		case t.IsNumeric():
			hint = "for milliseconds since 1970 write TO_TIMESTAMP_LTZ(" + text + ", 3); 0 instead of 3 is for seconds"
		case t.ID == stream.String:
			hint = "declare the field as timestamp_ltz, or write TO_TIMESTAMP(" + text + ")"
		case t.ID == stream.Date:
			hint = "write CAST(" + text + " AS TIMESTAMP)"
		}
		c.fail(n, "F075", fmt.Sprintf("the event time must be timestamp or timestamp_ltz, %s is %s", text, t.Nullable()), hint)
		r.tainted = names{eventTime: true}
		return
	}
	r.time = b.Type()
	if i, ok := b.Column(); ok {
		u.times.column = i
		return
	}
	if r.schema().Index(eventTime) >= 0 {
		c.fail(n, "F078", "the event time is computed into the column event_time, and the schema has a field of that name", "rename the field, or make it the event time: time: event_time")
		return
	}
	u.times.expr, u.times.computed = b, true
	t := b.Type()
	t.NotNull = true // a row whose time is NULL is an error
	r.cols = append(r.cols, stream.ColumnDef{Name: eventTime, Type: t})
}

// union is what a step sees: the rows of its input, or of several with the same columns.
func (c *compiler) union(u *unit) *rows {
	if u.lost || len(u.inputs) == 0 {
		return &rows{open: true, timed: true}
	}
	first := u.inputs[0].unit.ports[u.inputs[0].port]
	if first == nil {
		return &rows{open: true, timed: true}
	}
	out := *first
	out.cols = slices.Clone(first.cols)
	for _, in := range u.inputs[1:] {
		o := in.unit.ports[in.port]
		if o == nil {
			out.open = true
			continue
		}
		out.open = out.open || o.open
		out.timed = out.timed && o.timed
		for name := range o.tainted {
			if out.tainted == nil {
				out.tainted = make(names)
			}
			out.tainted[name] = true
		}
		if !out.open && len(out.tainted) == 0 {
			if diff := difference(u.inputs[0].ref.name, first, in.ref.name, o); diff != "" {
				c.failRef(in.ref, "F073", fmt.Sprintf("%s and %s have different columns: %s", u.inputs[0].ref.name, in.ref.name, diff),
					"make them equal with select in a step before")
				out.open = true
			}
		}
		s := o.schema()
		for i := range out.cols {
			if j := s.Index(out.cols[i].Name); j >= 0 && !s.Columns[j].Type.NotNull {
				out.cols[i].Type.NotNull = false
			}
		}
		out.hidden = slices.DeleteFunc(slices.Clone(out.hidden), func(h stream.ColumnDef) bool {
			j := slices.IndexFunc(o.hidden, func(x stream.ColumnDef) bool { return x.Name == h.Name && x.Type.Same(h.Type) })
			return j < 0
		})
	}
	return &out
}

// difference says how the columns of a and b differ, "" if they do not. Order and nullability do not count.
func difference(an string, a *rows, bn string, b *rows) string {
	var parts []string
	find := func(cols []stream.ColumnDef, name string) *stream.ColumnDef {
		for i := range cols {
			if cols[i].Name == name {
				return &cols[i]
			}
		}
		return nil
	}
	for _, col := range a.cols {
		switch o := find(b.cols, col.Name); {
		case o == nil:
			parts = append(parts, fmt.Sprintf("only %s has %s", an, col.Name))
		case !o.Type.Same(col.Type):
			parts = append(parts, fmt.Sprintf("%s is %s in %s and %s in %s", col.Name, col.Type.Nullable(), an, o.Type.Nullable(), bn))
		}
	}
	for _, col := range b.cols {
		if find(a.cols, col.Name) == nil {
			parts = append(parts, fmt.Sprintf("only %s has %s", bn, col.Name))
		}
	}
	if len(parts) > 4 {
		parts = append(parts[:4], fmt.Sprintf("%d more", len(parts)-4))
	}
	return strings.Join(parts, "; ")
}

// qualifiers are the names of inputs that may stand before a field.
func (u *unit) qualifiers() []string {
	var out []string
	for _, in := range u.inputs {
		if in.port == stream.PortMain {
			out = append(out, in.unit.Name)
		}
	}
	return out
}

// has says whether a key was written with a usable value.
func (u *unit) has(key string) bool { return u.own[key] != nil && u.Config.IsSet(key) }

// written is the node of a key, nil if it has no usable value.
func (u *unit) written(key string) *node {
	if !u.has(key) {
		return nil
	}
	return u.own[key]
}

func (c *compiler) analyseTransform(u *unit) {
	l := &logic{}
	u.logic = l
	quals := u.qualifiers()
	l.where = c.condition(u.written("where"), u.in, quals)
	c.combinations(u)
	if u.opaque {
		// A key of a later version changes what the columns are; expressions are still checked for syntax.
		for _, key := range []string{"having"} {
			c.parse(u.written(key))
		}
		for _, key := range []string{"group_by", "aggregate", "select", "add"} {
			for _, it := range c.items(u.written(key), key) {
				if e := c.parse(it.expr); e != nil {
					_, calls := expr.SplitAggregates(e)
					c.laterCalls(it.expr, calls)
				}
			}
		}
		u.ports[stream.PortMain] = &rows{open: true, timed: true}
		u.ports[stream.PortLate] = u.in
		return
	}
	res := &rows{cols: u.in.cols, hidden: u.in.hidden, tainted: u.in.tainted, open: u.in.open, timed: u.in.timed, time: u.in.time}
	if u.own["window"] != nil {
		l.windowed = true
		c.analyseWindow(u, l, quals)
		u.ports[stream.PortLate] = u.in
		res = l.res
	}
	l.res = res
	c.outputs(u, l, quals)
}

// condition reads where or having.
func (c *compiler) condition(n *node, r *rows, quals []string) *expr.Bound {
	if n == nil {
		return nil
	}
	b, bad := c.bind(n, r, quals)
	if bad {
		return nil
	}
	if b.Type().ID != stream.Boolean {
		c.fail(n, expr.CodeType, fmt.Sprintf("this must be BOOLEAN, it is %s", b.Type().Nullable()), "compare it with something: = <> < > IS NOT NULL")
		return nil
	}
	return b
}

// combinations checks which keys go together.
func (c *compiler) combinations(u *unit) {
	key := func(name string) *node { return u.own[name] }
	windowed, grouped := key("window") != nil, key("aggregate") != nil || key("group_by") != nil
	if !windowed && grouped && !u.opaque {
		name := "aggregate"
		if key(name) == nil {
			name = "group_by"
		}
		c.fail(keyNode(u, name), "F090", name+" without window is part of the language, but not of this version of flowd", "add a window, for example window: {tumble: 1m}")
		u.opaque = true
	}
	if u.opaque {
		return
	}
	switch {
	case windowed && !grouped && key("top") == nil:
		c.fail(keyNode(u, "window"), "F079", "a window needs something to do: aggregate, group_by or top", "for example aggregate: {num: COUNT(*)}")
		u.opaque = true
	case !windowed && key("top") != nil:
		c.fail(keyNode(u, "top"), "F080", "top needs a window", "for example window: {tumble: 1m}")
		u.opaque = true
	case key("having") != nil && !grouped:
		c.fail(keyNode(u, "having"), "F079", "having is about aggregated rows, and there is no aggregate", "write where for a condition on input rows")
		u.opaque = true
	}
	if !windowed && key("late") != nil {
		c.fail(keyNode(u, "late"), "F020", "late is about windows, and there is none", "remove it")
	}
	for _, other := range []string{"add", "drop"} {
		if key("select") != nil && key(other) != nil {
			c.fail(keyNode(u, other), "F020", "select says exactly which columns there are; "+other+" cannot change them", "put it into select")
		}
	}
}

// keyNode is the key of a step as it is written.
func keyNode(u *unit, name string) *node {
	v := u.own[name]
	// The key stands before its value; find it through the step's map.
	for _, p := range u.pairs {
		if p.key.text == name {
			return p.key
		}
	}
	return v
}

func (c *compiler) analyseWindow(u *unit, l *logic, quals []string) {
	c.assigner(u, l)
	if !u.in.timed {
		hint := "add time: to the source"
		if s := untimed(u); s != "" {
			hint = "add time: to " + s
		}
		c.fail(keyNode(u, "window"), "F076", "a window needs event time, and the rows of "+u.Name+" have none", hint)
	}
	grouped := u.own["aggregate"] != nil || u.own["group_by"] != nil
	l.ranks = !grouped
	bounds := window.OutputSchema(nil, nil, u.in.time).Columns
	l.res = &rows{tainted: make(names), open: u.in.open, timed: true, time: bounds[1].Type}
	if l.ranks {
		l.top = c.ranking(u, u.in, quals)
		l.res.cols = append(slices.Clone(u.in.cols), bounds...)
		for name := range u.in.tainted {
			l.res.tainted[name] = true
		}
		c.unique(append(columnsOf(u.in.cols, nil), columnsOf(bounds, keyNode(u, "window"))...))
		return
	}
	var bad names
	l.keys, bad = c.columns(u.written("group_by"), "group_by", u.in, quals)
	for name := range bad {
		l.res.tainted[name] = true
	}
	l.keys = c.unique(l.keys)
	for _, k := range l.keys {
		if k.t.Kind() == stream.KindList {
			c.fail(k.at, expr.CodeType, fmt.Sprintf("rows cannot be grouped by %s", k.t.Nullable()), "group by one of its elements")
		}
	}
	c.aggregates(u, l, quals, bounds)
	l.having = c.condition(u.written("having"), l.res, nil)
	if u.own["top"] != nil {
		l.top = c.ranking(u, l.res, nil)
	}
}

func columnsOf(defs []stream.ColumnDef, at *node) []column {
	var out []column
	for i, d := range defs {
		out = append(out, column{d.Name, d.Type, i, nil, at})
	}
	return out
}

// untimed is the name of a source without event time behind u.
func untimed(u *unit) string {
	if u.source != nil {
		if !u.ports[stream.PortMain].timed {
			return u.Name
		}
		return ""
	}
	for _, in := range u.inputs {
		if s := untimed(in.unit); s != "" {
			return s
		}
	}
	return ""
}

func (c *compiler) assigner(u *unit, l *logic) {
	cfg := u.transform.window
	n := u.own["window"]
	if cfg == nil || n == nil || n.kind != mapNode {
		return
	}
	at := keyNode(u, "window")
	own := c.spec.nodes[cfg]
	const how = "for a fixed window write {tumble: 1m}, for a sliding one {slide: 10s, every: 2s}"
	ms := func(key string) int64 { return int64(cfg.Duration(key) / time.Millisecond) }
	tumble, slide, every := own["tumble"], own["slide"], own["every"]
	switch {
	case tumble != nil && slide != nil:
		c.fail(slide, "F012", "a window has either tumble or slide", how)
		return
	case tumble == nil && slide == nil:
		if every != nil || len(n.pairs) == 0 || !unknownKeys(n, own) {
			c.fail(at, "F012", "window needs exactly one of tumble, slide", how)
		}
		return
	case tumble != nil && every != nil:
		c.fail(every, "F012", "every belongs to slide: a tumbling window begins when the last one ends", "write {slide: "+tumble.text+", every: "+every.text+"} for windows that overlap")
		return
	case slide != nil && every == nil:
		c.fail(slide, "F012", "slide needs every: how often a window begins", "for example {slide: "+slide.text+", every: 2s}")
		return
	}
	a := window.Assigner{Size: ms("tumble"), Every: ms("tumble"), Offset: ms("offset")}
	size := tumble
	if slide != nil {
		a.Size, a.Every, size = ms("slide"), ms("every"), slide
	}
	bad := false
	for _, key := range []string{"tumble", "slide", "every"} {
		if own[key] != nil && !cfg.IsSet(key) {
			return // reported
		}
		if own[key] != nil && ms(key) == 0 {
			c.fail(own[key], "F012", key+" must be longer than nothing", "")
			bad = true
		}
	}
	switch {
	case bad:
		return
	case a.Every > a.Size:
		c.fail(every, "F012", fmt.Sprintf("every %s is longer than slide %s: rows between two windows would belong to none", every.text, slide.text), "make every the shorter one")
		return
	case a.Size%a.Every != 0:
		c.fail(every, "F012", fmt.Sprintf("every %s does not divide slide %s", every.text, slide.text), "windows are put together from slices of every")
		return
	case a.Size/a.Every > 100:
		c.r.add(size.src, warn(size.diag("F082", fmt.Sprintf("each window is merged from %d slices (slide ÷ every)", a.Size/a.Every), "up to 100 cost little; a longer every is cheaper")))
	}
	l.assigner = a
}

// unknownKeys says whether a map has keys that the decoder did not know, and so has reported.
func unknownKeys(n *node, own map[string]*node) bool {
	return slices.ContainsFunc(n.pairs, func(p pair) bool { return own[p.key.text] == nil })
}

// laterCalls reports aggregate functions of a later version; it says whether there were any.
func (c *compiler) laterCalls(n *node, calls []expr.Call) bool {
	found := false
	for _, call := range calls {
		var what string
		switch {
		case call.Func == "FIRST_VALUE" || call.Func == "LAST_VALUE":
			what = call.Func
		case call.Distinct && call.Func != "MIN" && call.Func != "MAX":
			what = call.Func + "(DISTINCT …)"
		default:
			continue
		}
		found = true
		c.r.add(n.src, n.diagAt(call.Off, call.Len, "F090", what+" is part of the language, but not of this version of flowd", "this version has COUNT, SUM, AVG, MIN and MAX"))
	}
	return found
}

// aggregates types the aggregate list and with it the results of the window.
func (c *compiler) aggregates(u *unit, l *logic, quals []string, bounds []stream.ColumnDef) {
	type entry struct {
		item
		rest  *expr.Expr
		calls []expr.Call
	}
	var list []entry
	composite := false
	for _, it := range c.items(u.written("aggregate"), "aggregate") {
		if c.r.full() {
			break
		}
		if it.expr == nil {
			l.res.tainted[it.name] = true
			c.r.add(it.at.src, it.at.diagAt(it.off, it.len, "F079", it.name+" is no aggregate", "a column to group by stands under group_by; an aggregate is written name: MAX("+it.name+")"))
			continue
		}
		e := c.parse(it.expr)
		if e == nil {
			l.res.tainted[it.name] = true
			continue
		}
		rest, calls := expr.SplitAggregates(e)
		switch {
		case c.laterCalls(it.expr, calls):
			l.res.tainted[it.name] = true
			continue
		case len(calls) == 0:
			c.fail(it.expr, "F079", "there is no aggregate function in "+it.name, "this version has COUNT, SUM, AVG, MIN and MAX; a column to group by stands under group_by")
			l.res.tainted[it.name] = true
			continue
		}
		name, plain := rest.Name()
		composite = composite || !plain || len(calls) != 1 || name != calls[0].Name
		list = append(list, entry{it, rest, calls})
	}
	calls := make(map[string]bool)
	failed := make(names)
	add := func(it item, call expr.Call, name string) bool {
		a, ok := c.call(it.expr, call, u.in, quals)
		if !ok {
			return false
		}
		a.name = name
		l.aggs = append(l.aggs, a)
		return true
	}
	for _, e := range list {
		for _, call := range e.calls {
			name := e.name
			if composite {
				if name = call.Name; calls[name] || failed[name] {
					continue
				}
			}
			if add(e.item, call, name) {
				calls[call.Name] = true
			} else {
				failed[call.Name] = true
				if !composite {
					l.res.tainted[e.name] = true
				}
			}
		}
	}
	groups := defs(l.keys)
	var aggs []stream.ColumnDef
	for _, a := range l.aggs {
		aggs = append(aggs, stream.ColumnDef{Name: a.name, Type: a.spec.Type})
	}
	made := window.OutputSchema(groups, aggs, u.in.time).Columns
	if !composite {
		cols := columnsOf(made[:len(groups)], nil)
		for i, e := range l.keys {
			cols[i].at = e.at
		}
		for i, a := range l.aggs {
			at := u.own["aggregate"]
			for _, e := range list {
				if e.name == a.name {
					at = e.at
				}
			}
			cols = append(cols, column{a.name, a.spec.Type, len(groups) + i, nil, at})
		}
		l.res.cols = made
		if u := c.unique(append(columnsOf(bounds, nil), cols...)); len(u) < len(made) {
			l.res.cols = defs(u)
		}
		return
	}
	l.mid = &rows{cols: made, tainted: failed, open: u.in.open || len(failed) > 0, timed: true, time: l.res.time}
	cols := columnsOf(groups, nil)
	for i := range l.keys {
		cols[i].at = l.keys[i].at
	}
	for _, e := range list {
		b, bad := c.bindExpr(e.expr, e.rest, l.mid, nil)
		if bad {
			l.res.tainted[e.name] = true
			continue
		}
		col := column{e.name, b.Type(), -1, b, e.at}
		if i, ok := b.Column(); ok {
			col.from, col.expr = i, nil
		}
		cols = append(cols, col)
	}
	for i, b := range bounds {
		cols = append(cols, column{b.Name, b.Type, len(made) - 2 + i, nil, nil})
	}
	// A name that clashes with window_start is told at the name, which therefore comes second.
	c.unique(append(cols[len(cols)-2:len(cols):len(cols)], cols[:len(cols)-2]...))
	l.composites = cols
	l.res.cols = defs(cols)
}

// call types one aggregate call.
func (c *compiler) call(n *node, call expr.Call, in *rows, quals []string) (aggColumn, bool) {
	a := aggColumn{text: call.Name}
	spec := aggregate.Call{Func: call.Func, Star: call.Star, Distinct: call.Distinct, Grouped: true}
	if !call.Star {
		if call.Arg == nil {
			c.r.add(n.src, n.diagAt(call.Off, call.Len, expr.CodeArgs, fmt.Sprintf("%s takes one argument, not %d", call.Func, call.Args), ""))
			return a, false
		}
		b, bad := c.bindExpr(n, call.Arg, in, quals)
		if bad {
			return a, false
		}
		a.arg, spec.Arg = b, b.Type()
	}
	s, err := aggregate.Resolve(spec)
	if err != nil {
		c.r.add(n.src, n.diagAt(call.Off, call.Len, expr.CodeType, err.Error(), ""))
		return a, false
	}
	a.spec = s
	if !s.NeedsArg() {
		a.arg = nil
	}
	return a, true
}

// ranking reads top over r.
func (c *compiler) ranking(u *unit, r *rows, quals []string) *ranking {
	cfg := u.transform.top
	n := u.own["top"]
	if cfg == nil || n.kind != mapNode {
		return nil
	}
	own := c.spec.nodes[cfg]
	t := &ranking{n: int(cfg.Int("n")), ties: cfg.String("ties") == "keep"}
	if cfg.IsSet("n") && (t.n < 1 || t.n > 1<<20) {
		c.fail(own["n"], "F080", "n must be 1 to 1048576, not "+cfg.String("n"), "")
	}
	t.text = fmt.Sprintf("top %d by %s", t.n, strings.Join(strings.Fields(cfg.String("by")), " "))
	if by := own["by"]; by != nil && cfg.IsSet("by") {
		off := 0
		for part := range strings.SplitSeq(by.text, ",") {
			c.order1(by, part, off, r, quals, t)
			off += len(part) + 1
		}
	}
	if per := own["per"]; per != nil && cfg.IsSet("per") {
		for _, it := range c.items(per, "per") {
			if it.expr != nil {
				c.fail(it.expr, "F080", "per takes names of columns", "compute the column in a step before")
				continue
			}
			cols, _ := c.lookup(it, r, quals)
			for _, i := range cols {
				if i >= len(r.cols) {
					continue
				}
				if r.cols[i].Type.Kind() == stream.KindList {
					c.fail(it.at, expr.CodeType, fmt.Sprintf("rows cannot be grouped by %s", r.cols[i].Type.Nullable()), "")
				}
				t.per = append(t.per, i)
			}
		}
	}
	return t
}

// order1 reads one name of by, with asc or desc behind it.
func (c *compiler) order1(n *node, part string, off int, r *rows, quals []string, t *ranking) {
	name := strings.TrimSpace(part)
	at := off + len(part) - len(strings.TrimLeft(part, " \t\n"))
	desc := false
	if i := strings.LastIndexAny(name, " \t\n"); i >= 0 {
		switch strings.ToLower(name[i+1:]) {
		case "desc":
			desc, name = true, strings.TrimSpace(name[:i])
		case "asc":
			name = strings.TrimSpace(name[:i])
		}
	}
	e, errs := expr.Parse(name)
	for _, e := range errs {
		c.r.add(n.src, n.diagAt(at+e.Off, e.Len, e.Code, e.Msg, "write by: name desc"))
	}
	if len(errs) > 0 {
		return
	}
	b, errs := e.Bind(&expr.Scope{Schema: r.schema(), Qualifiers: quals, Vars: c.spec.Vars})
	for _, e := range errs {
		if e.Code == expr.CodeField && c.follows(name, e, r) {
			continue
		}
		c.r.add(n.src, n.diagAt(at+e.Off, e.Len, e.Code, e.Msg, e.Hint))
	}
	if len(errs) > 0 {
		return
	}
	if k := b.Type().Kind(); k == stream.KindList || b.Type().ID == stream.Bytes {
		c.r.add(n.src, n.diagAt(at, len(name), expr.CodeType, fmt.Sprintf("rows cannot be ordered by %s", b.Type().Nullable()), "order by a number, text or time"))
		return
	}
	t.by = append(t.by, ordering{b, desc})
}

// outputs types select, add and drop.
func (c *compiler) outputs(u *unit, l *logic, quals []string) {
	res := l.res
	if l.windowed {
		quals = nil
		if l.ranks {
			quals = u.qualifiers()
		}
	}
	out := &rows{tainted: make(names), open: res.open, timed: res.timed, time: res.time}
	u.ports[stream.PortMain] = out
	all := columnsOf(res.cols, nil)
	for name := range res.tainted {
		out.tainted[name] = true
	}
	switch {
	case u.own["select"] != nil:
		l.project = true
		cols, bad := c.columns(u.written("select"), "select", res, quals)
		out.open = false
		if !u.has("select") {
			out.open = true
		}
		for _, col := range cols {
			delete(out.tainted, col.name)
		}
		for name := range bad {
			out.tainted[name] = true
		}
		if n := u.written("select"); n != nil && len(cols) == 0 && len(bad) == 0 && !c.r.failed() {
			c.fail(n, "F081", "select names no column", "")
		}
		l.cols = c.unique(cols)
	default:
		l.cols = all
		if n := u.written("add"); n != nil {
			l.project = true
			cols, bad := c.columns(n, "add", res, quals)
			for name := range bad {
				out.tainted[name] = true
				l.cols = slices.DeleteFunc(l.cols, func(o column) bool { return o.name == name })
			}
			for _, col := range c.unique(cols) {
				delete(out.tainted, col.name)
				if i := slices.IndexFunc(l.cols, func(o column) bool { return o.name == col.name }); i >= 0 {
					l.cols[i] = col
				} else {
					l.cols = append(l.cols, col)
				}
			}
		}
		if n := u.written("drop"); n != nil {
			l.project = true
			c.drop(n, l, out)
		}
	}
	out.cols = defs(l.cols)
}

func (c *compiler) drop(n *node, l *logic, out *rows) {
	r := &rows{cols: defs(l.cols), tainted: out.tainted, open: out.open}
	gone := make(names)
	for _, it := range c.items(n, "drop") {
		if it.expr != nil {
			c.fail(it.expr, "F081", "drop takes names of columns", "")
			continue
		}
		cols, _ := c.lookup(it, r, nil)
		for _, i := range cols {
			gone[r.cols[i].Name] = true
		}
		delete(out.tainted, it.name)
	}
	l.cols = slices.DeleteFunc(l.cols, func(col column) bool { return gone[col.name] })
	if len(l.cols) == 0 && !r.open && len(r.tainted) == 0 {
		c.fail(n, "F081", "no column is left", "drop fewer columns")
	}
}
