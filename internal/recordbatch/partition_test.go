package recordbatch

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// The values of Kafka's own UtilsTest.testMurmur2.
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(Murmur2([]byte(key))); got != want {
			t.Errorf("Murmur2(%q) = %d, expected %d", key, got, want)
		}
	}
}

func TestPartitionAsFranzGo(t *testing.T) {
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	masked := kgo.KafkaHasher(Murmur2)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "key")
		n := rapid.IntRange(1, 1000).Draw(t, "partitions")
		got := Partition(key, n)
		if want := theirs.Partition(&kgo.Record{Key: key}, n); got != want {
			t.Fatalf("Partition(%q, %d) = %d, franz-go says %d", key, n, got, want)
		}
		if want := masked(key, n); got != want {
			t.Fatalf("Partition(%q, %d) = %d, franz-go with Murmur2 says %d", key, n, got, want)
		}
	})
}
