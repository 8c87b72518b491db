package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/kafkatest"
)

// timed makes records with timestamps first, first+1s, …
func timed(partition int32, first time.Time, values ...string) []*kgo.Record {
	rs := kafkatest.Values(partition, values...)
	for i, r := range rs {
		r.Timestamp = first.Add(time.Duration(i) * time.Second)
	}
	return rs
}

func commitOffsets(t *testing.T, b *kafkatest.Broker, group, topic string, offsets map[int32]int64) {
	t.Helper()
	os := kadm.Offsets{}
	for p, o := range offsets {
		os.AddOffset(topic, p, o, -1)
	}
	if err := b.Admin(t).CommitAllOffsets(t.Context(), group, os); err != nil {
		t.Fatal(err)
	}
}

func TestEveryStartAndStop(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "positions", 2)
	t0 := time.Now().Add(-time.Hour).Truncate(time.Second)
	b.Produce(t, topic, timed(0, t0, numbers("a", 0, 10)...)...)
	b.Produce(t, topic, timed(1, t0, numbers("b", 0, 10)...)...)
	at := func(s int) string { return t0.Add(time.Duration(s) * time.Second).UTC().Format(time.RFC3339) }
	all := append(numbers("a", 0, 10), numbers("b", 0, 10)...)

	for _, c := range []struct {
		name        string
		start, stop any
		want        []string
	}{
		{"earliest to latest", "earliest", "latest", all},
		{"latest to latest", "latest", "latest", nil},
		{"no start", nil, "latest", all},
		{"committed or earliest", "committed", "latest", append(numbers("a", 3, 10), numbers("b", 0, 10)...)},
		{"committed or latest", object{"committed": "latest"}, "latest", numbers("a", 3, 10)},
		{"timestamp", object{"timestamp": at(5)}, "latest", append(numbers("a", 5, 10), numbers("b", 5, 10)...)},
		{"timestamp after the end", object{"timestamp": "now"}, "latest", nil},
		{"ago", object{"timestamp": "now-2h"}, "latest", all},
		{"offsets", object{"offsets": dict{{"0", 8}}}, "latest", append(numbers("a", 8, 10), numbers("b", 0, 10)...)},
		{"stop at offsets", "earliest", object{"offsets": dict{{"0", 2}, {"1", 0}}}, numbers("a", 0, 2)},
		{"stop at offsets, rest latest", "earliest", object{"offsets": dict{{"1", 1}}}, append(numbers("a", 0, 10), "b0")},
		{"stop at a timestamp", "earliest", object{"timestamp": at(2)}, []string{"a0", "a1", "b0", "b1"}},
		{"stop at committed", "earliest", object{"committed": "earliest"}, numbers("a", 0, 3)},
		{"stop before start", object{"offsets": dict{{"0", 5}, {"1", 5}}}, object{"offsets": dict{{"0", 2}, {"1", 5}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			group := kafkatest.Name("group")
			commitOffsets(t, b, group, topic, map[int32]int64{0: 3})
			o := object{"topic": topic, "group": group}
			for k, v := range map[string]any{"start": c.start, "stop": c.stop} {
				switch v := v.(type) {
				case string:
					o[k] = object{"at": v}
				case object:
					o[k] = v
				}
			}
			s := newSourceTest(t, b, o).open(1)
			got := s.readToEnd()
			slices.Sort(got)
			if d := cmp.Diff(c.want, got); d != "" && len(c.want)+len(got) > 0 {
				t.Error(d)
			}
			for i := range s.readers[0].Splits() {
				if st := s.readers[0].Split(i); !st.Finished {
					t.Errorf("split %s is not finished at %d", st.ID, st.Position)
				}
			}
		})
	}
}

func TestCommittedFailNamesThePartition(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "committed", 1)
	s := newSourceTest(t, b, object{"topic": topic, "group": kafkatest.Name("g"), "start": object{"committed": "fail"}})
	wantError(t, s.openError(), "no committed offset for "+topic+" partition 0", "{committed: earliest}")
}

func TestOffsetsOfAPartitionThatIsNotThere(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "offsets", 2)
	s := newSourceTest(t, b, object{"topic": topic, "start": object{"offsets": dict{{"7", 1}}}})
	wantError(t, s.openError(), "start names partition 7", "partitions 0 to 1")
}

func TestInstants(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for _, c := range []struct {
		in   string
		want int64
	}{
		{"2026-01-01T00:00:00Z", 1767225600000},
		{"2026-01-01T01:00:00.5+01:00", 1767225600500},
		{"2026-01-01", 1767225600000},
		{"2026-01-01 00:00:00", 1767225600000},
		{"now", 1_700_000_000_000},
		{"now-90s", 1_700_000_000_000 - 90_000},
		{"now-1h30m", 1_700_000_000_000 - 5_400_000},
		{"now-1d6h", 1_700_000_000_000 - 108_000_000},
		{"now-250ms", 1_700_000_000_000 - 250},
		{"now-2d", 1_700_000_000_000 - 172_800_000},
	} {
		ms, rel, ago, ok := parseInstant(c.in)
		p := position{kind: atTimestamp, time: ms, relative: rel, ago: ago}
		if got := p.millis(now); !ok || got != c.want {
			t.Errorf("%s is %d (%v), want %d", c.in, got, ok, c.want)
		}
	}
	for _, in := range []string{"", "nowish", "now+1h", "now-", "now--1h", "now-1", "now-h", "now-1w", "now-99999999999d", "now-9999999999d", "2026-13-01", "yesterday", "12:00"} {
		if _, _, _, ok := parseInstant(in); ok {
			t.Errorf("%q was read", in)
		}
	}
}

func TestStopCountsWhatIsNotReturned(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "aborted", 1)
	b.Produce(t, topic, kafkatest.Values(0, "plain")...)
	b.Transaction(t, topic, true, kafkatest.Values(0, "kept 1", "kept 2")...)
	b.Transaction(t, topic, false, kafkatest.Values(0, "gone 1", "gone 2")...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	if got, want := s.readToEnd(), []string{"plain", "kept 1", "kept 2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	u := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}, "isolation": "read_uncommitted"}).open(1)
	if got := strings.Join(u.readToEnd(), ","); got != "plain,kept 1,kept 2,gone 1,gone 2" {
		t.Errorf("read_uncommitted got %s", got)
	}
}

func TestLatestIsTheLastStableOffset(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "open", 1)
	b.Produce(t, topic, kafkatest.Values(0, "before")...)
	c := b.Client(t, kgo.TransactionalID(kafkatest.Name("open")), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := c.ProduceSync(t.Context(), kafkatest.Values(0, "in an open transaction")...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.Produce(t, topic, kafkatest.Values(0, "behind it")...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	if got := s.readToEnd(); !slices.Equal(got, []string{"before"}) {
		t.Errorf("got %v", got)
	}
	live := newSourceTest(t, b, object{"topic": topic}).open(1)
	live.values(1)
	eventually(t, "caught up at the last stable offset", func() bool {
		_, err := live.poll(0, 5*time.Millisecond)
		return err == nil && live.readers[0].Split(0).CaughtUp
	})
	if err := c.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if got := live.values(1); !slices.Equal(got, []string{"behind it"}) {
		t.Errorf("got %v", got)
	}
}
