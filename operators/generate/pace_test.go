package generate

import (
	"testing"
	"time"

	"flowd/stream"
)

// fakeClock is a clock that a test moves.
type fakeClock struct{ t time.Time }

func (c *fakeClock) now() time.Time { return c.t }

func TestRate(t *testing.T) {
	for _, c := range []struct{ rate, burst, count string }{{"1000", "", "3000"}, {"7", "", "50"}, {"300", "500", "2000"}, {"1000000", "", "100000"}} {
		clock := &fakeClock{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
		s := settings{"nexmark": "bids", "rate": c.rate, "count": c.count}
		if c.burst != "" {
			s["burst"] = c.burst
		}
		rows := stream.NewSchema(whole("bids").Columns[0])
		src := build(t, s, rows, clock.now)
		var readers []stream.Reader
		for i := range 3 {
			readers = append(readers, opened(t, src, i, 3))
		}
		begun := clock.t
		pool := stream.NewPool(rows, 64, 1)
		p := src.(*source).pace
		made := uint64(0)
		for ended := 0; ended < len(readers); {
			ended = 0
			wait := time.Duration(1 << 62)
			for _, r := range readers {
				b := pool.TryGet()
				got, err := r.Poll(b, nil)
				if err != nil {
					t.Fatal(err)
				}
				made += uint64(got.Rows)
				b.Release()
				switch {
				case got.End:
					ended++
				case got.Rows > 0:
					wait = 0
				default:
					if got.Wait < nap {
						t.Fatalf("wait %v", got.Wait)
					}
					wait = min(wait, got.Wait)
				}
			}
			if due := p.due(clock.t.Sub(begun)); made > due {
				t.Fatalf("%d rows after %v, and %d are due", made, clock.t.Sub(begun), due)
			}
			if ended < len(readers) {
				clock.t = clock.t.Add(wait)
			}
		}
		n := uint64(config(s).Int("count"))
		if made != n {
			t.Fatalf("%d rows, want %d", made, n)
		}
		if took, want := clock.t.Sub(begun), p.at(n-1); took < want || took > want+2*nap {
			t.Errorf("rate %s: took %v, want %v", c.rate, took, want)
		}
	}
}

// TestPaceInverse checks that a row is due exactly from the time at which at says so.
func TestPaceInverse(t *testing.T) {
	for _, p := range []pace{{rate: 1}, {rate: 3}, {rate: 7, burst: 10}, {rate: 999_983}, {rate: 1 << 40, burst: 1}, {rate: 1_000_000_000}} {
		for n := uint64(0); n < 1<<40; n = n*3 + 1 {
			d := p.at(n)
			if d > 1<<61 {
				break // in 73 years
			}
			if p.due(d) <= n {
				t.Fatalf("%+v: row %d is not due at %v", p, n, d)
			}
			if d > 0 && p.due(d-1) > n {
				t.Fatalf("%+v: row %d is due before %v", p, n, d)
			}
		}
	}
}

func TestStartNow(t *testing.T) {
	clock := &fakeClock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	rows := stream.NewSchema(whole("bids").Columns[5])
	src := build(t, settings{"nexmark": "bids", "rate": "1000", "burst": "5000", "start": "now-1m"}, rows, clock.now)
	r := opened(t, src, 0, 1)
	pool := stream.NewPool(rows, 10_000, 1)
	b := pool.TryGet()
	clock.t = clock.t.Add(2 * time.Second)
	if _, err := r.Poll(b, nil); err != nil {
		t.Fatal(err)
	}
	if b.N != 7001 {
		t.Fatalf("%d rows are due, want 7001", b.N)
	}
	times := b.Cols[0].I64
	for row, want := range map[int]time.Duration{0: -65 * time.Second, 5000: -time.Minute, 7000: -58 * time.Second} {
		got := time.UnixMicro(times[row]).Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		if d := got - want; d < -5*time.Millisecond || d > 5*time.Millisecond {
			t.Errorf("row %d is at %v of the start, want %v", row, got, want)
		}
	}
	b.Release()
}

func TestEndlessHasNoEnd(t *testing.T) {
	rows := stream.NewSchema(whole("bids").Columns[0])
	r := opened(t, build(t, settings{"nexmark": "bids"}, rows, nil), 0, 1)
	if st := r.Split(0); st.End != -1 || st.Finished || st.CaughtUp {
		t.Errorf("%+v", st)
	}
	if r.Ready() != nil {
		t.Error("Ready could fire")
	}
}
