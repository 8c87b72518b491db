package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"flowd/stream"
)

func TestMain(m *testing.M) {
	stream.SetDebug(true) // whoever reads a batch it no longer owns reads nonsense
	goleak.VerifyTestMain(m)
}

// fill replaces SOURCE and SINK of a query.
func fill(t *testing.T, file, source, sink string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "queries", file))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("SOURCE"), []byte(source), 1)
	return string(bytes.Replace(text, []byte("SINK"), []byte(sink), 1))
}
