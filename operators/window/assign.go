package window

const (
	yearMillis = 365 * 24 * 3600 * 1000
	maxSize    = 10_000 * yearMillis
	// maxTime bounds event times so that the bounds of every window fit µs in an int64, with room to add sizes.
	maxTime = 1<<63/1000 - 4*maxSize
)

// floor is the largest offset + k·step that is not after t. |t| ≤ 2·maxTime.
func floor(t, step, offset int64) int64 {
	r := (t - offset) % step
	if r < 0 {
		r += step
	}
	return t - r
}

// firstEnd is the end of the first window that contains the slice which begins at start.
func (a Assigner) firstEnd(start int64) int64 {
	// Of the ends Offset + Size + k·Every, the first after start.
	return a.endAfter(start)
}

// lastEnd is the end of the last window that contains the slice which begins at start.
func (a Assigner) lastEnd(start int64) int64 { return floor(start, a.Every, a.Offset) + a.Size }

// endAfter is the first end of a window that is after t.
func (a Assigner) endAfter(t int64) int64 {
	t = min(max(t, -maxTime-2*maxSize), maxTime+2*maxSize)
	return floor(t-a.Size, a.Every, a.Offset) + a.Size + a.Every
}

// closed says whether the watermark has closed the window that ends at end.
func closed(end, watermark int64) bool { return end-1 <= watermark }

// offset brings a.Offset into [0, Every), so that no sum with it overflows.
func (a Assigner) normal() Assigner {
	a.Offset = ((a.Offset % a.Every) + a.Every) % a.Every
	return a
}

// usable says whether windows around t can be computed with.
func usable(t int64) bool { return t >= -maxTime && t <= maxTime }
