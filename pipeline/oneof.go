package pipeline

import (
	"slices"
	"strings"
)

// oneOf joins names for a sentence: a, b or c.
func oneOf(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	n := slices.Clone(names)
	last := n[len(n)-1]
	return strings.Join(n[:len(n)-1], ", ") + " or " + last
}
