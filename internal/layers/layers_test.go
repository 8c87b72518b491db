package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports reads every file itself rather than ask the go command, whose answer a test cache may keep.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		var imports []string
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, p)
		}
		for _, w := range Check(filepath.ToSlash(rel), imports) {
			t.Errorf("%s, against the direction in docs/architecture.md", w)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d Go files found under %s: the walk is broken", files, root)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		file, imp string
		ok        bool
	}{
		{"state/hash.go", "flowd/stream", false},
		{"stream/batch.go", "flowd/state", true},
		{"stream/batch.go", "github.com/segmentio/kafka-go", false},
		{"operators/field.go", "flowd/operators/expr", false},
		{"operators/expr/parse.go", "flowd/operators", true},
		{"operators/expr/parse.go", "flowd/operators/window", false},
		{"operators/kafka/source.go", "flowd/operators/format", true},
		{"operators/kafka/source.go", "flowd/operators/file", false},
		{"operators/kafka/source.go", "github.com/segmentio/kafka-go", true},
		{"operators/window/op.go", "github.com/segmentio/kafka-go", false},
		{"pipeline/yaml.go", "gopkg.in/yaml.v3", true},
		{"operators/field.go", "gopkg.in/yaml.v3", false},
		{"pipeline/plan.go", "flowd/engine", false},
		{"pipeline/plan.go", "flowd/operators/kafka", false},
		{"pipeline/compile.go", "flowd/operators/window", true},
		{"engine/task.go", "flowd/operators/kafka", false},
		{"engine/task.go", "flowd/pipeline", true},
		{"state/badger/table.go", "github.com/dgraph-io/badger/v4", true},
		{"engine/task.go", "github.com/dgraph-io/badger/v4", false},
		{"internal/dec/dec.go", "flowd/stream", false},
		{"internal/recordbatch/reader.go", "flowd/operators", true},
		{"cmd/flowd/main.go", "flowd/engine", true},
		{"engine/task.go", "flowd/cmd/flowd", false},
		{"operators/kafka/source_test.go", "github.com/twmb/franz-go/pkg/kgo", true},
		{"operators/kafka/source.go", "github.com/twmb/franz-go/pkg/kgo", false},
	} {
		if got := len(Check(c.file, []string{c.imp})) == 0; got != c.ok {
			t.Errorf("%s importing %s: allowed %v, want %v", c.file, c.imp, got, c.ok)
		}
	}
}
