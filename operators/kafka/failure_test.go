package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"flowd/internal/kafkatest"
	"flowd/internal/recordbatch"
	"flowd/stream"
)

func TestPositionThatLeftTheLog(t *testing.T) {
	for _, c := range []struct {
		policy string
		start  object
		want   []string
	}{
		{"earliest", object{"offsets": dict{{"0", 2}}}, numbers("v", 5, 10)},
		{"latest", object{"offsets": dict{{"0", 2}}}, []string{"new"}},
		{"earliest", object{"offsets": dict{{"0", 99}}}, numbers("v", 5, 10)},
	} {
		t.Run(fmt.Sprint(c.policy, c.start), func(t *testing.T) {
			b := kafkatest.Open(t)
			topic := truncated(t, b)
			s := newSourceTest(t, b, object{"topic": topic, "start": c.start, "on_missing": c.policy}).open(1)
			if c.policy == "latest" {
				eventually(t, "the jump", func() bool {
					_, err := s.poll(0, 5*time.Millisecond)
					return err == nil && s.readers[0].Split(0).Position == 10
				})
				b.Produce(t, topic, kafkatest.Values(0, "new")...)
			}
			if got := s.values(len(c.want)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if s.log.count("on_missing applies") != 1 {
				t.Errorf("log:\n%s", s.log)
			}
		})
	}
	for start, why := range map[int]string{2: "retention", 99: "shorter"} {
		b := kafkatest.Open(t)
		topic := truncated(t, b)
		err := newSourceTest(t, b, object{"topic": topic, "start": object{"offsets": dict{{"0", start}}}}).open(1).fail()
		wantError(t, err, topic+" partition 0", fmt.Sprintf("offset %d is not in the log", start), "offsets 5 to 9", why, "on_missing: earliest", "on_missing: latest", "start: {offsets: {0: 5}}")
	}
}

// truncated makes a topic whose log holds offsets 5 to 9.
func truncated(t *testing.T, b *kafkatest.Broker) string {
	topic := b.Topic(t, "truncated", 1)
	b.Produce(t, topic, kafkatest.Values(0, numbers("v", 0, 10)...)...)
	b.DeleteBefore(t, topic, 0, 5)
	return topic
}

func TestLogTruncatedWhileItIsRead(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "retention", 1)
	b.Produce(t, topic, kafkatest.Values(0, numbers("v", 0, 10)...)...)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	s.readers[0].Pause(0, true)
	s.quiet()
	f := s.readers[0].(*reader).raw
	f.mu.Lock()
	f.mu.parts[0].drop(&f.buffers) // as when paused partitions hold too much
	f.mu.Unlock()
	b.DeleteBefore(t, topic, 0, 4)
	s.readers[0].Pause(0, false)
	wantError(t, s.fail(), "offset 0 is not in the log, which holds offsets 4 to 9")
}

func TestRecreatedTopic(t *testing.T) {
	for _, policy := range []string{"fail", "earliest"} {
		b := kafkatest.Start(t)
		topic := b.Topic(t, "again", 1)
		b.Produce(t, topic, kafkatest.Values(0, numbers("old", 0, 5)...)...)
		s := newSourceTest(t, b, object{"topic": topic, "on_missing": policy, "discover": 30 * time.Millisecond}).open(1)
		s.values(3) // the batch of 5 is taken whole: 64 rows fit
		if err := b.Fake.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
		b.CreateTopic(t, topic, 1)
		b.Produce(t, topic, kafkatest.Values(0, numbers("new", 0, 8)...)...)
		if policy == "fail" {
			wantError(t, s.fail(), topic+" partition 0: offset 5", "created anew")
			continue
		}
		if got := s.values(8); !slices.Equal(got, numbers("new", 0, 8)) {
			t.Errorf("got %v", got)
		}
	}
}

func TestTopicDeletedWhileItIsRead(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "deleted", 1)
	b.Produce(t, topic, kafkatest.Values(0, "x")...)
	s := newSourceTest(t, b, object{"topic": topic})
	s.src.tuning.deleted = 200 * time.Millisecond
	s.open(1).values(1)
	if err := b.Fake.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.fail(), "topic "+topic+" was deleted while it was read", "position of partition 0 was 1")
}

func TestFetchFaultsAreRetried(t *testing.T) {
	for _, e := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable, kerr.KafkaStorageError, kerr.OffsetNotAvailable, kerr.FencedLeaderEpoch} {
		t.Run(e.Message, func(t *testing.T) {
			b := kafkatest.Start(t)
			topic := b.Topic(t, "fault", 1)
			b.Produce(t, topic, kafkatest.Values(0, numbers("v", 0, 100)...)...)
			h := b.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: e, Count: 2})
			s := newSourceTest(t, b, object{"topic": topic}).open(1)
			if got := s.values(100); !slices.Equal(got, numbers("v", 0, 100)) {
				t.Errorf("got %v", got)
			}
			if h.Hits() != 2 || s.c.Stats.Retries.Load() < 2 {
				t.Errorf("%d faults, %d retries", h.Hits(), s.c.Stats.Retries.Load())
			}
			if s.log.count("fetching fails") != 1 || s.log.count("fetching again") != 1 || s.log.count(`"topic":"`+topic) < 2 {
				t.Errorf("log:\n%s", s.log)
			}
		})
	}
}

func TestDroppedConnections(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "drop", 1)
	want := numbers("v", 0, 2000)
	b.Produce(t, topic, kafkatest.Values(0, want...)...)
	n := 0
	b.Fake.ControlKey(kmsg.Fetch.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		n++
		if n <= 5 && n != 3 {
			return nil, errors.New("drop the connection"), true
		}
		return nil, nil, false
	})
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	if d := cmp.Diff(want, s.values(len(want))); d != "" {
		t.Error(d)
	}
}

func TestBrokerThatDoesNotAnswer(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "silent", 1)
	b.Produce(t, topic, kafkatest.Values(0, "x")...)
	n := 0
	b.Fake.ControlKey(kmsg.Fetch.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		n++
		return nil, nil, n <= 4 // no answer at all
	})
	s := newSourceTest(t, b, object{"topic": topic})
	s.src.tuning.maxWait, s.src.tuning.grace = 10*time.Millisecond, 50*time.Millisecond
	s.open(1)
	if got := s.values(1); got[0] != "x" {
		t.Errorf("got %v", got)
	}
	f := s.readers[0].(*reader).raw
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.clients == 0 {
		t.Error("the client was not rebuilt")
	}
}

func TestLeaderMoves(t *testing.T) {
	b := kafkatest.Start(t, kfake.NumBrokers(3))
	topic := b.Topic(t, "move", 4)
	s := newSourceTest(t, b, object{"topic": topic}).open(2)
	var want []string
	for round := range 6 {
		for p := range int32(4) {
			v := fmt.Sprintf("%d-%d", round, p)
			b.Produce(t, topic, kafkatest.Values(p, v)...)
			want = append(want, v)
		}
		b.Fake.ShufflePartitionLeaders()
	}
	got := s.values(len(want))
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBrokerRestart(t *testing.T) {
	port := freePort(t)
	dir := t.TempDir()
	b := kafkatest.Start(t, kfake.Ports(port), kfake.DataDir(dir))
	topic := b.Topic(t, "restart", 1)
	b.Produce(t, topic, kafkatest.Values(0, numbers("v", 0, 10)...)...)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	k := newSinkTest(t, b, object{"topic": topic}, 0).open()
	s.values(10)
	b.Fake.Close()
	k.mustWrite("written while it is down")
	if err := k.sink.OnDrained(); err != nil {
		t.Fatal(err)
	}
	s.quiet()
	kafkatest.Start(t, kfake.Ports(port), kfake.DataDir(dir))
	k.mustFlush()
	if got := s.values(1); got[0] != "written while it is down" {
		t.Errorf("got %v", got)
	}
	log := s.log.String() + k.log.String()
	for _, m := range []string{"fetching fails", "fetching again", "writing fails", "writing again"} {
		if !strings.Contains(log, m) {
			t.Errorf("no line %q in the log:\n%s", m, log)
		}
	}
	if strings.Contains(log, "it may") { // the cluster has answered: its settings are right
		t.Errorf("a guess at wrong settings:\n%s", log)
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func TestUnreachableBroker(t *testing.T) {
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	b := &kafkatest.Broker{Addrs: []string{addr}}
	remedy := []string{addr, "connection refused", "tried for", "is the broker running", "KAFKA_BROKERS", "flowd dev"}
	s := newSourceTest(t, b, object{"topic": "x"})
	s.src.limit = 2 * time.Second
	wantError(t, s.openError(), remedy...)
	k := newSinkTest(t, b, object{"topic": "x"}, 0)
	k.sink.limit = 2 * time.Second
	wantError(t, k.sink.Open(k.c), remedy...)
	_ = k.sink.Close()
	for _, log := range []*logBuffer{s.log, k.log} {
		if log.count("cannot reach the broker, trying again") != 1 || log.count(addr) != 1 || log.count("connection refused") != 1 || log.count(`"for":"2s"`) != 1 {
			t.Errorf("log:\n%s", log)
		}
	}
}

// silentPort is an address that accepts connections and never says anything.
func silentPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestCancelledOpenReturns cancels while there is nobody, or nobody who answers.
func TestCancelledOpenReturns(t *testing.T) {
	refusing := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	for name, o := range map[string]object{
		"refused":          {"brokers": refusing},
		"silent":           {"brokers": silentPort(t)},
		"silent, TLS":      {"brokers": silentPort(t), "tls": object{"enabled": true}},
		"silent, SASL":     {"brokers": silentPort(t), "sasl": object{"username": "u", "password": "p"}},
		"nowhere":          {"brokers": "192.0.2.1:9092"},
		"unknown host":     {"brokers": "broker.invalid:9092"},
		"first is refused": {"brokers": refusing + "," + silentPort(t)},
	} {
		t.Run(name, func(t *testing.T) {
			o["topic"] = "x"
			s := newSourceTest(t, &kafkatest.Broker{}, o)
			k := newSinkTest(t, &kafkatest.Broker{}, o, 0)
			cancelOpen(t, s.c, s.src.Open, s.src.Close)
			cancelOpen(t, k.c, k.sink.Open, k.sink.Close)
		})
	}
}

// cancelOpen cancels c while open is at work.
func cancelOpen(t *testing.T, c *stream.Context, open func(*stream.Context) error, closeIt func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	c.Ctx = ctx
	stop := errors.New("stop")
	var at time.Time
	timer := time.AfterFunc(300*time.Millisecond, func() {
		at = time.Now()
		cancel(stop)
	})
	err := open(c)
	if timer.Stop() {
		t.Fatalf("Open gave up before it was cancelled: %v", err)
	}
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if err := closeIt(); err != nil {
		t.Error(err)
	}
	if d := time.Since(at); d > time.Second { // it takes milliseconds; the attempts would go on for 30 s
		t.Errorf("it took %s", d)
	}
}

// batchOf is a record batch of one value at an offset.
func batchOf(t *testing.T, offset int64, value string) []byte {
	bld, err := recordbatch.NewBuilder(recordbatch.None, 0)
	if err != nil {
		t.Fatal(err)
	}
	bld.Append(nil, []byte(value), nil, 1)
	out := slices.Clone(bld.Finish(recordbatch.NoProducer))
	binary.BigEndian.PutUint64(out, uint64(offset))
	return out
}

// serve makes the broker answer fetches of one partition with data, whatever it holds.
func serve(b *kafkatest.Broker, data []byte, end int64) {
	b.Fake.ControlKey(kmsg.Fetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		req := r.(*kmsg.FetchRequest)
		res := req.ResponseKind().(*kmsg.FetchResponse)
		for _, rt := range req.Topics {
			t := kmsg.NewFetchResponseTopic()
			t.Topic = rt.Topic
			p := kmsg.NewFetchResponseTopicPartition()
			p.HighWatermark, p.LastStableOffset, p.LogStartOffset = end, end, 0
			if rt.Partitions[0].FetchOffset < end {
				p.RecordBatches = data
			}
			t.Partitions = append(t.Partitions, p)
			res.Topics = append(res.Topics, t)
		}
		return res, nil, true
	})
}

func TestCorruptBatch(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "corrupt", 1)
	second := batchOf(t, 1, "two")
	second[len(second)-2] ^= 1
	serve(b, slices.Concat(batchOf(t, 0, "one"), second, batchOf(t, 2, "three")), 3)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"offsets": dict{{"0", 3}}}}).open(1)
	if got := s.readToEnd(); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("rows %v", got)
	}
	if len(s.errs.List) != 1 {
		t.Fatalf("errors %v", s.errs.List)
	}
	if e := s.errs.List[0]; e.Topic != topic || e.Split != 0 || e.Offset != 1 || !strings.Contains(e.Msg, "checksum") {
		t.Errorf("error %+v", e)
	}
}

func TestBatchWhoseEndCannotBeTold(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "nonsense", 1)
	serve(b, slices.Concat(batchOf(t, 0, "one"), make([]byte, 200)), 3)
	s := newSourceTest(t, b, object{"topic": topic}).open(1)
	rows, err := s.read(1 << 30)
	if got := values(rows); !slices.Equal(got, []string{"one"}) {
		t.Errorf("rows %v", got)
	}
	wantError(t, err, topic+" partition 0", "offset", "start at a later offset")
}

func TestBatchOverTheLimit(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "bomb", 1, "max.message.bytes", "8000000")
	b.Produce(t, topic, kafkatest.Values(0, "one")...)
	b.Produce(t, topic, kafkatest.Values(0, strings.Repeat("0", 3<<20))...)
	b.Produce(t, topic, kafkatest.Values(0, "three")...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}})
	s.src.tuning.maxBatchBytes = 1 << 20
	s.open(1)
	if got := s.readToEnd(); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("%d rows", len(got))
	}
	if len(s.errs.List) != 1 || s.errs.List[0].Offset != 1 || !strings.Contains(s.errs.List[0].Msg, "limit") {
		t.Errorf("errors %v", s.errs.List)
	}
}

func TestUncompressedBatchOverTheLimit(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "huge", 1, "max.message.bytes", "8000000")
	noise := make([]byte, 3<<20)
	x := uint32(7)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	b.Produce(t, topic, kafkatest.Values(0, "one")...)
	b.Produce(t, topic, kafkatest.Values(0, string(noise))...)
	b.Produce(t, topic, kafkatest.Values(0, "three")...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}})
	s.src.tuning.maxBatchBytes = 1 << 20
	s.open(1)
	if got := s.readToEnd(); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("%d rows", len(got))
	}
	if len(s.errs.List) != 1 || s.errs.List[0].Offset != 1 {
		t.Errorf("errors %v", s.errs.List)
	}
}

// still makes a fetcher of one partition whose goroutines do not run.
func still(committed bool) (*RawFetcher, *partition, *brokerFetcher) {
	f := &RawFetcher{cfg: defaultFetcher(), log: zerolog.Nop(), retries: func() {}, ready: make(chan struct{}, 1), refresh: make(chan struct{}, 1)}
	f.cfg.committed = committed
	p := newPartition(topicPartition{"t", 0}, [16]byte{}, 10, -1, -1)
	p.leader = 1
	f.addLocked(p)
	return f, p, &brokerFetcher{f: f, id: 1}
}

func TestAnswerForAnEarlierPositionIsIgnored(t *testing.T) {
	f, p, b := still(false)
	req := &fetchCall{parts: []fetchPart{{p.topicPartition, 0, 10, partitionBytes}}}
	p.inflight = true
	p.position, p.fetchOffset = 50, 50 // moved while the fetch was under way
	req.results = []fetchResult{{part: 0, high: 60, stable: 60, logStart: -1, data: batchOf(t, 10, "x")}}
	b.deliver(req)
	if len(p.chunks) != 0 || p.fetchOffset != 50 || p.inflight {
		t.Errorf("chunks %d, offset %d, inflight %v", len(p.chunks), p.fetchOffset, p.inflight)
	}
	req.parts[0].offset = 50
	req.results[0].data = batchOf(t, 50, "x")
	b.deliver(req)
	if len(p.chunks) != 1 || p.fetchOffset != 51 || f.mu.bytes != p.bytes || p.bytes == 0 {
		t.Errorf("chunks %d, offset %d, bytes %d", len(p.chunks), p.fetchOffset, f.mu.bytes)
	}
}

func TestLogStartPastThePositionIsNoSilentSkip(t *testing.T) {
	f, p, b := still(false)
	req := &fetchCall{parts: []fetchPart{{p.topicPartition, 0, 10, partitionBytes}}}
	req.results = []fetchResult{{part: 0, high: 60, stable: 60, logStart: 20, data: batchOf(t, 20, "x")}}
	b.deliver(req)
	if !p.outOfRange || len(p.chunks) != 0 {
		t.Errorf("out of range %v, chunks %d", p.outOfRange, len(p.chunks))
	}
	k := keeper{f: f}
	f.cfg.onMissing = onMissingEarliest
	p.chunks = []chunk{{data: batchOf(t, 10, "y"), next: 11}}
	if k.decide(p, 20, 60) || p.position != 10 {
		t.Error("decided although records that were fetched before are not decoded")
	}
	p.chunks = nil
	if !k.decide(p, 20, 60) || p.position != 20 || p.outOfRange {
		t.Errorf("position %d", p.position)
	}
}

func TestBrokerTooOld(t *testing.T) {
	v := kversion.Stable()
	v.SetMaxKeyVersion(kmsg.Fetch.Int16(), 3)
	b := kafkatest.Start(t, kfake.MaxVersions(v))
	wantError(t, newSourceTest(t, b, object{"topic": "x"}).openError(), "too old", "Fetch up to version 3", "needs 4")
}

func TestOldBrokerVersions(t *testing.T) {
	for _, v := range []*kversion.Versions{kversion.V1_0_0(), kversion.V1_1_0(), kversion.V2_0_0(), kversion.V2_1_0(), kversion.V2_3_0(), kversion.V2_4_0(), kversion.V2_8_0()} {
		t.Run(v.String(), func(t *testing.T) {
			b := kafkatest.Start(t, kfake.MaxVersions(v))
			topic := b.Topic(t, "old", 1)
			k := newSinkTest(t, b, object{"topic": topic}, 0).open()
			k.mustWrite(numbers("v", 0, 100)...)
			k.mustFlush()
			s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
			if got := s.readToEnd(); !slices.Equal(got, numbers("v", 0, 100)) {
				t.Errorf("got %v", got)
			}
		})
	}
}
