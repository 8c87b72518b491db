package kafka

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowd/internal/kafkatest"
	"flowd/internal/recordbatch"
)

func TestRawRecords(t *testing.T) {
	b := kafkatest.Open(t)
	topic := b.Topic(t, "raw", 2)
	b.Produce(t, topic, kafkatest.Values(0, numbers("a", 0, 100)...)...)
	b.Produce(t, topic, kafkatest.Values(1, numbers("b", 0, 50)...)...)
	s := newSourceTest(t, b, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
	f := s.readers[0].(interface{ Raw() *RawFetcher }).Raw()
	got := make([][]string, f.Partitions())
	var recs recordbatch.Records
	for {
		part, n, err := f.Next(&recs, 30)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			<-f.Ready()
		}
		for i := range n {
			got[part] = append(got[part], string(recs.Buf[recs.Start[i]:recs.End[i]]))
		}
	}
	if d := cmp.Diff([][]string{numbers("a", 0, 100), numbers("b", 0, 50)}, got); d != "" {
		t.Error(d)
	}
}
