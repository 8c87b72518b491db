package devbroker_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"flowd/internal/devbroker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTail(t *testing.T) {
	b, err := devbroker.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for range 2 { // the second finds it there
		if err := b.CreateTopic("a", 2, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i := range 10 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: fmt.Appendf(nil, "%d", i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = devbroker.Tail(ctx, b.Addr(), []string{"a"}, func(_ string, _ int32, v []byte) bool {
		seen[string(v)] = true
		return len(seen) < 10
	})
	if err != nil || len(seen) != 10 {
		t.Fatalf("saw %d records of 10, error %v", len(seen), err)
	}
}
