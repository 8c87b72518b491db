// Package nearest finds the known name that a misspelt one was meant to be. It knows nothing of what the names name.
package nearest

import (
	"slices"
	"strings"
)

// maxLen bounds the words that are compared: the cost grows with the product of their lengths.
const maxLen = 100

// Name is the name closest to word by edits (case does not count), "" if none is close enough to be meant. Of equally
// close names the first wins.
func Name(word string, names []string) string {
	if all := Names(word, names); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Names lists the names close enough to word to be meant, the closest first, at most three.
func Names(word string, names []string) []string {
	type near struct {
		name  string
		edits int
	}
	if word == "" || len(word) > maxLen {
		return nil
	}
	lower := []rune(strings.ToLower(word))
	limit := max(1, len(lower)/3)
	var all []near
	for _, n := range names {
		if len(n) > maxLen {
			continue
		}
		if d := edits(lower, []rune(strings.ToLower(n))); d <= limit {
			all = append(all, near{n, d})
		}
	}
	slices.SortStableFunc(all, func(a, b near) int { return a.edits - b.edits })
	var out []string
	for _, n := range all[:min(3, len(all))] {
		out = append(out, n.name)
	}
	return out
}

// Hint is the sentence for a user: the nearest name, or all of them when they are few, or nothing.
func Hint(word string, names []string) string {
	if n := Name(word, names); n != "" {
		return "did you mean " + n + "?"
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return "known: " + strings.Join(names, ", ")
}

// edits is the optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
func edits(x, y []rune) int {
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
