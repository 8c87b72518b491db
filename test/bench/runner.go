package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/devbroker"
	"flowd/test/bench/floor"
)

// runner is the process that starts the others.
type runner struct {
	options
	stop   <-chan os.Signal
	broker *exec.Cmd
}

// report is the result of a query: medians over the rounds, per record where not said otherwise.
type report struct {
	Query       string  `json:"query"`
	Parallelism int     `json:"parallelism"`
	Source      string  `json:"source"`
	Compression string  `json:"compression"`
	Records     int64   `json:"records"`
	Rows        int64   `json:"rows"`
	CPU         float64 `json:"cpu_ns"`
	Floor       float64 `json:"floor_cpu_ns"`
	Framing     float64 `json:"framing_cpu_ns"`
	Ratio       float64 `json:"ratio"`
	Wall        float64 `json:"wall_s"`
	RSS         int64   `json:"rss_bytes"`
	Allocs      float64 `json:"allocs"`
}

func (r *runner) queries() error {
	if r.Source == "kafka" {
		if err := r.prepare(); err != nil {
			return err
		}
	}
	if r.Markdown {
		fmt.Println("| query | flowd, CPU ns | floor | framing | flowd ÷ floor | floor ÷ framing | M records/s/core | RSS MiB | allocations |\n|---|---|---|---|---|---|---|---|---|")
	}
	for q := range strings.SplitSeq(r.Queries, ",") {
		rep, err := r.query(q)
		if err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
		r.print(rep)
	}
	return nil
}

// query runs flowd, the floor and the framing in turn, so that a noisy neighbour meets all of them.
func (r *runner) query(q string) (report, error) {
	modes := []string{"flowd"}
	if r.Source == "kafka" {
		modes = []string{"flowd", "floor", "framing"}
	}
	if r.Source == "kafka" {
		if err := r.compare(q); err != nil {
			return report{}, err
		}
	}
	all := map[string][]measure{}
	for range r.Rounds {
		for _, mode := range modes {
			m, err := r.worker(mode, q, r.Parallelism)
			if err != nil {
				return report{}, fmt.Errorf("%s: %w", mode, err)
			}
			if m.Result.Records != r.Records {
				return report{}, fmt.Errorf("%s read %d records of %d", mode, m.Result.Records, r.Records)
			}
			all[mode] = append(all[mode], m)
		}
	}
	per := func(mode string, f func(measure) float64) float64 {
		var v []float64
		for _, m := range all[mode] {
			v = append(v, f(m))
		}
		return median(v)
	}
	cpu := func(m measure) float64 { return float64(m.CPU.Nanoseconds()) / float64(r.Records) }
	rep := report{
		Query: q, Parallelism: r.Parallelism, Source: r.Source, Compression: r.Compression, Records: r.Records,
		Rows: last(all["flowd"]).Result.Rows,
		CPU:  per("flowd", cpu), Floor: per("floor", cpu), Framing: per("framing", cpu),
		Wall:   per("flowd", func(m measure) float64 { return m.Wall.Seconds() }),
		RSS:    int64(per("flowd", func(m measure) float64 { return float64(m.RSS) })),
		Allocs: per("flowd", func(m measure) float64 { return float64(m.Allocs) / float64(r.Records) }),
	}
	if rep.Floor > 0 {
		rep.Ratio = rep.CPU / rep.Floor
	}
	return rep, nil
}

// compare runs flowd and the floor once, unmeasured, and demands the same rows of both.
func (r *runner) compare(q string) error {
	r.Digest = true
	defer func() { r.Digest = false }()
	var results []floor.Result
	for _, mode := range []string{"flowd", "floor"} {
		m, err := r.worker(mode, q, r.Parallelism)
		if err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
		if q == "k2k" {
			if m.Result.Digest, err = digestTopic(r.Brokers, r.Out, m.Result.Rows); err != nil {
				return err
			}
		}
		results = append(results, m.Result)
	}
	if results[0] != results[1] {
		return fmt.Errorf("flowd's results %+v differ from the floor's %+v", results[0], results[1])
	}
	return nil
}

// digestTopic digests the records of a topic whatever their order.
func digestTopic(brokers, topic string, records int64) (uint64, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumeTopics(topic))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var digest floor.Result
	for digest.Rows < records {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return 0, fmt.Errorf("reading back %s: %d of %d records: %w", topic, digest.Rows, records, err)
		}
		f.EachRecord(func(rec *kgo.Record) { digest.Add(floor.Text(rec.Value)) })
	}
	return digest.Digest, nil
}

func (r *runner) print(rep report) {
	switch {
	case r.JSON:
		text, err := json.Marshal(rep)
		if err == nil {
			fmt.Println(string(text))
		}
	case r.Markdown:
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f | %d | %.5f |\n", rep.Query, rep.CPU, rep.Floor, rep.Framing,
			rep.Ratio, rep.Floor/rep.Framing, 1000/rep.CPU, rep.RSS>>20, rep.Allocs)
	default:
		fmt.Printf("%-7s %7.1f ns CPU a record   floor %6.1f   framing %6.1f   ratio %.2f   %5.2f s wall   %4d MiB   %.5f allocs   %d rows\n",
			rep.Query, rep.CPU, rep.Floor, rep.Framing, rep.Ratio, rep.Wall, rep.RSS>>20, rep.Allocs, rep.Rows)
	}
}

// scaling compares parallelism 2 with 1 in pairs, by wall time.
func (r *runner) scaling() error {
	r.Source = "memory"
	var ratios []float64
	for i := range 5 {
		one, err := r.worker("flowd", "tumble", 1)
		if err != nil {
			return err
		}
		two, err := r.worker("flowd", "tumble", 2)
		if err != nil {
			return err
		}
		if one.Result != two.Result {
			return fmt.Errorf("parallelism 1 gave %+v, 2 gave %+v", one.Result, two.Result)
		}
		ratio := one.Wall.Seconds() / two.Wall.Seconds()
		ratios = append(ratios, ratio)
		fmt.Fprintf(os.Stderr, "pair %d: %.2f M records/s with 1, %.2f with 2: %.2f times\n", i+1,
			float64(r.Records)/one.Wall.Seconds()/1e6, float64(r.Records)/two.Wall.Seconds()/1e6, ratio)
	}
	fmt.Printf("{\"benchmark\":\"scaling\",\"records\":%d,\"median_ratio\":%.3f}\n", r.Records, median(ratios))
	return nil
}

// prepare starts the broker, unless one is given, and fills the topic.
func (r *runner) prepare() error {
	if r.Brokers == "" {
		cmd, err := self("--mode", "broker")
		if err != nil {
			return err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		cmd.Stdin = nil
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("starting the broker: %w", err)
		}
		r.broker = cmd
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			return fmt.Errorf("the broker did not say its address: %w", err)
		}
		r.Brokers = strings.TrimSpace(line)
	}
	start := time.Now()
	if _, err := r.child("load", "", 1); err != nil {
		return fmt.Errorf("filling the topic: %w", err)
	}
	fmt.Fprintf(os.Stderr, "topic %s: %d bids in %d partitions, compression %s, made in %.1f s\n", r.Topic, r.Records, r.Partitions, r.Compression, time.Since(start).Seconds())
	return nil
}

func (r *runner) worker(mode, query string, parallelism int) (measure, error) {
	if query == "k2k" { // a new topic each time, so that the broker does not hold the results of all
		if err := recreate(r.Brokers, r.Out, r.Partitions); err != nil {
			return measure{}, err
		}
	}
	out, err := r.child(mode, query, parallelism)
	if err != nil {
		return measure{}, err
	}
	var m measure
	return m, json.Unmarshal(out, &m)
}

func (r *runner) child(mode, query string, parallelism int) ([]byte, error) {
	select {
	case <-r.stop:
		return nil, errors.New("interrupted")
	default:
	}
	cmd, err := self("--mode", mode, "--query", query, "--brokers", r.Brokers, "--topic", r.Topic, "--out", r.Out,
		"--records", fmt.Sprint(r.Records), "--parallelism", fmt.Sprint(parallelism), "--partitions", fmt.Sprint(r.Partitions),
		"--compression", r.Compression, "--source", r.Source, fmt.Sprintf("--digest=%t", r.Digest))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.Bytes(), err
}

func self(args ...string) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), exe, args...)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

func (r *runner) close() {
	if r.broker != nil {
		_ = r.broker.Process.Kill()
		_ = r.broker.Wait()
	}
}

func last[T any](s []T) T { return s[len(s)-1] }

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// serve is the broker process: it prints its address and lives until it is killed.
func serve() error {
	b, err := devbroker.Start()
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	select {}
}

// recreate makes an empty topic.
func recreate(brokers, topic string, partitions int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := adm.DeleteTopics(ctx, topic); err != nil {
		return err
	}
	for {
		resp, err := adm.CreateTopic(ctx, int32(partitions), 1, nil, topic)
		if err == nil && resp.Err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(err, resp.Err)
		}
	}
}

// load fills the topic: bid i in partition i mod partitions, in batches of up to 4096 records.
func load(o options) error {
	codec, ok := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[o.Compression]
	if !ok {
		return fmt.Errorf("unknown compression %q", o.Compression)
	}
	if err := recreate(o.Brokers, o.Topic, o.Partitions); err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.Brokers, ",")...), kgo.DefaultProduceTopic(o.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(1_000_000),
		kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	var failed error
	i := 0
	err = bids(o.Records, func(buf []byte, ends []uint32) error {
		start := uint32(0)
		for _, end := range ends {
			rec := &kgo.Record{Value: bytes.Clone(buf[start:end]), Partition: int32(i % o.Partitions)}
			cl.Produce(context.Background(), rec, func(_ *kgo.Record, err error) {
				if err != nil {
					failed = err
				}
			})
			start = end
			i++
		}
		return nil
	})
	return errors.Join(err, cl.Flush(context.Background()), failed)
}
