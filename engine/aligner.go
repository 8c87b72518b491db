package engine

import "flowd/stream"

// alignment is what a barrier or the end of an input leads to.
type alignment uint8

const (
	proceed  alignment = iota // nothing: an old barrier, or one that is not awaited
	block                     // the input is set aside until the others have delivered the barrier
	complete                  // every live input has delivered it; all inputs are free
)

// aligner decides which inputs of a task wait for others, so that every row before a checkpoint's barriers is
// processed before it and none after. It is pure: it neither reads nor sends.
type aligner struct {
	current   stream.Barrier // being aligned; Checkpoint 0: none
	done      stream.CheckpointID
	abandoned stream.CheckpointID // the last one given up for a newer
	// blocked[i] is true from the barrier of current on input i until every live input has delivered it.
	// Invariant: current.Checkpoint > done; without a current barrier none is blocked.
	blocked []bool
	ended   []bool
}

func newAligner(inputs int) *aligner {
	return &aligner{blocked: make([]bool, inputs), ended: make([]bool, inputs)}
}

// barrier takes barrier b of an input that is not blocked. If a newer checkpoint begins while one is being aligned,
// the older can no longer complete: it is abandoned and its inputs are free before b takes effect.
func (a *aligner) barrier(input int, b stream.Barrier) alignment {
	if b.Checkpoint <= a.done {
		return proceed
	}
	if b.Checkpoint != a.current.Checkpoint {
		if a.current.Checkpoint != 0 {
			a.abandoned, a.done = a.current.Checkpoint, a.current.Checkpoint
			clear(a.blocked)
		}
		a.current = b
	}
	a.blocked[input] = true
	if a.tryComplete() {
		return complete
	}
	return block
}

// end takes the end of an input, which from then on counts as having delivered every barrier.
func (a *aligner) end(input int) alignment {
	a.ended[input] = true
	if a.current.Checkpoint != 0 && a.tryComplete() {
		return complete
	}
	return proceed
}

func (a *aligner) tryComplete() bool {
	for i, b := range a.blocked {
		if !b && !a.ended[i] {
			return false
		}
	}
	a.done, a.current = a.current.Checkpoint, stream.Barrier{}
	clear(a.blocked)
	return true
}
