// Package layers says which of flowd's packages may import which. It is a table and its reading; the test beside
// it holds every file against it.
package layers

import (
	"fmt"
	"strings"
)

const module = "flowd/"

// layer numbers the packages in the order of docs/architecture.md: each may import what has a lower number.
var layer = []struct {
	dir string
	at  int
}{
	{"internal/dec", 0},
	{"internal/civil", 0},
	{"internal/layers", 0},
	{"internal/nearest", 0},
	{"state", 1},
	{"state/hashmap", 2},
	{"state/badger", 2},
	{"stream", 2},
	{"checkpoint", 3},
	{"operators", 3},
	{"internal/lines", 7}, // the lines of files, for connectors
	{"internal", 4},       // helpers with a subject: codecs, fault injection, test brokers
	{"operators/expr", 4},
	{"operators/format", 5},
	{"operators/aggregate", 5},
	{"operators/transform", 6},
	{"operators/window", 6}, // the language's own steps, pure: the plan makes them
	{"operators/builtin", 9},
	{"operators/operatortest", 7},
	{"operators/kafka", 8},
	{"operators/file", 8},
	{"operators/generate", 8},
	{"operators/stdout", 8},
	{"operators/discard", 8},
	{"pipeline", 7},
	{"engine", 8},
	{"server", 9},
	{"cmd", 10},
	{"test", 10},
	{"examples", 10},
}

// only lists the modules that may be imported in one place alone, outside tests.
var only = map[string][]string{
	"gopkg.in/yaml.v3":              {"pipeline"},
	"github.com/dgraph-io/badger":   {"state/badger"},
	"github.com/segmentio/kafka-go": {"operators/kafka"},
	"github.com/twmb/franz-go":      {"internal/devbroker", "internal/kafkatest", "test"},
	"github.com/spf13/cobra":        {"cmd"},
}

// Check says what is wrong with a file, named from the root, that imports those paths.
func Check(file string, imports []string) []string {
	var wrong []string
	dir := file[:max(strings.LastIndexByte(file, '/'), 0)]
	test := strings.HasSuffix(file, "_test.go")
	for _, imp := range imports {
		if after, ok := strings.CutPrefix(imp, module); ok {
			if !test && !allowed(dir, after) {
				wrong = append(wrong, fmt.Sprintf("%s: %s imports %s", file, dir, strings.TrimPrefix(imp, module)))
			}
			// A test may use anything but the layers above its own, its examiner and the test helpers apart.
			if test && !testAllowed(dir, strings.TrimPrefix(imp, module)) {
				wrong = append(wrong, fmt.Sprintf("%s: the test of %s imports %s", file, dir, strings.TrimPrefix(imp, module)))
			}
			continue
		}
		if test {
			continue
		}
		for mod, homes := range only {
			if imp != mod && !strings.HasPrefix(imp, mod+"/") {
				continue
			}
			ok := false
			for _, h := range homes {
				ok = ok || dir == h || strings.HasPrefix(dir, h+"/")
			}
			if !ok {
				wrong = append(wrong, fmt.Sprintf("%s: %s is for %s only", file, mod, strings.Join(homes, ", ")))
			}
		}
	}
	return wrong
}

func allowed(from, to string) bool {
	if strings.HasPrefix(from, to+"/") { // a child may import its parent
		return true
	}
	if strings.HasPrefix(to, from+"/") { // a parent never its child
		return from == "cmd" || from == "test" || strings.HasPrefix(from, "test/")
	}
	f, t := level(from), level(to)
	return f >= 0 && t >= 0 && (t < f || f == 10)
}

func testAllowed(from, to string) bool {
	return allowed(from, to) || to == from || strings.HasPrefix(to, "internal/") || strings.HasSuffix(to, "test") ||
		level(to) <= level(from) && level(to) >= 0
}

// level is the layer of a package: that of the longest directory of the table that holds it.
func level(dir string) int {
	at, best := -1, -1
	for _, l := range layer {
		if (dir == l.dir || strings.HasPrefix(dir, l.dir+"/")) && len(l.dir) > best {
			at, best = l.at, len(l.dir)
		}
	}
	return at
}
