package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"flowd/internal/kafkatest"
	"flowd/stream"
)

func texts(records []*kgo.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, string(r.Value))
	}
	return out
}

func TestWritesInOrderWithEveryCodec(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			b := kafkatest.Open(t)
			topic := b.Topic(t, "write", 1)
			s := newSinkTest(t, b, object{"topic": topic, "compression": codec}, stream.ErrorFail).open()
			want := numbers("value number ", 0, 1000)
			for i := 0; i < len(want); i += 256 { // several batches: their sequence numbers must follow each other
				s.mustWrite(want[i:min(i+256, len(want))]...)
				s.mustFlush()
			}
			got := b.Consume(t, topic)[0]
			if d := cmp.Diff(want, texts(got)); d != "" {
				t.Error(d)
			}
			if got[0].Timestamp.UnixMilli() != 1 || got[63].Timestamp.UnixMilli() != 64 {
				t.Errorf("times %v, %v", got[0].Timestamp, got[63].Timestamp)
			}
			if got[0].ProducerID < 0 {
				t.Error("written without a producer id")
			}
			if n := s.c.Stats.Retries.Load(); n != 0 {
				t.Errorf("%d retries without a fault; log:\n%s", n, s.log)
			}
			if codec != "none" && got[0].Attrs.CompressionType() == 0 {
				t.Error("not compressed")
			}
		})
	}
}

func TestKeylessRowsSpread(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "sticky", 3)
	s := newSinkTest(t, b, object{"topic": topic, "compression": "none"}, stream.ErrorFail).open()
	pad := strings.Repeat("x", 2000)
	var want []string
	for i := range 3000 { // 6 MB: some twelve batches
		want = append(want, fmt.Sprintf("%s%06d", pad, i))
	}
	s.mustWrite(want...)
	s.mustFlush()
	if n := s.c.Stats.Retries.Load(); n != 0 {
		t.Errorf("%d retries without a fault; log:\n%s", n, s.log)
	}
	got := b.Consume(t, topic)
	var all []string
	for p := range int32(3) {
		vs := texts(got[p])
		if len(vs) < 500 {
			t.Errorf("partition %d has %d rows", p, len(vs))
		}
		if !slices.IsSorted(vs) {
			t.Errorf("partition %d is out of order", p)
		}
		all = append(all, vs...)
	}
	slices.Sort(all)
	if !slices.Equal(all, want) {
		t.Errorf("%d of %d rows", len(all), len(want))
	}
}

func TestSelectedRowsOnly(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "select", 1)
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail).open()
	batch := s.batch(numbers("v", 0, 6), nil)
	batch.Sel = append(batch.SelBuf(), 1, 4)
	if err := s.sink.Write(batch, &s.out); err != nil {
		t.Fatal(err)
	}
	s.mustFlush()
	got := b.Consume(t, topic)[0]
	if !slices.Equal(texts(got), []string{"v1", "v4"}) || got[1].Timestamp.UnixMilli() != 5 {
		t.Errorf("got %v at %v", texts(got), got[1].Timestamp)
	}
}

var (
	keyColumn  = stream.ColumnDef{Name: "key", Type: stream.Type{ID: stream.String}}
	idColumn   = stream.ColumnDef{Name: "id", Type: stream.Type{ID: stream.BigInt}}
	partColumn = stream.ColumnDef{Name: "part", Type: stream.Type{ID: stream.Int}}
)

func TestKeysArePartitionedLikeJava(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "keys", 7)
	s := newSinkTest(t, b, object{"topic": topic, "key": "key"}, stream.ErrorFail, keyColumn).open()
	keys := append(numbers("key-", 0, 200), "", "ü", "21", "foobar", "a-little-bit-long-string", "a-little-bit-longer-string", "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")
	for i := 0; i < len(keys); i += 32 {
		part := keys[i:min(i+32, len(keys))]
		batch := s.batch(part, func(b *stream.Batch, i int) { b.Cols[1].AppendString(part[i]) })
		if err := s.sink.Write(batch, &s.out); err != nil {
			t.Fatal(err)
		}
	}
	s.mustFlush()
	other := b.Topic(t, "judge", 7) // franz-go's default for keys is Java's
	c := b.Client(t, kgo.DefaultProduceTopic(other), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	for _, k := range keys {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Key: []byte(k), Value: []byte(k)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	got, want := b.Consume(t, topic), b.Consume(t, other)
	for p := range int32(7) {
		if d := cmp.Diff(texts(want[p]), texts(got[p])); d != "" {
			t.Errorf("partition %d: %s", p, d)
		}
		for _, r := range got[p] {
			if r.Key == nil || string(r.Key) != string(r.Value) {
				t.Errorf("key %q of %q", r.Key, r.Value)
			}
		}
	}
}

func TestKeyForms(t *testing.T) {
	b := kafkatest.Open(t)
	for _, c := range []struct {
		key  any
		want []string
	}{
		{"id", []string{"42", "-7", "NULL"}},
		{[]string{"id", "key"}, []string{`{"id":42,"key":"a\"b\\\u0001ü"}`, `{"id":-7,"key":null}`, `{"id":null,"key":"c"}`}},
		{[]string{"key"}, []string{`{"key":"a\"b\\\u0001ü"}`, `{"key":null}`, `{"key":"c"}`}},
	} {
		topic := b.Topic(t, "key", 1)
		s := newSinkTest(t, b, object{"topic": topic, "key": c.key}, stream.ErrorFail, keyColumn, idColumn).open()
		batch := s.batch([]string{"1", "2", "3"}, func(b *stream.Batch, i int) {
			switch i {
			case 0:
				b.Cols[1].AppendString("a\"b\\\x01ü")
				b.Cols[2].AppendInt64(42)
			case 1:
				b.Cols[1].AppendNull()
				b.Cols[2].AppendInt64(-7)
			case 2:
				b.Cols[1].AppendString("c")
				b.Cols[2].AppendNull()
			}
		})
		if err := s.sink.Write(batch, &s.out); err != nil {
			t.Fatal(err)
		}
		s.mustFlush()
		var got []string
		for _, r := range b.Consume(t, topic)[0] {
			if r.Key == nil {
				got = append(got, "NULL")
			} else {
				got = append(got, string(r.Key))
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("key %v: %s", c.key, d)
		}
	}
}

func TestKeyTexts(t *testing.T) {
	for _, c := range []struct {
		typ  stream.Type
		put  func(*stream.Column)
		text string
		json string
	}{
		{stream.Type{ID: stream.Boolean}, func(c *stream.Column) { c.AppendInt64(1) }, "true", "true"},
		{stream.Type{ID: stream.Decimal, Precision: 10, Scale: 2}, func(c *stream.Column) { c.AppendInt64(-1050) }, "-10.50", "-10.50"},
		{stream.Type{ID: stream.Decimal, Precision: 30, Scale: 1}, func(c *stream.Column) { c.AppendWide(0, 15) }, "1.5", "1.5"},
		{stream.Type{ID: stream.Double}, func(c *stream.Column) { c.AppendFloat64(0.1) }, "0.1", "0.1"},
		{stream.Type{ID: stream.Float}, func(c *stream.Column) { c.AppendFloat64(float64(float32(0.1))) }, "0.1", "0.1"},
		{stream.Type{ID: stream.Date}, func(c *stream.Column) { c.AppendInt64(1) }, "1970-01-02", `"1970-01-02"`},
		{stream.Type{ID: stream.Time}, func(c *stream.Column) { c.AppendInt64(3_661_000) }, "01:01:01", `"01:01:01"`},
		{stream.Type{ID: stream.Timestamp, Precision: 3}, func(c *stream.Column) { c.AppendInt64(1500) }, "1970-01-01 00:00:00.001", `"1970-01-01 00:00:00.001"`},
		{stream.Type{ID: stream.TimestampLTZ}, func(c *stream.Column) { c.AppendInt64(0) }, "1970-01-01 00:00:00Z", `"1970-01-01 00:00:00Z"`},
	} {
		col := stream.NewColumn(c.typ, 1)
		c.put(col)
		if got := string(appendText(nil, col, c.typ, 0)); got != c.text {
			t.Errorf("%s: %s, want %s", c.typ, got, c.text)
		}
		if got := string(appendJSON(nil, col, c.typ, 0)); got != c.json {
			t.Errorf("%s: %s, want %s", c.typ, got, c.json)
		}
	}
}

func TestPartitionColumnAndHeaders(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "columns", 4)
	s := newSinkTest(t, b, object{"topic": topic, "key": "key", "partition": "part", "headers": dict{{"trace", "key"}, {"id", "id"}}},
		stream.ErrorDivert, keyColumn, idColumn, partColumn).open()
	batch := s.batch([]string{"a", "b", "c", "d"}, func(b *stream.Batch, i int) {
		b.Cols[1].AppendString("21")
		if i == 1 {
			b.Cols[2].AppendNull()
		} else {
			b.Cols[2].AppendInt64(int64(i))
		}
		switch i {
		case 0:
			b.Cols[3].AppendInt64(3)
		case 1:
			b.Cols[3].AppendNull()
		case 2:
			b.Cols[3].AppendInt64(4)
		case 3:
			b.Cols[3].AppendInt64(-1)
		}
	})
	if err := s.sink.Write(batch, &s.out); err != nil {
		t.Fatal(err)
	}
	s.mustFlush()
	got := b.Consume(t, topic)
	if vs := texts(got[3]); !slices.Equal(vs, []string{"a"}) {
		t.Errorf("partition 3 has %v", vs)
	}
	h := int32(-973932308) // murmur2("21"): what Java's Utils.toPositive makes of it, modulo 4
	byKey := int32(uint32(h)&0x7fffffff) % 4
	if vs := texts(got[byKey]); !slices.Equal(vs, []string{"b"}) {
		t.Errorf("partition %d has %v of %v", byKey, vs, got)
	}
	if hs := fmt.Sprintf("%s", got[3][0].Headers); hs != "[{trace 21} {id 0}]" {
		t.Errorf("headers %s", hs)
	}
	if hs := got[byKey][0].Headers; hs[1].Value != nil {
		t.Errorf("a NULL column gave %q", hs[1].Value)
	}
	if len(s.out.msgs) != 2 || !strings.Contains(s.out.msgs[0], "partition 4 does not exist: topic "+topic+" has partitions 0 to 3") || s.out.raws[1] != "d" {
		t.Errorf("errors %v %v", s.out.msgs, s.out.raws)
	}
}

func TestRowsThatCannotBeEncoded(t *testing.T) {
	b := kafkatest.Open(t)
	for _, policy := range []stream.ErrorPolicy{stream.ErrorFail, stream.ErrorDrop, stream.ErrorDivert} {
		topic := b.Topic(t, "encode", 1)
		s := newSinkTest(t, b, object{"topic": topic}, policy).open()
		err := s.write("one", "unencodable", "", "three")
		if policy == stream.ErrorFail {
			wantError(t, err, "it cannot be encoded")
			if !errors.Is(err, stream.ErrRow) {
				t.Error("it is no ErrRow")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		s.mustFlush()
		if got := texts(b.Consume(t, topic)[0]); !slices.Equal(got, []string{"one", "", "three"}) {
			t.Errorf("got %q", got)
		}
		if n := s.c.Stats.Errors.Load(); n != 1 || (policy == stream.ErrorDivert) != (len(s.out.msgs) == 1) {
			t.Errorf("%d errors, diverted %v", n, s.out.msgs)
		}
	}
}

func TestOversizeRecords(t *testing.T) {
	for _, policy := range []stream.ErrorPolicy{stream.ErrorFail, stream.ErrorDrop, stream.ErrorDivert} {
		b := kafkatest.Open(t)
		topic := b.Topic(t, "oversize", 1, "max.message.bytes", "2000")
		s := newSinkTest(t, b, object{"topic": topic}, policy).open()
		if s.sink.p.maxBytes != 2000 {
			t.Fatalf("the limit is %d", s.sink.p.maxBytes)
		}
		incompressible := make([]byte, 3000)
		x := uint32(1)
		for i := range incompressible {
			x = x*1664525 + 1013904223
			incompressible[i] = 'a' + byte(x>>24)%60
		}
		squeezable := strings.Repeat("z", 5000) // fits when compressed
		err := s.write("before", string(incompressible), squeezable, "after")
		if err == nil {
			err = s.flush()
		}
		if policy == stream.ErrorFail {
			wantError(t, err, "too large for topic "+topic, "max.message.bytes of the topic is 2000", "on_error")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(b.Consume(t, topic)[0]); !slices.Equal(got, []string{"before", squeezable, "after"}) {
			t.Errorf("got %d rows", len(got))
		}
		if s.c.Stats.Errors.Load() != 1 {
			t.Errorf("%d errors", s.c.Stats.Errors.Load())
		}
		if policy == stream.ErrorDivert && (len(s.out.raws) != 1 || s.out.raws[0] != string(incompressible)) {
			t.Errorf("diverted %q", s.out.msgs)
		}
	}
}

func TestBrokerRefusesALargeBatch(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "refuse", 1, "max.message.bytes", "2000")
	s := newSinkTest(t, b, object{"topic": topic, "compression": "none"}, stream.ErrorDivert).open()
	s.sink.p.maxBytes, s.sink.target = 0, batchBytes // as if the limit were not known
	want := numbers(strings.Repeat("x", 90), 0, 100)
	big := strings.Repeat("y", 2500)
	s.mustWrite(slices.Concat(want[:50], []string{big}, want[50:])...)
	s.mustFlush()
	if d := cmp.Diff(want, texts(b.Consume(t, topic)[0])); d != "" {
		t.Error(d)
	}
	if len(s.out.raws) != 1 || s.out.raws[0] != big || !strings.Contains(s.out.msgs[0], "the broker refuses it") {
		t.Errorf("diverted %v", s.out.msgs)
	}
	s.mustWrite("later")
	s.mustFlush()
	if n := s.c.Stats.Retries.Load(); n != 0 {
		t.Errorf("%d retries: the sequence has a gap; log:\n%s", n, s.log)
	}
}

func TestProduceFaultsLoseAndDuplicateNothing(t *testing.T) {
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.UnknownTopicOrPartition, kerr.CorruptMessage,
		kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, // these two after the append
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, // at a first attempt: a new producer id is safe
	} {
		t.Run(e.Message, func(t *testing.T) {
			b := kafkatest.Start(t)
			topic := b.Topic(t, "fault", 1)
			s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail).open()
			s.mustWrite(numbers("v", 0, 100)...)
			s.mustFlush()
			h := b.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: e, Count: 1})
			s.mustWrite(numbers("v", 100, 200)...)
			s.mustFlush()
			s.mustWrite(numbers("v", 200, 300)...)
			s.mustFlush()
			if d := cmp.Diff(numbers("v", 0, 300), texts(b.Consume(t, topic)[0])); d != "" {
				t.Error(d)
			}
			if h.Hits() != 1 || s.c.Stats.Retries.Load() == 0 {
				t.Errorf("%d faults, %d retries", h.Hits(), s.c.Stats.Retries.Load())
			}
			if s.log.count("writing fails") != 1 || s.log.count("writing again") != 1 {
				t.Errorf("log:\n%s", s.log)
			}
		})
	}
}

func TestLostStateAfterAnAttemptWithoutAnswer(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "unsure", 1)
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail).open()
	b.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 1}, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber, Count: 1})
	s.mustWrite("x")
	wantError(t, s.flush(), topic+" partition 0", "cannot be told")
}

func TestDroppedProduceConnections(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "drop", 2)
	var n atomic.Int32
	b.Fake.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		if n.Add(1)%3 == 1 && n.Load() < 12 {
			return nil, errors.New("drop the connection"), true
		}
		return nil, nil, false
	})
	s := newSinkTest(t, b, object{"topic": topic, "key": "key"}, stream.ErrorFail, keyColumn).open()
	want := map[string]bool{}
	for i := range 20 {
		vs := numbers(fmt.Sprintf("%02d-", i), 10, 60)
		for _, v := range vs {
			want[v] = true
		}
		if err := s.sink.Write(s.batch(vs, func(b *stream.Batch, i int) { b.Cols[1].AppendString(fmt.Sprint(i % 5)) }), &s.out); err != nil {
			t.Fatal(err)
		}
		if err := s.sink.OnDrained(); err != nil {
			t.Fatal(err)
		}
		if i%5 == 4 {
			s.mustFlush()
		}
	}
	s.mustFlush()
	for p, rs := range b.Consume(t, topic) {
		last := map[string]string{}
		for _, r := range rs {
			if v := string(r.Value); !want[v] || last[string(r.Key)] >= v {
				t.Errorf("partition %d: %s after %s", p, v, last[string(r.Key)])
			}
			last[string(r.Key)] = string(r.Value)
			delete(want, string(r.Value))
		}
	}
	if len(want) > 0 {
		t.Errorf("%d rows are missing", len(want))
	}
}

func TestWritersFollowTheLeader(t *testing.T) {
	b := kafkatest.Start(t, kfake.NumBrokers(3))
	topic := b.Topic(t, "move", 4)
	s := newSinkTest(t, b, object{"topic": topic, "key": "key"}, stream.ErrorFail, keyColumn).open()
	n := 0
	for range 10 {
		vs := numbers("v", n, n+50)
		n += 50
		if err := s.sink.Write(s.batch(vs, func(b *stream.Batch, i int) { b.Cols[1].AppendString(vs[i]) }), &s.out); err != nil {
			t.Fatal(err)
		}
		_ = s.sink.OnDrained()
		b.Fake.ShufflePartitionLeaders()
	}
	s.mustFlush()
	total := 0
	for p, rs := range b.Consume(t, topic) {
		total += len(rs)
		at := -1
		for _, r := range rs {
			var i int
			_, _ = fmt.Sscanf(string(r.Value), "v%d", &i)
			if i <= at {
				t.Errorf("partition %d: %d after %d", p, i, at)
			}
			at = i
		}
	}
	if total != n {
		t.Errorf("%d of %d rows", total, n)
	}
}

func TestSlowBrokerHoldsBackTheWriter(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "slow", 2)
	gate := make(chan struct{})
	b.Fake.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		b.Fake.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	s := newSinkTest(t, b, object{"topic": topic, "compression": "none"}, stream.ErrorFail)
	s.sink.tuning.limit = 1 << 20
	s.open()
	row := strings.Repeat("r", 10_000)
	var written atomic.Int64
	done := make(chan error)
	go func() {
		for range 300 { // 3 MB and more
			if err := s.write(row); err != nil {
				done <- err
				return
			}
			written.Add(1)
		}
		done <- nil
	}()
	eventually(t, "the limit", func() bool { return written.Load() > 100 })
	stopped := int64(0)
	eventually(t, "standstill", func() bool {
		n := written.Load()
		same := n == stopped
		stopped = n
		time.Sleep(30 * time.Millisecond)
		return same
	})
	s.sink.p.mu.Lock()
	held := s.sink.p.mu.bytes
	s.sink.p.mu.Unlock()
	if stopped > 120 || held > s.sink.tuning.limit+20_000 {
		t.Errorf("%d rows were taken, %d bytes are held", stopped, held)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.mustFlush()
	got := b.Consume(t, topic)
	if n := len(got[0]) + len(got[1]); n != 300 {
		t.Errorf("%d rows arrived", n)
	}
}

func TestLimitBelowABatch(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "tiny", 3)
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail)
	s.sink.tuning.limit = 2000
	s.open()
	want := numbers("a row of some thirty bytes or so ", 1000, 1500)
	s.mustWrite(want...) // nobody drains: the sink itself must let go what is not full
	s.mustFlush()
	var got []string
	for _, rs := range b.Consume(t, topic) {
		got = append(got, texts(rs)...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d rows", len(got), len(want))
	}
}

func TestCancelledWriterReturns(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "cancel", 1)
	b.Fake.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		return nil, nil, true // never an answer
	})
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail)
	s.sink.tuning.limit = 1000
	ctx, cancel := context.WithCancelCause(context.Background())
	s.c.Ctx = ctx
	s.open()
	stop := errors.New("stop")
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	var err error
	for err == nil {
		err = s.write(strings.Repeat("x", 200))
	}
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	flush, cancelFlush := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancelFlush()
	if err := s.sink.Flush(flush); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
}

func TestDrainedRowsAreSent(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "drain", 1)
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail).open()
	for i := range 5 {
		s.mustWrite(fmt.Sprint(i))
		if err := s.sink.OnDrained(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "arrival", func() bool { return len(b.Consume(t, topic)[0]) == i+1 })
	}
}

func TestSinkTopicProblems(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "orders", 1)
	s := newSinkTest(t, b, object{"topic": topic[:len(topic)-1]}, stream.ErrorFail)
	wantError(t, s.sink.Open(s.c), "does not exist", topic, "--create")
	_ = s.sink.Close()
}

func TestTopicDeletedWhileItIsWritten(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "deleted", 1)
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail)
	s.sink.tuning.deleted = 200 * time.Millisecond
	s.open()
	s.mustWrite("x")
	s.mustFlush()
	if err := b.Fake.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	s.mustWrite("y")
	wantError(t, s.flush(), "topic "+topic+" was deleted while it was written")
}

func TestProducerIDIsNeverNegative(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, "pid", 1)
	n := 0
	b.Fake.ControlKey(kmsg.InitProducerID.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.Fake.KeepControl()
		n++
		res := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		res.ProducerID = -1
		if n == 1 {
			res.ErrorCode = kerr.CoordinatorLoadInProgress.Code
		}
		return res, nil, n <= 2
	})
	s := newSinkTest(t, b, object{"topic": topic}, stream.ErrorFail).open()
	s.mustWrite("x")
	s.mustFlush()
	if r := b.Consume(t, topic)[0][0]; r.ProducerID < 0 || n != 3 {
		t.Errorf("producer %d after %d requests", r.ProducerID, n)
	}
}

func TestSequenceNumbersWrap(t *testing.T) {
	for _, c := range [][3]int64{{0, 5, 5}, {1<<31 - 1, 1, 0}, {1<<31 - 3, 10, 7}} {
		if got := nextSequence(int32(c[0]), int(c[1])); int64(got) != c[2] {
			t.Errorf("%d + %d is %d, want %d", c[0], c[1], got, c[2])
		}
	}
}
