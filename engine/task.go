package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"flowd/stream"
)

// task runs one instance of a node and of those chained behind it, in one goroutine.
type task struct {
	job      *Job
	id       int // of its taskSpec
	instance int
	nodes    []*node // the head first, each after the one it reads
	ctx      context.Context
	meter    meter

	source *source // the head is a source; otherwise:

	in      chan stream.Message
	inputs  []input
	merge   *merger
	align   *aligner
	aside   *setAside
	live    int          // inputs that have not ended
	tick    *time.Ticker // while waiting; nil if no instance wants to know
	holder  atomic.Int32 // merge.holder, for Status
	idleNow atomic.Bool
}

// input is where messages with its number come from.
type input struct {
	edge int // number of the input in the plan
	from *task
}

// run is the life of the task. It returns when everything the task opened is closed.
func (t *task) run() error {
	t.meter.waited()
	err := t.guard(t.open)
	if err == nil && t.source != nil {
		err = t.guard(t.source.announce)
	}
	if err == nil {
		t.job.taskOpened()
		if t.source != nil {
			err = t.guard(t.source.run)
		} else {
			err = t.guard(t.receive)
		}
	}
	return t.close(err)
}

// guard calls f and turns a panic into an error of the node that was running.
func (t *task) guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			n := t.meter.running
			if n == nil {
				n = t.nodes[0]
			}
			err = n.at(panicked(v))
		}
	}()
	return f()
}

// recovered calls f; a panic is a *PanicError.
func recovered(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	return f()
}

// panicked makes an error of what was recovered, while the stack still shows where.
func panicked(v any) *PanicError { return &PanicError{Value: v, Stack: debug.Stack()} }

func (t *task) open() error {
	if t.source != nil {
		if err := t.source.open(); err != nil {
			return t.nodes[0].at(err)
		}
	}
	for _, n := range t.nodes {
		t.meter.running = n
		if err := n.open(); err != nil {
			return err
		}
		if t.source == nil && t.tick == nil && n.drain() != nil {
			t.tick = time.NewTicker(refresh)
		}
	}
	t.meter.running = nil
	return nil
}

// close closes the instances, the last first. A failed Close fails a job that has not failed otherwise.
func (t *task) close(err error) error {
	cause := err
	if t.tick != nil {
		t.tick.Stop()
	}
	fail := func(n *node, f func() error) {
		t.meter.running = n
		closing := t.guard(f)
		if closing == nil {
			return
		}
		if cause == nil {
			cause = closing
			return
		}
		if !errors.Is(cause, closing) {
			n.ctx.Log.Warn().Err(closing).Msg("closing after a failure")
		}
	}
	for _, n := range slices.Backward(t.nodes) {
		fail(n, n.close)
	}
	if t.source != nil {
		fail(t.nodes[0], t.source.close)
	}
	return cause
}

// receive takes messages until every input has ended.
func (t *task) receive() error {
	for t.live > 0 {
		m, err := t.next()
		if err != nil {
			return err
		}
		if err := t.accept(m); err != nil {
			return err
		}
	}
	return t.end(t.merge.merged == stream.MaxWatermark)
}

// accept handles m, or sets it aside while its input is blocked, and then whatever m has set free.
func (t *task) accept(m stream.Message) error {
	if t.align.blocked[m.Input] {
		t.aside.add(m)
		return nil
	}
	if err := t.handle(m); err != nil {
		return err
	}
	if t.aside.count > 0 {
		return t.replay()
	}
	return nil
}

// next waits for a message. Before it waits, and now and then while it does, the instances may pass on what they hold and
// say what has become of what they passed on: without input a sink would not get to tell that it has failed.
func (t *task) next() (stream.Message, error) {
	if t.ctx.Err() != nil {
		return stream.Message{}, context.Cause(t.ctx)
	}
	select {
	case m := <-t.in:
		return m, nil
	default:
	}
	var tick <-chan time.Time
	if t.tick != nil {
		tick = t.tick.C
	}
	for {
		if err := t.drained(); err != nil {
			return stream.Message{}, err
		}
		t.meter.busy(t.meter.now())
		select {
		case m := <-t.in:
			t.meter.waited()
			return m, nil
		case <-tick:
			t.meter.waited()
		case <-t.ctx.Done():
			t.meter.waited()
			return stream.Message{}, context.Cause(t.ctx)
		}
	}
}

// replay handles what was set aside of inputs that are free again, until nothing is left that may be handled.
func (t *task) replay() error {
	for again := true; again; {
		again = false
		for i := range t.inputs {
			for t.aside.has(i) && !t.align.blocked[i] {
				again = true
				if err := t.handle(t.aside.take(i)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (t *task) handle(m stream.Message) error {
	i := int(m.Input)
	switch m.Kind {
	case stream.MsgBatch:
		err := t.nodes[0].process(t.inputs[i].edge, m.Batch)
		t.meter.busy(t.meter.now())
		return err
	case stream.MsgWatermark:
		return t.progress(t.merge.watermark(i, m.Watermark))
	case stream.MsgIdle:
		if m.Watermark > t.merge.inputs[i].watermark { // an idle message that a watermark was merged into
			if err := t.progress(t.merge.watermark(i, m.Watermark)); err != nil {
				return err
			}
		}
		return t.progress(t.merge.fallIdle(i))
	case stream.MsgBarrier:
		if t.align.barrier(i, m.Barrier) == complete {
			return t.aligned(m.Barrier)
		}
	case stream.MsgEnd:
		t.live--
		aligning := t.align.current
		if t.align.end(i) == complete {
			return t.aligned(aligning)
		}
	}
	return nil
}

// progress passes on what a message about time changed.
func (t *task) progress(p progress) error {
	t.holder.Store(int32(t.merge.holder))
	switch p {
	case raised:
		t.idleNow.Store(false)
		return t.nodes[0].watermark(t.merge.merged)
	case woke:
		t.idleNow.Store(false)
		return t.broadcast(stream.Message{Kind: stream.MsgWatermark, Watermark: t.merge.merged})
	case fellIdle:
		t.idleNow.Store(true)
		return t.broadcast(stream.Message{Kind: stream.MsgIdle, Watermark: t.merge.merged})
	}
	return nil
}

// aligned is the moment at which the task has processed all rows before b and none after.
func (t *task) aligned(b stream.Barrier) error {
	if f := t.job.onAligned; f != nil {
		if err := f(t.nodes[0].plan, t.instance, b); err != nil {
			return t.nodes[0].at(err)
		}
	}
	return t.broadcast(stream.Message{Kind: stream.MsgBarrier, Barrier: b})
}

// end lets the instances pass on and flush what they hold and tells all receivers that nothing follows. final says
// that the watermark has reached its end, so that nothing more will ever come.
func (t *task) end(final bool) error {
	if err := t.drained(); err != nil {
		return err
	}
	for _, n := range t.nodes {
		if err := n.finish(t.ctx, final); err != nil {
			return err
		}
	}
	return t.broadcast(stream.Message{Kind: stream.MsgEnd})
}

func (t *task) drained() error {
	for _, n := range t.nodes {
		if err := n.drained(); err != nil {
			return err
		}
	}
	return nil
}

func (t *task) broadcast(m stream.Message) error {
	for _, n := range t.nodes {
		if err := n.broadcast(m); err != nil {
			return err
		}
	}
	return nil
}

// send puts m in the channel of a receiver. A batch is released if the job ends before there is room.
func (t *task) send(d dest, m stream.Message) error {
	m.Input = d.input
	select {
	case d.ch <- m:
		return nil
	default:
	}
	t.meter.busy(t.meter.now())
	defer t.meter.held()
	select {
	case d.ch <- m:
		return nil
	case <-t.ctx.Done():
		if m.Batch != nil {
			m.Batch.Release()
		}
		return context.Cause(t.ctx)
	}
}

// get takes a batch of a pool of the engine's own, waiting for credit.
func (t *task) get(p *stream.Pool) (*stream.Batch, error) {
	if b := p.TryGet(); b != nil {
		return b, nil
	}
	t.meter.busy(t.meter.now())
	defer t.meter.held()
	return p.Get(t.ctx)
}
