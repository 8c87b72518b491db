package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/kafkatest"
	"flowd/stream"
)

func TestReadsATopicInOrder(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "read", 1)
	b.Produce(t, topic, kafkatest.Values(0, numbers("v", 0, 1000)...)...)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	if d := cmp.Diff(numbers("v", 0, 1000), s.values(1000)); d != "" {
		t.Error(d)
	}
	b.Produce(t, topic, kafkatest.Values(0, "later")...)
	if got := s.values(1); !slices.Equal(got, []string{"later"}) {
		t.Errorf("got %v", got)
	}
	if n := s.c.Stats.BytesIn.Load(); n < 1000 {
		t.Errorf("BytesIn is %d", n)
	}
}

func TestMetadataColumns(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "meta", 2)
	at := time.UnixMilli(1_700_000_000_123)
	b.Produce(t, topic,
		&kgo.Record{Partition: 1, Timestamp: at, Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "n"}}},
		&kgo.Record{Partition: 1, Timestamp: at.Add(time.Millisecond), Key: []byte{}, Value: nil},
		&kgo.Record{Partition: 1, Timestamp: at, Value: []byte("none")},
		&kgo.Record{Partition: 1, Timestamp: at.Add(2 * time.Millisecond), Value: []byte("two")},
	)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}, "_key", "_topic", "_partition", "_offset", "_timestamp", "_headers").open(1)
	rows, err := s.read(1 << 30)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"v 1700000000123 [k T 1 0 1700000000123000 a=1,n=NULL]",
		"NULL 1700000000124 [ T 1 1 1700000000124000 ]",
		"two 1700000000125 [NULL T 1 3 1700000000125000 ]",
		"two 1700000000125 [NULL T 1 3 1700000000125000 ]",
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.ReplaceAll(fmt.Sprintf("%s %d %v", r.value, r.time, r.meta), topic, "T"))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPartitionsGoToOneInstanceEach(t *testing.T) {
	b := kafkatest.Open(t)
	topics := []string{b.Topic(t, "left", 3), b.Topic(t, "right", 2)}
	for _, topic := range topics {
		n := map[bool]int32{true: 3, false: 2}[topic == topics[0]]
		for p := range n {
			b.Produce(t, topic, kafkatest.Values(p, fmt.Sprintf("%s/%d", topic, p))...)
		}
	}
	for parallelism := 1; parallelism <= 4; parallelism++ {
		s := newSourceTest(t, b, object{"topics": topics}).open(parallelism)
		got := s.values(5)
		slices.Sort(got)
		if want := []string{topics[0] + "/0", topics[0] + "/1", topics[0] + "/2", topics[1] + "/0", topics[1] + "/1"}; !slices.Equal(got, want) {
			t.Errorf("parallelism %d got %v", parallelism, got)
		}
		seen := map[string]int{}
		most, least := 0, 5
		for i, r := range s.readers {
			for k := range r.Splits() {
				seen[r.Split(k).ID]++
				topic, number, _ := strings.Cut(r.Split(k).ID, "/")
				n, _ := strconv.Atoi(number)
				if want := (slices.Index(topics, topic) + n) % parallelism; i != want {
					t.Errorf("split %s is with instance %d, not %d", r.Split(k).ID, i, want)
				}
			}
			most, least = max(most, r.Splits()), min(least, r.Splits())
		}
		if len(seen) != 5 || most-least > 2 {
			t.Errorf("parallelism %d: %v, between %d and %d an instance", parallelism, seen, least, most)
		}
	}
}

func TestUnevenPartitionsAreComplete(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "uneven", 3)
	sizes := []int{5000, 500, 1}
	for p, n := range sizes {
		b.Produce(t, topic, kafkatest.Values(int32(p), numbers(fmt.Sprintf("%d-", p), 0, n)...)...)
	}
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	next := make([]int, 3)
	for _, v := range s.readToEnd() {
		var p, n int
		if _, err := fmt.Sscanf(v, "%d-%d", &p, &n); err != nil || n != next[p] {
			t.Fatalf("partition %d: %s where %d is next", p, v, next[p])
		}
		next[p]++
	}
	if !slices.Equal(next, sizes) {
		t.Errorf("read %v of %v", next, sizes)
	}
}

func TestCompactedTopic(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "compacted", 1, "cleanup.policy", "compact")
	for i := range 20 {
		b.Produce(t, topic, &kgo.Record{Key: []byte{byte(i % 3)}, Value: fmt.Appendf(nil, "v%d", i)})
	}
	b.Fake.Compact()
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}, "_offset").open(1)
	rows, err := s.read(1 << 30)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) >= 20 || len(rows) < 3 {
		t.Fatalf("%d rows: the topic was not compacted", len(rows))
	}
	last := rows[len(rows)-1]
	if last.value != "v19" || last.meta[0] != "19" {
		t.Errorf("the last row is %+v", last)
	}
	for _, r := range rows {
		if "v"+r.meta[0] != r.value {
			t.Errorf("row %+v", r)
		}
	}
}

func TestEmptyTopicIsCaughtUp(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "empty", 2)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	for i := range 2 {
		if st := s.readers[0].Split(i); !st.CaughtUp || st.Finished || st.Position != 0 || st.End != 0 {
			t.Errorf("split %d: %+v", i, st)
		}
	}
	s.quiet()
	b.Produce(t, topic, kafkatest.Values(1, "x")...)
	s.values(1)
	if st := s.readers[0].Split(1); !st.CaughtUp || st.Position != 1 || st.End != 1 {
		t.Errorf("after a record: %+v", st)
	}
}

func TestBadRecordsKeepTheirOrigin(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "bad", 2)
	at := time.UnixMilli(1_700_000_000_000)
	b.Produce(t, topic,
		&kgo.Record{Partition: 1, Value: []byte("good"), Timestamp: at},
		&kgo.Record{Partition: 1, Value: []byte("bad one"), Timestamp: at.Add(time.Millisecond)},
		&kgo.Record{Partition: 1, Value: []byte("also good"), Timestamp: at},
		&kgo.Record{Partition: 1, Value: []byte("bad" + strings.Repeat("!", 2*maxRaw/2)), Timestamp: at},
	)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	if got := s.readToEnd(); !slices.Equal(got, []string{"good", "also good"}) {
		t.Errorf("rows %v", got)
	}
	want := stream.RowError{Row: -1, Msg: "it is bad", Raw: []byte("bad one"), Topic: topic, Split: 1, Offset: 1, Time: at.UnixMilli() + 1}
	if d := cmp.Diff(want, s.errs.List[0]); d != "" {
		t.Error(d)
	}
	if e := s.errs.List[1]; e.Offset != 3 || len(e.Raw) != maxRaw {
		t.Errorf("offset %d, %d bytes raw", e.Offset, len(e.Raw))
	}
}

func TestUnknownTopicNamesTheNearest(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "clicks", 1)
	err := newSourceTest(t, b, object{"topic": topic + "s"}).openError()
	wantError(t, err, fmt.Sprintf("topic %q does not exist", topic+"s"), topic, "--create")
	md, err2 := b.Admin(t).ListTopics(t.Context())
	if err2 != nil || md.Has(topic+"s") {
		t.Errorf("the topic was created: %v", err2)
	}
}

func TestDiscoversPartitionsAndTopics(t *testing.T) {
	b := kafkatest.Open(t)
	prefix := kafkatest.Name("found")
	b.CreateTopic(t, prefix+"-a", 1)
	b.CreateTopic(t, "x-"+prefix+"-a", 1)
	b.Produce(t, prefix+"-a", kafkatest.Values(0, "first")...)
	s := newSourceTest(t, b, object{"topic_pattern": prefix + "-[ab]", "discover": 50 * time.Millisecond, "start": object{"at": "latest"}}).open(2)
	b.CreateTopic(t, prefix+"-b", 2)
	b.CreateTopic(t, prefix+"-ab", 1)
	b.Produce(t, "x-"+prefix+"-a", kafkatest.Values(0, "other topic")...)
	b.Produce(t, prefix+"-ab", kafkatest.Values(0, "not the whole name")...)
	b.Produce(t, prefix+"-b", kafkatest.Values(0, "b0")...)
	b.Produce(t, prefix+"-b", kafkatest.Values(1, "b1")...)
	if _, err := b.Admin(t).CreatePartitions(t.Context(), 1, prefix+"-a"); err != nil {
		t.Fatal(err)
	}
	b.Produce(t, prefix+"-a", kafkatest.Values(1, "a1")...)
	got := s.values(3)
	slices.Sort(got)
	if !slices.Equal(got, []string{"a1", "b0", "b1"}) {
		t.Errorf("got %v", got)
	}
	seen := map[string]int{}
	for _, r := range s.readers {
		for i := range r.Splits() {
			seen[r.Split(i).ID]++
		}
	}
	if len(seen) != 4 {
		t.Errorf("splits %v", seen)
	}
}

func TestPatternWithoutATopicWaitsForOne(t *testing.T) {
	b := kafkatest.Open(t)
	prefix := kafkatest.Name("none")
	s := newSourceTest(t, b, object{"topic_pattern": prefix + ".*", "discover": 30 * time.Millisecond}).open(1)
	b.CreateTopic(t, prefix+"-yet", 1)
	b.Produce(t, prefix+"-yet", kafkatest.Values(0, "x")...)
	if got := s.values(1); got[0] != "x" {
		t.Errorf("got %v", got)
	}
	err := newSourceTest(t, b, object{"topic_pattern": prefix + "-never", "stop": object{"at": "latest"}}).openError()
	wantError(t, err, "no topic matches")
}

func TestPauseKeepsWhatWasFetched(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "pause", 2)
	for p := range int32(2) {
		b.Produce(t, topic, kafkatest.Values(p, numbers(fmt.Sprintf("%d-", p), 0, 300)...)...)
	}
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	s.readers[0].Pause(0, true)
	got := s.values(300)
	for i, v := range got {
		if v != fmt.Sprintf("1-%d", i) {
			t.Fatalf("row %d is %s while partition 0 is paused", i, v)
		}
	}
	s.quiet()
	s.readers[0].Pause(0, false)
	first := s.values(64)
	s.readers[0].Pause(0, true) // in the middle of a chunk
	s.quiet()
	s.readers[0].Pause(0, false)
	if d := cmp.Diff(numbers("0-", 0, 300), append(first, s.values(300-len(first))...)); d != "" {
		t.Error(d)
	}
}

func TestPausedPartitionsAreForgottenWhenTheyHoldTooMuch(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "paused", 1)
	b.Produce(t, topic, kafkatest.Values(0, numbers("v", 0, 200)...)...)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	f := s.readers[0].(*reader).raw
	first := s.values(64)
	f.mu.Lock()
	f.mu.paused = pendingBytes // as if others held it all
	f.mu.Unlock()
	s.readers[0].Pause(0, true)
	f.mu.Lock()
	if n := len(f.mu.parts[0].chunks); n != 0 {
		t.Errorf("%d chunks are kept", n)
	}
	f.mu.Unlock()
	s.readers[0].Pause(0, false)
	if d := cmp.Diff(numbers("v", 0, 200), append(first, s.values(200-len(first))...)); d != "" {
		t.Error(d)
	}
}

func TestBatchLargerThanAFetch(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "large", 2, "max.message.bytes", fmt.Sprint(32<<20))
	big := strings.Repeat("x", 9<<20)
	b.Produce(t, topic, kafkatest.Values(0, "small", big, "after")...)
	b.Produce(t, topic, kafkatest.Values(1, big)...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	sizes := map[int]int{}
	for _, v := range s.readToEnd() {
		sizes[len(v)]++
	}
	if sizes[9<<20] != 2 || sizes[5] != 2 {
		t.Errorf("sizes %v", sizes)
	}
}

func TestReadyWhenAPollMadeNoRow(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "norow", 1)
	values := slices.Repeat([]string{"none"}, 64) // as many as a batch has rows
	b.Produce(t, topic, kafkatest.Values(0, append(values, "row")...)...)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	r := s.readers[0]
	wait := func() {
		select {
		case <-r.Ready():
		case <-time.After(kafkatest.Timeout):
			t.Fatal("Ready is silent although there is a row")
		}
	}
	batch := s.pool.TryGet()
	defer batch.Release()
	for {
		p, err := r.Poll(batch, &s.errs)
		if err != nil {
			t.Fatal(err)
		}
		if p.Rows > 0 {
			break
		}
		wait()
	}
	r.Pause(0, true)
	b.Produce(t, topic, kafkatest.Values(0, "more")...)
	r.Pause(0, false)
	for range 2 {
		wait() // at the resumption, and when it has arrived
		if p, err := r.Poll(batch, &s.errs); err != nil {
			t.Fatal(err)
		} else if p.Rows > 0 {
			return
		}
	}
	wait()
	if p, _ := r.Poll(batch, &s.errs); p.Rows != 1 {
		t.Errorf("%d rows after the pause", p.Rows)
	}
}

func TestNoAllocationsPerRecord(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "allocs", 1)
	b.Produce(t, topic, kafkatest.Values(0, numbers("some value that is a bit longer ", 0, 20000)...)...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	s.values(2000)
	rows := 2000
	// The pool hands out 64 rows at a time, so each run is a Poll of 64 records, now and then with a new chunk.
	per := testing.AllocsPerRun(200, func() {
		batch := s.pool.TryGet()
		for {
			p, err := s.readers[0].Poll(batch, &s.errs)
			if err != nil {
				t.Fatal(err)
			}
			if p.Rows > 0 || p.End {
				rows += p.Rows
				break
			}
			<-s.readers[0].Ready()
		}
		batch.Release()
	})
	if per > 1 {
		t.Errorf("%v allocations for each 64 records", per)
	}
	if rows < 2000+200*60 {
		t.Errorf("only %d rows were read", rows)
	}
}
