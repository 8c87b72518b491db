package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startup measures the flowd binary itself: its size, exec to the first row, and memory on an empty topic.
func (r *runner) startup() error {
	dir, err := os.MkdirTemp("", "flowd-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "flowd")
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "./cmd/flowd")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building flowd: %w\n%s", err, out)
	}
	info, err := os.Stat(bin)
	if err != nil {
		return err
	}
	r.Records = 100_000
	if err := r.prepare(); err != nil {
		return err
	}
	if err := recreate(r.Brokers, "bench_empty", r.Partitions); err != nil {
		return err
	}
	first := func(topic string) string {
		name := filepath.Join(dir, topic+".yaml")
		text := fmt.Sprintf("name: first\nkafka: %s\nsources:\n  bids:\n    kafka: %s\n    schema: {auction: bigint, date_time: timestamp}\n    time: date_time\nsinks:\n  out:\n    stdout: {}\n", r.Brokers, topic)
		_ = os.WriteFile(name, []byte(text), 0o600) // a missing file fails the command
		return name
	}
	var times []float64
	for range 20 {
		d, err := toFirstRow(bin, first(r.Topic))
		if err != nil {
			return err
		}
		times = append(times, float64(d.Milliseconds()))
	}
	idle := exec.CommandContext(context.Background(), bin, "run", first("bench_empty"))
	if err := idle.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = idle.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return fmt.Errorf("flowd ended on an empty topic: %s", idle.ProcessState)
	case <-time.After(30 * time.Second):
	}
	rss := residentOf(idle.Process.Pid)
	_ = idle.Process.Signal(syscall.SIGTERM)
	<-ended
	fmt.Printf("{\"benchmark\":\"startup\",\"binary_bytes\":%d,\"first_row_ms\":%.0f,\"idle_rss_bytes\":%d}\n", info.Size(), median(times), rss)
	return nil
}

// toFirstRow is the time from exec to the first line on stdout.
func toFirstRow(bin, file string) (time.Duration, error) {
	cmd := exec.CommandContext(context.Background(), bin, "run", file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	d := time.Since(start)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		return 0, fmt.Errorf("no row came: %w\n%s", err, log.String())
	}
	return d, nil
}

func residentOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
