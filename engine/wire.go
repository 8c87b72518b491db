package engine

import (
	"context"
	"time"

	"flowd/pipeline"
	"flowd/stream"
)

// NewJob makes the tasks and channels of g. Nothing runs yet.
func (g *Graph) NewJob() *Job {
	j := &Job{
		graph: g, byNode: make([][]*node, len(g.plan.Nodes)), begin: time.Now(),
		opened: make(chan struct{}), stopping: make(chan struct{}),
	}
	for id, spec := range g.tasks {
		for i := range spec.parallelism {
			j.addTask(id, spec, i)
		}
	}
	for n := range g.plan.Nodes {
		j.wire(n)
	}
	j.addSources()
	j.opening.Store(int32(len(j.tasks)))
	return j
}

func (j *Job) addTask(id int, spec taskSpec, instance int) {
	g := j.graph
	t := &task{job: j, id: id, instance: instance, meter: meter{base: time.Now()}}
	t.holder.Store(-1)
	limit := g.outputs(spec)*3 + 2
	for _, i := range spec.nodes {
		p := g.plan.Nodes[i]
		n := &node{plan: p, task: t, stats: &stream.Stats{}}
		n.stats.Watermark.Store(stream.MinWatermark)
		n.ctx = stream.Context{
			Ctx: context.Background(), Job: g.plan.Name, Step: p.Step, Instance: instance, Parallelism: p.Parallelism,
			Log:   g.cfg.Logger.With().Str("job", g.plan.Name).Str("step", p.Step).Int("instance", instance).Logger(),
			Stats: n.stats, OnError: p.OnError, HashSeed: g.cfg.HashSeed, BatchRows: g.cfg.BatchRows, PoolLimit: limit,
		}
		if p.Stateful {
			n.ctx.StateBytes = g.state
		}
		if t.nodes = append(t.nodes, n); len(t.nodes) == 1 {
			t.meter.stats = n.stats
		}
		j.byNode[i] = append(j.byNode[i], n)
	}
	j.tasks = append(j.tasks, t)
}

// wire connects the inputs of node i of the plan. Nodes come in the order of the plan, so the senders are there.
func (j *Job) wire(i int) {
	p := j.graph.plan.Nodes[i]
	if j.graph.chained(p) {
		e := p.Inputs[0]
		for k, n := range j.byNode[i] {
			j.byNode[e.Node][k].ports[e.Port].chained = n
		}
		return
	}
	for _, n := range j.byNode[i] {
		j.addInputs(n.task, p)
	}
	for k, e := range p.Inputs {
		for _, from := range j.byNode[e.Node] {
			j.connect(from, e, k, j.byNode[i])
		}
	}
}

// addInputs gives t its inputs and the channel they share.
func (j *Job) addInputs(t *task, p *pipeline.Node) {
	for k, e := range p.Inputs {
		for _, from := range j.byNode[e.Node] {
			if e.Exchange != pipeline.Forward || from.ctx.Instance == t.instance {
				t.inputs = append(t.inputs, input{edge: k, from: from.task})
			}
		}
	}
	count := len(t.inputs)
	if count == 0 { // a source
		return
	}
	t.live = count
	t.in = make(chan stream.Message, count*j.graph.cfg.ChannelPerInput)
	t.merge, t.align, t.aside = newMerger(count), newAligner(count), newSetAside(count)
}

// connect makes the sending end, at from, of input k of the receivers.
func (j *Job) connect(from *node, e pipeline.Edge, k int, receivers []*node) {
	out := &edge{from: from, exchange: e.Exchange, key: e.Key}
	for i, to := range receivers {
		if e.Exchange == pipeline.Forward && i != from.ctx.Instance {
			continue
		}
		for number, in := range to.task.inputs {
			if in.edge == k && in.from == from.task {
				out.dests = append(out.dests, dest{ch: to.task.in, input: int32(number)})
			}
		}
	}
	if count := len(out.dests); e.Exchange == pipeline.Keyed && count > 1 {
		out.seed = j.graph.cfg.HashSeed
		out.hashes = stream.NewPool(noColumns, from.ctx.BatchRows, from.ctx.PoolLimit)
		out.owner = newOwners(count)
		out.parts = make([]part, count)
		j.own(out.hashes)
	}
	if count := len(out.dests); e.Exchange == pipeline.Rebalance {
		out.turn = from.ctx.Instance % count
	}
	p := &from.ports[e.Port]
	p.edges = append(p.edges, out)
}

// addSources gives the heads that are sources what they share with each other.
func (j *Job) addSources() {
	groups := map[int][]*source{}
	aligned := map[int]bool{}
	for i, p := range j.graph.plan.Nodes {
		if p.Kind != pipeline.SourceNode {
			continue
		}
		share := &sharedSource{source: p.Source, node: j.byNode[i][0]}
		j.shared = append(j.shared, share)
		for _, n := range j.byNode[i] {
			n.task.source = newSource(n.task, n, share, p.Time)
			if p.Time != nil {
				groups[p.Time.AlignGroup] = append(groups[p.Time.AlignGroup], n.task.source)
				aligned[p.Time.AlignGroup] = aligned[p.Time.AlignGroup] || p.Time.Align > 0
			}
		}
	}
	for id, members := range groups {
		if !aligned[id] {
			continue
		}
		g := newAlignGroup(len(members))
		for i, s := range members {
			s.group, s.slot = g, &g.slots[i]
		}
	}
}

// own keeps a pool of the engine's for tests, which check that every batch has come back.
func (j *Job) own(p *stream.Pool) {
	j.pools.Lock()
	defer j.pools.Unlock()
	j.pools.list = append(j.pools.list, p)
}
