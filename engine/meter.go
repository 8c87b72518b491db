package engine

import (
	"time"

	"flowd/stream"
)

// meter keeps the time of a task apart: busy, blocked by receivers or credit, or waiting for input. A read of the
// clock costs some 40 ns, so it reads it once a batch and charges the whole task, not each node of its chain.
type meter struct {
	base    time.Time
	stats   *stream.Stats // of the head
	since   int64         // up to when the time is accounted for
	blocked int64         // all time blocked
	running *node         // who is at work, to blame for a panic; nil: none
}

// now is the monotonic time since the task was made.
func (m *meter) now() int64 { return int64(time.Since(m.base)) }

// enter makes n the node at work and returns the one before, for leave.
func (m *meter) enter(n *node) *node {
	before := m.running
	m.running = n
	return before
}

func (m *meter) leave(before *node) { m.running = before }

// busy charges the time up to now as work.
func (m *meter) busy(now int64) {
	m.stats.BusyNanos.Add(now - m.since)
	m.since = now
}

// waited charges the time up to now to nothing: the task had no input.
func (m *meter) waited() { m.since = m.now() }

// held charges the time up to now as blocked.
func (m *meter) held() {
	now := m.now()
	m.stats.BlockedNanos.Add(now - m.since)
	m.blocked += now - m.since
	m.since = now
}
