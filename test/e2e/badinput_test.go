package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"flowd/internal/kafkatest"
	"flowd/test/lab"
)

// Exit codes of flowd run.
const (
	codeDone   = 0
	codeFailed = 1
	codeWrong  = 2
)

// TestBadInput runs the program itself, as a user does, on what users and the world get wrong. Each case looks at the
// exit code, at what the message tells the user to do, and at the rows that were promised.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	bin := program(filepath.Join(dir, "flowd"))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", string(bin), "flowd/cmd/flowd").CombinedOutput(); err != nil {
		t.Fatalf("building flowd: %v\n%s", err, out)
	}
	// These wait for a patience of half a minute to end: they begin first and are looked at last.
	unreachable := badBroker(t, bin)
	deletedSource := badDeletedSource(t, bin)
	deletedSink := badDeletedSink(t, bin)
	for _, c := range []struct {
		name string
		test func(*testing.T, program)
	}{
		{"broken YAML", badYAML},
		{"unknown topic", badTopic},
		{"wrong credentials", badCredentials},
		{"undecodable record", badRecord},
		{"record over the size limit", badSize},
		{"offset out of range", badOffset},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, bin) })
	}
	t.Run("unreachable broker", unreachable)
	t.Run("source topic deleted", deletedSource)
	t.Run("sink topic deleted", deletedSink)
}

// program is the path of a built flowd.
type program string

// ending is how a run of it ended.
type ending struct {
	code int
	err  string // the standard error output: log, progress, messages
}

// process is a running flowd.
type process struct {
	cmd  *exec.Cmd
	err  bytes.Buffer
	kill context.CancelFunc
}

// start runs a pipeline.
func (p program) start(t *testing.T, text string) *process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pipeline.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithTimeout(t.Context(), 2*time.Minute)
	r := &process{cmd: exec.CommandContext(ctx, string(p), "run", file), kill: kill}
	r.cmd.Stderr = &r.err
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.kill() })
	return r
}

func (r *process) wait(t *testing.T) ending {
	t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ending{r.cmd.ProcessState.ExitCode(), r.err.String()}
}

func (p program) run(t *testing.T, text string) ending {
	t.Helper()
	return p.start(t, text).wait(t)
}

// want checks the exit code, and that the last message has all the parts.
func (e ending) want(t *testing.T, code int, parts ...string) {
	t.Helper()
	if e.code != code {
		t.Errorf("exit code %d, want %d", e.code, code)
	}
	message := e.err
	if code == codeFailed {
		i := strings.LastIndex(e.err, "\nflowd: ")
		if i < 0 {
			t.Fatalf("no message in\n%s", e.err)
		}
		message = e.err[i+1:]
	}
	for _, p := range parts {
		if !strings.Contains(message, p) {
			t.Errorf("the message does not say %q:\n%s", p, message)
		}
	}
	if t.Failed() {
		t.Logf("its output was\n%s", e.err)
	}
}

// summary is a number of the last line of progress.
func (e ending) summary(t *testing.T, name string) int {
	t.Helper()
	for l := range strings.SplitSeq(e.err, "\n") {
		var m map[string]any
		if json.Unmarshal([]byte(l), &m) == nil && m["message"] == "summary" {
			n, ok := m[name].(float64)
			if !ok {
				t.Fatalf("the summary has no %s: %s", name, l)
			}
			return int(n)
		}
	}
	t.Fatalf("no summary in\n%s", e.err)
	return 0
}

// row is the record of row i, and what the sinks make of it.
func row(i int) string { return fmt.Sprintf(`{"id":%d,"v":"value %d"}`, i, i) }

func rows(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, row(i))
	}
	return out
}

// copyOf is a pipeline that copies a topic; the texts are further keys of its source, of the source itself, and of
// its sink, and further sinks.
func copyOf(b *lab.Broker, in, out, connection, source, sink, more string) string {
	return fmt.Sprintf(`name: copy
kafka: %s
sources:
  records:
    kafka: {topic: %s%s}
    schema: {id: int not null, v: string}%s
sinks:
  out:
    from: records
    kafka: %s%s%s
`, b.Addr(), in, connection, source, out, sink, more)
}

// prefix checks that got is the beginning of want: nothing is missing in between, nothing is there twice.
func prefix(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		t.Errorf("%d rows are no prefix of the %d that were to come", len(got), len(want))
	}
}

// only is the rows of a topic of one partition in order.
func only(t *testing.T, b *lab.Broker, topic string) []string {
	t.Helper()
	return slices.Concat(b.Partitions(t, topic)...)
}

func badYAML(t *testing.T, flowd program) {
	file := filepath.Join(t.TempDir(), "in.jsonl")
	if err := os.WriteFile(file, []byte(row(1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"syntax", "records:", "records: {", []string{"pipeline.yaml:3:12", "never closed"}},
		{"unknown key", "schema:", "shema:", []string{"pipeline.yaml:5:5", `"shema"`, "did you mean schema?"}},
		{"unknown column", "id > 0", "idd > 0", []string{"pipeline.yaml:8:12", "idd", "did you mean id"}},
		{"not a condition", "id > 0", "id + 1", []string{"pipeline.yaml:8:12", "BOOLEAN"}},
		{"unknown input", "from: big", "from: bug", []string{"pipeline.yaml:11:11", "did you mean big?"}},
		{"not in this version", "from: big", "from: big\n    delivery: exactly_once", []string{"pipeline.yaml:12:", "exactly_once"}},
		{"a number without unit", "name: bad", "name: bad\ncheckpoint: 10", []string{"pipeline.yaml:2:", "checkpoint"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.jsonl")
			text := fmt.Sprintf(`name: bad
sources:
  records:
    file: {path: %s}
    schema: {id: int}
transforms:
  big:
    where: id > 0
sinks:
  out:
    from: big
    file: {path: %s}
`, file, out)
			flowd.run(t, text).want(t, codeDone)
			if err := os.Remove(out); err != nil {
				t.Fatal(err) // it did not work before it was broken
			}
			flowd.run(t, strings.Replace(text, c.old, c.new, 1)).want(t, codeWrong, c.want...)
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the output was touched: %v", err)
			}
		})
	}
}

func badTopic(t *testing.T, flowd program) {
	b := lab.Open(t)
	in := b.Fill(t, "orders", 1, rows(0, 10), nil)
	out := b.Fill(t, "results", 1, nil, nil)
	flowd.run(t, copyOf(b, in+"x", out, "", "", "", "")).want(t, codeFailed, "step records (source)",
		fmt.Sprintf("topic %q does not exist", in+"x"), "did you mean "+in, "kafka-topics.sh", "--create")
	flowd.run(t, copyOf(b, in, out+"x", "", "", "", "")).want(t, codeFailed, "step out (sink)",
		fmt.Sprintf("topic %q does not exist", out+"x"), "did you mean "+out, "kafka-topics.sh", "--create")
	if got := only(t, b, out); len(got) != 0 {
		t.Errorf("%d rows were written", len(got))
	}
	if md, err := b.Admin(t).ListTopics(t.Context(), in+"x", out+"x"); err != nil || md.Has(in+"x") && md[in+"x"].Err == nil || md.Has(out+"x") && md[out+"x"].Err == nil {
		t.Errorf("a misspelt topic was created: %v %v", md, err)
	}
}

func badCredentials(t *testing.T, flowd program) {
	for _, m := range []struct {
		flowd, kafka string
		opt          kgo.Opt
	}{
		{"plain", "PLAIN", kgo.SASL(plain.Auth{User: "alice", Pass: "geheim"}.AsMechanism())},
		{"scram_sha_512", "SCRAM-SHA-512", kgo.SASL(scram.Auth{User: "alice", Pass: "geheim"}.AsSha512Mechanism())},
	} {
		t.Run(m.flowd, func(t *testing.T) {
			b := &lab.Broker{Broker: kafkatest.Start(t, kfake.EnableSASL(), kfake.Superuser(m.kafka, "alice", "geheim")).With(m.opt)}
			in, out := b.Fill(t, "in", 1, rows(0, 10), nil), b.Fill(t, "out", 1, nil, nil)
			with := func(user, password string) string {
				return fmt.Sprintf("sasl: {mechanism: %s, username: %s, password: %s}", m.flowd, user, password)
			}
			try := func(text string) ending {
				e := flowd.run(t, text)
				if strings.Contains(e.err, "geheim") || strings.Contains(e.err, "falsch") {
					t.Errorf("a password is in the output:\n%s", e.err)
				}
				return e
			}
			good := strings.Replace(copyOf(b, in, out, ", stop: latest", "", "", ""),
				"kafka: "+b.Addr(), fmt.Sprintf("kafka: {brokers: %q, %s}", b.Addr(), with("alice", "geheim")), 1)
			bad := strings.NewReplacer("geheim", "falsch")
			try(bad.Replace(good)).want(t, codeFailed, `user "alice"`, "sasl.username", "sasl.password", b.Addr())
			// Only the sink's are wrong: nothing was promised, nothing is half done.
			sink := strings.Replace(good, "kafka: "+out, fmt.Sprintf("kafka: {topic: %s, %s}", out, with("alice", "falsch")), 1)
			try(sink).want(t, codeFailed, "step out (sink)", `user "alice"`, "sasl.password")
			if got := only(t, b, out); len(got) != 0 {
				t.Errorf("%d rows were written", len(got))
			}
			try(good).want(t, codeDone)
			lab.Same(t, b.Rows(t, out), rows(0, 10))
		})
	}
}

// badBroker begins with a broker that is not there; the function it returns looks at the end.
func badBroker(t *testing.T, flowd program) func(*testing.T) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := &lab.Broker{Broker: &kafkatest.Broker{Addrs: []string{addr}}}
	p := flowd.start(t, copyOf(b, "in", "out", "", "", "", ""))
	return func(t *testing.T) { p.wait(t).want(t, codeFailed, addr, "connection refused", "tried for") }
}

// badRecords are records that no row of the schema can be made of, and a part of what is said about each.
var badRecords = []struct{ record, want string }{
	{`{"id":7,"v":`, ""},
	{`not json at all`, ""},
	{`{"id":"seven","v":"x"}`, "id"},
	{`{"v":"no id"}`, "id"},
	{`{"id":99999999999,"v":"too large"}`, "id"},
	{"{\"id\":7,\"v\":\"\xff\xfe\"}", "UTF-8"},
}

func badRecord(t *testing.T, flowd program) {
	const before, after = 20_000, 100
	t.Run("fail", func(t *testing.T) {
		b := lab.Open(t)
		for _, c := range badRecords {
			records := slices.Concat(rows(0, before), []string{c.record}, rows(before, before+after))
			in, out := b.Fill(t, "in", 1, records, nil), b.Fill(t, "out", 1, nil, nil)
			e := flowd.run(t, copyOf(b, in, out, "", "", "", ""))
			e.want(t, codeFailed, "step records", in, "partition 0", fmt.Sprintf("offset %d", before), c.want, "on_error: drop", "on_error: divert")
			prefix(t, only(t, b, out), rows(0, before))
		}
	})
	b := lab.Open(t)
	var records []string
	where := map[string]int{} // offset of each bad record
	for i, c := range badRecords {
		records = append(records, rows(i*before/10, (i+1)*before/10)...)
		where[c.record] = len(records)
		records = append(records, c.record)
	}
	good := rows(0, len(badRecords)*before/10)
	records = append(records, rows(len(good), len(good)+after)...)
	good = append(good, rows(len(good), len(good)+after)...)
	in := b.Fill(t, "in", 1, records, nil)
	t.Run("drop", func(t *testing.T) {
		out := b.Fill(t, "out", 1, nil, nil)
		e := flowd.run(t, copyOf(b, in, out, ", stop: latest", "\n    on_error: drop", "", ""))
		e.want(t, codeDone)
		if got := only(t, b, out); !slices.Equal(got, good) {
			t.Errorf("%d rows, want the %d good ones in order", len(got), len(good))
		}
		if n := e.summary(t, "errors"); n != len(badRecords) {
			t.Errorf("%d errors were counted, want %d", n, len(badRecords))
		}
	})
	t.Run("divert", func(t *testing.T) {
		out, aside := b.Fill(t, "out", 1, nil, nil), b.Fill(t, "aside", 1, nil, nil)
		more := "\n  aside:\n    from: records.errors\n    kafka: " + aside
		e := flowd.run(t, copyOf(b, in, out, ", stop: latest", "\n    on_error: divert", "", more))
		e.want(t, codeDone)
		if got := only(t, b, out); !slices.Equal(got, good) {
			t.Errorf("%d rows, want the %d good ones in order", len(got), len(good))
		}
		diverted := only(t, b, aside)
		if len(diverted) != len(badRecords) {
			t.Fatalf("%d records were diverted, want %d:\n%s", len(diverted), len(badRecords), strings.Join(diverted, "\n"))
		}
		for i, text := range diverted {
			c := badRecords[i]
			var d struct {
				Step, Error, Topic string
				Raw                []byte
				Partition, Offset  int
			}
			if err := json.Unmarshal([]byte(text), &d); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			if d.Step != "records" || d.Topic != in || d.Partition != 0 || d.Offset != where[c.record] || string(d.Raw) != c.record || !strings.Contains(d.Error, c.want) || d.Error == "" {
				t.Errorf("record %q at offset %d was diverted as %s", c.record, where[c.record], text)
			}
		}
	})
}

func badSize(t *testing.T, flowd program) {
	b := lab.Open(t)
	// One row in the middle cannot be compressed below the limit of the sink's topic.
	r := rand.New(rand.NewPCG(3, 4))
	large := make([]byte, 8000)
	for i := range large {
		large[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[r.IntN(62)]
	}
	const n, at = 2000, 1000
	records := rows(0, n)
	records[at] = fmt.Sprintf(`{"id":%d,"v":"%s"}`, at, large)
	good := slices.Delete(rows(0, n), at, at+1)
	in := b.Fill(t, "in", 1, records, nil)
	small := func(t *testing.T) string { return b.Topic(t, "small", 1, "max.message.bytes", "4000") }
	t.Run("fail", func(t *testing.T) {
		out := small(t)
		flowd.run(t, copyOf(b, in, out, "", "", "", "")).want(t, codeFailed, "step out", "too large for topic "+out,
			"max.message.bytes", "4000", "on_error: drop", "on_error: divert")
		var before []string
		for _, r := range only(t, b, out) {
			if slices.Contains(before, r) || !slices.Contains(good, r) {
				t.Errorf("row %s", r)
			}
			before = append(before, r)
		}
	})
	t.Run("drop", func(t *testing.T) {
		out := small(t)
		e := flowd.run(t, copyOf(b, in, out, ", stop: latest", "", "\n    on_error: drop", ""))
		e.want(t, codeDone)
		if got := only(t, b, out); !slices.Equal(got, good) {
			t.Errorf("%d rows, want the %d others in order", len(got), len(good))
		}
		if n := e.summary(t, "errors"); n != 1 {
			t.Errorf("%d errors were counted", n)
		}
	})
	t.Run("divert", func(t *testing.T) {
		out, aside := small(t), b.Fill(t, "aside", 1, nil, nil)
		more := "\n  aside:\n    from: out.errors\n    kafka: " + aside
		flowd.run(t, copyOf(b, in, out, ", stop: latest", "", "\n    on_error: divert", more)).want(t, codeDone)
		if got := only(t, b, out); !slices.Equal(got, good) {
			t.Errorf("%d rows, want the %d others in order", len(got), len(good))
		}
		if got := only(t, b, aside); len(got) != 1 || !strings.Contains(got[0], `"step":"out"`) || !strings.Contains(got[0], out) {
			t.Errorf("diverted: %q", got)
		}
	})
}

func badOffset(t *testing.T, flowd program) {
	b := lab.Open(t)
	const n, first = 100, 50
	in := b.Fill(t, "in", 1, rows(0, n), nil)
	b.DeleteBefore(t, in, 0, first)
	for _, c := range []struct {
		name, start, onMissing string
		code                   int
		want                   []string
		rows                   []string
	}{
		{
			"before the log, fail", "10", "", codeFailed,
			[]string{in + " partition 0", "offset 10 is not in the log", "offsets 50 to 99", "on_missing: earliest", "on_missing: latest"},
			nil,
		},
		{"before the log, earliest", "10", ", on_missing: earliest", codeDone, nil, rows(first, n)},
		{"before the log, latest", "10", ", on_missing: latest", codeDone, nil, nil},
		{
			"behind the log, fail", "500", ", on_missing: fail", codeFailed,
			[]string{in + " partition 0", "offset 500 is not in the log", "offsets 50 to 99", "on_missing: earliest"},
			nil,
		},
		{"in the log", "60", "", codeDone, nil, rows(60, n)},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := b.Fill(t, "out", 1, nil, nil)
			stop := ", stop: latest"
			if c.start == "500" {
				stop = ""
			}
			e := flowd.run(t, copyOf(b, in, out, ", start: {offsets: {0: "+c.start+"}}"+stop+c.onMissing, "", "", ""))
			e.want(t, c.code, c.want...)
			if got := only(t, b, out); !slices.Equal(got, c.rows) {
				t.Errorf("%d rows, want %d", len(got), len(c.rows))
			}
		})
	}
}

// written waits until a topic has n rows.
func written(t *testing.T, b *lab.Broker, topic string, n int64, p *process) {
	t.Helper()
	adm := b.Admin(t)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		ends, err := adm.ListEndOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		var have int64
		ends.Each(func(o kadm.ListedOffset) { have += o.Offset })
		if have >= n {
			return
		}
		if time.Since(began) > time.Minute {
			p.kill()
			t.Fatalf("topic %s has %d of %d rows after a minute\n%s", topic, have, n, p.wait(t).err)
		}
	}
}

// badDeletedSource deletes one of two topics that are being read.
func badDeletedSource(t *testing.T, flowd program) func(*testing.T) {
	t.Helper()
	b := lab.Open(t)
	in, kept, out := b.Fill(t, "in", 1, rows(0, 100), nil), b.Fill(t, "kept", 1, rows(100, 200), nil), b.Fill(t, "out", 1, nil, nil)
	text := strings.Replace(copyOf(b, in, out, "", "", "", ""), "topic: "+in, fmt.Sprintf("topics: [%s, %s]", in, kept), 1)
	p := flowd.start(t, text)
	written(t, b, out, 200, p)
	if _, err := b.Admin(t).DeleteTopic(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	// The other topic goes on while the job waits for the deleted one to come back.
	b.Produce(t, kept, kafkatest.Values(0, rows(200, 210)...)...)
	written(t, b, out, 210, p)
	return func(t *testing.T) {
		p.wait(t).want(t, codeFailed, "topic "+in+" was deleted while it was read", "partition 0 was 100", "create the topic again")
		want := rows(0, 210)
		slices.Sort(want)
		lab.Same(t, b.Rows(t, out), want)
	}
}

// badDeletedSink deletes a topic that is being written, beside another.
func badDeletedSink(t *testing.T, flowd program) func(*testing.T) {
	t.Helper()
	b := lab.Open(t)
	in, out := b.Fill(t, "in", 1, rows(0, 100), nil), b.Fill(t, "out", 1, nil, nil)
	other := b.Fill(t, "other", 1, nil, nil)
	p := flowd.start(t, copyOf(b, in, out, "", "", "", "\n  other:\n    from: records\n    kafka: "+other))
	written(t, b, out, 100, p)
	if _, err := b.Admin(t).DeleteTopic(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	// A real broker may take a row or two until it has followed the deletion.
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for i := 100; i < 110; i++ {
		<-tick.C
		b.Produce(t, in, kafkatest.Values(0, row(i))...)
	}
	return func(t *testing.T) {
		p.wait(t).want(t, codeFailed, "step out", "topic "+out+" was deleted while it was written", "create it again")
		// The sink beside it has all that was read before.
		got := only(t, b, other)
		prefix(t, got, rows(0, 110))
		if len(got) < 100 {
			t.Errorf("the other sink has %d rows", len(got))
		}
	}
}
