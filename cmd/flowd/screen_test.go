package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestScreen plays what was written on a small terminal and looks at what stands there.
func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	s.draw([]string{"progress 1", "row a"})
	fmt.Fprintln(s, "log 1")
	s.draw([]string{"progress 2", "row a", "row b"})
	fmt.Fprintln(s, "log 2")
	s.draw([]string{"progress 3"})
	s.leave()
	fmt.Fprintln(s, "log 3")
	const want = "log 1\nlog 2\nprogress 3\nlog 3\n"
	if got := play(out.String()); got != want {
		t.Errorf("the terminal shows\n%swant\n%s", got, want)
	}
}

// play understands what screen writes: cursor up, carriage return, erase below.
func play(text string) string {
	var lines []string
	for len(text) > 0 {
		if rest, ok := strings.CutPrefix(text, "\x1b["); ok {
			var n int
			if _, err := fmt.Sscanf(rest, "%dA", &n); err == nil {
				lines = lines[:len(lines)-n]
				text = rest[strings.Index(rest, "A\r\x1b[J")+len("A\r\x1b[J"):]
				continue
			}
		}
		line, rest, _ := strings.Cut(text, "\n")
		lines, text = append(lines, line), rest
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1310220: "1,310,220", -1000: "-1,000", -999: "-999"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
	for f, want := range map[float64]string{840: "840", 12100: "12.1 k", 3_900_000: "3.9 M"} {
		if got := short(f); got != want {
			t.Errorf("%v is written %s, want %s", f, got, want)
		}
	}
}
