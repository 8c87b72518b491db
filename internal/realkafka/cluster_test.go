package realkafka_test

import (
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"flowd/internal/realkafka"
)

// TestBrokerComesBack is the ground that the suites on a real broker stand on.
func TestBrokerComesBack(t *testing.T) {
	if os.Getenv("FLOWD_REAL_KAFKA") == "" {
		t.Skip("set FLOWD_REAL_KAFKA=1 to run against a real Apache Kafka (needs Java and Maven)")
	}
	c, err := realkafka.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for round := range 2 {
		start := time.Now()
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers()))
		if err != nil {
			t.Fatal(err)
		}
		for cl.Ping(t.Context()) != nil && time.Since(start) < 30*time.Second {
		}
		if err := cl.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		cl.Close()
		t.Logf("round %d: answered after %v", round, time.Since(start).Round(time.Millisecond))
		if err := c.KillBroker(); err != nil {
			t.Fatal(err)
		}
		if err := c.StartBroker(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
