package pipeline

import (
	"fmt"
	"strings"
	"testing"
)

// Files that are as large as a file may be, made to be slow. The test is over in a few seconds, or never.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("megabytes of YAML: not in short tests")
	}
	many := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	source := "name: t\nsources: {a: {file: x, schema: {n: bigint, "
	for name, text := range map[string]string{
		"keys":         many(90_000, "k%d: 1\n"),
		"keys in line": "{é: é, " + many(90_000, "k%d: 1,") + "}",
		"sources":      "name: t\nsources:\n" + many(20_000, "  s%d: {file: x, schema: {a: int}}\n"),
		"transforms":   source + "m: int}}}\ntransforms:\n" + many(490, "  s%d: {where: n > 1}\n") + "sinks: {o: {stdout: }}\n",
		"chain":        source + "m: int}}}\ntransforms:\n  s: {from: a}\n  s0: {from: s}\n" + many(480, "  t%[1]d: {from: s0, where: n > %[1]d}\n") + "sinks: {o: {stdout: }}\n",
		"columns":      source + many(1900, "f%d: int, ") + "}}}\ntransforms:\n  s:\n    from: a\n    select: [" + many(40_000, "x%[1]d: n + %[1]d, ") + "]\nsinks: {o: {stdout: }}\n",
		"unknown":      source + many(1900, "f%d: int, ") + "}}}\ntransforms:\n  s:\n    from: a\n    select: [" + many(60_000, "nnnn%d, ") + "]\nsinks: {o: {stdout: }}\n",
		"brackets":     strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"open":         strings.Repeat("{a: [", 100_000),
		"quotes":       strings.Repeat("'a\n", 200_000),
		"plain":        "name: t\ndescription: " + strings.Repeat("word ü ", 100_000) + "\n",
		"folded":       "name: t\ndescription: >\n" + strings.Repeat("  x\n\n", 200_000),
		"anchors":      many(40_000, "a%[1]d: &a%[1]d x\n") + many(10_000, "b%[1]d: *a%[1]d\n"),
		"merges":       "x: &x {" + many(2000, "k%d: 1, ") + "}\n" + many(20_000, "y%d: {<<: *x}\n"),
		"variables":    "name: t\ndescription: '" + strings.Repeat("${A:-b}", 100_000) + "'\n",
		"unset":        "name: t\nkafka: ['" + strings.Repeat("${AA}", 150_000) + "']\n",
		"comments":     strings.Repeat("# x\n", 200_000),
		"expression":   source + "m: int}}}\ntransforms: {s: {where: " + strings.Repeat("(", 300_000) + "}}\nsinks: {o: {stdout: }}\n",
		"from":         source + "m: int}}}\nsinks: {o: {stdout: , from: [" + many(80_000, "a%d, ") + "]}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if len(text) > maxFileSize {
				t.Fatalf("%d bytes", len(text))
			}
			_, plan, diags := load(t, "t.yaml", text)
			if out := rendered(t, diags); plan == nil && len(out) == 0 || len(out) > maxFileSize {
				t.Errorf("%d bytes of messages", len(out))
			}
		})
	}
}
