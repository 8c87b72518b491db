// Package discard is the sink that counts rows and throws them away, for measurements of everything before it. It
// neither encodes nor touches them.
package discard

import (
	"context"

	"flowd/operators"
	"flowd/stream"
)

// Connector describes the sink to the pipeline.
func Connector() operators.Connector {
	return operators.Connector{
		Name: "discard",
		Doc:  "Counts rows and throws them away, for measurements.",
		Sink: &operators.SinkType{
			Config: operators.Field{
				Name: "discard", Type: operators.Object, Example: "{}",
				Doc: "Counts rows and throws them away. It has no settings.", Flink: "connector = blackhole",
			},
			New: func(*operators.Config, operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
				return func() stream.Sink { return &sink{} }, nil
			},
			NoFormat: true,
		},
	}
}

type sink struct{ stats *stream.Stats }

var _ stream.Sink = (*sink)(nil)

func (s *sink) Open(c *stream.Context) error {
	s.stats = c.Stats
	return nil
}

func (s *sink) Write(b *stream.Batch, _ stream.Output) error {
	s.stats.Passed.Add(int64(b.Rows()))
	b.Release()
	return nil
}

func (s *sink) Flush(context.Context) error { return nil }

func (s *sink) Close() error { return nil }
