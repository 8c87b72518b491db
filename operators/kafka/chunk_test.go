package kafka

import (
	"slices"
	"testing"
	"time"
)

func TestScan(t *testing.T) {
	one, two := batchOf(t, 10, "one"), batchOf(t, 15, "two") // compaction left a gap
	old := slices.Clone(one)
	old[16] = 1 // message format v1
	for _, c := range []struct {
		name string
		data []byte
		want recordSet
	}{
		{"nothing", nil, recordSet{next: 10}},
		{"two batches", slices.Concat(one, two), recordSet{next: 16, size: len(one) + len(two)}},
		{"a cut last batch", slices.Concat(one, two[:40]), recordSet{next: 11, size: len(one)}},
		{"a cut length", slices.Concat(one, two[:9]), recordSet{next: 11, size: len(one)}},
		{"only a cut batch", one[:30], recordSet{next: 10, need: len(one)}},
		{"only a cut length", one[:5], recordSet{next: 10, need: 61}},
		{"an old format behind a batch", slices.Concat(one, old), recordSet{next: 11, size: len(one), bad: true}},
		{"a negative length", slices.Concat(one[:8], []byte{0xff, 0xff, 0xff, 0xff}, one[12:]), recordSet{next: 10, bad: true}},
		{"a batch that goes back", slices.Concat(two, one), recordSet{next: 16, size: len(two), bad: true}},
	} {
		if got := scan(c.data, 10); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestCutBatchIsFetchedWithRoom(t *testing.T) {
	f, p, _ := still(false)
	p.maxBytes = 20
	data := batchOf(t, 10, "a value")
	if f.takeLocked(p, &fetchResult{data: data[:20]}) || len(p.chunks) != 0 || int(p.maxBytes) != len(data) || p.fetchOffset != 10 {
		t.Errorf("chunks %d, room %d of %d, offset %d", len(p.chunks), p.maxBytes, len(data), p.fetchOffset)
	}
}

// A broker cuts what does not fit behind whole batches, and sends it again, whole, when it comes first.
func TestCutBatchIsJudgedOnce(t *testing.T) {
	f, p, _ := still(false)
	one := batchOf(t, 10, "one")
	f.takeLocked(p, &fetchResult{data: slices.Concat(one, batchOf(t, 11, "two")[:61])})
	if len(p.chunks) != 1 || len(p.chunks[0].data) != len(one) || p.bytes != len(one) || p.hold || p.fetchOffset != 11 {
		t.Errorf("%d chunks of %d bytes, hold %t, offset %d", len(p.chunks), p.bytes, p.hold, p.fetchOffset)
	}
}

func TestNothingIsFetchedPastWhatCannotBeJudged(t *testing.T) {
	f, p, _ := still(false)
	f.takeLocked(p, &fetchResult{data: append(batchOf(t, 10, "x"), make([]byte, 70)...)})
	if p.wanted(time.Now()) || !p.hold {
		t.Error("more is fetched although nobody knows where the data end")
	}
}

func TestResumingWakesTheReader(t *testing.T) {
	f, p, _ := still(false)
	f.Pause(0, true)
	f.takeLocked(p, &fetchResult{data: batchOf(t, 10, "x")})
	if f.mu.paused != p.bytes || f.mu.bytes != 0 {
		t.Errorf("%d paused, %d not, of %d bytes", f.mu.paused, f.mu.bytes, p.bytes)
	}
	f.Pause(0, false)
	select {
	case <-f.Ready():
	default:
		t.Error("Ready is silent")
	}
	if f.mu.paused != 0 || f.mu.bytes != p.bytes {
		t.Errorf("%d paused, %d not, of %d bytes", f.mu.paused, f.mu.bytes, p.bytes)
	}
}
