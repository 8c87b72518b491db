package engine

import (
	"math"

	"flowd/stream"
)

// splitTimes keeps the watermarks of the splits of one reader. It is pure: event times and what the reader says of
// its splits go in, the combined watermark and the places to cut a batch come out. Times called active are
// nanoseconds of a clock that stands still while the task is held up by its receivers.
type splitTimes struct {
	delay   int64 // ms
	granule int64 // ms, 0: no row is ever late downstream
	idle    int64 // active ns, 0: no split is ever idle
	splits  []splitTime
	sent    int64 // the watermark downstream knows
	clamped int64 // rows beyond limit, since the caller last looked

	// limit is the largest event time that counts for a watermark.
	limit int64

	// The split being scanned: cur is its number; max, closed and trigger are its running values. A row earlier than
	// closed belongs to a granule that the split's own watermark has closed; when max reaches trigger, closed moves.
	cur         int
	max         int64
	closed      int64
	trigger     int64
	others      int64 // lowest watermark of the other live splits
	closedSent  int64 // as closed, of the watermark sent
	rows        int64 // scanned so far
	cutRun      int   // cuts that followed each other closely
	lastCut     int64 // value of rows at the last cut
	lastCutWish int64 // and at the last row that asked for one
}

// splitTime is the event time of one split.
type splitTime struct {
	max       int64 // largest event time; MinWatermark if none has been read
	state     splitState
	paused    bool
	caughtUp  bool
	caughtAt  int64 // active time since when it has been caught up, −1 if it is not
	firstSeen int64 // active time
}

type splitState uint8

const (
	splitLive splitState = iota
	splitIdle
	splitFinished
)

// A split that makes the source cut a batch before almost every row would make it slow: after maxCutRun cuts that
// each came within cutEvery rows of the one before, only one per cutEvery rows is made. Rows it would have made
// late are then taken as in time, which is the harmless side.
const (
	maxCutRun = 1000
	cutEvery  = 256
)

func newSplitTimes(delay, granule, idle int64) *splitTimes {
	return &splitTimes{
		delay: delay, granule: granule, idle: idle,
		sent: stream.MinWatermark, limit: math.MaxInt64, closedSent: stream.MinWatermark,
	}
}

// grow makes room for splits that were discovered.
func (t *splitTimes) grow(n int, active int64) {
	for len(t.splits) < n {
		t.splits = append(t.splits, splitTime{max: stream.MinWatermark, caughtAt: -1, firstSeen: active})
	}
}

// watermark is the split's own watermark.
func (t *splitTimes) watermark(i int) int64 { return t.watermarkOf(t.splits[i].max) }

func (t *splitTimes) watermarkOf(highest int64) int64 {
	if highest == stream.MinWatermark {
		return stream.MinWatermark
	}
	return highest - t.delay
}

// read says that rows of split i have come: it is live.
func (t *splitTimes) read(i int) {
	s := &t.splits[i]
	s.state, s.caughtUp, s.caughtAt = splitLive, false, -1
}

// observe takes what the reader says of split i. A split is idle once it has been caught up for t.idle, or at once
// if nothing was ever read of it. The wait of a paused split says nothing about its input.
func (t *splitTimes) observe(i int, st stream.SplitState, active int64) {
	s := &t.splits[i]
	s.caughtUp = st.CaughtUp
	switch {
	case st.Finished:
		s.state = splitFinished
	case !st.CaughtUp || s.paused:
		s.state, s.caughtAt = splitLive, -1
	case t.idle <= 0:
	case s.max == stream.MinWatermark:
		s.state = splitIdle
	case s.caughtAt < 0:
		s.caughtAt = active
	case active-s.caughtAt >= t.idle:
		s.state = splitIdle
	}
}

// recheck is how long, in active ns, nothing will change by time alone: −1 for ever, 0 if a split may at any moment
// turn out to be caught up or allowed to go on.
func (t *splitTimes) recheck(active int64) int64 {
	next := int64(-1)
	for i := range t.splits {
		s := &t.splits[i]
		switch {
		case s.state != splitLive || s.caughtAt < 0 && s.caughtUp && !s.paused:
		case s.caughtAt < 0:
			return 0
		default:
			if left := max(t.idle-(active-s.caughtAt), 0); next < 0 || left < next {
				next = left
			}
		}
	}
	return next
}

// combined is the minimum over live splits. holder is the split that has it, −1 if no split is live.
func (t *splitTimes) combined() (ms int64, holder int) { return t.lowest(-1) }

func (t *splitTimes) lowest(except int) (ms int64, holder int) {
	ms, holder = stream.MaxWatermark, -1
	for i := range t.splits {
		if i == except || t.splits[i].state != splitLive {
			continue
		}
		if w := t.watermark(i); holder < 0 || w < ms {
			ms, holder = w, i
		}
	}
	return ms, holder
}

// setSent notes the watermark that downstream knows.
func (t *splitTimes) setSent(ms int64) {
	t.sent = ms
	t.closedSent = t.closedBy(ms)
}

// closedBy is the first event time whose granule the watermark ms has not closed: [k·g, (k+1)·g) is closed from
// (k+1)·g − 1 on.
func (t *splitTimes) closedBy(ms int64) int64 {
	if t.granule == 0 || ms == stream.MinWatermark {
		return stream.MinWatermark
	}
	if ms == stream.MaxWatermark {
		return ms
	}
	k := (ms + 1) / t.granule
	if (ms+1)%t.granule < 0 {
		k--
	}
	return k * t.granule
}

// enter begins to scan rows of split i, and leave ends it.
func (t *splitTimes) enter(i int) {
	t.cur, t.max = i, t.splits[i].max
	t.others, _ = t.lowest(i)
	t.rise()
}

func (t *splitTimes) leave() { t.splits[t.cur].max = t.max }

// rise sets closed and trigger for the present max.
func (t *splitTimes) rise() {
	if t.granule == 0 {
		t.closed, t.trigger = stream.MinWatermark, math.MaxInt64
		return
	}
	t.closed, t.trigger = t.closedBy(t.watermarkOf(t.max)), stream.MinWatermark
	if t.max != stream.MinWatermark {
		t.trigger = t.closed + t.granule - 1 + t.delay
	}
}

// scan takes the event times of the next rows of the split. It returns before the first row that must not be sent
// before the watermark, or len(times). Rows in order cost about 1 ns.
func (t *splitTimes) scan(times []int64) int {
	high, closed := t.max, t.closed
	for i, ts := range times {
		switch {
		case ts > high:
			if ts > t.limit {
				t.clamped++
				ts = max(t.limit, high)
			}
			high = ts
			if high >= t.trigger {
				t.max = high
				t.rise()
				closed = t.closed
			}
		case ts < closed:
			if t.max = high; t.mustCut(ts, t.rows+int64(i)) {
				t.rows += int64(i)
				t.leave()
				return i
			}
		}
	}
	t.max = high
	t.rows += int64(len(times))
	return len(times)
}

// mustCut says whether the combined watermark, which downstream does not know yet, makes a row at ts late for some
// window: it has closed a granule later than all that the watermark sent has closed, and the row's own too. That
// the row's own was closed before does not do: a sliding window may reach from there into the later one.
func (t *splitTimes) mustCut(ts, row int64) bool {
	if c := t.closedBy(min(t.others, t.watermarkOf(t.max))); ts >= c || c <= t.closedSent {
		return false
	}
	if row-t.lastCutWish >= cutEvery {
		t.cutRun = 0
	}
	t.lastCutWish = row
	if t.cutRun >= maxCutRun && row-t.lastCut < cutEvery {
		return false
	}
	t.cutRun++
	t.lastCut = row
	return true
}
