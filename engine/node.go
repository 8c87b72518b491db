package engine

import (
	"context"

	"flowd/pipeline"
	"flowd/stream"
)

// node is one instance of a node of the plan, run by a task. It is the Output of its operator.
type node struct {
	plan   *pipeline.Node
	task   *task
	ctx    stream.Context
	stats  *stream.Stats
	op     stream.Operator // OperatorNode
	sink   stream.Sink     // SinkNode
	ports  [stream.NumPorts]port
	opened bool
}

// port is who reads a port: one chained node, any number of edges, or nobody.
type port struct {
	chained *node
	edges   []*edge
}

// open makes and opens the instance. Close is due from then on, also if it fails.
func (n *node) open() error {
	switch n.plan.Kind {
	case pipeline.OperatorNode:
		n.op = n.plan.NewOperator()
		n.opened = true
		return n.at(n.op.Open(&n.ctx))
	case pipeline.SinkNode:
		n.sink = n.plan.NewSink()
		n.opened = true
		return n.at(n.sink.Open(&n.ctx))
	}
	return nil
}

// close closes what open opened.
func (n *node) close() error {
	if !n.opened {
		return nil
	}
	n.opened = false
	if n.sink != nil {
		return n.at(n.sink.Close())
	}
	return n.at(n.op.Close())
}

// process hands b to the operator or sink.
func (n *node) process(input int, b *stream.Batch) error {
	n.stats.RowsIn.Add(int64(b.Rows()))
	before := n.task.meter.enter(n)
	var err error
	if n.sink != nil {
		err = n.sink.Write(b, n)
	} else {
		err = n.op.Process(input, b, n)
	}
	n.task.meter.leave(before)
	return n.at(err)
}

// Emit passes b to the readers of port; see stream.Output.
func (n *node) Emit(p int, b *stream.Batch) error {
	rows := b.Rows()
	if rows == 0 {
		b.Release()
		return nil
	}
	if p == stream.PortMain {
		n.stats.RowsOut.Add(int64(rows))
	}
	to := &n.ports[p]
	if to.chained != nil {
		return to.chained.process(0, b)
	}
	if len(to.edges) == 0 {
		b.Release()
		return nil
	}
	last := len(to.edges) - 1
	for _, e := range to.edges[:last] {
		if err := e.send(b.Share()); err != nil {
			b.Release()
			return err
		}
	}
	return to.edges[last].send(b)
}

// watermark tells the operator, those chained behind it, and all receivers.
func (n *node) watermark(ms int64) error {
	n.stats.Watermark.Store(ms)
	if n.op != nil {
		before := n.task.meter.enter(n)
		err := n.op.OnWatermark(ms, n)
		n.task.meter.leave(before)
		if err != nil {
			return n.at(err)
		}
	}
	for i := range n.ports {
		if c := n.ports[i].chained; c != nil {
			if err := c.watermark(ms); err != nil {
				return err
			}
		}
	}
	return n.broadcast(stream.Message{Kind: stream.MsgWatermark, Watermark: ms})
}

// broadcast sends a control message to all receivers of all ports.
func (n *node) broadcast(m stream.Message) error {
	for i := range n.ports {
		for _, e := range n.ports[i].edges {
			for _, d := range e.dests {
				if err := n.task.send(d, m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// drain is the instance if it wants to know that nothing is waiting for it, else nil.
func (n *node) drain() stream.Drained {
	if n.sink != nil {
		d, _ := n.sink.(stream.Drained)
		return d
	}
	d, _ := n.op.(stream.Drained)
	return d
}

// drained tells an instance that wants to know that nothing is waiting for it.
func (n *node) drained() error {
	d := n.drain()
	if d == nil {
		return nil
	}
	before := n.task.meter.enter(n)
	err := d.OnDrained()
	n.task.meter.leave(before)
	return n.at(err)
}

// finish ends the instance's work: a last word of the operator if all its input has come, and the sink's flush.
func (n *node) finish(ctx context.Context, final bool) error {
	before := n.task.meter.enter(n)
	var err error
	if f, ok := n.op.(stream.Finisher); ok && final {
		err = f.Finish(n)
	}
	if n.sink != nil {
		err = n.sink.Flush(ctx)
	}
	n.task.meter.leave(before)
	return n.at(err)
}
