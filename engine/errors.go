package engine

import (
	"errors"
	"fmt"
)

// StepError says in which instance of which step a job failed.
type StepError struct {
	Step        string
	Role        string
	Instance    int
	Parallelism int
	Err         error
}

func (e *StepError) Error() string {
	if e.Parallelism > 1 {
		return fmt.Sprintf("step %s (%s, instance %d): %v", e.Step, e.Role, e.Instance, e.Err)
	}
	return fmt.Sprintf("step %s (%s): %v", e.Step, e.Role, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

// PanicError is a panic of a step. It fails the job and leaves the process alone.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap is the panic's value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// at adds the place to err, unless a step that n called has already done so.
func (n *node) at(err error) error {
	if err == nil {
		return nil
	}
	return n.blame(err)
}

func (n *node) blame(err error) error {
	if _, known := errors.AsType[*StepError](err); known {
		return err
	}
	return &StepError{Step: n.plan.Step, Role: n.plan.Role, Instance: n.ctx.Instance, Parallelism: n.plan.Parallelism, Err: err}
}
