package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"flowd/engine"
	"flowd/internal/devbroker"
	"flowd/operators"
	"flowd/pipeline"
	"flowd/stream"
)

// What dev makes for a topic that nothing feeds, unless flags say otherwise.
const (
	devSeed       = 42
	devPartitions = 2
	devKeepBytes  = 128 << 20 // of a partition: dev may run for days
)

type devFlags struct {
	in      input
	brokers string
	folder  string
	burst   int64
	rate    int64
	limit   time.Duration
	rows    int
}

func (a *app) devCommand() *cobra.Command {
	var d devFlags
	cmd := &cobra.Command{
		Use:   "dev FILE",
		Short: "Try a pipeline: embedded broker, inputs made or loaded, results shown",
		Long: `dev starts a Kafka broker inside this process (real protocol, loopback, nothing stays), makes the topics of the
pipeline, fills those it reads, runs the pipeline against it, and shows progress and the newest results.

A topic whose schema is part of a Nexmark table (bids, auctions, persons) gets Nexmark's records, any other records
made from its schema. --input DIR loads DIR/SOURCE.jsonl (or .jsonl.gz, .jsonl.zst) instead. Input that ends (--input,
or --rate 0) ends the run too, and closes the last windows.`,
		Example: `  flowd dev examples/pipelines/hot_items/pipeline.yaml
  flowd dev --for 10s pay.yaml                   stop after ten seconds
  flowd dev --rate 0 --records 1000000 pay.yaml  a million records, then end
  flowd dev --input testdata pay.yaml            topic payments from testdata/payments.jsonl
  flowd dev --brokers host:9092 pay.yaml         your own broker and your own data instead`,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := d.in.files(args)
			if err != nil {
				return err
			}
			return a.dev(cmd.Context(), names, d)
		},
	}
	d.in.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&d.brokers, "brokers", "", "run against these brokers (host:port,…) instead of an embedded one; nothing is fed")
	f.StringVar(&d.folder, "input", "", "folder with SOURCE.jsonl files to load into the topics")
	f.Int64Var(&d.burst, "records", 200_000, "records to make for each topic at once")
	f.Int64Var(&d.rate, "rate", 20_000, "records to make a second after that; 0 for none")
	f.DurationVar(&d.limit, "for", 0, "stop after this time, as in 10s; 0 for ctrl-c")
	f.IntVar(&d.rows, "rows", 8, "newest result rows to show for each sink")
	return cmd
}

func (a *app) dev(ctx context.Context, names []string, d devFlags) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	if d.burst < 0 || d.rate < 0 || d.rows < 0 {
		return wrong(errors.New("--records, --rate and --rows must not be negative"))
	}
	if d.brokers != "" {
		a.say("brokers", d.brokers, "(yours: topics must exist, nothing is fed)")
		return a.devOn(ctx, names, append(d.in.set, "kafka.brokers="+d.brokers), d, log, nil)
	}
	broker, err := devbroker.Start()
	if err != nil {
		return failed(err)
	}
	defer broker.Close()
	return a.devOn(ctx, names, append(d.in.set, "kafka="+broker.Addr()), d, log, broker)
}

// devOn runs the pipeline against broker, which it feeds; nil: against the user's own.
func (a *app) devOn(ctx context.Context, names, set []string, d devFlags, log zerolog.Logger, broker *devbroker.Broker) error {
	reg := registry()
	spec, plan, err := a.parse(names, set, reg, "text")
	if err != nil {
		return err
	}
	if broker != nil {
		if err := ownCluster(spec); err != nil {
			return wrong(err)
		}
	}
	sources, sinks := topicsOf(spec)
	// Feeders and the tail end when the job does.
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	if broker != nil {
		a.say("embedded broker", broker.Addr(), "(Kafka protocol; nothing is installed, nothing stays)")
		if err := a.feedAll(ctx, broker, sources, sinks, reg, d, log, &wait); err != nil {
			return err
		}
		if d.finite() { // then so is the run: the last windows close, and it ends
			for _, s := range sources {
				set = append(set, "sources."+s.step+".kafka.stop=latest")
			}
			if _, plan, err = a.parse(names, set, reg, "text"); err != nil {
				return err
			}
		}
	}
	show := newResults(sinks, d.rows)
	if broker != nil && len(show.topics()) > 0 {
		wait.Go(func() {
			if err := devbroker.Tail(ctx, broker.Addr(), show.topics(), show.add); err != nil && ctx.Err() == nil {
				log.Error().Err(err).Msg("results cannot be shown")
			}
		})
	}
	a.say("job "+plan.Name, fmt.Sprintf("running, parallelism %d", plan.Parallelism), stopHint(d))
	job, err := newJob(plan, log)
	if err != nil {
		return wrong(err)
	}
	p := newProgress(a, plan.Name)
	if broker != nil {
		p.results = show
	}
	var stop chan struct{}
	if d.limit > 0 {
		stop = make(chan struct{})
		timer := time.AfterFunc(d.limit, func() { close(stop) })
		defer timer.Stop()
	}
	err = a.supervise(ctx, job, p, stop)
	if broker != nil {
		show.await(ctx, broker)
		if printErr := a.printResults(show, d.rows); printErr != nil && err == nil {
			err = failed(printErr)
		}
		if err == nil && !a.json {
			fmt.Fprintf(a.stderr, "next: point it at your own Kafka:  KAFKA_BROKERS=host:9092 flowd run %s\n", strings.Join(names, " -f "))
		}
	}
	return err
}

// ownCluster says which step would reach a cluster of its own: dev must touch nothing but its own broker.
func ownCluster(spec *pipeline.Spec) error {
	check := func(step, connector string, c *operators.Config) error {
		for _, key := range []string{"brokers", "tls", "sasl"} {
			if connector == "kafka" && c.IsSet(key) {
				return fmt.Errorf("%s names %s of its own, and dev uses its embedded broker only: leave it out, or try it with flowd dev --brokers host:port", step, key)
			}
		}
		return nil
	}
	var errs []error
	for _, s := range spec.Sources {
		errs = append(errs, check(s.Name, s.Connector, s.Connection))
	}
	for _, s := range spec.Sinks {
		errs = append(errs, check(s.Name, s.Connector, s.Connection))
	}
	return errors.Join(errs...)
}

// finite says whether the input that dev makes or loads ends.
func (d *devFlags) finite() bool { return d.folder != "" || d.rate == 0 }

// feedAll makes the topics and fills those that are read: to the end if the input ends, else beside the job.
func (a *app) feedAll(ctx context.Context, broker *devbroker.Broker, sources, sinks []topic, reg *operators.Registry, d devFlags, log zerolog.Logger, wait *sync.WaitGroup) error {
	partitions := devPartitions
	if d.folder != "" {
		partitions = 1 // keeps the order of the lines, so that the same ones are late each time
	}
	for _, t := range sources {
		if err := broker.CreateTopic(t.name, partitions, devKeepBytes); err != nil {
			return failed(err)
		}
	}
	for _, t := range sinks {
		if err := broker.CreateTopic(t.name, devPartitions, devKeepBytes); err != nil {
			return failed(err)
		}
	}
	for _, t := range sources {
		job, what, err := feeder(t, broker.Addr(), reg, d)
		if err != nil {
			return failed(fmt.Errorf("making input for topic %s: %w", t.name, err))
		}
		a.say("topic "+t.name, what, "")
		if d.finite() {
			if err := job.Run(ctx); err != nil {
				return failed(fmt.Errorf("filling topic %s: %w", t.name, err))
			}
			continue
		}
		wait.Go(func() {
			if err := job.Run(ctx); err != nil && ctx.Err() == nil {
				log.Error().Err(err).Str("topic", t.name).Msg("feeding stopped")
			}
		})
	}
	return nil
}

// printResults writes the newest rows to stdout: a table, or with --json one line a row.
func (a *app) printResults(r *results, rows int) error {
	if a.json {
		return r.json(a.stdout)
	}
	if len(r.topics()) == 0 {
		return nil
	}
	_, err := fmt.Fprint(a.stdout, r.text(rows))
	return err
}

func stopHint(d devFlags) string {
	switch {
	case d.limit > 0:
		return "(stops after " + d.limit.String() + ")"
	case d.finite() && d.brokers == "":
		return "(ends with its input)"
	}
	return "(ctrl-c stops)"
}

// say tells people a fact about what was started.
func (a *app) say(what, value, more string) {
	if a.json {
		return
	}
	fmt.Fprintf(a.stderr, "%-16s  %s   %s\n", what, value, more)
}

// topic is one that the pipeline reads or writes.
type topic struct {
	step   string
	name   string
	fields []stream.Field // of a source
}

func topicsOf(spec *pipeline.Spec) (sources, sinks []topic) {
	for _, s := range spec.Sources {
		if s.Connector != "kafka" {
			continue
		}
		names := s.Connection.Strings("topics")
		if t := s.Connection.String("topic"); t != "" {
			names = append(names, t)
		}
		for _, n := range names {
			sources = append(sources, topic{s.Name, n, s.Fields})
		}
	}
	for _, s := range spec.Sinks {
		if s.Connector == "kafka" {
			sinks = append(sinks, topic{step: s.Name, name: s.Connection.String("topic")})
		}
	}
	return sources, sinks
}

// feeder is a job that fills a topic, made as any user would make it: a pipeline from generate or file to kafka.
func feeder(t topic, addr string, reg *operators.Registry, d devFlags) (*engine.Job, string, error) {
	source, what, err := feed(t, reg, d)
	if err != nil {
		return nil, "", err
	}
	format := "json"
	if d.folder != "" { // lines go as they are
		format = "raw"
	}
	text := "name: dev_feed\nkafka: " + quote(addr) + "\nsources:\n  made:\n" + source +
		"sinks:\n  out:\n    kafka: {topic: " + quote(t.name) + "}\n    format: " + format + "\n"
	spec, diags := pipeline.Parse([]pipeline.File{{Name: "feed of " + t.name, Text: []byte(text)}}, pipeline.Options{ReadFile: readSmall, Registry: reg})
	if diags.Err() {
		return nil, "", diags
	}
	plan, diags := pipeline.Compile(spec, reg)
	if diags.Err() {
		return nil, "", diags
	}
	job, err := newJob(plan, zerolog.Nop())
	return job, what, err
}

// feed is the YAML of a source that fills t, and what to tell people about it.
func feed(t topic, reg *operators.Registry, d devFlags) (yaml, what string, err error) {
	if d.folder != "" {
		for _, end := range []string{".jsonl", ".jsonl.gz", ".jsonl.zst"} {
			name := filepath.Join(d.folder, t.step+end)
			if _, err := readSmall(name); err == nil {
				return "    file: {path: " + quote(name) + "}\n    format: raw\n    schema: {line: string}\n", "loaded from " + name, nil
			}
		}
		return "", "", fmt.Errorf("no %s.jsonl, .jsonl.gz or .jsonl.zst in %s", t.step, d.folder)
	}
	amount := fmt.Sprintf("seed: %d, count: %d", devSeed, d.burst)
	what = thousands(d.burst) + " records made"
	more := ""
	if d.rate > 0 {
		amount = fmt.Sprintf("seed: %d, burst: %d, rate: %d", devSeed, d.burst, d.rate)
		more = ", more at " + thousands(d.rate) + "/s"
	}
	if table := nexmarkTable(t.fields, reg); table != "" {
		return "    generate: {nexmark: " + table + ", " + amount + "}\n", what + fmt.Sprintf(" (nexmark, seed %d)", devSeed) + more, nil
	}
	return "    generate: {datagen: {}, " + amount + "}\n    schema: " + schemaYAML(t.fields) + "\n",
		what + fmt.Sprintf(" (from its schema, seed %d)", devSeed) + more, nil
}

// nexmarkTable is the Nexmark table that has all of fields, "" if none has.
func nexmarkTable(fields []stream.Field, reg *operators.Registry) string {
	generate := reg.Connector("generate")
	if generate == nil || generate.Source.Schema == nil {
		return ""
	}
	for _, table := range []string{"bids", "auctions", "persons"} {
		known := generate.Source.Schema(&operators.Config{Values: map[string]operators.Value{"nexmark": {Text: table, Set: true}}})
		if known == nil {
			continue
		}
		have := map[string]stream.TypeID{}
		for _, f := range known.Fields {
			have[f.Name] = f.Type.ID
		}
		all := len(fields) > 0
		for _, f := range fields {
			all = all && have[f.Name] == f.Type.ID
		}
		if all {
			return table
		}
	}
	return ""
}

// schemaYAML writes fields as a flow map that the pipeline language reads.
func schemaYAML(fields []stream.Field) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		switch {
		case f.Type.ID == stream.Row:
			parts[i] = quote(f.Name) + ": " + schemaYAML(f.Type.Fields)
		case f.Type.ID == stream.Array && f.Type.Elem.ID == stream.Row:
			parts[i] = quote(f.Name) + ": [" + schemaYAML(f.Type.Elem.Fields) + "]"
		default:
			parts[i] = quote(f.Name) + ": " + quote(f.Type.String())
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quote makes a YAML double-quoted scalar, for which JSON's rules will do.
func quote(s string) string {
	text, _ := json.Marshal(s) // a string always can
	return string(bytes.ReplaceAll(text, []byte("${"), []byte("$${")))
}
