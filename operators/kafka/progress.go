package kafka

import (
	"context"
	"maps"
	"sync"
	"time"
)

// commitLimit bounds the last commit of a source.
const commitLimit = 5 * time.Second

// progress is how far the readers of a source had come when they were closed. It is committed to the group when the
// source is closed, after every task of the job has ended: a reader is closed before the sinks behind it have flushed,
// and, if a step of its own task has failed, before the job's context has ended.
type progress struct {
	ctx context.Context // the job's
	mu  struct {        // guards what is inside it
		sync.Mutex
		cut       bool // a reader was closed because the job had failed or was cancelled
		positions map[topicPartition]int64
	}
}

// leave takes the positions of a reader that is closed.
func (p *progress) leave(f *RawFetcher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.positions == nil {
		p.mu.positions = map[topicPartition]int64{}
	}
	maps.Copy(p.mu.positions, f.positions())
	if p.ctx.Err() != nil {
		p.mu.cut = true
	}
}

// written is the positions up to which every sink has written what was read; none if the job did not end well. All
// readers are closed. The context of a job that ended well has no cause; that of another has the error it failed with
// or the reason it was cancelled for. (Whoever cancels without a reason must not do so while the sinks flush.)
func (p *progress) written() map[topicPartition]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	//nolint:errorlint // a cause that merely wraps it is a cause
	if p.mu.cut || p.ctx.Err() != nil && context.Cause(p.ctx) != context.Canceled {
		return nil
	}
	return p.mu.positions
}

// commitLast commits what progress says was written, once.
func (s *source) commitLast() {
	if s.set.group == "" || s.progress == nil {
		return
	}
	offsets := s.progress.written()
	s.progress = nil
	if len(offsets) == 0 {
		return
	}
	err := s.client.retry(context.WithoutCancel(s.context.Ctx), commitLimit, func(ctx context.Context) error {
		return s.client.commit(ctx, s.set.group, offsets)
	})
	if err != nil {
		commitFails(&s.context.Log, s.set.group, err.Error())
	}
}
