package engine

import (
	"math"
	"sync/atomic"

	"flowd/stream"
)

// alignGroup lets the instances of sources that reach a common step see how far the slowest of them has come, so
// that none runs ahead and fills state with windows that cannot close.
type alignGroup struct {
	slots []alignSlot
}

// alignSlot is one instance's slowest live split. A line of its own: instances write it once a batch.
type alignSlot struct {
	slowest atomic.Int64
	_       [56]byte
}

func newAlignGroup(instances int) *alignGroup {
	g := &alignGroup{slots: make([]alignSlot, instances)}
	for i := range g.slots {
		g.slots[i].slowest.Store(stream.MinWatermark)
	}
	return g
}

func (g *alignGroup) slowest() int64 {
	low := stream.MaxWatermark
	for i := range g.slots {
		low = min(low, g.slots[i].slowest.Load())
	}
	return low
}

// slowest is the lowest watermark of the splits that others wait for: live ones, and those not read yet for at most
// the idle time. MaxWatermark: there is none.
func (t *splitTimes) slowest(active int64) int64 {
	low := stream.MaxWatermark
	for i := range t.splits {
		s := &t.splits[i]
		unread := s.max == stream.MinWatermark
		if s.state != splitLive || unread && t.idle > 0 && active-s.firstSeen >= t.idle {
			continue
		}
		low = min(low, t.watermark(i))
	}
	return low
}

// leads says whether split i is more than ms ahead of the slowest.
func (t *splitTimes) leads(i int, slowest, ms int64) bool {
	w := t.watermark(i)
	switch {
	case t.splits[i].state != splitLive, w == stream.MinWatermark:
		return false
	case slowest < math.MinInt64/2: // not read yet
		return true
	}
	return w > slowest && w-slowest > ms
}
