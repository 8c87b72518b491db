package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"flowd/pipeline"
	"flowd/stream"
)

// Job is one run of a graph.
type Job struct {
	graph   *Graph
	tasks   []*task
	byNode  [][]*node // instances of each node of the plan
	shared  []*sharedSource
	state   atomic.Int32 // State
	begin   time.Time
	opening atomic.Int32 // tasks not yet open

	opened   chan struct{} // closed when every task is open
	stopping chan struct{} // closed by Stop
	stopOnce sync.Once

	// onAligned is called in the task, when it has processed everything before a barrier and nothing after.
	onAligned func(head *pipeline.Node, instance int, b stream.Barrier) error

	pools struct {
		sync.Mutex
		list []*stream.Pool // of sources and exchanges
	}
}

// State is where a job is in its life.
type State int32

// States of a job. Finished: every source has ended. Stopped: Stop was called. Cancelled: the context of Run ended.
const (
	Created State = iota
	Opening
	Running
	Stopping
	Finished
	Stopped
	Cancelled
	Failed
)

var stateNames = [...]string{"created", "opening", "running", "stopping", "finished", "stopped", "cancelled", "failed"}

func (s State) String() string { return stateNames[s] }

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

// Run runs the job and returns when every goroutine that it started has ended and everything it opened is closed. It
// returns nil when every source has ended or Stop was called and all that was read has been flushed, the context's
// error if that ended first, and otherwise the first failure, as a *StepError. A Job runs once.
func (j *Job) Run(ctx context.Context) error {
	if !j.state.CompareAndSwap(int32(Created), int32(Opening)) {
		return errors.New("a job runs once")
	}
	group, inner := errgroup.WithContext(ctx)
	for _, t := range j.tasks {
		t.ctx = inner
		for _, n := range t.nodes {
			n.ctx.Ctx = inner
		}
	}
	for _, t := range j.tasks {
		group.Go(func() (err error) {
			labels := pprof.Labels("job", j.graph.plan.Name, "step", t.nodes[0].plan.Step, "instance", strconv.Itoa(t.instance))
			pprof.Do(inner, labels, func(context.Context) { err = t.run() })
			return err
		})
	}
	log := j.graph.cfg.Logger.With().Str("job", j.graph.plan.Name).Logger()
	log.Info().Int("tasks", len(j.tasks)).Msg("job started")
	err := group.Wait()
	j.releaseAll()
	for _, s := range j.shared {
		if closing := s.close(); closing != nil && err == nil {
			err = closing
		}
	}
	err = j.ended(ctx, err)
	log.Info().AnErr("err", err).Stringer("state", State(j.state.Load())).Msg("job ended")
	return err
}

// ended settles the state that the job ended in.
func (j *Job) ended(ctx context.Context, err error) error {
	switch {
	case err == nil && j.isStopping():
		j.state.Store(int32(Stopped))
	case err == nil:
		j.state.Store(int32(Finished))
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		j.state.Store(int32(Cancelled))
		return context.Cause(ctx)
	default:
		j.state.Store(int32(Failed))
	}
	return err
}

// releaseAll lets go of what was under way when the tasks ended early.
func (j *Job) releaseAll() {
	for _, t := range j.tasks {
		if t.in == nil {
			continue
		}
		t.aside.release()
		for len(t.in) > 0 {
			if m := <-t.in; m.Batch != nil {
				m.Batch.Release()
			}
		}
	}
}

// taskOpened is called by each task once; the last lets the sources read.
func (j *Job) taskOpened() {
	if j.opening.Add(-1) == 0 {
		j.state.CompareAndSwap(int32(Opening), int32(Running))
		close(j.opened)
	}
}

// Stop makes the sources stop reading. What they have read flows through and is flushed; windows that are open stay
// open, because there is no final watermark. Run returns when that is done. Stop may be called at any time and again.
func (j *Job) Stop() {
	j.stopOnce.Do(func() { close(j.stopping) })
}

func (j *Job) isStopping() bool {
	select {
	case <-j.stopping:
		return true
	default:
		return false
	}
}

// TriggerBarrier has every source that has not ended send the barrier of checkpoint id to its receivers. It returns
// when all of them have taken it, or the context ends. Ids rise from call to call, and calls do not overlap.
func (j *Job) TriggerBarrier(ctx context.Context, id stream.CheckpointID) error {
	for _, t := range j.tasks {
		if t.source == nil {
			continue
		}
		select {
		case t.source.barriers <- stream.Barrier{Checkpoint: id}:
		case <-t.source.ended:
		case <-ctx.Done():
			return fmt.Errorf("triggering checkpoint %d: %w", id, context.Cause(ctx))
		}
	}
	return nil
}
