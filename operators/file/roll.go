package file

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// roll says when a part file is complete; a zero member sets no limit.
type roll struct {
	every time.Duration
	size  int64
}

// due says whether a part of that size that was begun at begun is complete at now.
func (r roll) due(size int64, begun, now time.Time) bool {
	return r.size > 0 && size >= r.size || r.every > 0 && now.Sub(begun) >= r.every
}

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// parseRoll reads 1h, 128MiB, or both joined by "or".
func parseRoll(s string) (roll, error) {
	var r roll
	for part := range strings.SplitSeq(s, " or ") {
		part = strings.TrimSpace(part)
		if n, ok := parseSize(part); ok && r.size == 0 {
			r.size = n
		} else if d, ok := parseAge(part); ok && r.every == 0 {
			r.every = d
		} else {
			return roll{}, fmt.Errorf("roll: %q is neither a duration nor a size", s)
		}
	}
	return r, nil
}

func parseSize(s string) (int64, bool) {
	for _, u := range sizeUnits {
		if number, found := strings.CutSuffix(s, u.name); found {
			f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			f *= u.bytes
			return int64(f), err == nil && f >= 1 && f < math.MaxInt64
		}
	}
	return 0, false
}

func parseAge(s string) (time.Duration, bool) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0 && n < 10_000
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}
