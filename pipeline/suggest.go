package pipeline

import (
	"slices"
	"strings"
)

// nearest is the name closest to word by edits (a swap of neighbours counts as one), "" if none is close enough to
// be meant. Of equally close names the first wins.
func nearest(word string, names []string) string {
	if word == "" || len(word) > 100 {
		return ""
	}
	limit := max(1, len([]rune(word))/3)
	best, at := "", limit+1
	lower := strings.ToLower(word)
	for _, n := range names {
		if len(n) > 100 {
			continue
		}
		d := edits(lower, strings.ToLower(n))
		if d < at {
			best, at = n, d
		}
	}
	return best
}

// edits is the optimal string alignment distance.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := func() []int { return make([]int, len(y)+1) }
	prev2, prev, cur := row(), row(), row()
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(y)]
}

// didYouMean is a hint for an unknown word: the nearest name, or all of them when they are few.
func didYouMean(word string, names []string) string {
	if n := nearest(word, names); n != "" {
		return "did you mean " + n + "?"
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return "known: " + strings.Join(names, ", ")
}

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
