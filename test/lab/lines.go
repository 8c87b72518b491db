package lab

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// Lines reads a file, gunzipped if its name says so, sorted.
func Lines(t testing.TB, name string) []string {
	t.Helper()
	out := RawLines(t, name)
	slices.Sort(out)
	return out
}

// RawLines reads a file in its order.
func RawLines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	s := bufio.NewScanner(r)
	for s.Scan() {
		if len(s.Bytes()) > 0 {
			out = append(out, s.Text())
		}
	}
	if err := s.Err(); err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return out
}

// Same fails the test if two sorted lists differ, and shows the first differences.
func Same(t testing.TB, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	var b strings.Builder
	shown := 0
	i, j := 0, 0
	for (i < len(got) || j < len(want)) && shown < 10 {
		switch {
		case j == len(want) || i < len(got) && got[i] < want[j]:
			fmt.Fprintf(&b, "  not expected: %s\n", got[i])
			i++
			shown++
		case i == len(got) || want[j] < got[i]:
			fmt.Fprintf(&b, "  missing:      %s\n", want[j])
			j++
			shown++
		default:
			i++
			j++
		}
	}
	t.Errorf("%d rows, want %d; the first differences:\n%s", len(got), len(want), b.String())
}
