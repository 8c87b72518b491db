package recordbatch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"pgregory.net/rapid"
)

const topic = "t"

// What a Builder makes is what franz-go's parser reads, field by field.
func TestBuilderReadByFranzGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRecords(t, 10)
		codec := Codec(rapid.IntRange(0, 4).Draw(t, "codec"))
		p := Producer{
			ID:            rapid.Int64Range(-1, 1<<40).Draw(t, "producer"),
			Epoch:         rapid.Int16Min(-1).Draw(t, "epoch"),
			Sequence:      rapid.Int32Min(-1).Draw(t, "sequence"),
			Transactional: rapid.Bool().Draw(t, "transactional"),
		}
		var b kmsg.RecordBatch
		if err := b.ReadFrom(build(t, codec, 0, p, recs...)); err != nil {
			t.Fatal(err)
		}
		most := recs[0].Timestamp
		for _, r := range recs {
			most = max(most, r.Timestamp)
		}
		if b.ProducerID != p.ID || b.ProducerEpoch != p.Epoch || b.FirstSequence != p.Sequence ||
			b.Attributes&attrTransactional != 0 != p.Transactional || b.Attributes&^(attrCodec|attrTransactional) != 0 ||
			int(b.NumRecords) != len(recs) || int(b.LastOffsetDelta) != len(recs)-1 ||
			b.FirstTimestamp != recs[0].Timestamp || b.MaxTimestamp != most || b.PartitionLeaderEpoch != -1 {
			t.Fatalf("batch header %+v", b)
		}
		theirs, err := kfake.BatchRecords(b)
		if err != nil || len(theirs) != len(recs) {
			t.Fatalf("%d records, %v", len(theirs), err)
		}
		for i, got := range theirs {
			want := recs[i]
			same := int(got.OffsetDelta) == i && b.FirstTimestamp+got.TimestampDelta64 == want.Timestamp &&
				equal(got.Key, want.Key) && equal(got.Value, want.Value) && len(got.Headers) == len(want.Headers)
			for j := 0; same && j < len(want.Headers); j++ {
				same = got.Headers[j].Key == want.Headers[j].Key && equal(got.Headers[j].Value, want.Headers[j].Value)
			}
			if !same {
				t.Fatalf("record %d is %+v, expected %+v", i, got, want)
			}
		}
	})
}

// equal tells null from empty.
func equal(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func cluster(t *testing.T) (context.Context, *kfake.Cluster) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx, c
}

func client(t *testing.T, c *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic(topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// consume reads n records with franz-go.
func consume(ctx context.Context, t *testing.T, c *kfake.Cluster, n int, opts ...kgo.Opt) []record {
	t.Helper()
	cl := client(t, c, append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))...)
	var out []record
	for len(out) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(out), n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			rec := record{Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				rec.Headers = append(rec.Headers, Header{Key: h.Key, Value: h.Value})
			}
			out = append(out, rec)
		})
	}
	return out
}

// fetch gets the raw record set from an offset on.
func fetch(ctx context.Context, t *testing.T, cl *kgo.Client, from int64, committed bool) kmsg.FetchResponseTopicPartition {
	t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.Version = 11
	req.MaxBytes, req.MinBytes = 64<<20, 0
	if committed {
		req.IsolationLevel = 1
	}
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes = from, 64<<20
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := cl.Broker(0).Request(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	p := resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		t.Fatalf("fetch: error %d", p.ErrorCode)
	}
	return p
}

// readTopic reads the topic with a Reader, fetch by fetch. Its client speaks versions in which topics have names.
func readTopic(ctx context.Context, t *testing.T, c *kfake.Cluster, committed bool) []record {
	t.Helper()
	cl := client(t, c, kgo.MaxVersions(kversion.V2_5_0()))
	var r Reader
	var out []record
	for next := int64(0); ; {
		p := fetch(ctx, t, cl, next, committed)
		o := Options{FetchOffset: next, StopOffset: -1, Want: wantAll, Committed: committed}
		for _, a := range p.AbortedTransactions {
			o.Aborted = append(o.Aborted, Aborted{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
		}
		r.Reset(withSlack(p.RecordBatches), o)
		recs, err := readAllRecords(t, &r, wantAll, 3, 1000)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, recs...)
		if r.NextOffset() == next {
			return out
		}
		next = r.NextOffset()
	}
}

var codecs = map[Codec]kgo.CompressionCodec{
	None: kgo.NoCompression(), Gzip: kgo.GzipCompression(), Snappy: kgo.SnappyCompression(),
	LZ4: kgo.Lz4Compression(), Zstd: kgo.ZstdCompression(),
}

func TestFranzGoReadByReader(t *testing.T) {
	ctx, c := cluster(t)
	n := 0
	for codec := None; codec <= Zstd; codec++ {
		cl := client(t, c, kgo.ProducerBatchCompression(codecs[codec]))
		for round := range 3 {
			var recs []*kgo.Record
			for i := range 1 + 400*round {
				r := &kgo.Record{Value: fmt.Appendf(nil, "value %d of a text that compresses, %d times", i, round), Timestamp: time.UnixMilli(int64(i*i + n))}
				switch i % 5 {
				case 1:
					r.Key = []byte{}
				case 2:
					r.Key, r.Value = []byte("tombstone"), nil
				case 3:
					r.Key, r.Value = []byte("key"), []byte{}
					r.Headers = []kgo.RecordHeader{{Key: "a", Value: []byte("b")}, {Key: "", Value: nil}, {Key: "c", Value: []byte{}}}
				}
				recs = append(recs, r)
			}
			if err := cl.ProduceSync(ctx, recs...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			n += len(recs)
		}
	}
	got := readTopic(ctx, t, c, false)
	if want := consume(ctx, t, c, n); len(want) != n || !cmp.Equal(want, got) {
		t.Fatal(cmp.Diff(want, got))
	}
}

func TestBuilderReadByBroker(t *testing.T) {
	ctx, c := cluster(t)
	cl := client(t, c, kgo.MaxVersions(kversion.V2_5_0()))
	var want []record
	for codec := None; codec <= Zstd; codec++ {
		var recs []record
		for i := range 500 {
			r := record{Offset: int64(len(want) + i), Timestamp: int64(1000 + i%7), Value: fmt.Appendf(nil, "value %d again and again and again", i)}
			if i%3 == 0 {
				r.Key = []byte("k")
			}
			if i%10 == 0 {
				r.Headers = []Header{{Key: "h", Value: []byte("v")}}
			}
			recs = append(recs, r)
		}
		batch := build(t, codec, 0, NoProducer, recs...)
		if got := Codec(binary.BigEndian.Uint16(batch[posAttributes:]) & attrCodec); got != codec {
			t.Fatalf("codec %s in a batch of %s", got, codec)
		}
		req := kmsg.NewPtrProduceRequest()
		req.Version, req.Acks, req.TimeoutMillis = 8, -1, 5000
		rt := kmsg.NewProduceRequestTopic()
		rt.Topic = topic
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Records = batch
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		resp, err := cl.Broker(0).Request(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		if p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != int64(len(want)) {
			t.Fatalf("produce %s: error %d, base offset %d", codec, p.ErrorCode, p.BaseOffset)
		}
		want = append(want, recs...)
	}
	if got := consume(ctx, t, c, len(want)); !cmp.Equal(want, got) {
		t.Fatal(cmp.Diff(want, got))
	}
	if got := readTopic(ctx, t, c, true); !cmp.Equal(want, got) {
		t.Fatal(cmp.Diff(want, got))
	}
}

// Transactions of several producers, interleaved, committed and aborted, and records outside of any.
func TestTransactions(t *testing.T) {
	ctx, c := cluster(t)
	const producers = 3
	plain := client(t, c)
	var cls [producers]*kgo.Client
	for i := range cls {
		cls[i] = client(t, c, kgo.TransactionalID(fmt.Sprint("id", i)), kgo.ProducerBatchCompression(codecs[Codec(i*2)]))
	}
	var committed, all int
	for round := range 8 {
		for i, cl := range cls {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // two batches each, between those of the others
				if err := cl.ProduceSync(ctx, kgo.StringRecord(fmt.Sprintf("round %d, producer %d", round, i)), kgo.StringRecord("and another")).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if err := plain.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint("plain ", round))).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			all += 6
			committed += 2
		}
		for i := range cls {
			i = (i + round) % producers
			commit := (round>>i)&1 == 0
			if err := cls[i].EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
				t.Fatal(err)
			}
			if commit {
				committed += 4
			}
		}
	}
	if committed == all {
		t.Fatal("nothing was aborted")
	}
	got := readTopic(ctx, t, c, true)
	want := consume(ctx, t, c, committed, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if len(want) != committed || !cmp.Equal(want, got) {
		t.Fatal(cmp.Diff(want, got))
	}
	got = readTopic(ctx, t, c, false)
	want = consume(ctx, t, c, all)
	if len(want) != all || !cmp.Equal(want, got) {
		t.Fatal(cmp.Diff(want, got))
	}
}
