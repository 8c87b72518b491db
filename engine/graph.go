package engine

import (
	"errors"
	"fmt"
	"strings"

	"flowd/pipeline"
	"flowd/state"
	"flowd/stream"
)

// Graph is a plan laid out in tasks. It is immutable, starts nothing, and can be printed.
type Graph struct {
	plan   *pipeline.Plan
	cfg    Config
	tasks  []taskSpec
	taskOf []int // task of each node of the plan
	// readers[n][p] are the edges that read port p of node n, in the order of the plan.
	readers [][stream.NumPorts][]reader
	state   int64 // bytes of state for each stateful instance
}

// taskSpec is a node and those chained behind it. Each of its instances is one goroutine.
type taskSpec struct {
	nodes       []int // the head first, then in the order of the plan
	parallelism int
}

// reader is the receiving end of an edge: input number of node.
type reader struct {
	node, input int
}

// Build checks plan and lays it out in tasks. The error names every fault found.
func Build(plan *pipeline.Plan, cfg Config) (*Graph, error) {
	if err := check(plan); err != nil {
		return nil, fmt.Errorf("building %s: %w", plan.Name, err)
	}
	g := &Graph{plan: plan, cfg: cfg.withDefaults(), taskOf: make([]int, len(plan.Nodes)), readers: make([][stream.NumPorts][]reader, len(plan.Nodes))}
	stateful := 0
	for i, n := range plan.Nodes {
		for k, e := range n.Inputs {
			rs := &g.readers[e.Node][e.Port]
			*rs = append(*rs, reader{i, k})
		}
		if n.Stateful {
			stateful += n.Parallelism
		}
	}
	if stateful > 0 {
		g.state = plan.StateMemory / int64(stateful)
	}
	for i, n := range plan.Nodes {
		if g.chained(n) {
			g.taskOf[i] = g.taskOf[n.Inputs[0].Node]
			t := &g.tasks[g.taskOf[i]]
			t.nodes = append(t.nodes, i)
			continue
		}
		g.taskOf[i] = len(g.tasks)
		g.tasks = append(g.tasks, taskSpec{nodes: []int{i}, parallelism: n.Parallelism})
	}
	return g, nil
}

// chained says whether n runs inside the task of its input: a call is cheaper than a channel where nothing is
// gained by a second goroutine.
func (g *Graph) chained(n *pipeline.Node) bool {
	if !n.Stateless || len(n.Inputs) != 1 {
		return false
	}
	e := n.Inputs[0]
	return e.Exchange == pipeline.Forward && len(g.readers[e.Node][e.Port]) == 1
}

// outputs counts the channels that an instance of t sends to.
func (g *Graph) outputs(t taskSpec) int {
	count := 0
	for _, n := range t.nodes {
		for _, rs := range g.readers[n] {
			for _, r := range rs {
				to := g.plan.Nodes[r.node]
				switch {
				case g.taskOf[r.node] == g.taskOf[n] && g.chained(to):
				case to.Inputs[r.input].Exchange == pipeline.Forward:
					count++
				default:
					count += to.Parallelism
				}
			}
		}
	}
	return count
}

// String writes one line for each task: its nodes, its parallelism and what it reads.
func (g *Graph) String() string {
	var sb strings.Builder
	for i, t := range g.tasks {
		fmt.Fprintf(&sb, "%d:", i)
		for k, n := range t.nodes {
			if k > 0 {
				sb.WriteString(" >")
			}
			fmt.Fprintf(&sb, " %s/%s", g.plan.Nodes[n].Step, g.plan.Nodes[n].Role)
		}
		fmt.Fprintf(&sb, " x%d", t.parallelism)
		for _, e := range g.plan.Nodes[t.nodes[0]].Inputs {
			fmt.Fprintf(&sb, " <-%d", g.taskOf[e.Node])
			if e.Exchange != pipeline.Forward {
				fmt.Fprintf(&sb, "(%s)", exchangeNames[e.Exchange])
			}
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}

var exchangeNames = [...]string{pipeline.Forward: "forward", pipeline.Keyed: "keyed", pipeline.Rebalance: "rebalance"}

// check finds faults of a plan. They are mistakes of whoever made the plan, not of the user.
func check(plan *pipeline.Plan) error {
	var errs []error
	names := map[string]bool{}
	for i, n := range plan.Nodes {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("node %d (%s/%s): %s", i, n.Step, n.Role, fmt.Sprintf(format, args...)))
		}
		if name := n.Step + "/" + n.Role; names[name] {
			bad("a second node of this step and role")
		} else {
			names[name] = true
		}
		if n.Parallelism < 1 || n.Parallelism > state.KeyGroups {
			bad("parallelism %d is not within 1 and %d", n.Parallelism, state.KeyGroups)
		}
		switch {
		case n.Kind == pipeline.SourceNode && (n.Source == nil || len(n.Inputs) > 0 || n.Schemas[stream.PortMain] == nil):
			bad("a source needs Source and a schema, and no inputs")
		case n.Kind == pipeline.OperatorNode && n.NewOperator == nil, n.Kind == pipeline.SinkNode && n.NewSink == nil:
			bad("nothing makes its instances")
		case n.Kind != pipeline.SourceNode && len(n.Inputs) == 0:
			bad("it has no inputs")
		case n.Kind < pipeline.SourceNode || n.Kind > pipeline.SinkNode:
			bad("unknown kind %d", n.Kind)
		}
		for k, e := range n.Inputs {
			if err := checkEdge(plan, i, e); err != nil {
				bad("input %d: %v", k, err)
			}
		}
	}
	return errors.Join(errs...)
}

func checkEdge(plan *pipeline.Plan, to int, e pipeline.Edge) error {
	if e.Node < 0 || e.Node >= to {
		return fmt.Errorf("node %d does not come before it", e.Node)
	}
	from := plan.Nodes[e.Node]
	if e.Port < 0 || e.Port >= stream.NumPorts || from.Schemas[e.Port] == nil {
		return fmt.Errorf("%s/%s has no port %d", from.Step, from.Role, e.Port)
	}
	switch e.Exchange {
	case pipeline.Forward:
		if from.Parallelism != plan.Nodes[to].Parallelism {
			return fmt.Errorf("forward from parallelism %d to %d", from.Parallelism, plan.Nodes[to].Parallelism)
		}
	case pipeline.Keyed:
		if len(e.Key) == 0 {
			return errors.New("keyed without a key")
		}
		for _, k := range e.Key {
			if k < 0 || k >= len(from.Schemas[e.Port].Columns) {
				return fmt.Errorf("no key column %d", k)
			}
		}
	case pipeline.Rebalance:
	default:
		return fmt.Errorf("unknown exchange %d", e.Exchange)
	}
	return nil
}
