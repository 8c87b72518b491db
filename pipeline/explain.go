package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"flowd/stream"
)

// Explain is the text of `flowd plan`: the graph, what runs, the columns of each step, what each sink promises, and
// the pipeline with all defaults filled in. Equal inputs give equal texts; secrets are masked.
func Explain(p *Plan, spec *Spec) string {
	var b bytes.Buffer
	graph(&b, p)
	b.WriteString("\n")
	table := func(f func(w *tabwriter.Writer)) {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		f(w)
		w.Flush()
		b.WriteString("\n")
	}
	table(func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "step\tpart\t×\tinput\twhat it does")
		for _, n := range p.Nodes {
			var in []string
			for _, e := range n.Inputs { // the errors of a step come from all its parts
				if text := p.edgeText(e); !slices.Contains(in, text) {
					in = append(in, text)
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", n.Step, n.Role, n.Parallelism, strings.Join(in, " + "), n.Detail)
		}
	})
	table(func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "step\ttime\tcolumns (! is not null)")
		for _, u := range p.steps {
			if u.sink != nil {
				continue
			}
			n := p.Nodes[u.outs[stream.PortMain][0].Node]
			fmt.Fprintf(w, "%s\t%s\t%s\n", u.Name, u.timeText(), columnsText(n.Schemas[stream.PortMain]))
			if n := u.portNode(p, stream.PortLate); n != nil {
				fmt.Fprintf(w, "%s.late\t\t%s\n", u.Name, columnsText(n.Schemas[stream.PortLate]))
			}
			if u.readers[stream.PortErrors] > 0 {
				fmt.Fprintf(w, "%s.errors\t\t%s\n", u.Name, columnsText(stream.ErrorSchema))
			}
		}
	})
	table(func(w *tabwriter.Writer) {
		for i, line := range p.guarantees() {
			title := ""
			if i == 0 {
				title = "guarantee"
			}
			fmt.Fprintf(w, "%s\t%s\n", title, line)
		}
		fmt.Fprintf(w, "state\tat most %s in memory; nothing is kept when the job ends\n", bytesText(p.StateMemory))
	})
	b.WriteString("with all defaults\n\n")
	for line := range strings.Lines(writeYAML(spec)) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	text := spec.report.scrub(b.String())
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimRight(line, " \n"))
		out.WriteString("\n")
	}
	return out.String()
}

func (u *unit) portNode(p *Plan, port int) *Node {
	if len(u.outs[port]) == 0 {
		return nil
	}
	return p.Nodes[u.outs[port][0].Node]
}

func (u *unit) timeText() string {
	switch {
	case u.source == nil:
		if u.logic.windowed {
			return "window_end - 1ms"
		}
		if u.in.timed {
			return "of its input"
		}
		return "none"
	case u.times.expr != nil:
		return u.times.expr.String()
	case u.times.column >= 0:
		return u.ports[stream.PortMain].schema().Columns[u.times.column].Name
	case u.times.record:
		return "of the record"
	}
	return "none"
}

func columnsText(s *stream.Schema) string {
	if len(s.Columns) == 0 {
		return "(none is read)"
	}
	var list []string
	for _, c := range s.Columns {
		if strings.HasPrefix(c.Name, keyColumn("")) {
			continue
		}
		t := c.Type.Nullable().String()
		if c.Type.NotNull {
			t += "!"
		}
		list = append(list, c.Name+" "+t)
	}
	return strings.Join(list, ", ")
}

// edgeText describes an input for people.
func (p *Plan) edgeText(e Edge) string {
	from := p.Nodes[e.Node]
	s := from.Step
	if e.Port != stream.PortMain {
		s += "." + portNames[e.Port]
	}
	switch e.Exchange {
	case Keyed:
		var keys []string
		for _, k := range e.Key {
			keys = append(keys, strings.TrimPrefix(from.Schemas[e.Port].Columns[k].Name, keyColumn("")))
		}
		s += " by key " + strings.Join(keys, ", ")
	case Rebalance:
		s += " in turn"
	}
	return s
}

// String names the exchange.
func (e Exchange) String() string { return [...]string{"forward", "keyed", "rebalance"}[e] }

func (p *Plan) guarantees() []string {
	var out []string
	for _, u := range p.steps {
		if u.sink == nil {
			continue
		}
		switch {
		case u.sink.Delivery == "none":
			out = append(out, u.Name+": none, rows may be lost")
		case !u.Config.IsSet("delivery"):
			out = append(out, u.Name+": at least once while the job runs, because delivery is not set; after a crash a run begins at start again")
		default:
			out = append(out, u.Name+": at least once while the job runs; after a crash a run begins at start again")
		}
	}
	return out
}

// graph draws the steps: the first reader of a step goes on in its line, the others below.
func graph(b *bytes.Buffer, p *Plan) {
	type reader struct {
		u    *unit
		port int
	}
	readers := make(map[*unit][]reader)
	for _, u := range p.steps {
		for _, in := range u.inputs {
			readers[in.unit] = append(readers[in.unit], reader{u, in.port})
		}
	}
	drawn := make(map[*unit]bool)
	var draw func(u *unit, prefix string)
	draw = func(u *unit, prefix string) {
		text := u.Name
		if drawn[u] {
			b.WriteString(text + " (above)\n")
			return
		}
		drawn[u] = true
		if s := u.short(); s != "" {
			text += " (" + s + ")"
		}
		b.WriteString(text)
		list := readers[u]
		if len(list) == 0 {
			b.WriteString("\n")
			return
		}
		prefix += strings.Repeat(" ", utf8.RuneCountInString(text)+1)
		for i, r := range list {
			arrow := "─▶ "
			if r.port != stream.PortMain {
				arrow = "─ " + portNames[r.port] + " ─▶ "
			}
			below := prefix
			switch {
			case i == 0 && len(list) == 1:
				b.WriteString(" " + arrow)
				below += strings.Repeat(" ", utf8.RuneCountInString(arrow))
			case i == 0:
				b.WriteString(" ┬" + arrow)
				below += "│" + strings.Repeat(" ", utf8.RuneCountInString(arrow))
			case i == len(list)-1:
				b.WriteString(prefix + "└" + arrow)
				below += " " + strings.Repeat(" ", utf8.RuneCountInString(arrow))
			default:
				b.WriteString(prefix + "├" + arrow)
				below += "│" + strings.Repeat(" ", utf8.RuneCountInString(arrow))
			}
			draw(r.u, below)
		}
	}
	for _, u := range p.steps {
		if u.source != nil {
			draw(u, "")
		}
	}
}

// short is a word or two about a step for the graph.
func (u *unit) short() string {
	switch {
	case u.source != nil:
		return u.source.Connector
	case u.sink != nil:
		return u.sink.Connector + ", " + strings.ReplaceAll(u.sink.Delivery, "_", " ")
	case u.logic.windowed:
		return windowText(u.logic.assigner)
	}
	return ""
}

// millis writes ms as the language does.
func millis(ms int64) string { return durationText(time.Duration(ms) * time.Millisecond) }

func durationText(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= u.unit && d%u.unit == 0 {
			return fmt.Sprintf("%d%s", d/u.unit, u.name)
		}
	}
	if d == 0 {
		return "0s"
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

func bytesText(n int64) string {
	for _, u := range []struct {
		shift uint
		name  string
	}{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d%s", n>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}

type jsonPlan struct {
	Name        string     `json:"name"`
	Parallelism int        `json:"parallelism"`
	StateMemory int64      `json:"state_memory"`
	Nodes       []jsonNode `json:"nodes"`
	Guarantee   []string   `json:"guarantee"`
	YAML        string     `json:"yaml"` // with all defaults
}

type jsonNode struct {
	ID          int                     `json:"id"`
	Step        string                  `json:"step"`
	Part        string                  `json:"part"`
	Kind        string                  `json:"kind"`
	What        string                  `json:"what"`
	Parallelism int                     `json:"parallelism"`
	OnError     string                  `json:"on_error"`
	Inputs      []jsonEdge              `json:"inputs"`
	Outputs     map[string][]jsonColumn `json:"outputs"` // by port: main, late, errors
	Watermark   *jsonTime               `json:"watermark,omitempty"`
}

type jsonEdge struct {
	Node     int      `json:"node"`
	Port     string   `json:"port"`
	Exchange string   `json:"exchange"`
	Key      []string `json:"key,omitempty"`
}

type jsonColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	NotNull bool   `json:"not_null"`
}

type jsonTime struct {
	DelayMS    int64 `json:"delay_ms"`
	IdleMS     int64 `json:"idle_ms"`
	MaxAheadMS int64 `json:"max_ahead_ms"`
	AlignMS    int64 `json:"align_ms"`
	GranuleMS  int64 `json:"granule_ms"`
	Group      int   `json:"align_group"`
}

// PlanJSON is the plan for programs.
func PlanJSON(p *Plan, spec *Spec) ([]byte, error) {
	j := jsonPlan{Name: p.Name, Parallelism: p.Parallelism, StateMemory: p.StateMemory, Guarantee: p.guarantees(), YAML: writeYAML(spec)}
	port := func(i int) string {
		if i == stream.PortMain {
			return "main"
		}
		return portNames[i]
	}
	for _, n := range p.Nodes {
		jn := jsonNode{
			ID: n.ID, Step: n.Step, Part: n.Role, Kind: n.Kind.String(), What: n.Detail, Parallelism: n.Parallelism,
			OnError: [...]string{"fail", "drop", "divert"}[n.OnError], Inputs: []jsonEdge{}, Outputs: make(map[string][]jsonColumn),
		}
		for _, e := range n.Inputs {
			je := jsonEdge{Node: e.Node, Port: port(e.Port), Exchange: e.Exchange.String()}
			for _, k := range e.Key {
				je.Key = append(je.Key, p.Nodes[e.Node].Schemas[e.Port].Columns[k].Name)
			}
			jn.Inputs = append(jn.Inputs, je)
		}
		for i, s := range n.Schemas {
			if s == nil {
				continue
			}
			cols := []jsonColumn{}
			for _, c := range s.Columns {
				cols = append(cols, jsonColumn{c.Name, c.Type.Nullable().String(), c.Type.NotNull})
			}
			jn.Outputs[port(i)] = cols
		}
		if t := n.Time; t != nil {
			jn.Watermark = &jsonTime{t.Delay.Milliseconds(), t.Idle.Milliseconds(), t.MaxAhead.Milliseconds(), t.Align.Milliseconds(), t.Granule, t.AlignGroup}
		}
		j.Nodes = append(j.Nodes, jn)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(j); err != nil {
		return nil, fmt.Errorf("writing the plan: %w", err)
	}
	return []byte(spec.report.scrub(b.String())), nil
}

// String names the kind.
func (k NodeKind) String() string {
	return [...]string{SourceNode: "source", OperatorNode: "operator", SinkNode: "sink"}[k]
}
