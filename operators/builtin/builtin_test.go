package builtin

import (
	"regexp"
	"testing"

	"flowd/operators"
)

// TestComplete holds every key that a user can write against what reference pages, decoder and hints need of it.
func TestComplete(t *testing.T) {
	r := Registry()
	seen := map[string]bool{}
	for _, c := range r.Connectors {
		if seen[c.Name] || c.Doc == "" || c.Source == nil && c.Sink == nil {
			t.Errorf("connector %q: twice, without a doc, or without an end", c.Name)
		}
		seen[c.Name] = true
		if r.Connector(c.Name) == nil {
			t.Errorf("connector %s is not found by its name", c.Name)
		}
		if c.Source != nil {
			checkEnd(t, c.Name, c.Source.Config)
			if c.Source.New == nil {
				t.Errorf("source %s has no New", c.Name)
			}
		}
		if c.Sink != nil {
			checkEnd(t, c.Name, c.Sink.Config)
			if c.Sink.New == nil {
				t.Errorf("sink %s has no New", c.Name)
			}
		}
	}
	for _, f := range r.Formats {
		if seen[f.Name] || f.Doc == "" || f.NewDecoder == nil || f.NewEncoder == nil || r.Format(f.Name) == nil {
			t.Errorf("format %s is not complete", f.Name)
		}
		seen[f.Name] = true
		for _, field := range f.Fields {
			checkField(t, f.Name, field)
		}
	}
	for _, name := range []string{"kafka", "file", "generate", "stdout", "discard", "json", "raw"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func checkEnd(t *testing.T, name string, f operators.Field) {
	t.Helper()
	if f.Name != name || f.Type != operators.Object {
		t.Errorf("%s: the settings are called %q and of type %d", name, f.Name, f.Type)
	}
	checkField(t, name, f)
}

var key = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func checkField(t *testing.T, path string, f operators.Field) {
	t.Helper()
	if !key.MatchString(f.Name) || f.Doc == "" {
		t.Errorf("%s: %q has no doc, or is no key", path, f.Name)
	}
	if f.Doc != "" && !regexp.MustCompile(`[.)]$`).MatchString(f.Doc) {
		t.Errorf("%s: the doc is no sentence: %s", path, f.Doc)
	}
	bare := f.Bare == ""
	seen := map[string]bool{}
	for _, sub := range f.Fields {
		if seen[sub.Name] {
			t.Errorf("%s has %s twice", path, sub.Name)
		}
		seen[sub.Name] = true
		bare = bare || sub.Name == f.Bare
		checkField(t, path+"."+sub.Name, sub)
	}
	if !bare {
		t.Errorf("%s: a bare value stands for %s, which is none of its keys", path, f.Bare)
	}
	if f.Type == operators.Enum && len(f.Enum) == 0 || (f.Type == operators.List || f.Type == operators.Dict) && f.Elem == nil {
		t.Errorf("%s: its values are not described", path)
	}
	if f.Required && f.Default != "" {
		t.Errorf("%s is required and has a default", path)
	}
}
