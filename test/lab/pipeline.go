package lab

import (
	"os"
	"testing"

	"github.com/rs/zerolog"

	"flowd/engine"
	"flowd/operators/builtin"
	"flowd/pipeline"
)

// Compile turns a pipeline's text into a plan.
func Compile(t testing.TB, text string, set ...string) *pipeline.Plan {
	t.Helper()
	reg := builtin.Registry()
	spec, diags := pipeline.Parse([]pipeline.File{{Name: "test.yaml", Text: []byte(text)}},
		pipeline.Options{ReadFile: os.ReadFile, Registry: reg, Set: set})
	if diags.Err() {
		t.Fatalf("%s\n%v", text, diags)
	}
	plan, diags := pipeline.Compile(spec, reg)
	if diags.Err() {
		t.Fatalf("%s\n%v", text, diags)
	}
	return plan
}

// Start makes a job of a plan; the seed is fixed so that a failure comes back.
func Start(t testing.TB, plan *pipeline.Plan) *engine.Job {
	t.Helper()
	g, err := engine.Build(plan, engine.Config{Logger: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel), HashSeed: 7})
	if err != nil {
		t.Fatal(err)
	}
	return g.NewJob()
}

// Finish runs a bounded pipeline to its end.
func Finish(t testing.TB, text string, set ...string) engine.Status {
	t.Helper()
	job := Start(t, Compile(t, text, set...))
	if err := job.Run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return job.Status()
}

// Counts sums one counter over all nodes.
func Counts(s engine.Status, of func(engine.Counts) int64) (n int64) {
	for _, node := range s.Nodes {
		n += of(node.Total)
	}
	return n
}

// Late is the counter of late rows, for Counts.
func Late(c engine.Counts) int64 { return c.Late }
