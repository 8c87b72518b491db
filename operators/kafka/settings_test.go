package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowd/operators"
	"flowd/stream"
)

// show is problems as text: "F040 2:3 message | hint".
func show(ps []operators.Problem) []string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("%s %d:%d %s | %s", p.Code, p.Pos.Line, p.Pos.Col, p.Msg, p.Hint))
	}
	return out
}

func TestSourceProblems(t *testing.T) {
	ok := func(o object) object {
		all := object{"brokers": "localhost:9092", "topic": "t"}
		for k, v := range o {
			if v == nil {
				delete(all, k)
			} else {
				all[k] = v
			}
		}
		return all
	}
	for _, c := range []struct {
		o    object
		want []string
	}{
		{ok(nil), nil},
		{ok(object{"start": object{"at": "earliest"}, "stop": object{"timestamp": "now-1h"}}), nil},
		{ok(object{"topic": nil}), []string{"F040 1:1 a kafka source needs exactly one of topic, topics and topic_pattern, here are 0 | write one of topic, topics and topic_pattern"}},
		{ok(object{"topics": []string{"a"}}), []string{"F040 1:1 a kafka source needs exactly one of topic, topics and topic_pattern, here are 2 | write one of topic, topics and topic_pattern"}},
		{ok(object{"topic": nil, "topics": []string{"a", "b", "a"}}), []string{`F040 2:3 topic "a" is listed twice | name each topic once`}},
		{ok(object{"topic": nil, "topic_pattern": "a("}), []string{"F042 2:3 topic_pattern is no regular expression: missing closing ): " + "`a(`" + " | it is written as for Go's regexp package (RE2)"}},
		{ok(object{"brokers": nil}), []string{"F041 1:1 no Kafka brokers are named | write kafka: host:9092 at the top of the file, or brokers: host:9092 in the step"}},
		{ok(object{"brokers": "localhost"}), []string{`F041 2:3 "localhost" is no broker address | write host:port, for example localhost:9092`}},
		{ok(object{"start": object{"timestamp": "soon"}}), []string{`F043 2:3 start: "soon" is no point in time | write 2026-01-31T12:00:00Z, a date, now or now-6h`}},
		{ok(object{"start": object{"offsets": dict{{"x", 1}}}}), []string{`F043 2:3 start: "x" is no partition number | write partition: offset, for example {0: 42}`}},
		{ok(object{"start": object{"offsets": dict{{"0", -1}}}}), []string{"F043 2:3 start: offset -1 of partition 0 is negative | offsets begin at 0"}},
		{ok(object{"start": object{"at": "latest", "committed": "earliest"}}), []string{"F043 2:3 start names 2 positions at once | keep one of them"}},
		{ok(object{"topic": nil, "topics": []string{"a", "b"}, "stop": object{"offsets": dict{{"0", 1}}}}), []string{"F043 2:3 stop: offsets need a source of a single topic | use {timestamp: T}, or one source per topic"}},
		{ok(object{"tls": object{"cert": "c.pem"}}), []string{"F044 2:3 tls has only one of cert and key | give both, or neither"}},
		{ok(object{"sasl": object{"password": "p"}}), []string{"F045 2:3 sasl has no user name | set sasl.username and sasl.password"}},
	} {
		_, ps := Connector().Source.New(config(c.o), operators.SourceEnv{Pipeline: "p"})
		if d := cmp.Diff(c.want, show(ps)); d != "" {
			t.Errorf("%v: %s", c.o, d)
		}
	}
}

func TestSinkProblems(t *testing.T) {
	arr := stream.Type{ID: stream.String}
	env := sinkEnv(keyColumn, idColumn, stream.ColumnDef{Name: "tags", Type: stream.Type{ID: stream.Array, Elem: &arr}})
	for _, c := range []struct {
		o    object
		want []string
	}{
		{object{"topic": "t", "key": "key", "partition": "id", "headers": dict{{"h", "value"}}}, nil},
		{object{}, []string{"F040 1:1 a kafka sink needs a topic | write topic: name"}},
		{object{"topic": "t", "key": "keys"}, []string{`F046 2:3 key names column "keys", which the rows of this sink do not have | did you mean key?`}},
		{object{"topic": "t", "key": []string{"key", "ix"}}, []string{`F046 2:3 key names column "ix", which the rows of this sink do not have | did you mean id?`}},
		{object{"topic": "t", "key": "tags"}, []string{"F047 2:3 key: column tags is array<string> and has no text form | use a column with a single value"}},
		{object{"topic": "t", "partition": "key"}, []string{"F047 2:3 partition: column key is string | use an integer column"}},
		{object{"topic": "t", "headers": dict{{"h", "valeu"}}}, []string{`F046 2:3 header h names column "valeu", which the rows of this sink do not have | did you mean value?`}},
	} {
		c.o["brokers"] = "localhost:9092"
		_, ps := Connector().Sink.New(config(c.o), env)
		if d := cmp.Diff(c.want, show(ps)); d != "" {
			t.Errorf("%v: %s", c.o, d)
		}
	}
}

// TestFieldTables checks what the reference and the decoder rely on.
func TestFieldTables(t *testing.T) {
	c := Connector()
	var walk func(path string, f operators.Field)
	names := map[string]bool{}
	walk = func(path string, f operators.Field) {
		names[path] = true
		if f.Doc == "" && f.Name != "topic" && f.Name != "column" && f.Name != "offset" {
			t.Errorf("%s has no doc", path)
		}
		if f.Doc != "" && !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("doc of %s is no sentence: %s", path, f.Doc)
		}
		if (f.Name == "password") != f.Secret {
			t.Errorf("%s: secret is %v", path, f.Secret)
		}
		for _, sub := range f.Fields {
			walk(path+"."+sub.Name, sub)
		}
	}
	walk("source", c.Source.Config)
	walk("sink", c.Sink.Config)
	for want := range strings.FieldsSeq(`source.topic source.topics source.topic_pattern source.group source.start.timestamp source.start.committed source.start.offsets
		source.stop.at source.on_missing source.discover source.isolation source.brokers source.tls.ca source.tls.cert source.tls.key source.sasl.mechanism
		sink.topic sink.key sink.partition sink.headers sink.compression sink.transactional_id sink.brokers source.sasl.password`) {
		if !names[want] {
			t.Errorf("no field %s", want)
		}
	}
}
