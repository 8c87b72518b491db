package kafka

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowd/internal/kafkatest"
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
}
