//go:build race

package window

// raced: under the race detector sync.Pool drops what it is given at random, so allocations say nothing.
const raced = true
