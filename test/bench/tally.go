package main

import (
	"context"
	"sync"

	"flowd/operators"
	"flowd/stream"
	"flowd/test/bench/floor"
)

// tally is a sink that counts rows and, for queries with few results, digests them as the floor does, so that the
// two can be compared. Other queries it only counts, like discard.
type tally struct {
	mu     sync.Mutex
	digest bool
	result floor.Result
}

func (t *tally) connector() operators.Connector {
	return operators.Connector{
		Name: "tally", Doc: "Counts and digests rows.",
		Sink: &operators.SinkType{
			Config: operators.Field{Name: "tally", Type: operators.Object}, NoFormat: true,
			New: func(*operators.Config, operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
				return func() stream.Sink { return &tallySink{t: t} }, nil
			},
		},
	}
}

type tallySink struct {
	t   *tally
	row []int64
}

func (s *tallySink) Open(*stream.Context) error  { return nil }
func (s *tallySink) Flush(context.Context) error { return nil }
func (s *tallySink) Close() error                { return nil }

func (s *tallySink) Write(b *stream.Batch, _ stream.Output) error {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if !s.t.digest {
		s.t.result.Rows += int64(b.Rows())
		b.Release()
		return nil
	}
	add := func(i int) {
		s.row = s.row[:0]
		var last []int64 // the floor puts the time last
		for k, c := range b.Cols {
			switch {
			case c.Kind == stream.KindBytes:
				s.row = append(s.row, floor.Text(c.BytesAt(i)))
			case c.Kind == stream.KindWide:
				s.row = append(s.row, c.Hi[i], c.I64[i])
			case b.Schema.Columns[k].Type.IsTimestamp():
				last = append(last, c.I64[i]/1000)
			default:
				s.row = append(s.row, c.I64[i])
			}
		}
		s.row = append(s.row, last...)
		s.t.result.Add(s.row...)
	}
	if b.Sel == nil {
		for i := range b.N {
			add(i)
		}
	} else {
		for _, i := range b.Sel {
			add(int(i))
		}
	}
	b.Release()
	return nil
}
