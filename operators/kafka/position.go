package kafka

import (
	"strconv"
	"strings"
	"time"

	"flowd/internal/civil"
	"flowd/operators"
	"flowd/stream"
)

const (
	arrayType = stream.Array
	mapType   = stream.Map
)

// positionKind is how a start or stop position is given.
type positionKind uint8

const (
	atEarliest positionKind = iota + 1
	atLatest
	atCommitted
	atTimestamp
	atOffsets
)

// position is a start or stop as written; resolve turns it into offsets.
type position struct {
	kind     positionKind
	time     int64         // atTimestamp: ms since 1970 …
	relative bool          // … or, if set, ago before now
	ago      time.Duration //
	fallback string        // atCommitted: for partitions without a committed offset
	offsets  map[int32]int64
}

// millis is the wanted timestamp at the time now.
func (p *position) millis(now time.Time) int64 {
	if p.relative {
		return now.Add(-p.ago).UnixMilli()
	}
	return p.time
}

func positionOf(cfg *operators.Config, name string, single bool, ps *problems) position {
	if !cfg.Has(name) {
		return position{}
	}
	v := cfg.Get(name)
	o := v.Object
	if o == nil {
		o = &operators.Config{At: v.At, Values: map[string]operators.Value{"at": v}}
	}
	at := v.At
	var p position
	given := 0
	if o.Has("at") {
		given++
		switch o.String("at") {
		case "earliest":
			p.kind = atEarliest
		case "latest":
			p.kind = atLatest
		case "committed":
			p.kind, p.fallback = atCommitted, onMissingEarliest
		default:
			ps.add(at, codePosition, "use earliest, latest, committed, {timestamp: T}, {committed: earliest} or {offsets: {0: 42}}", "%s: unknown position %q", name, o.String("at"))
		}
	}
	if o.Has("committed") {
		given++
		p.kind, p.fallback = atCommitted, o.String("committed")
	}
	if o.Has("timestamp") {
		given++
		p.kind = atTimestamp
		t := o.Get("timestamp")
		var ok bool
		if p.time, p.relative, p.ago, ok = parseInstant(t.Text); !ok {
			ps.add(t.At, codePosition, "write 2026-01-31T12:00:00Z, a date, now or now-6h", "%s: %q is no point in time", name, t.Text)
		}
	}
	if o.Has("offsets") {
		given++
		p.kind, p.offsets = atOffsets, map[int32]int64{}
		for _, e := range o.Get("offsets").Dict {
			id, ok := parsePartition(e.Name)
			if !ok {
				ps.add(e.NameAt, codePosition, "write partition: offset, for example {0: 42}", "%s: %q is no partition number", name, e.Name)
				continue
			}
			if e.Value.Int < 0 {
				ps.add(e.Value.At, codePosition, "offsets begin at 0", "%s: offset %d of partition %d is negative", name, e.Value.Int, id)
			}
			p.offsets[id] = e.Value.Int
		}
		if !single {
			ps.add(at, codePosition, "use {timestamp: T}, or one source per topic", "%s: offsets need a source of a single topic", name)
		}
	}
	if given > 1 {
		ps.add(at, codePosition, "keep one of them", "%s names %d positions at once", name, given)
	}
	return p
}

func parsePartition(s string) (int32, bool) {
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > 1<<30 {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return int32(n), len(s) > 0 && n < 1<<31
}

// parseInstant reads RFC 3339, a date (midnight UTC), now and now-D, where D is a duration such as 6h or 2d.
func parseInstant(s string) (ms int64, relative bool, ago time.Duration, ok bool) {
	if rest, found := strings.CutPrefix(s, "now"); found {
		if rest == "" {
			return 0, true, 0, true
		}
		d, found := strings.CutPrefix(rest, "-")
		if !found {
			return 0, false, 0, false
		}
		ago, ok = parseAgo(d)
		return 0, true, ago, ok && d != ""
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UnixMilli(), false, 0, true
	}
	if t, ok := civil.ParseTimestamp([]byte(s)); ok { // without a zone: UTC
		return civil.FloorMillis(t.Micros), false, 0, true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.UnixMilli(), false, 0, true
	}
	return 0, false, 0, false
}

// parseAgo reads a duration as the pipeline language writes them: 90s, 1h30m, 2d.
func parseAgo(s string) (time.Duration, bool) {
	var total time.Duration
	for s != "" {
		n := 0
		for n < len(s) && n < 10 && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		v, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil {
			return 0, false
		}
		unit := n
		for unit < len(s) && s[unit] >= 'a' && s[unit] <= 'z' {
			unit++
		}
		each, ok := units[s[n:unit]]
		if !ok || v > int64(maxAgo/each) {
			return 0, false
		}
		total += time.Duration(v) * each
		s = s[unit:]
	}
	return total, total <= maxAgo
}

const maxAgo = 200 * 365 * 24 * time.Hour

var units = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
