package kafka

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"flowd/internal/nearest"
	"flowd/operators"
)

// Codes of the problems this package finds in a pipeline file.
const (
	codeTopic    = "F040" // no topic, or more than one way of naming it
	codeBrokers  = "F041" // no or unreadable broker addresses
	codePattern  = "F042" // topic_pattern is no regular expression
	codePosition = "F043" // start or stop
	codeTLS      = "F044"
	codeSASL     = "F045"
	codeColumn   = "F046" // a column that is not there
	codeType     = "F047" // a column of a type that cannot be used so
)

// Values of on_missing.
const (
	onMissingFail     = "fail"
	onMissingEarliest = "earliest"
	onMissingLatest   = "latest"
)

var mechanisms = []string{"plain", "scram_sha_256", "scram_sha_512"}

// cluster says how to reach a Kafka cluster.
type cluster struct {
	Brokers []string
	TLS     *tlsFiles    // nil: plain connections
	SASL    *credentials // nil: no authentication
}

// tlsFiles names the PEM files of encrypted connections; all may be empty.
type tlsFiles struct{ CA, Cert, Key string }

// credentials say who connects. Mechanism is plain, scram_sha_256 or scram_sha_512.
type credentials struct{ Mechanism, Username, Password string }

// sourceSettings is a checked kafka source.
type sourceSettings struct {
	cluster     cluster
	topics      []string
	pattern     *regexp.Regexp
	patternText string
	group       string
	start, stop position // stop.kind 0: unbounded
	onMissing   string
	discover    time.Duration
	committed   bool // isolation: read_committed
}

// sinkSettings is a checked kafka sink; columns are positions in the rows.
type sinkSettings struct {
	cluster     cluster
	topic       string
	keys        []int // one column: text; with keyJSON an object of them
	keyJSON     bool
	partition   int // −1: none
	headers     []headerColumn
	compression string
}

type headerColumn struct {
	name   string
	column int
}

type problems []operators.Problem

func (p *problems) add(at operators.Pos, code, hint, format string, args ...any) {
	*p = append(*p, operators.Problem{Pos: at, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// clusterOf reads brokers, tls and sasl: each from the step if written there, otherwise from the cluster.
func clusterOf(cfg, def *operators.Config, ps *problems) cluster {
	pick := func(name string) (operators.Value, bool) {
		for _, c := range []*operators.Config{cfg, def} {
			if c != nil && c.Has(name) {
				return c.Get(name), true
			}
		}
		return operators.Value{}, false
	}
	var cl cluster
	v, ok := pick("brokers")
	if ok {
		cl.Brokers = splitBrokers(v)
	}
	if len(cl.Brokers) == 0 {
		ps.add(cfg.At, codeBrokers, "write kafka: host:9092 at the top of the file, or brokers: host:9092 in the step", "no Kafka brokers are named")
	}
	for _, b := range cl.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			ps.add(v.At, codeBrokers, "write host:port, for example localhost:9092", "%q is no broker address", b)
		}
	}
	if v, ok := pick("tls"); ok && v.Object != nil {
		t := v.Object
		if !t.Has("enabled") || t.Bool("enabled") {
			cl.TLS = &tlsFiles{CA: t.String("ca"), Cert: t.String("cert"), Key: t.String("key")}
			if (cl.TLS.Cert == "") != (cl.TLS.Key == "") {
				ps.add(v.At, codeTLS, "give both, or neither", "tls has only one of cert and key")
			}
		}
	}
	if v, ok := pick("sasl"); ok && v.Object != nil {
		s := v.Object
		cl.SASL = &credentials{Mechanism: s.String("mechanism"), Username: s.String("username"), Password: s.String("password")}
		if cl.SASL.Mechanism == "" {
			cl.SASL.Mechanism = "scram_sha_512"
		}
		if cl.SASL.Username == "" {
			ps.add(v.At, codeSASL, "set sasl.username and sasl.password", "sasl has no user name")
		}
	}
	return cl
}

// splitBrokers reads a list of addresses, or one text with commas.
func splitBrokers(v operators.Value) []string {
	texts := []string{v.Text}
	for _, e := range v.List {
		texts = append(texts, e.Text)
	}
	var out []string
	for _, t := range texts {
		for b := range strings.SplitSeq(t, ",") {
			if b = strings.TrimSpace(b); b != "" {
				out = append(out, b)
			}
		}
	}
	return out
}

func sourceOf(cfg *operators.Config, env operators.SourceEnv) (sourceSettings, []operators.Problem) {
	var ps problems
	s := sourceSettings{
		cluster:     clusterOf(cfg, env.Cluster, &ps),
		topics:      cfg.Strings("topics"),
		patternText: cfg.String("topic_pattern"),
		group:       cfg.String("group"),
		onMissing:   cfg.String("on_missing"),
		discover:    time.Minute,
		committed:   cfg.String("isolation") != "read_uncommitted",
	}
	named := 0
	if t := cfg.String("topic"); t != "" {
		s.topics = []string{t}
		named++
	}
	if len(cfg.Get("topics").List) > 0 {
		s.topics = cfg.Strings("topics")
		named++
	}
	if s.patternText != "" {
		named++
		if _, err := regexp.Compile(s.patternText); err != nil {
			ps.add(cfg.Get("topic_pattern").At, codePattern, "it is written as for Go's regexp package (RE2)", "topic_pattern is no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		} else {
			s.pattern = regexp.MustCompile("^(?:" + s.patternText + ")$")
		}
	}
	if named != 1 {
		ps.add(cfg.At, codeTopic, "write one of topic, topics and topic_pattern", "a kafka source needs exactly one of topic, topics and topic_pattern, here are %d", named)
	}
	seen := map[string]bool{}
	for _, v := range cfg.Get("topics").List {
		if seen[v.Text] {
			ps.add(v.At, codeTopic, "name each topic once", "topic %q is listed twice", v.Text)
		}
		seen[v.Text] = true
	}
	if s.group == "" {
		s.group = env.Pipeline
	}
	if s.onMissing == "" {
		s.onMissing = onMissingFail
	}
	if cfg.Has("discover") {
		s.discover = cfg.Duration("discover")
	}
	single := s.pattern == nil && len(s.topics) == 1
	s.start = positionOf(cfg, "start", single, &ps)
	if s.start.kind == 0 {
		s.start.kind = atEarliest
	}
	s.stop = positionOf(cfg, "stop", single, &ps)
	return s, ps
}

func sinkOf(cfg *operators.Config, env operators.SinkEnv) (sinkSettings, []operators.Problem) {
	var ps problems
	s := sinkSettings{
		cluster:     clusterOf(cfg, env.Cluster, &ps),
		topic:       cfg.String("topic"),
		partition:   -1,
		compression: cfg.String("compression"),
	}
	if s.topic == "" {
		ps.add(cfg.At, codeTopic, "write topic: name", "a kafka sink needs a topic")
	}
	if s.compression == "" {
		s.compression = "lz4"
	}
	column := func(v operators.Value, what string) int {
		i := env.Rows.Index(v.Text)
		if i < 0 {
			names := make([]string, len(env.Rows.Columns))
			for j, c := range env.Rows.Columns {
				names[j] = c.Name
			}
			ps.add(v.At, codeColumn, nearest.Hint(v.Text, names), "%s names column %q, which the rows of this sink do not have", what, v.Text)
			return -1
		}
		if env.Rows.Columns[i].Type.Kind() == 0 || env.Rows.Columns[i].Type.ID == arrayType || env.Rows.Columns[i].Type.ID == mapType {
			ps.add(v.At, codeType, "use a column with a single value", "%s: column %s is %s and has no text form", what, v.Text, env.Rows.Columns[i].Type)
			return -1
		}
		return i
	}
	if k := cfg.Get("key"); len(k.List) > 0 {
		s.keyJSON = true
		for _, v := range k.List {
			s.keys = append(s.keys, column(v, "key"))
		}
	} else if k.Text != "" {
		s.keys = []int{column(k, "key")}
	}
	if p := cfg.Get("partition"); p.Text != "" {
		s.partition = column(p, "partition")
		if s.partition >= 0 && !env.Rows.Columns[s.partition].Type.IsInteger() {
			ps.add(p.At, codeType, "use an integer column", "partition: column %s is %s", p.Text, env.Rows.Columns[s.partition].Type)
		}
	}
	for _, h := range cfg.Get("headers").Dict {
		s.headers = append(s.headers, headerColumn{h.Name, column(h.Value, "header "+h.Name)})
	}
	return s, ps
}
