package kafka

import "sync"

// slack is how many bytes after a record set may be read.
const slack = 8

// buffers lends memory for fetched record sets. Free buffers beyond keep bytes go to the garbage collector. A buffer
// that never comes back, because the request that fills it was cancelled, costs nothing but its memory.
type buffers struct {
	keep int
	mu   struct { // guards what is inside it
		sync.Mutex
		free  [][]byte
		bytes int
	}
}

// get lends n bytes with slack behind them.
func (p *buffers) get(n int) []byte {
	p.mu.Lock()
	best := -1
	for i, b := range p.mu.free {
		if c := cap(b); c >= n+slack && c <= 8*(n+8<<10) && (best < 0 || c < cap(p.mu.free[best])) {
			best = i
		}
	}
	if best >= 0 {
		b := p.mu.free[best]
		last := len(p.mu.free) - 1
		p.mu.free[best], p.mu.free[last] = p.mu.free[last], nil
		p.mu.free = p.mu.free[:last]
		p.mu.bytes -= cap(b)
		p.mu.Unlock()
		return b[:n]
	}
	p.mu.Unlock()
	size := 8 << 10
	for size < n+slack {
		size *= 2
	}
	if size > 1<<20 && size/4*3 >= n+slack {
		size = size / 4 * 3
	}
	return make([]byte, n, size)
}

// put takes a buffer back.
func (p *buffers) put(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cap(b) == 0 || p.mu.bytes+cap(b) > p.keep {
		return
	}
	p.mu.free = append(p.mu.free, b)
	p.mu.bytes += cap(b)
}
