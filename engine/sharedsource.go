package engine

import (
	"sync"

	"flowd/stream"
)

// sharedSource is the source of a step, which its instances share. The first to come opens it; the job closes it
// when all readers are closed.
type sharedSource struct {
	source stream.Source
	node   *node // of instance 0
	once   sync.Once
	opened bool
	err    error
}

// open opens the source once and gives every instance the same answer.
func (s *sharedSource) open() error {
	s.once.Do(func() {
		s.opened = true
		c := s.node.ctx
		s.err = s.node.at(recovered(func() error { return s.source.Open(&c) }))
	})
	return s.err
}

func (s *sharedSource) close() error {
	if !s.opened {
		return nil
	}
	return s.node.at(recovered(s.source.Close))
}
