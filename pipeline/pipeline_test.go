package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"flowd/operators"
	"flowd/stream"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(fakeRegistry())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("flowd.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("flowd.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is what an editor validates: YAML read as JSON, timestamps as text.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Tag == "!!timestamp" {
			n.Tag = "!!str"
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&n)
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(stringKeys(v))
	if err != nil {
		t.Fatal(err)
	}
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func stringKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = stringKeys(v[k])
		}
	case map[any]any:
		out := make(map[string]any)
		for k := range v {
			out[fmt.Sprint(k)] = stringKeys(v[k])
		}
		return out
	case []any:
		for i := range v {
			v[i] = stringKeys(v[i])
		}
	}
	return v
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	s := compileSchema(t)
	files := yamlFiles(t, "plan")
	for _, f := range append(files, "testdata/examples/2_eu_orders.yaml") {
		if err := s.Validate(asJSON(t, readFile(t, f))); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compileSchema(t)
	good := "name: t\nsources: {a: {file: x, schema: {a: int}}}\nsinks: {o: {stdout: {}}}\n"
	if err := s.Validate(asJSON(t, good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{"name: t", "nam: t"},
		{"file: x", "fil: x"},
		{"file: x", "file: {path: x, folow: true}"},
		{"{stdout: {}}", "{stdout: {}, deliver: none}"},
		{"{stdout: {}}", "{stdout: {}, delivery: exactly_once}"},
		{"{stdout: {}}", "{stdout: {}, on_error: ignore}"},
		{"file: x", "file: x, watermark: 5"},
		{"file: x", "file: x, watermark: {delay: 5 s}"},
		{"sinks:", "transforms: {s: {join: {with: b}}}\nsinks:"},
		{"sinks:", "checkpoint: 10s\nsinks:"},
		{"sinks:", "state: {memory: 5MB}\nsinks:"},
		{"sinks:", "transforms: {s: {top: {n: 1}}}\nsinks:"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if err := s.Validate(asJSON(t, text)); err == nil {
			t.Errorf("accepted:\n%s", text)
		}
	}
}

// Whatever plan prints under "with all defaults" means the same again.
func TestDefaultsAreAFixpoint(t *testing.T) {
	for _, f := range yamlFiles(t, "plan") {
		spec, plan, diags := load(t, filepath.Base(f), readFile(t, f))
		if plan == nil {
			t.Fatal(rendered(t, diags))
		}
		once := writeYAML(spec)
		spec, again, diags := load(t, filepath.Base(f), once)
		if again == nil {
			t.Errorf("%s: what was written is refused:\n%s\n%s", f, rendered(t, diags), once)
			continue
		}
		if twice := writeYAML(spec); once != twice {
			t.Errorf("%s: written twice differs:\n%s\n---\n%s", f, once, twice)
		}
		if len(plan.Nodes) != len(again.Nodes) {
			t.Errorf("%s: %d nodes, then %d", f, len(plan.Nodes), len(again.Nodes))
		}
	}
}

func TestDeterministic(t *testing.T) {
	for _, f := range append(yamlFiles(t, "plan"), yamlFiles(t, "bad")...) {
		text := readFile(t, f)
		var first string
		for i := range 5 {
			spec, plan, diags := load(t, filepath.Base(f), text)
			out := rendered(t, diags)
			if plan != nil {
				j, err := PlanJSON(plan, spec)
				if err != nil {
					t.Fatal(err)
				}
				out += Explain(plan, spec) + string(j)
			}
			if i == 0 {
				first = out
			} else if out != first {
				t.Errorf("%s: run %d differs:\n%s\n---\n%s", f, i+1, first, out)
			}
		}
	}
}

const simple = `name: t
kafka: base:9092
sources:
  clicks:
    kafka: clicks
    schema: {user_id: string, at: timestamp_ltz}
    time: at
    watermark: 5s
sinks:
  out: {kafka: out}
`

func TestMergeReplaces(t *testing.T) {
	over := "parallelism: 3\nkafka: {brokers: [x:1, y:2]}\nsources:\n  clicks:\n    watermark: {idle: 1m}\n    schema: {extra: int}\nsinks: {out: {delivery: none}}\n"
	spec, plan, diags := Load([]File{{"a.yaml", []byte(simple)}, {"b.yaml", []byte(over)}}, testOptions())
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	src := spec.Sources[0]
	if spec.Parallelism != 3 || plan.Nodes[0].Parallelism != 3 {
		t.Errorf("parallelism %d", spec.Parallelism)
	}
	if got := spec.Cluster.Get("brokers"); len(got.List) != 2 || got.List[1].Text != "y:2" {
		t.Errorf("brokers %+v", got)
	}
	if src.Delay != 0 || src.Idle.String() != "1m0s" { // the short form was replaced by the map
		t.Errorf("delay %v, idle %v", src.Delay, src.Idle)
	}
	if len(src.Fields) != 3 || src.Fields[2].Name != "extra" { // maps join
		t.Errorf("fields %v", src.Fields)
	}
	if spec.Sinks[0].Delivery != "none" || spec.Sinks[0].Connector != "kafka" {
		t.Errorf("sink %+v", spec.Sinks[0])
	}
}

// An error in the second file names it.
func TestMergeErrorFile(t *testing.T) {
	_, _, diags := Load([]File{{"a.yaml", []byte(simple)}, {"b.yaml", []byte("sources: {clicks: {watermark: 7}}\n")}}, testOptions())
	if len(diags) != 1 || diags[0].File != "b.yaml" || diags[0].Line != 1 || diags[0].Col != 31 {
		t.Errorf("%+v", diags)
	}
}

func TestSet(t *testing.T) {
	spec, plan, diags := load(t, "t.yaml", simple,
		"parallelism=2", "sources.clicks.kafka.start=latest", "kafka.brokers=c:1,d:2", "sources.clicks.watermark.align=1m", "sinks.out.kafka={topic: other, key: user_id}", "description=a = b")
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	src := spec.Sources[0]
	if src.Connection.String("topic") != "clicks" || src.Connection.Sub("start").String("at") != "latest" {
		t.Errorf("the short form lost its topic: %+v", src.Connection)
	}
	if src.Delay.String() != "5s" || src.Align.String() != "1m0s" {
		t.Errorf("delay %v, align %v", src.Delay, src.Align)
	}
	if spec.Cluster.Get("brokers").Text != "c:1,d:2" || spec.Description != "a = b" || spec.Parallelism != 2 {
		t.Errorf("%+v", spec)
	}
	if spec.Sinks[0].Connection.String("topic") != "other" {
		t.Errorf("%+v", spec.Sinks[0].Connection)
	}
	for arg, want := range map[string]string{
		"parallelism":            "--set parallelism: F009 --set parallelism has no value",
		"sources.clicks.tme=at":  `--set sources.clicks.tme:1:1: F010 the source clicks has no key "tme"`,
		"sources.clicks.time=az": "--set sources.clicks.time:1:1: F031 unknown field az",
		"parallelism=[":          "--set parallelism:1:1: F001 this [ is never closed",
	} {
		_, _, diags := load(t, "t.yaml", simple, arg)
		if len(diags) == 0 || diags[0].Error() != want {
			t.Errorf("%s: %v", arg, diags)
		}
	}
}

func TestVariables(t *testing.T) {
	text := strings.Replace(simple, "name: t", "name: t\ndescription: '${TOPIC} ${EMPTY:-none} ${NOT_THERE:-a:-b} $${TOPIC} $5 ${EMPTY}.'\nparallelism: ${P}", 1)
	spec, plan, diags := load(t, "t.yaml", text)
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	if want := "clicks none a:-b ${TOPIC} $5 ."; spec.Description != want {
		t.Errorf("%q, not %q", spec.Description, want)
	}
	if spec.Parallelism != 4 {
		t.Errorf("parallelism %d", spec.Parallelism)
	}
}

// Nothing that leaves the package shows a secret, wherever it comes from.
func TestSecrets(t *testing.T) {
	for _, password := range []string{"hunter2-literal", "'${PASSWORD}'", "'${file:/run/secrets/pw}'", "'${NOT_THERE:-hunter2-default}'", `"hunter2-\u00e9\"x"`} {
		text := strings.Replace(simple, "kafka: base:9092", "kafka: {brokers: 'b:1', sasl: {username: u, password: "+password+"}}\ndescription: ${file:/run/secrets/pw}", 1)
		spec, plan, diags := load(t, "t.yaml", text)
		if plan == nil {
			t.Fatal(rendered(t, diags))
		}
		if warned := len(diags) > 0; warned != !strings.Contains(password, "${") {
			t.Errorf("%s: %v", password, diags)
		}
		if got := spec.Cluster.Sub("sasl").String("password"); !strings.Contains(got, "hunter2") {
			t.Errorf("the connector gets %q", got)
		}
		_, _, broken := load(t, "t.yaml", strings.Replace(text, "username: u,", "usrname: u,", 1))
		_, _, broken2 := load(t, "t.yaml", strings.Replace(text, "watermark: 5s", "watermark: '${file:/run/secrets/pw}'", 1))
		j, err := PlanJSON(plan, spec)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		out.WriteString(Explain(plan, spec))
		out.Write(j)
		for _, ds := range []Diagnostics{diags, broken, broken2} {
			for _, f := range Formats() {
				if err := ds.Format(&out, f, true); err != nil {
					t.Fatal(err)
				}
			}
			out.WriteString(ds.Error())
		}
		if i := strings.Index(strings.ReplaceAll(out.String(), "hunter2-default}", ""), "hunter2"); i >= 0 {
			t.Errorf("%s is shown: …%s…", password, out.String()[max(0, i-100):i+20])
		}
	}
}

func TestFormats(t *testing.T) {
	ds := Diagnostics{
		{File: "a,b.yaml", Line: 3, Col: 5, Len: 4, Code: "F031", Msg: "unknown field \"x\"", Hint: "50% sure:\nsee y", Source: "    abcd é"},
		{File: "a.yaml", Code: "F001", Msg: "the file is empty", Warning: true, Hint: "write one"},
	}
	for _, c := range []struct {
		format string
		color  bool
		want   string
	}{
		{"text", false, "a,b.yaml:3:5: F031 unknown field \"x\"\n    3 |     abcd é\n      |     ^^^^ 50% sure:\nsee y\na.yaml: warning F001 the file is empty\n       write one\n1 error, 1 warning. `flowd docs F031` explains a code.\n"},
		{"github", false, "::error file=a%2Cb.yaml,line=3,col=5,endColumn=9,title=flowd F031::unknown field \"x\": 50%25 sure:%0Asee y\n::warning file=a.yaml,title=flowd F001::the file is empty: write one\n"},
	} {
		var b strings.Builder
		if err := ds.Format(&b, c.format, c.color); err != nil || b.String() != c.want {
			t.Errorf("%s: %v\n%s---\n%s", c.format, err, b.String(), c.want)
		}
	}
	var b bytes.Buffer
	if err := ds.Format(&b, "json", false); err != nil {
		t.Fatal(err)
	}
	var back Diagnostics
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || !slices.Equal(back, ds) {
		t.Errorf("%v: %+v", err, back)
	}
	b.Reset()
	if err := ds.Format(&b, "text", true); err != nil || !strings.Contains(b.String(), "\x1b[31m^^^^\x1b[0m") {
		t.Errorf("no colour: %q", b.String())
	}
	if err := ds.Format(&b, "xml", false); err == nil {
		t.Error("xml is no format")
	}
	if err := Diagnostics(nil).Format(&b, "json", false); err != nil || !strings.HasSuffix(b.String(), "[]\n") {
		t.Errorf("%q", b.String())
	}
}

// Each code that a test file shows is explained, and the list is in order.
func TestCodes(t *testing.T) {
	list := Codes()
	known := make(map[string]bool)
	for i, c := range list {
		if i > 0 && list[i-1].Code >= c.Code || c.Title == "" || c.Advice == "" {
			t.Errorf("%+v", c)
		}
		known[c.Code] = true
	}
	shown := make(map[string]bool)
	for _, f := range yamlFiles(t, "bad") {
		_, _, diags := load(t, filepath.Base(f), readFile(t, f))
		for _, d := range diags {
			shown[d.Code] = true
			if !known[d.Code] {
				t.Errorf("%s has the code %s, which is not explained", f, d.Code)
			}
		}
	}
	for code := range known {
		if !shown[code] && code != "F009" && code != "F037" && (code < "F040" || code >= "F070") {
			t.Errorf("no test file shows %s", code)
		}
	}
}

func TestReference(t *testing.T) {
	page := string(Reference(fakeRegistry()))
	for _, want := range []string{"| `kafka.topic` |", "| `window.tumble` |", "| `join` |", "*Not in this version.*", "`COALESCE(", "| F031 |", "| `raw` |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// Every line of a table has as many cells as its head.
	cells := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells != 0 && n != cells {
			t.Errorf("%d cells instead of %d: %s", n, cells, line)
		}
		cells = n
	}
}

// Every field says what it is for.
func TestFieldsDocumented(t *testing.T) {
	var walk func(path string, f *operators.Field)
	walk = func(path string, f *operators.Field) {
		for i := range f.Fields {
			fd := &f.Fields[i]
			if fd.Doc == "" && !strings.Contains(path, ".kafka") && !strings.Contains(path, ".file") && !strings.Contains(path, ".generate") && !strings.Contains(path, "format") && !strings.Contains(path, "stdout") && !strings.Contains(path, "discard") && !strings.HasPrefix(path, ".kafka") {
				t.Errorf("%s.%s has no doc", path, fd.Name)
			}
			walk(path+"."+fd.Name, fd)
		}
		if f.Elem != nil {
			walk(path, f.Elem)
		}
	}
	table := language(fakeRegistry())
	walk("", &table)
}

func TestPruning(t *testing.T) {
	_, plan, diags := load(t, "computed.yaml", readFile(t, "testdata/plan/computed.yaml"))
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	src := plan.Nodes[0]
	env := src.Source.(fakeSource).env
	if got, want := columnNames(env.Rows), "id, ts, currency, amount, card.brand, card.last4, _topic, _offset"; got != want || env.Decoded != 6 || env.NeedTime {
		t.Errorf("reads %s (%d decoded, record time %v), not %s", got, env.Decoded, env.NeedTime, want)
	}
	if got := columnNames(src.Schemas[stream.PortMain]); got != columnNames(env.Rows)+", event_time" {
		t.Errorf("batches have %s", got)
	}
	if src.Time.Granule != 3600_000 || src.Time.AlignGroup != 1 || src.Time.NewTimer == nil {
		t.Errorf("%+v", src.Time)
	}
	// The record's time needs no column at all.
	text := strings.Replace(simple, "    time: at\n", "", 1)
	text = strings.Replace(text, "sinks:", "transforms: {s: {window: {slide: 10s, every: 4s, offset: 1s}, aggregate: {n: COUNT(*)}}}\nsinks:", 1)
	if _, plan, _ := load(t, "t.yaml", text); plan != nil {
		t.Error("every that does not divide slide was accepted")
	}
	_, plan, diags = load(t, "t.yaml", strings.Replace(text, "every: 4s", "every: 5s", 1))
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	env = plan.Nodes[0].Source.(fakeSource).env
	if len(env.Rows.Columns) != 0 || !env.NeedTime || plan.Nodes[0].Time.Granule != 1000 || plan.Nodes[0].Time.NewTimer != nil {
		t.Errorf("%+v %+v", env, plan.Nodes[0].Time)
	}
}

func TestAlignGroups(t *testing.T) {
	text := "name: t\nsources:\n"
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		text += "  " + s + ": {kafka: " + s + ", schema: {x: int}}\n"
	}
	text += "sinks:\n  ab: {from: [a, b], stdout: {}}\n  cd: {from: [c, d], stdout: {}}\n  bd: {from: [b, d], stdout: {}}\n  e: {from: e, stdout: {}}\n"
	_, plan, diags := load(t, "t.yaml", text)
	if plan == nil {
		t.Fatal(rendered(t, diags))
	}
	group := make(map[string]int)
	for _, n := range plan.Nodes {
		if n.Time != nil {
			group[n.Step] = n.Time.AlignGroup
		}
	}
	if group["a"] != group["b"] || group["b"] != group["c"] || group["c"] != group["d"] || group["d"] == group["e"] {
		t.Errorf("groups %v", group)
	}
}

// Plans keep what the engine relies on: inputs come first, exchanges fit, (step, role) is unique.
func TestPlansAreSound(t *testing.T) {
	for _, f := range yamlFiles(t, "plan") {
		_, plan, diags := load(t, filepath.Base(f), readFile(t, f))
		if plan == nil {
			t.Fatal(rendered(t, diags))
		}
		seen := make(map[string]bool)
		for i, n := range plan.Nodes {
			if n.ID != i {
				t.Errorf("%s: node %d has the ID %d", f, i, n.ID)
			}
			id := n.Step + " " + n.Role
			if seen[id] {
				t.Errorf("%s: %s is there twice", f, id)
			}
			seen[id] = true
			if (n.Kind == SourceNode) != (len(n.Inputs) == 0) || (n.Kind == OperatorNode) != (n.NewOperator != nil) {
				t.Errorf("%s: %s has inputs %v", f, id, n.Inputs)
			}
			for _, e := range n.Inputs {
				from := plan.Nodes[e.Node]
				if e.Node >= i || from.Schemas[e.Port] == nil {
					t.Errorf("%s: %s reads port %d of node %d", f, id, e.Port, e.Node)
					continue
				}
				if e.Exchange == Forward && from.Parallelism != n.Parallelism || (e.Exchange == Keyed) != (len(e.Key) > 0) {
					t.Errorf("%s: %s has a wrong exchange %v from %d to %d instances", f, id, e.Exchange, from.Parallelism, n.Parallelism)
				}
				if n.Kind == SinkNode && !sameColumns(from.Schemas[e.Port], n.Schemas[stream.PortMain]) {
					t.Errorf("%s: %s gets %s", f, id, columnNames(from.Schemas[e.Port]))
				}
			}
		}
	}
}
