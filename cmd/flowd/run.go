package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"flowd/engine"
	"flowd/pipeline"
)

func (a *app) runCommand() *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run one pipeline in the foreground",
		Long: `run reads the pipeline's sources until they end or it is told to stop.

Ctrl-C or SIGTERM stops reading, lets what was read flow through, flushes the sinks and ends with a summary.
A second one ends at once and promises nothing.
This version takes no checkpoints: every run begins at the sources' start position.`,
		Example: `  KAFKA_BROKERS=host:9092 flowd run pay.yaml
  flowd run --set parallelism=4 pay.yaml
  flowd run --json pay.yaml 2> run.log          progress and log as JSON lines`,
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := a.logger()
			if err != nil {
				return err
			}
			names, err := in.files(args)
			if err != nil {
				return err
			}
			spec, plan, err := a.parse(names, in.set, registry(), "text")
			if err != nil {
				return err
			}
			for _, s := range spec.Sources {
				sayStart(log, plan.Name, s)
			}
			job, err := newJob(plan, log)
			if err != nil {
				return wrong(err)
			}
			return a.supervise(cmd.Context(), job, newProgress(a, plan.Name), nil)
		},
	}
	in.flags(cmd)
	return cmd
}

// sayStart says where a source begins: every run does, because nothing is kept from the one before.
func sayStart(log zerolog.Logger, job string, s *pipeline.SourceSpec) {
	start := s.Connection.Sub("start")
	at := "the beginning"
	for _, key := range []string{"at", "timestamp", "committed", "offsets"} {
		switch v := start.Get(key); {
		case key == "at" && v.Text != "":
			at = v.Text
		case key != "at" && v.Set:
			at = strings.TrimSpace(key + " " + v.Text)
		}
	}
	log.Info().Str("job", job).Str("step", s.Name).Str("start", at).Msg("no checkpoints in this version: reading begins at start")
	if strings.HasPrefix(at, "committed") {
		log.Warn().Str("job", job).Str("step", s.Name).
			Msg("committed offsets are behind what was read, for monitoring: windows that are open when a run ends, however it ends, and after a crash rows that were read but not yet written, are not read again")
	}
}

// newJob builds a plan and gives the collector room: state holds no pointers, so a larger heap costs memory, not time.
func newJob(plan *pipeline.Plan, log zerolog.Logger) (*engine.Job, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	graph, err := engine.Build(plan, engine.Config{Logger: log, HashSeed: rand.Uint64()})
	if err != nil {
		return nil, err
	}
	return graph.NewJob(), nil
}

// supervise runs job until it ends, stops it at the first signal and cancels it at the second, and shows progress.
// stop, if not nil, stops the job as a signal does.
func (a *app) supervise(ctx context.Context, job *engine.Job, p *progress, stop <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	done := make(chan error, 1)
	go func() { done <- job.Run(ctx) }()
	tick := time.NewTicker(p.interval)
	defer tick.Stop()
	stopping := false
	for {
		select {
		case err := <-done:
			p.end(job.Status(), err)
			return a.verdict(err)
		case s := <-signals:
			if stopping {
				cancel(fmt.Errorf("%w: second %s", errCut, s))
				continue
			}
			stopping = true
			if st := job.Status().State; st == engine.Opening || st == engine.Created {
				cancel(errNotBegun) // nothing was read: there is nothing to write out
				continue
			}
			p.note("stopping: what was read is written out; once more to end at once")
			job.Stop()
		case <-stop:
			stop, stopping = nil, true
			job.Stop()
		case <-tick.C:
			p.show(job.Status())
		}
	}
}

var (
	errCut      = errors.New("ended at once, results may be missing")
	errNotBegun = errors.New("stopped before it began")
)

func (a *app) verdict(err error) error {
	if err == nil || errors.Is(err, errNotBegun) {
		return nil
	}
	return failed(err)
}

func (a *app) logger() (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(a.logLevel)
	if err != nil || a.logLevel == "" {
		return zerolog.Nop(), wrong(fmt.Errorf("--log-level %s: expected debug, info, warn or error", a.logLevel))
	}
	format := a.logFormat
	if format == "auto" {
		format = "json"
		if a.tty && !a.json {
			format = "console"
		}
	}
	switch format {
	case "json":
		return zerolog.New(a.screen).Level(level).With().Timestamp().Logger(), nil
	case "console":
		w := zerolog.ConsoleWriter{Out: a.screen, NoColor: !a.color, TimeFormat: time.TimeOnly}
		return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
	default:
		return zerolog.Nop(), wrong(fmt.Errorf("--log-format %s: expected console, json or auto", a.logFormat))
	}
}
