package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profile writes a CPU profile of a worker to the folder FLOWD_BENCH_PROFILE, if it is set. What it returns ends it.
func profile(o options) func() {
	dir := os.Getenv("FLOWD_BENCH_PROFILE")
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(fmt.Sprintf("%s/%s-%s.pprof", dir, o.Query, o.Mode))
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: no profile:", err)
		return func() {}
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		fmt.Fprintln(os.Stderr, "bench: no profile:", err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}
