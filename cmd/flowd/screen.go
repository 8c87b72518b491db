package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// screen is the terminal that progress and log share: lines that are drawn again and again stay below what is written
// once. It may be used by several goroutines.
type screen struct {
	mu struct {
		sync.Mutex
		out   io.Writer
		lines []string // what is drawn now
	}
}

func newScreen(out io.Writer) *screen {
	s := &screen{}
	s.mu.out = out
	return s
}

// Write writes whole lines above what is drawn.
func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.lines) == 0 {
		return s.mu.out.Write(text)
	}
	_, err := io.WriteString(s.mu.out, erase(len(s.mu.lines))+string(text)+joined(s.mu.lines))
	return len(text), err
}

// draw replaces what is drawn.
func (s *screen) draw(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := make([]string, len(lines))
	for i, l := range lines {
		shown[i] = cut(l, s.width()) // a line that wraps would stand on two
	}
	_, _ = io.WriteString(s.mu.out, erase(len(s.mu.lines))+joined(shown)) // a terminal that is gone shows nothing
	s.mu.lines = shown
}

// width is the columns of the terminal, asked each time because people resize windows; 0: not known.
func (s *screen) width() int {
	f, ok := s.mu.out.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// cut shortens a line to width characters; 0: leaves it.
func cut(line string, width int) string {
	r := []rune(line)
	if width <= 1 || len(r) < width {
		return line
	}
	return string(r[:width-1]) + "…"
}

// leave makes what is drawn stay as it is.
func (s *screen) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lines = nil
}

// erase moves up n lines and clears everything from there.
func erase(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", n)
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
