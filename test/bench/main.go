// Command bench measures what a record costs: for each query flowd, a hand-written floor over the same fetch path, and
// the framing alone, each in a process of its own, in one run, from a preloaded topic on a broker in another process.
//
//	go run ./test/bench --queries q0,q1,q2,tumble,q5,q7,k2k --records 5000000
//	go run ./test/bench --json --queries q2 --compression zstd
//	go run ./test/bench --scaling --records 5000000        parallelism 2 against 1, from memory
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// options are the flags, and what a worker is told.
type options struct {
	Queries     string
	Records     int64
	Parallelism int
	Brokers     string
	Compression string
	Source      string // kafka, memory
	Partitions  int
	Rounds      int
	JSON        bool
	Scaling     bool
	Markdown    bool
	Startup     bool

	Mode  string // worker: flowd, floor, framing
	Query string
	Topic string
	Out   string

	Digest bool // worker: digest every row, for a pass that is compared and not measured
}

func main() {
	var o options
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.StringVar(&o.Queries, "queries", "q0,q1,q2,tumble,q5,q7,k2k", "queries to measure")
	f.Int64Var(&o.Records, "records", 5_000_000, "bids in the topic")
	f.IntVar(&o.Parallelism, "parallelism", 1, "of flowd; the floor is one loop")
	f.StringVar(&o.Brokers, "brokers", "", "measure against these brokers instead of an embedded one in a process of its own")
	f.StringVar(&o.Compression, "compression", "none", "of the topic: none, lz4, zstd, snappy, gzip")
	f.StringVar(&o.Source, "source", "kafka", "kafka, or memory: record batches encoded before the clock starts")
	f.IntVar(&o.Partitions, "partitions", 2, "of the topic")
	f.IntVar(&o.Rounds, "rounds", 3, "times each is measured, in turn; the median is reported")
	f.BoolVar(&o.JSON, "json", false, "one JSON object a query on stdout")
	f.BoolVar(&o.Markdown, "markdown", false, "a table for docs/benchmarks.md on stdout")
	f.BoolVar(&o.Scaling, "scaling", false, "compare parallelism 2 with 1: tumble from memory, five pairs in turn, wall time")
	f.BoolVar(&o.Startup, "startup", false, "measure start-up: exec to first row counted, binary size, idle memory")
	f.StringVar(&o.Mode, "mode", "", "used by bench itself")
	f.StringVar(&o.Query, "query", "", "used by bench itself")
	f.StringVar(&o.Topic, "topic", "bench_bids", "used by bench itself")
	f.StringVar(&o.Out, "out", "bench_out", "used by bench itself")
	f.BoolVar(&o.Digest, "digest", false, "used by bench itself")
	_ = f.Parse(os.Args[1:]) // ExitOnError
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	switch o.Mode {
	case "broker":
		return serve()
	case "load":
		return load(o)
	case "flowd", "floor", "framing":
		r, err := work(o)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	case "":
	default:
		return fmt.Errorf("unknown mode %q", o.Mode)
	}
	for q := range strings.SplitSeq(o.Queries, ",") {
		if !slices.Contains(known, q) {
			return fmt.Errorf("unknown query %q; there are %s", q, strings.Join(known, ", "))
		}
	}
	if o.Records < 1 || o.Parallelism < 1 || o.Partitions < 1 || o.Rounds < 1 {
		return errors.New("--records, --parallelism, --partitions and --rounds must be at least 1")
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	r := &runner{options: o, stop: signals}
	defer r.close()
	switch {
	case o.Scaling:
		return r.scaling()
	case o.Startup:
		return r.startup()
	default:
		return r.queries()
	}
}
