package kafka

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowd/internal/kafkatest"
	"flowd/internal/recordbatch"
	"flowd/stream"
)

// The benchmarks need a broker in another process, or its CPU would be counted: set FLOWD_TEST_BROKERS. They report the
// CPU of this process, system calls included, per record.

const benchRecords = 1_000_000

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func remote(b *testing.B) *kafkatest.Broker {
	b.Cleanup(func() { stream.SetDebug(true) })
	stream.SetDebug(false) // poisoning costs more than all the rest
	if os.Getenv(kafkatest.EnvBrokers) == "" {
		b.Skip("needs " + kafkatest.EnvBrokers + ": a broker in another process")
	}
	return kafkatest.Open(b)
}

func fill(b *testing.B, br *kafkatest.Broker, topic, codec string, n int) time.Duration {
	s := newSinkTest(b, br, object{"topic": topic, "compression": codec}, stream.ErrorFail)
	s.c.BatchRows = stream.DefaultRows
	s.pool = s.c.NewPool(sinkEnv().Rows)
	s.open()
	row := strings.Repeat("0123456789", 20)[:182]
	values := make([]string, stream.DefaultRows)
	for i := range values {
		values[i] = row
	}
	began := cpu(b)
	for n > 0 {
		k := min(n, len(values))
		if err := s.sink.Write(s.batch(values[:k], nil), &s.out); err != nil {
			b.Fatal(err)
		}
		n -= k
	}
	s.mustFlush()
	return cpu(b) - began
}

func BenchmarkRawFetch(b *testing.B) {
	br := remote(b)
	topic := br.Topic(b, "bench", 1, "max.message.bytes", "4000000")
	fill(b, br, topic, "none", benchRecords)
	b.ResetTimer()
	var spent time.Duration
	var before, after runtime.MemStats
	for range b.N {
		s := newSourceTest(b, br, object{"topic": topic, "stop": object{"at": "latest"}}).open(1)
		raw := s.readers[0].(*reader).Raw()
		var recs recordbatch.Records
		runtime.ReadMemStats(&before)
		began := cpu(b)
		total := 0
		for {
			_, n, err := raw.Next(&recs, stream.DefaultRows)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if n == 0 {
				<-raw.Ready()
			}
			total += n
		}
		spent += cpu(b) - began
		runtime.ReadMemStats(&after)
		if total != benchRecords {
			b.Fatalf("%d records", total)
		}
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/benchRecords, "cpu-ns/record")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/benchRecords, "allocs/record")
}

func BenchmarkProduce(b *testing.B) {
	br := remote(b)
	for _, codec := range []string{"none", "lz4"} {
		b.Run(codec, func(b *testing.B) {
			topic := br.Topic(b, "bench", 1)
			var spent time.Duration
			for range b.N {
				spent += fill(b, br, topic, codec, benchRecords)
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/benchRecords, "cpu-ns/record")
		})
	}
}
