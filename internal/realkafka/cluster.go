package realkafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Cluster is one controller and one broker.
type Cluster struct {
	dir        string
	libs       string
	controller *exec.Cmd
	broker     *exec.Cmd
	port       int
	ctrlPort   int
}

// Start formats a new cluster below dir and waits until the broker answers. Extra are lines of the broker's
// server.properties; the last line of a name counts, and {brokers} in them stands for the bootstrap address.
func Start(ctx context.Context, dir string, extra ...string) (*Cluster, error) {
	libs, err := Libs(ctx)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, libs: libs}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	if c.ctrlPort, err = freePort(); err != nil {
		return nil, err
	}
	if err := c.format(ctx, extra); err != nil {
		return nil, err
	}
	if c.controller, err = c.spawn("controller"); err != nil {
		return nil, err
	}
	if err := c.StartBroker(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Brokers is the bootstrap address.
func (c *Cluster) Brokers() string { return "127.0.0.1:" + strconv.Itoa(c.port) }

// KillBroker sends SIGKILL and waits for the process to be gone.
func (c *Cluster) KillBroker() error {
	if err := c.broker.Process.Kill(); err != nil {
		return err
	}
	_ = c.broker.Wait() // "signal: killed" is what was asked for
	return nil
}

// StartBroker starts the broker, also after KillBroker, and waits until its port accepts connections. The first
// requests may still be answered with errors that a client retries.
func (c *Cluster) StartBroker(ctx context.Context) error {
	var err error
	if c.broker, err = c.spawn("broker"); err != nil {
		return err
	}
	var d net.Dialer
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	for {
		if conn, err := d.DialContext(ctx, "tcp", c.Brokers()); err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("the broker did not open port %d within 60 s; its log ends with:\n%s", c.port, c.tail("broker"))
		}
	}
}

// Stop kills both processes. The data stays in the cluster's folder.
func (c *Cluster) Stop() {
	for _, p := range []*exec.Cmd{c.broker, c.controller} {
		if p != nil && p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	}
}

func (c *Cluster) format(ctx context.Context, extra []string) error {
	common := []string{
		"controller.quorum.bootstrap.servers=127.0.0.1:" + strconv.Itoa(c.ctrlPort),
		"controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"log.index.size.max.bytes=1048576",
		"log.cleaner.dedupe.buffer.size=2097152",
		"log.segment.bytes=16777216",
		// A killed broker registers again only when its old session is over.
		"broker.session.timeout.ms=1000",
		"broker.heartbeat.interval.ms=200",
	}
	controller := append([]string{
		"process.roles=controller", "node.id=1",
		"listeners=CONTROLLER://127.0.0.1:" + strconv.Itoa(c.ctrlPort),
		"log.dirs=" + filepath.Join(c.dir, "controller-data"),
	}, common...)
	broker := append([]string{
		"process.roles=broker", "node.id=2",
		"listeners=PLAINTEXT://" + c.Brokers(),
		"log.dirs=" + filepath.Join(c.dir, "broker-data"),
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "transaction.state.log.num.partitions=1",
		"group.initial.rebalance.delay.ms=0", "auto.create.topics.enable=false",
	}, common...)
	for _, line := range extra {
		broker = append(broker, strings.ReplaceAll(line, "{brokers}", c.Brokers()))
	}
	for name, lines := range map[string][]string{"controller": controller, "broker": broker} {
		if err := os.WriteFile(c.properties(name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	const id = "Zmxvd2QtdGVzdC0wMDAwMQ" // 16 bytes in base64, as random-uuid prints
	for name, args := range map[string][]string{"controller": {"--standalone"}, "broker": nil} {
		args := append([]string{"-cp", c.libs + "/*", "-Xmx64m", "kafka.tools.StorageTool", "format", "-t", id, "-c", c.properties(name)}, args...)
		if out, err := exec.CommandContext(ctx, "java", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("formatting the %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

func (c *Cluster) properties(name string) string { return filepath.Join(c.dir, name+".properties") }

// spawn starts one process whose end is its owner's business: it outlives the context of the call.
func (c *Cluster) spawn(name string) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own descriptor
	cmd := exec.CommandContext(context.Background(), "java", "-cp", c.libs+"/*", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"kafka.Kafka", c.properties(name))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	return cmd, nil
}

func (c *Cluster) tail(name string) string {
	b, err := os.ReadFile(filepath.Join(c.dir, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

func freePort() (int, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("no TCP address")
	}
	return addr.Port, l.Close()
}
