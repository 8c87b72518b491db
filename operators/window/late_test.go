package window

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"flowd/internal/civil"
	"flowd/stream"
)

// TestLateGolden drives a window with rows out of order and late, one by one, each followed by the watermark it
// moves, and compares with what Apache Flink 2.2 makes of testdata/late/late1.jsonl: tumbling windows of 10 s, a
// watermark of 2 s, of the window functions (l_tumble) and of the older GROUP BY TUMBLE (l_legacy_tumble).
func TestLateGolden(t *testing.T) {
	h := newHarness(t, query{
		Assigner: Assigner{Size: 10_000, Every: 10_000}, keys: []string{"s"},
		aggs: []string{"COUNT(*) AS n", "SUM(v) AS sv"}, late: true,
	}.config(t, inputSchema)).open()
	highest := stream.MinWatermark
	rows := 0
	eachLine(t, "testdata/late/late1.jsonl", func(line []byte) {
		var in struct {
			K  *string
			V  int64
			TS string
		}
		if err := json.Unmarshal(line, &in); err != nil {
			t.Fatal(err)
		}
		h.rows(&row{t: millis(t, in.TS), s: in.K, v: &in.V})
		rows++
		if ts := millis(t, in.TS); ts > highest {
			highest = ts
			h.watermark(highest - 2000)
		}
	})
	h.watermark(stream.MaxWatermark)
	got := slices.Clone(h.port[stream.PortMain])
	late := len(h.port[stream.PortLate])

	var want, legacy []string
	counted := 0
	eachLine(t, "testdata/late/l_tumble.jsonl", func(line []byte) {
		var out struct {
			K     *string
			Start string `json:"window_start"`
			End   string `json:"window_end"`
			N, SV int64
		}
		if err := json.Unmarshal(line, &out); err != nil {
			t.Fatal(err)
		}
		end := millis(t, out.End)
		want = append(want, fmt.Sprintf("%d: %s %d %d %d %d", end-1, quoted(out.K), out.N, out.SV, millis(t, out.Start), end))
		counted += int(out.N)
	})
	eachLine(t, "testdata/late/l_legacy_tumble.jsonl", func(line []byte) {
		var out struct {
			K          *string
			WS, WE, RT string
			N          int64
		}
		if err := json.Unmarshal(line, &out); err != nil {
			t.Fatal(err)
		}
		legacy = append(legacy, fmt.Sprintf("%d: %s %d - %d %d", millis(t, out.RT), quoted(out.K), out.N, millis(t, out.WS), millis(t, out.WE)))
	})
	slices.Sort(got)
	slices.Sort(want)
	slices.Sort(legacy)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i := range got { // the older form was computed without the sum
		f := strings.Fields(got[i])
		f[3] = "-"
		got[i] = strings.Join(f, " ")
	}
	slices.Sort(got)
	if !slices.Equal(got, legacy) {
		t.Errorf("legacy: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(legacy, "\n"))
	}
	if rows != 39 || late != rows-counted || late == 0 {
		t.Errorf("%d rows, %d late, %d counted by Flink", rows, late, counted)
	}
	h.end()
}

func millis(t *testing.T, s string) int64 {
	t.Helper()
	ts, ok := civil.ParseTimestamp([]byte(s))
	if !ok {
		t.Fatalf("timestamp %q", s)
	}
	return ts.Micros / 1000
}

func eachLine(t *testing.T, path string, f func([]byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		f(sc.Bytes())
	}
}
