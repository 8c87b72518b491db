package kafka

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

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
			s.mustWrite(want...)
			s.mustFlush()
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
		})
	}
}
