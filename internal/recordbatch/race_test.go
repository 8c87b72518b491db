//go:build race

package recordbatch

// raceEnabled: sync.Pool then forgets at random, so allocations cannot be counted.
const raceEnabled = true
