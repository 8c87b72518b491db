package engine

import (
	"sync"
	"time"

	"flowd/pipeline"
	"flowd/stream"
)

// Status is a picture of a job. Its parts are read one after another while the job goes on.
type Status struct {
	Job     string
	State   State
	Elapsed time.Duration // since the job was made
	Nodes   []NodeStatus  // as in the plan
}

// NodeStatus is one node of the plan.
type NodeStatus struct {
	Step, Role, Detail string
	Kind               pipeline.NodeKind
	Total              Counts // of all instances
	Watermark          int64  // ms, the lowest of the instances that are not idle
	Idle               bool   // every instance is
	HeldBy             string // the split that holds the watermark, "" if there is none
	Lag                int64  // of all splits of a source, −1 if one is unknown
	Instances          []InstanceStatus
}

// InstanceStatus is one instance of a node.
type InstanceStatus struct {
	Counts    Counts
	Watermark int64  // ms; stream.MinWatermark before the first
	Idle      bool   // no live split or input behind it
	HeldBy    string // the split that holds the watermark, "" if there is none
	Queue     int    // messages in its channel; 0 for sources and chained nodes
	QueueCap  int
	Splits    []SplitStatus // of sources
}

// SplitStatus is one split of a source.
type SplitStatus struct {
	ID        string
	Watermark int64 // ms
	Position  int64
	End       int64
	Lag       int64 // End − Position, −1 if unknown
	CaughtUp  bool
	Finished  bool
	Idle      bool
	Paused    bool // waits for slower splits
}

// Counts are the values of a stream.Stats.
type Counts struct {
	RowsIn, RowsOut                          int64
	Passed, Filtered, Absorbed, Late, Errors int64
	BytesIn, BytesOut                        int64
	Clamped, Cuts, Retries                   int64
	StateRows, StateBytes                    int64
	// Busy and Blocked are times of a task: a chained node's are counted at the head.
	Busy, Blocked time.Duration
}

func countsOf(s *stream.Stats) Counts {
	return Counts{
		RowsIn: s.RowsIn.Load(), RowsOut: s.RowsOut.Load(),
		Passed: s.Passed.Load(), Filtered: s.Filtered.Load(), Absorbed: s.Absorbed.Load(), Late: s.Late.Load(), Errors: s.Errors.Load(),
		BytesIn: s.BytesIn.Load(), BytesOut: s.BytesOut.Load(),
		Clamped: s.Clamped.Load(), Cuts: s.Cuts.Load(), Retries: s.Retries.Load(),
		StateRows: s.StateRows.Load(), StateBytes: s.StateBytes.Load(),
		Busy: time.Duration(s.BusyNanos.Load()), Blocked: time.Duration(s.BlockedNanos.Load()),
	}
}

func (c *Counts) add(o Counts) {
	c.RowsIn += o.RowsIn
	c.RowsOut += o.RowsOut
	c.Passed += o.Passed
	c.Filtered += o.Filtered
	c.Absorbed += o.Absorbed
	c.Late += o.Late
	c.Errors += o.Errors
	c.BytesIn += o.BytesIn
	c.BytesOut += o.BytesOut
	c.Clamped += o.Clamped
	c.Cuts += o.Cuts
	c.Retries += o.Retries
	c.StateRows += o.StateRows
	c.StateBytes += o.StateBytes
	c.Busy += o.Busy
	c.Blocked += o.Blocked
}

// Status is where the job is now. It may be called at any time, by anybody.
func (j *Job) Status() Status {
	s := Status{Job: j.graph.plan.Name, State: State(j.state.Load()), Elapsed: time.Since(j.begin)}
	if s.State == Running && j.isStopping() {
		s.State = Stopping
	}
	for i, p := range j.graph.plan.Nodes {
		n := NodeStatus{Step: p.Step, Role: p.Role, Detail: p.Detail, Kind: p.Kind, Watermark: stream.MinWatermark, Idle: true}
		for _, inst := range j.byNode[i] {
			is := inst.status()
			n.Total.add(is.Counts)
			if !is.Idle {
				if n.Idle || is.Watermark < n.Watermark {
					n.Watermark, n.HeldBy = is.Watermark, is.HeldBy
				}
				n.Idle = false
			}
			for _, sp := range is.Splits {
				if n.Lag >= 0 && sp.Lag >= 0 {
					n.Lag += sp.Lag
				} else {
					n.Lag = -1
				}
			}
			n.Instances = append(n.Instances, is)
		}
		if n.Idle {
			for _, is := range n.Instances {
				n.Watermark = max(n.Watermark, is.Watermark)
			}
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

func (n *node) status() InstanceStatus {
	s := InstanceStatus{Counts: countsOf(n.stats), Watermark: n.stats.Watermark.Load(), Idle: n.task.idleNow.Load(), HeldBy: n.task.heldBy()}
	if n.task.nodes[0] != n {
		return s
	}
	s.Queue, s.QueueCap = len(n.task.in), cap(n.task.in)
	if n.task.source != nil {
		s.Splits = n.task.source.state.copy()
	}
	return s
}

// heldBy follows the inputs that hold the watermark back to a split.
func (t *task) heldBy() string {
	for t.source == nil {
		h := t.holder.Load()
		if h < 0 {
			return ""
		}
		t = t.inputs[h].from
	}
	return t.source.state.holder()
}

// splitBoard is what a source task shows of its splits, which only the task may ask the reader about.
type splitBoard struct {
	mu struct {
		sync.Mutex
		shown []SplitStatus
		held  int // index of the split that holds the watermark, −1: none
	}
	next []SplitStatus // being written by the task
}

func (s *splitBoard) begin() { s.next = s.next[:0] }

func (s *splitBoard) add(st stream.SplitState, t *splitTime, watermark int64) {
	lag := int64(-1)
	if st.End >= 0 {
		lag = max(st.End-st.Position, 0)
	}
	s.next = append(s.next, SplitStatus{
		ID: st.ID, Watermark: watermark, Position: st.Position, End: st.End, Lag: lag, CaughtUp: st.CaughtUp,
		Finished: st.Finished, Idle: t.state == splitIdle, Paused: t.paused,
	})
}

// publish shows what was added since begin.
func (s *splitBoard) publish(holder int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.shown, s.next = s.next, s.mu.shown
	s.mu.held = holder
}

func (s *splitBoard) copy() []SplitStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SplitStatus(nil), s.mu.shown...)
}

func (s *splitBoard) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.held < 0 || s.mu.held >= len(s.mu.shown) {
		return ""
	}
	return s.mu.shown[s.mu.held].ID
}
