package pipeline

import (
	"regexp"
	"strings"
	"testing"

	"flowd/operators/expr"
	"flowd/stream"
)

// Every example of the operators holds.
func TestOperatorExamples(t *testing.T) {
	text, _ := Topic(fakeRegistry(), "operators")
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 5 || cells[1] == "---" {
			continue // not of the table with examples
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[3], -1) {
			example := strings.ReplaceAll(m[1], "\x00", "|")
			n++
			e, errs := expr.Parse(example)
			if len(errs) > 0 {
				t.Errorf("%s: %v", example, errs[0])
				continue
			}
			b, errs := e.Bind(&expr.Scope{Schema: stream.NewSchema()})
			if len(errs) > 0 {
				t.Errorf("%s: %v", example, errs[0])
				continue
			}
			if c, ok := b.Const(); !ok || c.Null || c.I64 != 1 {
				t.Errorf("%s does not hold", example)
			}
		}
	}
	if n < 18 {
		t.Errorf("%d examples", n)
	}
}

// The hand-written part has all its tables, and every heading is a topic.
func TestTopics(t *testing.T) {
	text := string(Reference(fakeRegistry()))
	if i := strings.Index(text, "<!--"); i >= 0 {
		t.Errorf("a table is missing: %.40q", text[i:])
	}
	_, known := Topic(fakeRegistry(), "")
	for _, want := range []string{"sources", "types", "columns", "operators", "aggregates", "functions", "counters", "codes"} {
		if part, _ := Topic(fakeRegistry(), strings.ToUpper(want)); len(part) < 200 {
			t.Errorf("topic %s: %q; there are %v", want, part, known)
		}
	}
}
