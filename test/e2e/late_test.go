package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"flowd/test/lab"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// TestLateRows holds which rows are late against a Flink that moved its watermark with every record. Its ids column,
// the list of rows in each window, has no counterpart here.
func TestLateRows(t *testing.T) {
	for _, c := range []struct{ golden, sel string }{
		{"l_tumble", "[k, window_start, window_end, n, sv]"},
		{"l_legacy_tumble", "[k, ws: window_start, we: window_end, rt: window_end - INTERVAL '0.001' SECOND, n]"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.jsonl")
			lab.Finish(t, fmt.Sprintf(`
name: late
sources:
  late1:
    file: {path: testdata/late/late1.jsonl}
    schema: {id: int, k: string, v: int, ts: timestamp}
    time: ts
    watermark: 2s
transforms:
  w:
    window: {tumble: 10s}
    group_by: k
    aggregate: {n: COUNT(*), sv: SUM(v)}
    select: %s
sinks:
  out:
    file: {path: %s}
`, c.sel, out))
			var want []string
			for _, l := range lab.RawLines(t, filepath.Join("testdata", "late", c.golden+".jsonl")) {
				want = append(want, without(t, l, "ids"))
			}
			lab.Same(t, lab.Lines(t, out), sorted(want))
		})
	}
}

// without removes a member from a flat JSON object and keeps the order and texts of the others.
func without(t *testing.T, line, name string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`,%q:%s`, name, m[name])
	i := len(line) - len(text) - 1
	if line[i:] != text+"}" {
		t.Fatalf("%s does not end in %s}", line, text)
	}
	return line[:i] + "}"
}
