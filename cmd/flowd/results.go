package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"flowd/internal/devbroker"
)

// results keeps the newest rows of each sink's topic, for people to look at.
type results struct {
	keep int
	mu   struct {
		sync.Mutex
		sinks []sinkRows
	}
}

type sinkRows struct {
	step, topic string
	count       int64
	rows        [][]byte // the newest, oldest first
}

func newResults(sinks []topic, keep int) *results {
	r := &results{keep: keep}
	for _, s := range sinks {
		r.mu.sinks = append(r.mu.sinks, sinkRows{step: s.step, topic: s.name})
	}
	return r
}

func (r *results) topics() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, s := range r.mu.sinks {
		if !slices.Contains(names, s.topic) {
			names = append(names, s.topic)
		}
	}
	return names
}

// add takes a record of a topic. It always wants the next.
func (r *results) add(topic string, _ int32, value []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.mu.sinks {
		s := &r.mu.sinks[i]
		if s.topic != topic {
			continue
		}
		s.count++
		if r.keep == 0 {
			continue
		}
		if len(s.rows) == r.keep {
			copy(s.rows, s.rows[1:])
			s.rows = s.rows[:r.keep-1]
		}
		s.rows = append(s.rows, bytes.Clone(value))
	}
	return true
}

// await waits until everything that was written has been seen, a few seconds at most.
func (r *results) await(ctx context.Context, b *devbroker.Broker) {
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !r.seen(b) {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *results) seen(b *devbroker.Broker) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.mu.sinks {
		if s.count < b.Records(s.topic) {
			return false
		}
	}
	return true
}

// json writes the newest rows, one object a line.
func (r *results) json(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.mu.sinks {
		for _, row := range s.rows {
			line := struct {
				Sink  string          `json:"sink"`
				Topic string          `json:"topic"`
				Row   json.RawMessage `json:"row"`
			}{s.step, s.topic, row}
			if !json.Valid(row) {
				line.Row, _ = json.Marshal(string(row)) // a string always can
			}
			if err := json.NewEncoder(w).Encode(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// text draws the newest rows of each sink as a table.
func (r *results) text(rows int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, s := range r.mu.sinks {
		fmt.Fprintf(&b, "  %s → topic %s: %s rows\n", s.step, s.topic, thousands(s.count))
		table(&b, s.rows[max(0, len(s.rows)-rows):])
	}
	return b.String()
}

// table writes JSON objects under the names of the first one's keys.
func table(b *strings.Builder, rows [][]byte) {
	var head []string
	var cells [][]string
	for _, row := range rows {
		names, values := columns(row)
		if head == nil {
			head = names
		}
		if !slices.Equal(names, head) {
			head, cells = []string{"record"}, nil
			for _, row := range rows {
				cells = append(cells, []string{string(row)})
			}
			break
		}
		cells = append(cells, values)
	}
	if len(cells) == 0 {
		return
	}
	width := make([]int, len(head))
	for _, row := range append([][]string{head}, cells...) {
		for i, c := range row {
			width[i] = min(max(width[i], len([]rune(c))), 48)
		}
	}
	for _, row := range append([][]string{head}, cells...) {
		b.WriteString("   ")
		for i, c := range row {
			if r := []rune(c); len(r) > 48 {
				c = string(r[:47]) + "…"
			}
			fmt.Fprintf(b, " %-*s ", width[i], c)
		}
		b.WriteString("\n")
	}
}

// columns splits a JSON object into the names and texts of its members, in order; anything else is one column.
func columns(row []byte) (names, values []string) {
	d := json.NewDecoder(bytes.NewReader(row))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return []string{"record"}, []string{string(row)}
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return []string{"record"}, []string{string(row)}
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return []string{"record"}, []string{string(row)}
		}
		text := string(v)
		if v[0] == '"' {
			_ = json.Unmarshal(v, &text) // a string: without its quotes
		}
		names, values = append(names, fmt.Sprint(name)), append(values, text)
	}
	return names, values
}
