package e2e

import (
	"strings"
	"testing"

	"flowd/test/lab"
)

// TestStartBeyondTheEnd: a start that the log does not reach is an error with a stop as without: a bounded run that
// read nothing would look like one that had nothing to read.
func TestStartBeyondTheEnd(t *testing.T) {
	b := lab.Open(t)
	topic := b.Fill(t, "in", 1, []string{`{"a":1}`, `{"a":2}`}, nil)
	job := lab.Start(t, lab.Compile(t, "name: beyond\nkafka: "+b.Addr()+"\nsources:\n  in:\n    kafka: {topic: "+topic+
		", start: {offsets: {0: 1000}}, stop: latest}\n    schema: {a: int}\nsinks:\n  out: {discard: {}}\n"))
	err := job.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "1000") || !strings.Contains(err.Error(), "on_missing") {
		t.Errorf("error %v", err)
	}
}
