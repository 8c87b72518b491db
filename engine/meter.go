package engine

import "time"

// meter charges the time of a task to the node that used it. Nodes of a chain call each other, so it keeps who is
// running now; a read of the clock on entering and leaving costs some 50 ns a batch and node.
type meter struct {
	base    time.Time
	running *node // nil while the task waits for input
	since   int64 // when running began or was last charged
	blocked int64 // all time spent waiting for receivers or credit
}

// now is the monotonic time since the task was made.
func (m *meter) now() int64 { return int64(time.Since(m.base)) }

// enter makes n the running node and returns the one before, for leave.
func (m *meter) enter(n *node) *node {
	before := m.running
	m.charge()
	m.running = n
	return before
}

func (m *meter) leave(before *node) {
	m.charge()
	m.running = before
}

func (m *meter) charge() {
	now := m.now()
	if m.running != nil {
		m.running.stats.BusyNanos.Add(now - m.since)
	}
	m.since = now
}

// wait marks the begin of a wait for a receiver or for credit, and waited its end.
func (m *meter) wait() { m.charge() }

func (m *meter) waited() {
	now := m.now()
	if m.running != nil {
		m.running.stats.BlockedNanos.Add(now - m.since)
	}
	m.blocked += now - m.since
	m.since = now
}
