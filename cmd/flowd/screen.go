package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
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
	_, _ = io.WriteString(s.mu.out, erase(len(s.mu.lines))+joined(lines)) // a terminal that is gone shows nothing
	s.mu.lines = lines
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
