package kafka

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// callTimer gives the requests of one goroutine a deadline without making a context for each.
type callTimer struct {
	parent context.Context
	ctx    *deadlineContext
	timer  *time.Timer
	cancel context.CancelFunc
}

// deadlineContext is cancelled by a callTimer's timer. The connection takes its own deadline from Deadline.
type deadlineContext struct {
	context.Context
	deadline time.Time
}

func (c *deadlineContext) Deadline() (time.Time, bool) { return c.deadline, true }

// do is client.do. After an error the context is never used again: a connection may still look at it.
func (t *callTimer) do(c *client, timeout time.Duration, req protocol.Message) error {
	if t.ctx == nil {
		ctx, cancel := context.WithCancel(t.parent)
		t.ctx, t.cancel = &deadlineContext{Context: ctx}, cancel
		t.timer = time.AfterFunc(timeout, cancel)
	} else {
		t.timer.Reset(timeout)
	}
	t.ctx.deadline = time.Now().Add(timeout)
	_, err := c.transport.RoundTrip(t.ctx, c.addr, req)
	if !t.timer.Stop() || err != nil {
		t.close()
	}
	return err
}

// close frees the context.
func (t *callTimer) close() {
	if t.ctx != nil {
		t.timer.Stop()
		t.cancel()
		t.ctx = nil
	}
}
