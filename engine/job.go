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

// Run runs the job and returns when every goroutine that it started has ended and everything it opened is closed. It
// returns nil when every source has ended or Stop was called and all that was read has been flushed, the context's
// error if that ended first, and otherwise the first failure, as a *StepError. A Job runs once.
func (j *Job) Run(ctx context.Context) error {
	if !j.state.CompareAndSwap(int32(Created), int32(Opening)) {
		return errors.New("a job runs once")
	}
	group, inner := errgroup.WithContext(ctx)
	for _, t := range j.tasks {
		t.ctx = inner //nolint:fatcontext // not nested: all tasks have the same context
		for _, n := range t.nodes {
			n.ctx.Ctx = inner //nolint:fatcontext // as above
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
	log.Info().AnErr("err", err).Stringer("state", j.ended(ctx, err)).Msg("job ended")
	if State(j.state.Load()) == Cancelled {
		return context.Cause(ctx)
	}
	return err
}

// ended settles the state that the job ended in.
func (j *Job) ended(ctx context.Context, err error) State {
	end := Failed
	switch {
	case err == nil && j.isStopping():
		end = Stopped
	case err == nil:
		end = Finished
	case ctx.Err() != nil: // not every client that is interrupted says so in its error
		end = Cancelled
	}
	j.state.Store(int32(end))
	return end
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
