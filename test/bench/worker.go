package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"flowd/engine"
	"flowd/internal/recordbatch"
	"flowd/operators"
	"flowd/operators/builtin"
	"flowd/operators/kafka"
	"flowd/pipeline"
	"flowd/stream"
	"flowd/test/bench/floor"
)

// measure is what one worker process reports.
type measure struct {
	Result floor.Result
	CPU    time.Duration // user and system, from before the first fetch to the end
	Wall   time.Duration
	RSS    int64 // peak, bytes
	Allocs uint64
}

// work runs one query in this process.
func work(o options) (measure, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // as flowd run does
	}
	if o.Mode == "flowd" {
		return workFlowd(o)
	}
	return workFloor(o)
}

// timed measures f.
func timed(f func() (floor.Result, error)) (measure, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, wall := cpuTime(), time.Now()
	res, err := f()
	m := measure{Result: res, Wall: time.Since(wall), CPU: cpuTime() - cpu}
	runtime.ReadMemStats(&after)
	m.Allocs = after.Mallocs - before.Mallocs
	m.RSS = peakRSS()
	return m, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakRSS reads the high-water mark of resident memory.
func peakRSS() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

func workFlowd(o options) (measure, error) {
	t := &tally{digest: o.Digest || o.Query == "q2" || o.Query == "tumble" || o.Query == "keys" || o.Query == "q5" || o.Query == "q7"}
	var made []*memory
	reg := builtin.Registry()
	reg.Connectors = append(reg.Connectors, t.connector(), memoryConnector(&made))
	spec, diags := pipeline.Parse([]pipeline.File{{Name: "bench", Text: []byte(pipelineText(o))}}, pipeline.Options{Registry: reg})
	if diags.Err() {
		return measure{}, diags
	}
	plan, diags := pipeline.Compile(spec, reg)
	if diags.Err() {
		return measure{}, diags
	}
	graph, err := engine.Build(plan, engine.Config{Logger: zerolog.New(os.Stderr).Level(zerolog.WarnLevel), HashSeed: rand.Uint64()})
	if err != nil {
		return measure{}, err
	}
	for _, m := range made {
		if err := m.prepare(); err != nil {
			return measure{}, err
		}
	}
	job := graph.NewJob()
	return timed(func() (floor.Result, error) {
		stop := profile(o)
		err := job.Run(context.Background())
		stop()
		s := job.Status()
		for _, n := range s.Nodes {
			switch n.Kind {
			case pipeline.SourceNode:
				t.result.Records += n.Total.RowsIn
			case pipeline.SinkNode:
				if o.Query == "k2k" {
					t.result.Rows += n.Total.RowsIn
				}
			}
			if n.Total.Late > 0 && err == nil {
				err = fmt.Errorf("%s: %d rows were late", n.Step, n.Total.Late)
			}
		}
		return t.result, err
	})
}

func workFloor(o options) (measure, error) {
	c := kafka.Connector()
	cluster := &operators.Config{Values: map[string]operators.Value{
		"brokers": {List: texts(o.Brokers), Text: o.Brokers, Set: true},
	}}
	cfg := &operators.Config{Values: map[string]operators.Value{
		"topic": {Text: o.Topic, Set: true}, "start": {Text: "earliest"}, "isolation": {Text: "read_committed"},
		"on_missing": {Text: "fail"}, "stop": {Text: "latest", Set: true},
	}}
	src, problems := c.Source.New(cfg, operators.SourceEnv{
		Pipeline: "bench", Step: "bids", Cluster: cluster, Rows: stream.NewSchema(),
		NewDecoder: func() operators.Decoder { return nil },
	})
	if len(problems) > 0 {
		return measure{}, fmt.Errorf("floor source: %s", problems[0].Msg)
	}
	ctx := &stream.Context{
		Ctx: context.Background(), Job: "bench", Step: "bids", Parallelism: 1, BatchRows: stream.DefaultRows, PoolLimit: 8,
		Stats: &stream.Stats{}, Log: zerolog.New(os.Stderr).Level(zerolog.WarnLevel),
	}
	var out floor.Output
	if o.Query == "k2k" && o.Mode == "floor" {
		w, err := newWriter(ctx, cluster, o.Out)
		if err != nil {
			return measure{}, err
		}
		defer w.sink.Close()
		out = w
	}
	query := o.Query
	if o.Mode == "framing" {
		query = "framing"
	}
	return timed(func() (floor.Result, error) {
		if err := src.Open(ctx); err != nil {
			return floor.Result{}, err
		}
		defer src.Close()
		r, err := src.Reader(ctx)
		if err != nil {
			return floor.Result{}, err
		}
		defer r.Close()
		defer profile(o)()
		raw, ok := r.(interface{ Raw() *kafka.RawFetcher })
		if !ok {
			return floor.Result{}, errors.New("the Kafka reader does not show its fetch path")
		}
		return floor.Run(query, o.Partitions, &fetched{raw.Raw()}, out, o.Digest)
	})
}

func texts(list string) []operators.Value {
	var out []operators.Value
	for s := range strings.SplitSeq(list, ",") {
		out = append(out, operators.Value{Text: s, Set: true})
	}
	return out
}

// fetched is the fetch path of the Kafka source, for a loop that waits itself.
type fetched struct{ raw *kafka.RawFetcher }

func (f *fetched) Next(recs *recordbatch.Records) (int, bool, error) {
	for {
		part, n, err := f.raw.Next(recs, stream.DefaultRows)
		switch {
		case errors.Is(err, io.EOF):
			return 0, false, nil
		case err != nil:
			return 0, false, err
		case n > 0:
			return part, true, nil
		}
		<-f.raw.Ready()
	}
}

// writer produces what the floor encoded through the Kafka sink, whose encoder hands the bytes on as they are.
type writer struct {
	sink stream.Sink
	enc  *given
}

type given struct {
	buf  []byte
	ends []uint32
}

func (g *given) Encode(dst []byte, ends []uint32, _ *stream.Batch, _ *stream.RowErrors) ([]byte, []uint32) {
	if len(dst) > 0 || len(ends) > 0 {
		panic("the sink kept bytes in its buffer")
	}
	return g.buf, g.ends
}

func newWriter(ctx *stream.Context, cluster *operators.Config, topic string) (*writer, error) {
	w := &writer{enc: &given{}}
	c := kafka.Connector()
	cfg := &operators.Config{Values: map[string]operators.Value{
		"topic": {Text: topic, Set: true}, "compression": {Text: "none", Set: true},
	}}
	newSink, problems := c.Sink.New(cfg, operators.SinkEnv{
		Pipeline: "bench", Step: "out", Cluster: cluster, Rows: stream.NewSchema(), Delivery: "at_least_once", Parallelism: 1,
		NewEncoder: func() operators.Encoder { return w.enc },
	})
	if len(problems) > 0 {
		return nil, fmt.Errorf("floor sink: %s", problems[0].Msg)
	}
	w.sink = newSink()
	return w, w.sink.Open(ctx)
}

type noOutput struct{}

func (noOutput) Emit(_ int, b *stream.Batch) error { b.Release(); return nil }

func (w *writer) Write(buf []byte, ends []uint32) error {
	w.enc.buf, w.enc.ends = buf, ends
	b := stream.NewHeader(stream.NewSchema())
	b.N = len(ends)
	return w.sink.Write(b, noOutput{})
}

func (w *writer) Flush() error { return w.sink.Flush(context.Background()) }
