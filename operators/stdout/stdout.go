// Package stdout is the sink that prints rows, one a line, for a person or the next program of a pipe. It is not for
// keeping results: nothing remembers how far it came.
package stdout

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"flowd/internal/lines"
	"flowd/operators"
	"flowd/stream"
)

// Connector describes the sink to the pipeline. It writes to the standard output of the process.
func Connector() operators.Connector { return To(os.Stdout) }

// To is the connector with another place to write to. Instances write whole lines, one at a time.
func To(w io.Writer) operators.Connector {
	locked := &writer{w: w}
	return operators.Connector{
		Name: "stdout",
		Doc:  "Prints rows to the standard output, one a line.",
		Sink: &operators.SinkType{
			Config: operators.Field{
				Name: "stdout", Type: operators.Object, Example: "{}",
				Doc: "Prints rows, JSON unless format says otherwise. It has no settings.",
			},
			New: func(_ *operators.Config, env operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
				return func() stream.Sink { return &sink{w: locked, newEncoder: env.NewEncoder} }, nil
			},
		},
	}
}

// writer is the place all instances of a process share.
type writer struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

// flushAt is how many bytes are gathered before they are written although more rows wait.
const flushAt = 64 << 10

type sink struct {
	w          *writer
	newEncoder func() operators.Encoder
	lines      lines.Encoder
	buf        []byte // whole lines
}

var (
	_ stream.Sink    = (*sink)(nil)
	_ stream.Drained = (*sink)(nil)
)

func (s *sink) Open(c *stream.Context) error {
	s.lines.Open(c, s.newEncoder())
	return nil
}

func (s *sink) Write(b *stream.Batch, out stream.Output) error {
	var err error
	s.buf, _, err = s.lines.Append(s.buf, b, out)
	b.Release()
	if err == nil && len(s.buf) >= flushAt {
		err = s.flush()
	}
	return err
}

// OnDrained shows what was written so far: somebody may be watching.
func (s *sink) OnDrained() error { return s.flush() }

func (s *sink) Flush(context.Context) error { return s.flush() }

func (s *sink) Close() error {
	s.buf = nil
	return nil
}

func (s *sink) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	n, err := s.w.Write(s.buf)
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	if err != nil {
		return fmt.Errorf("writing to the standard output: %w", err)
	}
	return nil
}
