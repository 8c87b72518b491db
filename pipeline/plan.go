package pipeline

import (
	"time"

	"flowd/stream"
)

// Plan is what will run: nodes in topological order and the edges between them. It is immutable, holds no
// resources, and can be printed. One step of the file becomes one or more nodes.
type Plan struct {
	Name        string
	Parallelism int
	Nodes       []*Node
	StateMemory int64 // bytes of state the job may hold, split among the instances of stateful nodes

	steps []*unit // what the nodes were made from, for Explain
}

// NodeKind says which of its members a node uses.
type NodeKind uint8

// Kinds of nodes.
const (
	SourceNode NodeKind = iota + 1
	OperatorNode
	SinkNode
)

// Node is one operator of the plan; the engine runs Parallelism instances of it.
type Node struct {
	ID          int    // its place in Plan.Nodes
	Step        string // name of the step in the file
	Role        string // what part of the step it is: source, transform, window, sink …; (Step, Role) is unique
	Kind        NodeKind
	Detail      string // one line for people: "where price > 100, select auction, price"
	Parallelism int
	Inputs      []Edge
	Schemas     [stream.NumPorts]*stream.Schema // by port; nil: the node has no such port
	OnError     stream.ErrorPolicy
	Stateful    bool // counts against StateMemory
	Stateless   bool // keeps nothing between batches, so the engine may run it inside the task of its input

	Source      stream.Source          // SourceNode
	Time        *TimeSpec              // SourceNode; nil: rows have no event time
	NewOperator func() stream.Operator // OperatorNode
	NewSink     func() stream.Sink     // SinkNode
}

// Exchange says how rows of an edge are spread over the instances of the receiver.
type Exchange uint8

// Kinds of exchange.
const (
	Forward   Exchange = iota // instance i to instance i; both sides have the same parallelism
	Keyed                     // by key group of the hash of Key
	Rebalance                 // batches in turn
)

// Edge is an input of a node: a port of an earlier node.
type Edge struct {
	Node     int // index in Plan.Nodes of the sender
	Port     int
	Exchange Exchange
	Key      []int // Keyed: columns of the sender's schema of that port
}

// TimeSpec is the event time and watermark of a source.
type TimeSpec struct {
	NewTimer func() stream.EventTimer // nil: the reader sets Batch.Time
	Delay    time.Duration
	Idle     time.Duration
	MaxAhead time.Duration // 0: no limit
	Align    time.Duration // 0: off
	// Granule divides every window boundary that the rows can meet downstream, in ms; 0: no step depends on
	// lateness. A row is late only if its granule [k·g, (k+1)·g) has been closed by the watermark, so a source
	// need not tell earlier watermarks apart.
	Granule int64
	// AlignGroup numbers the sources that reach a common step: alignment and the slowest are taken within it.
	AlignGroup int
}
