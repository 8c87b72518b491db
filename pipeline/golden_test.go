package pipeline

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what is instead of comparing with it")

// Each bad file has beside it the whole of what a user sees.
func TestBad(t *testing.T) {
	files := yamlFiles(t, "bad")
	if len(files) < 90 {
		t.Errorf("%d cases; there were 90", len(files))
	}
	for _, path := range files {
		base := filepath.Base(path)
		t.Run(strings.TrimSuffix(base, ".yaml"), func(t *testing.T) {
			_, plan, diags := load(t, base, readFile(t, path))
			if len(diags) == 0 {
				t.Fatal("nothing is wrong with it")
			}
			if diags.Err() != (plan == nil) {
				t.Errorf("errors: %v, plan: %v", diags.Err(), plan != nil)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", rendered(t, diags))
		})
	}
}

func TestPlan(t *testing.T) {
	for _, path := range yamlFiles(t, "plan") {
		base := filepath.Base(path)
		t.Run(strings.TrimSuffix(base, ".yaml"), func(t *testing.T) {
			spec, plan, diags := load(t, base, readFile(t, path))
			if plan == nil {
				t.Fatal(rendered(t, diags))
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", rendered(t, diags)+Explain(plan, spec))
		})
	}
}

// The examples of the language's description compile, or say exactly which of their parts this version lacks.
func TestExamples(t *testing.T) {
	for _, path := range yamlFiles(t, "examples") {
		base := filepath.Base(path)
		t.Run(strings.TrimSuffix(base, ".yaml"), func(t *testing.T) {
			testEnv["KAFKA_BROKERS"], testEnv["KAFKA_USER"] = "localhost:9092", "app"
			_, plan, diags := load(t, base, readFile(t, path))
			for _, d := range diags {
				if !d.Warning && d.Code != "F090" {
					t.Errorf("%v", d)
				}
			}
			if diags.Err() != (plan == nil) {
				t.Errorf("errors: %v, plan: %v", diags.Err(), plan != nil)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", rendered(t, diags))
		})
	}
}
