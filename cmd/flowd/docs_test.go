package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowd/operators/builtin"
	"flowd/pipeline"
)

// What is checked in is what the code makes: `go generate ./cmd/flowd`.
func TestGenerated(t *testing.T) {
	reg := builtin.Registry()
	for name, want := range map[string][]byte{"reference.md": pipeline.Reference(reg), "flowd.schema.json": pipeline.Schema(reg)} {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the code makes: go generate ./cmd/flowd", name)
		}
	}
}

// Every pipeline in the pages for users is one that flowd takes, without a warning.
func TestPagesValidate(t *testing.T) {
	reg := builtin.Registry()
	env := func(name string) (string, bool) {
		if name == "KAFKA_USER" || name == "KAFKA_PASSWORD" {
			return "x", true
		}
		return "", false
	}
	for page, least := range map[string]int{"../../README.md": 1, "../../docs/guide.md": 8} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i, part := range strings.Split(string(text), "```yaml\n")[1:] {
			yaml, _, ended := strings.Cut(part, "\n```")
			if !ended {
				t.Fatalf("%s: block %d does not end", page, i+1)
			}
			n++
			_, plan, diags := pipeline.Load([]pipeline.File{{Name: page, Text: []byte(yaml + "\n")}},
				pipeline.Options{Env: env, ReadFile: readSmall, Registry: reg})
			if plan == nil || len(diags) > 0 {
				var b bytes.Buffer
				_ = diags.Format(&b, "text", false)
				t.Errorf("%s: pipeline %d:\n%s", page, i+1, b.String())
			}
		}
		if n < least {
			t.Errorf("%s has %d pipelines, expected %d", page, n, least)
		}
	}
}
