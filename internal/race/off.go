//go:build !race

// Package race says whether the race detector is on: it drops pooled memory at random, so tests of allocations skip.
package race

// Enabled says whether the program was built with the race detector.
const Enabled = false
