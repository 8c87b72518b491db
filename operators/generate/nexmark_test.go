package generate

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"flowd/operators/operatortest"
	"flowd/stream"
)

func TestExaminer(t *testing.T) {
	for _, name := range tableNames() {
		t.Run(name, func(t *testing.T) {
			rows := whole(name)
			operatortest.Source(t, operatortest.SourceTest{
				New:  func() stream.Source { return build(t, settings{"nexmark": name, "count": "701"}, rows, nil) },
				Rows: rows,
				Want: texts(t, settings{"nexmark": name}, rows, 701),
			})
		})
	}
}

// TestGolden pins the rows of the default seed: tutorials, expected outputs and measurements build on them.
func TestGolden(t *testing.T) {
	for _, name := range tableNames() {
		h := sha256.New()
		rows := texts(t, settings{"nexmark": name}, whole(name), 10_000)
		for _, r := range rows {
			h.Write([]byte(r + "\n"))
		}
		got := rows[0] + "\n" + rows[9_999] + "\n" + hex.EncodeToString(h.Sum(nil)) + "\n"
		path := "testdata/" + name + ".golden"
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the rows changed.\n got %s\nwant %s", name, got, want)
		}
	}
}

func TestSeedDecides(t *testing.T) {
	for _, name := range tableNames() {
		a := texts(t, settings{"nexmark": name, "seed": "1"}, whole(name), 100)
		b := texts(t, settings{"nexmark": name, "seed": "2"}, whole(name), 100)
		same := 0
		for i := range a {
			if a[i] == b[i] {
				same++
			}
		}
		if same > 0 {
			t.Errorf("%s: %d of 100 rows are the same with another seed", name, same)
		}
	}
}

// TestProjection reads each column by itself.
func TestProjection(t *testing.T) {
	for _, name := range tableNames() {
		all := whole(name)
		for i, c := range all.Columns {
			one := stream.NewSchema(c)
			var want []string
			take(t, build(t, settings{"nexmark": name}, all, nil), all, 3000, func(b *stream.Batch) {
				h := stream.NewHeader(one)
				h.N, h.Cols = b.N, append(h.Cols, b.Cols[i])
				want = append(want, operatortest.Texts(h)...)
				h.Release()
			})
			got := texts(t, settings{"nexmark": name}, one, 3000)
			for j := range got {
				if got[j] != want[j] {
					t.Fatalf("%s row %d alone is %s, among others %s", name, j, got[j], want[j])
				}
			}
		}
	}
}

// TestFit checks what joins need: references go to rows that exist at that event, or at most lead later.
func TestFit(t *testing.T) {
	const n = 50_000
	auctions, persons := 0, 0
	ahead, hot := 0, 0
	bids, sellers := whole("bids"), whole("auctions")
	var when []int64
	take(t, build(t, settings{"nexmark": "persons"}, whole("persons"), nil), whole("persons"), n/46+20, func(b *stream.Batch) {
		for i := range b.N {
			if b.Cols[0].I64[i] != int64(firstID+persons) {
				t.Fatalf("person %d has id %d", persons, b.Cols[0].I64[i])
			}
			persons++
		}
	})
	take(t, build(t, settings{"nexmark": "auctions"}, sellers, nil), sellers, 3*n/46+20, func(b *stream.Batch) {
		for i := range b.N {
			if b.Cols[0].I64[i] != int64(firstID+auctions) {
				t.Fatalf("auction %d has id %d", auctions, b.Cols[0].I64[i])
			}
			known := int64(firstID + auctions/3) // the person of the same epoch comes before
			if s := b.Cols[7].I64[i]; s < firstID || s > known+lead {
				t.Fatalf("auction %d has seller %d, and the latest person is %d", auctions, s, known)
			}
			if b.Cols[6].I64[i] <= b.Cols[5].I64[i] {
				t.Fatalf("auction %d expires before it begins", auctions)
			}
			if b.Cols[4].I64[i] <= b.Cols[3].I64[i] {
				t.Fatalf("auction %d: the reserve is no more than the first bid", auctions)
			}
			if c := b.Cols[8].I64[i]; c < firstCategory || c >= firstCategory+categories {
				t.Fatalf("auction %d has category %d", auctions, c)
			}
			when = append(when, b.Cols[5].I64[i])
			auctions++
		}
	})
	row := 0
	take(t, build(t, settings{"nexmark": "bids"}, bids, nil), bids, n, func(b *stream.Batch) {
		for i := range b.N {
			epoch := int64(row / 46)
			auction, bidder := b.Cols[0].I64[i], b.Cols[1].I64[i]
			if last := firstID + 3*epoch + 2; auction > last+lead || auction < firstID || auction < last-inFlightAuctions-lead {
				t.Fatalf("bid %d is on auction %d, and the latest is %d", row, auction, last)
			}
			if last := firstID + epoch; bidder < firstID || bidder > max(last+lead, firstID+1) {
				t.Fatalf("bid %d is by %d, and the latest person is %d", row, bidder, last)
			}
			if when[auction-firstID] > b.Cols[5].I64[i] {
				ahead++
			}
			if (auction-firstID)%hotEvery == 0 {
				hot++
			}
			row++
		}
	})
	if share := float64(ahead) / n; share < 0.01 || share > 0.08 { // 10 of about 111, in half of the bids
		t.Errorf("%.1f %% of the bids are on auctions to come, expected about 4.5 %%", 100*share)
	}
	if share := float64(hot) / n; share < 0.49 || share > 0.53 {
		t.Errorf("%.1f %% of the bids are on hot auctions, expected a little over half", 100*share)
	}
}

// TestOrder checks that all tables share one clock: sorted by time, each 50 events are a person, 3 auctions and 46 bids.
func TestOrder(t *testing.T) {
	seen := map[uint64]string{}
	for _, tab := range tables {
		for n := range tab.share * 100 {
			e := tab.event(n)
			if other, twice := seen[e]; twice {
				t.Fatalf("event %d is in %s and %s", e, other, tab.name)
			}
			seen[e] = tab.name
		}
	}
	for e := range uint64(100 * epochEvents) {
		want := "bids"
		switch {
		case e%epochEvents == 0:
			want = "persons"
		case e%epochEvents <= auctionShare:
			want = "auctions"
		}
		if seen[e] != want {
			t.Fatalf("event %d is in %q, want %q", e, seen[e], want)
		}
	}
	var last int64
	first := true
	take(t, build(t, settings{"nexmark": "bids"}, whole("bids"), nil), whole("bids"), 10_000, func(b *stream.Batch) {
		for _, us := range b.Cols[5].I64 {
			if first && us != 1767225600_000*1000 { // event 4 is within the first ms
				t.Fatalf("the first bid is at %d", us)
			}
			first = false
			if us < last {
				t.Fatal("event time falls")
			}
			last = us
		}
	})
}

func TestDistributions(t *testing.T) {
	const n = 46_000
	bytes, hotChannel, withID := 0, 0, 0
	var byDecade [6]int
	url := regexp.MustCompile(`^https://www\.nexmark\.com/[a-z_]{3,4}/[a-z_]{3,4}/[a-z_]{3,4}/item\.htm\?query=1(&channel_id=\d+)?$`)
	urls := map[string]string{}
	take(t, build(t, settings{"nexmark": "bids"}, whole("bids"), nil), whole("bids"), n, func(b *stream.Batch) {
		for i, text := range operatortest.Texts(b) {
			bytes += len(text)
			p := b.Cols[2].I64[i]
			if p < 100 || p > 100_000_000 {
				t.Fatalf("price %d", p)
			}
			byDecade[min(int(math.Log10(float64(p)/100)), 5)]++
			channel, u := string(b.Cols[3].BytesAt(i)), string(b.Cols[4].BytesAt(i))
			if !url.MatchString(u) {
				t.Fatalf("url %s", u)
			}
			if strings.Contains(u, "channel_id") {
				withID++
			}
			if !strings.HasPrefix(channel, "channel-") {
				hotChannel++
			}
			if old, known := urls[channel]; known && old != u {
				t.Fatalf("channel %s has the addresses %s and %s", channel, old, u)
			}
			urls[channel] = u
		}
	})
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: %.4f, want %.4f ± %.4f", what, got, want, tolerance)
		}
	}
	near("bytes of a bid", float64(bytes)/n, 200, 3)
	near("hot channels", float64(hotChannel)/n, 0.5, 0.01)
	near("addresses with a channel", float64(withID)/n, 0.45, 0.02)
	for i, c := range byDecade {
		near("prices of decade "+string(rune('0'+i)), float64(c)/n, 1.0/6, 0.01)
	}
	if len(urls) < 8000 {
		t.Errorf("only %d channels", len(urls))
	}
}

func TestPriceCurve(t *testing.T) {
	for i := range 100_000 {
		r := mix(uint64(i))
		want := 100 * math.Pow(10, 6*unit(r))
		if got := float64(price(r)); math.Abs(got-want) > want*2e-4+1 {
			t.Fatalf("price(%x) = %v, want %v", r, got, want)
		}
	}
}

func TestPersonForm(t *testing.T) {
	form := regexp.MustCompile(`^{"id":\d+,"name":"[A-Z][a-z]+ [A-Z][a-z]+","email_address":"[a-z_]{3,6}@[a-z_]{3,4}\.com","credit_card":"\d{4} \d{4} \d{4} \d{4}","city":"[A-Z][A-Za-z ]+","state":"[A-Z]{2}","date_time":"2026-01-01 [0-9:.]{12}","extra":"[a-z]*"}$`)
	for _, r := range texts(t, settings{"nexmark": "persons"}, whole("persons"), 2000) {
		if !form.MatchString(r) {
			t.Fatal(r)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, name := range tableNames() {
		src := build(t, settings{"nexmark": name}, whole(name), nil)
		r := opened(t, src, 0, 1)
		pool := stream.NewPool(whole(name), 1024, 1)
		poll := func() {
			b := pool.TryGet()
			if _, err := r.Poll(b, nil); err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		for range 20 {
			poll() // until the columns have grown
		}
		if allocs := testing.AllocsPerRun(100, poll); allocs > 0 {
			t.Errorf("%s: %v allocations for 1024 rows", name, allocs)
		}
	}
}

func BenchmarkBids(b *testing.B) {
	all := whole("bids")
	three := stream.NewSchema(all.Columns[0], all.Columns[2], all.Columns[5])
	for name, rows := range map[string]*stream.Schema{"three": three, "all": all} {
		b.Run(name, func(b *testing.B) {
			r := opened(b, build(b, settings{"nexmark": "bids"}, rows, nil), 0, 1)
			pool := stream.NewPool(rows, stream.DefaultRows, 1)
			b.ReportAllocs()
			for done := 0; done < b.N; {
				batch := pool.TryGet()
				p, _ := r.Poll(batch, nil)
				done += p.Rows
				batch.Release()
			}
		})
	}
}
