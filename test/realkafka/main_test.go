// Package realkafka holds flowd against a real Apache Kafka: the suites of operators/kafka and test/e2e, and what no
// embedded broker can show, kill -9 above all. It runs where FLOWD_REAL_KAFKA is set, and needs Java and Maven there.
package realkafka

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"flowd/internal/kafkatest"
	"flowd/internal/realkafka"
	"flowd/stream"
	"flowd/test/lab"
)

// shared is the cluster that all tests use which do not kill it.
var shared *realkafka.Cluster

func TestMain(m *testing.M) {
	stream.SetDebug(true)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("FLOWD_REAL_KAFKA") == "" {
		return m.Run() // every test skips itself
	}
	dir, err := os.MkdirTemp("", "flowd-realkafka-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := begin(dir); err != nil {
		fmt.Fprintln(os.Stderr, "FLOWD_REAL_KAFKA is set, and a real Kafka cannot be had:", err)
		return 1
	}
	defer shared.Stop()
	if code := m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// begin starts the shared cluster, with a port for TLS and SCRAM beside the plain one.
func begin(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // Maven may have to fetch Kafka first
	defer cancel()
	lines, err := secure.prepare(dir)
	if err != nil {
		return err
	}
	if shared, err = realkafka.Start(ctx, dir, lines...); err != nil {
		return err
	}
	if err := answers(ctx, shared); err != nil {
		shared.Stop()
		return err
	}
	return os.Setenv(kafkatest.EnvBrokers, shared.Brokers())
}

// answers waits until the broker of c answers: an open port is not enough.
func answers(ctx context.Context, c *realkafka.Cluster) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers()))
	if err != nil {
		return err
	}
	defer cl.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = cl.Ping(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		<-tick.C
	}
}

// open is the shared cluster. The test is skipped without it.
func open(t *testing.T) *lab.Broker {
	t.Helper()
	need(t)
	return lab.Open(t)
}

func need(t *testing.T) {
	t.Helper()
	if shared == nil {
		t.Skip("set FLOWD_REAL_KAFKA=1 to run against a real Apache Kafka (needs Java and Maven)")
	}
}
