package expr

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDivisor compares the multiplication with the division for constants and dividends near every edge.
func TestDivisor(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	edges := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1}
	for shift := range 63 {
		edges = append(edges, 1<<shift, 1<<shift-1, 1<<shift+1, -1<<shift, int64(random.Uint64()>>shift))
	}
	q, m := make([]int64, len(edges)), make([]int64, len(edges))
	for _, c := range edges {
		v := newDivisor(c)
		if v.mul == 0 {
			continue
		}
		v.run(false, nil, edges, q)
		v.run(true, nil, edges, m)
		for i, x := range edges {
			if q[i] != x/c || m[i] != x%c {
				t.Fatalf("%d by %d: %d rest %d, want %d rest %d", x, c, q[i], m[i], x/c, x%c)
			}
		}
	}
}
