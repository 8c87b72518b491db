package generate

import (
	"math/bits"
	"time"
)

// pace says when rows are due: the first burst at once, then rate a second. The zero pace has all rows due.
type pace struct {
	rate, burst uint64
}

// nap is how long a reader waits at least for its next row: at high rates the rows of a millisecond come together, which costs
// next to nothing, whereas waking for each of them would.
const nap = time.Millisecond

// due is how many rows are due after elapsed.
func (p pace) due(elapsed time.Duration) uint64 {
	if p.rate == 0 {
		return ^uint64(0)
	}
	n := mulDiv(uint64(max(elapsed, 0)), p.rate, uint64(time.Second)) + 1
	return p.burst + min(n, ^uint64(0)-p.burst)
}

// at is when row n is due.
func (p pace) at(n uint64) time.Duration {
	if p.rate == 0 || n <= p.burst {
		return 0
	}
	d := mulDiv(n-p.burst, uint64(time.Second), p.rate)
	if mulDiv(d, p.rate, uint64(time.Second)) < n-p.burst { // due rounds down, so this must round up
		d++
	}
	return time.Duration(min(d, 1<<62))
}

// mulDiv is a·b/d, or the largest number if that is larger.
func mulDiv(a, b, d uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= d {
		return ^uint64(0)
	}
	q, _ := bits.Div64(hi, lo, d)
	return q
}
