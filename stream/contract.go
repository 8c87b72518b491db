package stream

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

// Ports of a step. A port is an output that other steps can read: x, x.late, x.errors.
const (
	PortMain = iota
	PortLate
	PortErrors
	NumPorts
)

// Output takes what a step makes. Emit takes the batch over and blocks while downstream is full. An error from it
// ends the task; the caller returns it as it is. A port nobody reads drops (and releases) what it is given.
type Output interface {
	Emit(port int, b *Batch) error
}

// Context is what the engine lends one instance of a step for its life.
type Context struct {
	Ctx         context.Context // ends when the job is cancelled or has failed
	Job         string
	Step        string // name in the pipeline
	Instance    int    // 0 ≤ Instance < Parallelism
	Parallelism int
	Log         zerolog.Logger
	Stats       *Stats
	OnError     ErrorPolicy
	HashSeed    uint64 // of this job; see HashRows
	StateBytes  int64  // most bytes of state this instance may hold; 0: no limit
	BatchRows   int    // rows of the batches to make
	PoolLimit   int    // batches a pool of this instance may have
}

// NewPool makes a pool of the size the engine wants for this instance.
func (c *Context) NewPool(s *Schema) *Pool { return NewPool(s, c.BatchRows, c.PoolLimit) }

// Operator turns batches into batches. One goroutine calls all its methods. It never sees barriers, channels or
// other operators.
type Operator interface {
	// Open is called once, before anything else. The operator keeps c.
	Open(c *Context) error
	// Process takes b over: it ends in exactly one Release or Emit. input numbers the inputs in the order of `from`.
	Process(input int, b *Batch, out Output) error
	// OnWatermark says that the merged watermark of all inputs has risen to ms. The engine forwards it afterwards.
	OnWatermark(ms int64, out Output) error
	// Close frees what Open took. It is called also after a failed Open, Process or OnWatermark.
	Close() error
}

// Finisher is an Operator that has something to do when all its inputs have ended, after the final watermark.
type Finisher interface {
	Finish(out Output) error
}

// Drained is an Operator or Sink that wants to know when its input channel is empty, before it waits, so that it
// can pass on what it holds: low rate means low latency, high rate full batches. While it waits it is asked again about
// once a second, so that what goes wrong or falls due behind its back does not have to wait for the next row.
type Drained interface {
	OnDrained() error
}

// Sink is a place rows go to. One goroutine calls its methods.
type Sink interface {
	Open(c *Context) error
	// Write takes b over. It may keep rows back, in bounded memory, and blocks while the outside is slow. Rows it
	// cannot write follow Context.Reject, whose batches go to out.
	Write(b *Batch, out Output) error
	// Flush returns when all that was written has arrived.
	Flush(ctx context.Context) error
	// Close frees what Open took; what was not flushed may be lost.
	Close() error
}

// Source is a place rows come from, for all instances of one step.
type Source interface {
	// Open finds the splits and turns symbolic positions into numbers, before the first row is read. It retries
	// what may pass and returns an error for what will not.
	Open(c *Context) error
	// Reader opens the reader of instance c.Instance of c.Parallelism. It is called after Open.
	Reader(c *Context) (Reader, error)
	// Close frees what Open took, after all readers are closed.
	Close() error
}

// Reader reads the splits of one instance of a source. One goroutine calls its methods; none of them blocks
// longer than an in-memory step takes, except Close. Split numbers are positions in a list that only grows.
type Reader interface {
	// Poll appends rows of one split to b, at most b.Free() (a record that holds several rows may exceed it), in
	// the order of the split. Records that cannot be decoded are added to errs and to no batch.
	Poll(b *Batch, errs *RowErrors) (Polled, error)
	// Ready receives (or is closed) when Poll may have something after it had nothing.
	Ready() <-chan struct{}
	// Splits is the number of splits of this reader so far; discovery adds to it.
	Splits() int
	// Split is the state of split i.
	Split(i int) SplitState
	// Pause stops or resumes reading split i. What was fetched is kept.
	Pause(i int, paused bool)
	Close() error
}

// Polled is what Poll did.
type Polled struct {
	Split int // whose rows were appended, when Rows > 0 or errors were added
	Rows  int
	Wait  time.Duration // Rows == 0: Poll again after this time even if Ready is silent; 0: only Ready counts
	End   bool          // every split is finished: nothing will come any more
}

// SplitState is what the engine asks of a split.
type SplitState struct {
	ID       string // "topic/3"
	CaughtUp bool   // everything that was in the split when it was last asked has been returned by Poll
	Finished bool   // it reached its stop position
	Position int64  // next offset to read
	End      int64  // log end when last asked, −1 if unknown; lag = End − Position
}

// EventTimer computes the event time of the rows of a source.
type EventTimer interface {
	// EventTime sets b.Time (and the event_time column, if the source has one) for the N rows of b. Rows without
	// a time go to errs.
	EventTime(b *Batch, errs *RowErrors) error
}

// Permanent marks an error that retrying cannot mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }
