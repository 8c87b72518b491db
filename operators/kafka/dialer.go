package kafka

import (
	"context"
	"net"
	"sync"
	"time"
)

// dialer opens the connections of one client and remembers them, because a Transport returns from a cancelled call
// while its connection's goroutine still reads: only closing the socket ends it.
type dialer struct {
	d  net.Dialer
	mu struct { // guards what is inside it
		sync.Mutex
		open   map[*trackedConn]bool
		closed bool
	}
	gone sync.WaitGroup // connections that their users have not closed
}

func newDialer() *dialer {
	d := &dialer{d: net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}}
	d.mu.open = map[*trackedConn]bool{}
	return d
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t := &trackedConn{Conn: c, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.closed {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	d.mu.open[t] = true
	d.gone.Add(1)
	return t, nil
}

// close closes all sockets and waits until their users have noticed.
func (d *dialer) close() {
	d.mu.Lock()
	d.mu.closed = true
	for c := range d.mu.open {
		_ = c.Conn.Close()
	}
	d.mu.Unlock()
	d.gone.Wait()
}

type trackedConn struct {
	net.Conn
	dialer *dialer
	once   sync.Once
}

func (c *trackedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.dialer.mu.Lock()
		delete(c.dialer.mu.open, c)
		c.dialer.mu.Unlock()
		c.dialer.gone.Done()
	})
	return err
}
