package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"flowd/engine"
	"flowd/pipeline"
	"flowd/stream"
)

// progress shows how a job is doing: one line that is written over on a terminal, a JSON line every few seconds
// otherwise. Numbers that move are here and not in the log.
type progress struct {
	out      io.Writer
	job      string
	tty      bool
	interval time.Duration
	now      func() time.Time

	last      totals
	lastAt    time.Time
	screen    *screen  // of a terminal
	results   *results // shown under the progress line; nil: none
	beginning time.Time
}

func newProgress(a *app, job string) *progress {
	p := &progress{out: a.stderr, screen: a.screen, job: job, tty: a.tty && !a.json, interval: 5 * time.Second, now: time.Now}
	if p.tty {
		p.interval = 250 * time.Millisecond
	}
	p.beginning = p.now()
	p.lastAt = p.beginning
	return p
}

// totals is what a whole job did, from the status of its nodes.
type totals struct {
	in, out, late, filtered, absorbed, errors, retries int64
	lag                                                int64 // −1: not known
	watermark                                          int64
	heldBy                                             string
}

func sum(s engine.Status) totals {
	t := totals{watermark: stream.MaxWatermark}
	for _, n := range s.Nodes {
		t.late += n.Total.Late
		t.filtered += n.Total.Filtered
		t.absorbed += n.Total.Absorbed
		t.errors += n.Total.Errors
		t.retries += n.Total.Retries
		switch n.Kind {
		case pipeline.SourceNode:
			t.in += n.Total.RowsIn
			if n.Watermark < t.watermark && !n.Idle {
				t.watermark = n.Watermark
				t.heldBy = ""
				for _, i := range n.Instances {
					if i.Watermark == n.Watermark {
						t.heldBy = i.HeldBy
					}
				}
			}
			for _, i := range n.Instances {
				for _, sp := range i.Splits {
					if sp.Lag < 0 {
						t.lag = -1
					} else if t.lag >= 0 {
						t.lag += sp.Lag
					}
				}
			}
		case pipeline.SinkNode:
			t.out += n.Total.RowsIn
		}
	}
	return t
}

// show writes the state of the job. It is called every interval.
func (p *progress) show(s engine.Status) {
	t, at := sum(s), p.now()
	rate := float64(t.in-p.last.in) / max(at.Sub(p.lastAt).Seconds(), 1e-3)
	p.last, p.lastAt = t, at
	if p.tty {
		p.screen.draw(append([]string{p.line(s, t, rate)}, p.below()...))
		return
	}
	p.json(s, t, rate, "progress")
}

func (p *progress) line(s engine.Status, t totals, rate float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  in %s rec (%s/s)", thousands(t.in), short(rate))
	if t.lag >= 0 {
		fmt.Fprintf(&b, "   lag %s", thousands(t.lag))
	}
	fmt.Fprintf(&b, "   watermark %s", eventTime(t.watermark))
	if t.watermark > stream.MinWatermark && t.watermark < stream.MaxWatermark {
		if behind := p.now().UnixMilli() - t.watermark; behind >= 0 && behind < 48*3600*1000 {
			fmt.Fprintf(&b, " (%.1f s behind)", float64(behind)/1000)
		}
	}
	fmt.Fprintf(&b, "   late %s", thousands(t.late))
	if t.errors > 0 {
		fmt.Fprintf(&b, "   errors %s", thousands(t.errors))
	}
	if t.retries > 0 {
		fmt.Fprintf(&b, "   retries %s", thousands(t.retries))
	}
	fmt.Fprintf(&b, "   out %s", thousands(t.out))
	if s.State != engine.Running {
		fmt.Fprintf(&b, "   %s", s.State)
	}
	return b.String()
}

func (p *progress) json(s engine.Status, t totals, rate float64, kind string) {
	level := "info"
	if s.State == engine.Failed {
		level = "error"
	}
	line := map[string]any{
		"level": level, "message": kind, "state": s.State.String(),
		"records_in": t.in, "records_per_second": int64(rate), "rows_out": t.out, "late": t.late, "filtered": t.filtered,
		"absorbed": t.absorbed, "errors": t.errors, "retries": t.retries,
	}
	if t.lag >= 0 {
		line["lag"] = t.lag
	}
	if t.watermark > stream.MinWatermark && t.watermark < stream.MaxWatermark {
		line["watermark"] = time.UnixMilli(t.watermark).UTC().Format("2006-01-02T15:04:05.000Z")
		if t.heldBy != "" {
			line["watermark_held_by"] = t.heldBy
		}
	}
	p.write(line)
}

// note tells something that happens once.
func (p *progress) note(text string) {
	if p.tty {
		fmt.Fprintln(p.screen, "  "+text)
		return
	}
	p.write(map[string]any{"level": "info", "message": text})
}

// write writes a line as the log would.
func (p *progress) write(line map[string]any) {
	line["time"], line["job"] = p.now().UTC().Format(time.RFC3339), p.job
	if text, err := json.Marshal(line); err == nil {
		fmt.Fprintf(p.out, "%s\n", text)
	}
}

// end writes the summary: every row that came in ended in exactly one of its places.
func (p *progress) end(s engine.Status, err error) {
	t := sum(s)
	took := p.now().Sub(p.beginning)
	rate := float64(t.in) / max(took.Seconds(), 1e-3)
	if !p.tty {
		p.json(s, t, rate, "summary")
		return
	}
	var open int64
	for _, n := range s.Nodes {
		open += n.Total.StateRows
	}
	if open > 0 && err == nil {
		fmt.Fprintf(p.screen, "  %s rows of windows that are still open were not written: event time did not get to their end (kafka.stop ends an input and closes them)\n", thousands(open))
	}
	word := s.State.String()
	if err != nil {
		word = "failed"
	}
	p.screen.draw([]string{fmt.Sprintf("%s after %s · %s in (%s/s) · filtered %s · aggregated %s · late %s · errors %s · %s rows out",
		word, took.Round(100*time.Millisecond), thousands(t.in), short(rate), thousands(t.filtered), thousands(t.absorbed),
		thousands(t.late), thousands(t.errors), thousands(t.out))})
	p.screen.leave()
}

// below is what is shown under the progress line.
func (p *progress) below() []string {
	if p.results == nil {
		return nil
	}
	return strings.Split(strings.TrimRight(p.results.text(p.results.keep), "\n"), "\n")
}

func eventTime(ms int64) string {
	switch ms {
	case stream.MinWatermark:
		return "none yet"
	case stream.MaxWatermark:
		return "at the end"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000")
}

// thousands writes 1310220 as 1,310,220.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a rate as 3.9 M, 12.1 k or 840.
func short(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%.1f M", f/1e6)
	case f >= 1e3:
		return fmt.Sprintf("%.1f k", f/1e3)
	}
	return fmt.Sprintf("%.0f", f)
}
