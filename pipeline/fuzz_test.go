package pipeline

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// No input makes the compiler panic or hang, and every message can be shown.
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"plan", "bad", "examples"} {
		for _, path := range yamlFiles(f, dir) {
			f.Add([]byte(readFile(f, path)))
		}
	}
	opts := testOptions()
	f.Fuzz(func(t *testing.T, text []byte) {
		spec, plan, diags := Load([]File{{"f.yaml", text}}, opts)
		if plan == nil && !diags.Err() {
			t.Fatal("no plan and no error")
		}
		var b bytes.Buffer
		for _, format := range Formats() {
			if err := diags.Format(&b, format, false); err != nil {
				t.Fatal(err)
			}
		}
		if !utf8.Valid(b.Bytes()) || strings.ContainsAny(b.String(), "\x1b\x00") {
			t.Fatalf("a terminal would obey %q", b.String())
		}
		for _, d := range diags {
			if d.Line < 0 || d.Len < 1 || d.Line > 0 && d.Col < 1 {
				t.Fatalf("%+v", d)
			}
		}
		if plan != nil {
			Explain(plan, spec)
			if _, err := PlanJSON(plan, spec); err != nil {
				t.Fatal(err)
			}
		}
	})
}
