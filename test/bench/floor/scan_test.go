package floor

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestScan holds the hand-written scanner against encoding/json, over good records and ones with a byte changed.
func TestScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC()
		text := rapid.StringMatching(`[ -!#-\[\]-~]{0,40}`)
		rec, err := json.Marshal(struct {
			Auction  int64  `json:"auction"`
			Bidder   int64  `json:"bidder"`
			Price    int64  `json:"price"`
			Channel  string `json:"channel"`
			URL      string `json:"url"`
			DateTime string `json:"date_time"`
			Extra    string `json:"extra"`
		}{
			rapid.Int64Range(0, 1e15).Draw(t, "auction"), rapid.Int64Range(0, 1e4).Draw(t, "bidder"), rapid.Int64Range(0, 1e8).Draw(t, "price"),
			text.Draw(t, "channel"), text.Draw(t, "url"), at.Format("2006-01-02 15:04:05.000"), text.Draw(t, "extra"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "spoil") {
			rec[rapid.IntRange(0, len(rec)-1).Draw(t, "where")] = rapid.SampledFrom([]byte("\"\\ x0}{,:\x01\xff")).Draw(t, "with")
		}
		var fast, slow Bid
		var s Scanner
		buf := append(rec, make([]byte, 8)...)
		fastErr := s.Scan(buf, 0, uint32(len(rec)), &fast)
		slowErr := s.slow(rec, &slow)
		if (fastErr == nil) != (slowErr == nil) {
			t.Fatalf("%s: %v, encoding/json: %v", rec, fastErr, slowErr)
		}
		if fastErr == nil && (fast.Auction != slow.Auction || fast.Bidder != slow.Bidder || fast.Price != slow.Price || fast.Time != slow.Time ||
			string(fast.Channel) != string(slow.Channel) || string(fast.URL) != string(slow.URL) || string(fast.Extra) != string(slow.Extra)) {
			t.Fatalf("%s: %+v, encoding/json: %+v", rec, fast, slow)
		}
	})
}
