package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"flowd/operators"
	"flowd/stream"
)

// What is valid is tested through every way a document can take: keys in any order, and each of the shapes that
// the documents before it have taught.

func testDecoder(t testing.TB, fields []stream.Field, want *stream.Schema) *decoder {
	t.Helper()
	mk, problems := JSON().NewDecoder(nil, fields, want)
	if problems != nil {
		t.Fatal(problems)
	}
	return mk().(*decoder)
}

func anyOrder(d *decoder) *decoder { d.shapes.off = true; return d }

var vString = []stream.Field{{Name: "v", Type: stream.Type{ID: stream.String}}}

// verdict says whether d takes the document, and how many rows it made.
func verdict(d *decoder, doc []byte) (ok bool, rows int) {
	b := stream.NewPool(d.plan.want, 64, 1).TryGet()
	var errs stream.RowErrors
	d.Decode(b, rawRecords(string(doc)), nil, &errs)
	return errs.Len() == 0, b.N
}

func TestValidityCorpus(t *testing.T) {
	data, err := os.ReadFile("testdata/validity/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	teachers := []string{
		`{"v":1}`, `{ "v" : 1 }`, `{"v":1,"w":2}`, `{"a":[1,2],"v":"s"}`, `{"v":1, "u": {"w" : 3 } }`, `{"v":1,"unknown":"x"}`,
	}
	count := map[byte]int{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n") {
		if line[0] == '#' {
			continue
		}
		parts := strings.SplitN(line, "\t", 3)
		text, err := strconv.Unquote(parts[2])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		doc, kind := []byte(text), parts[0][0]
		count[kind]++
		if std := json.Valid(doc); std != (kind == 'y' || kind == 'x') {
			t.Errorf("%s %s: encoding/json says %v", parts[1], parts[2], std)
		}
		want := kind == 'y' || kind == 'b'
		for _, schema := range []*stream.Schema{stream.Flatten(vString), stream.NewSchema()} {
			d := anyOrder(testDecoder(t, vString, schema))
			if got, _ := verdict(d, doc); got != want {
				t.Errorf("%s %.200s: any order: taken %v, want %v", parts[1], parts[2], got, want)
			}
			d = testDecoder(t, vString, schema)
			for _, s := range teachers {
				if ok, _ := verdict(d, []byte(s)); !ok {
					t.Fatalf("%s refused", s)
				}
			}
			if len(d.shapes.known) != len(teachers) {
				t.Fatalf("%d shapes learnt of %d", len(d.shapes.known), len(teachers))
			}
			for range 2 { // the second time its own shape is known
				if got, _ := verdict(d, doc); got != want {
					t.Errorf("%s %.200s: by shape: taken %v, want %v", parts[1], parts[2], got, want)
				}
			}
		}
	}
	if n := count['y'] + count['n'] + count['x'] + count['b']; n < 500 {
		t.Errorf("%d documents", n)
	}
	t.Logf("%d valid, %d invalid, %d refused beyond the grammar, %d taken beyond encoding/json", count['y'], count['n'], count['x'], count['b'])
}

var unpaired = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u]`)

// valid is what flowd should take, said with encoding/json.
func valid(doc []byte) bool {
	if len(doc) == 0 {
		return true
	}
	doc = bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))
	if !json.Valid(doc) || !utf8.Valid(doc) || nesting(doc) > maxDepth {
		return false
	}
	for _, m := range unpaired.FindAll(doc, -1) {
		if m[1] == 'u' && len(m) != 12 {
			return false
		}
	}
	switch trimmed := bytes.TrimLeft(doc, " \t\r\n"); trimmed[0] {
	case '{':
		return true
	case '[':
		var elements []json.RawMessage
		if json.Unmarshal(doc, &elements) != nil {
			return false
		}
		for _, e := range elements {
			if e[0] != '{' {
				return false
			}
		}
		return true
	}
	return false
}

// nesting is how deep a valid document is nested.
func nesting(doc []byte) (most int) {
	depth, inText := 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && (c == '{' || c == '['):
			depth++
			most = max(most, depth)
		case !inText && (c == '}' || c == ']'):
			depth--
		}
	}
	return most
}

// anyFields declares every type under the names of randomObject.
func anyFields() []stream.Field {
	typ := func(id stream.TypeID) stream.Type { return stream.Type{ID: id, Precision: 3} }
	str, i, dbl := typ(stream.String), stream.Type{ID: stream.Int}, typ(stream.Double)
	return []stream.Field{
		{Name: "a", Type: i},
		{Name: "bb", Type: str},
		{Name: "ccccccccc", Type: typ(stream.BigInt)},
		{Name: "d", Type: typ(stream.Boolean)},
		{Name: "time", Type: typ(stream.Timestamp)},
		{Name: "dec", Type: stream.Type{ID: stream.Decimal, Precision: 12, Scale: 2}},
		{Name: "row", Type: stream.Type{ID: stream.Row, Fields: []stream.Field{
			{Name: "x", Type: i},
			{Name: "yy", Type: str},
			{Name: "z", Type: stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "f", Type: dbl}}}},
		}}},
		{Name: "list", Type: stream.Type{ID: stream.Array, Elem: &str}},
		{Name: "map", Type: stream.Type{ID: stream.Map, Key: &str, Elem: &i}},
		{Name: "rows", Type: stream.Type{ID: stream.Array, Elem: &stream.Type{ID: stream.Row, Fields: []stream.Field{{Name: "x", Type: i}, {Name: "yy", Type: str}}}}},
		{Name: "an_extraordinarily_long_key", Type: str},
	}
}

// untyped keeps the fields that take any value, so that the verdict is that of the grammar.
func untyped() []stream.Field {
	return []stream.Field{{Name: "bb", Type: stream.Type{ID: stream.String}}, {Name: "an_extraordinarily_long_key", Type: stream.Type{ID: stream.String}}}
}

// maker makes documents: layout from l, values from r, so that one layout can come again with other values.
type maker struct{ r, l *rand.Rand }

func newMaker(seed uint64) maker {
	return maker{rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))}
}

func (m maker) pick(s ...string) string { return s[m.r.IntN(len(s))] }

func (m maker) space() string {
	if m.l.IntN(12) > 0 {
		return ""
	}
	return []string{" ", "\n", "\t ", "\r\n"}[m.l.IntN(4)]
}

func (m maker) text() string {
	var s strings.Builder
	s.WriteByte('"')
	for range m.r.IntN(20) {
		switch m.r.IntN(12) {
		case 0:
			s.WriteString(m.pick(`\n`, `\"`, `\\`, `\/`, `\u0041`, `\u00e9`, `\ud83d\ude00`, `\b`, `\u0000`))
		case 1:
			s.WriteString(m.pick("é", "€", "😀", "日", "\u2028"))
		default:
			if c := byte(' ' + m.r.IntN(95)); c != '"' && c != '\\' {
				s.WriteByte(c)
			}
		}
	}
	return s.String() + `"`
}

func (m maker) number() string {
	switch m.r.IntN(6) {
	case 0:
		return strconv.FormatFloat(m.r.NormFloat64()*100, 'f', m.r.IntN(5), 64)
	case 1:
		return strconv.FormatFloat(m.r.NormFloat64(), 'e', m.r.IntN(20), 64)
	case 2:
		return strconv.FormatInt(int64(m.r.Uint64()), 10)
	}
	return strconv.Itoa(m.r.IntN(1 << m.r.IntN(31)))
}

func (m maker) value(name string, depth int) string {
	if m.r.IntN(25) == 0 {
		return m.pick("null", "true", "false", `"x"`, "1", "1.5", "[]", "{}")
	}
	switch name {
	case "a", "x", "ccccccccc":
		return strconv.Itoa(m.r.IntN(1 << m.r.IntN(31)))
	case "bb", "yy", "an_extraordinarily_long_key":
		return m.text()
	case "d":
		return m.pick("true", "false")
	case "time":
		return fmt.Sprintf(`"2026-0%d-1%d 1%d:0%d:4%d%s"`, 1+m.r.IntN(9), m.r.IntN(10), m.r.IntN(10), m.r.IntN(10), m.r.IntN(10), m.pick("", ".1", ".123", ".123456", "Z", ".123Z"))
	case "dec", "f":
		return m.number()
	case "row", "z":
		return m.object([]string{"x", "yy", "z", "f"}, depth+1)
	case "map":
		return m.object([]string{"a", "x"}, depth+1)
	case "list":
		return "[" + m.space() + m.text() + "," + m.space() + m.text() + "]"
	case "rows":
		return "[" + m.object([]string{"x", "yy"}, depth+1) + "," + m.object([]string{"x", "yy"}, depth+1) + m.space() + "]"
	}
	if depth > 4 {
		return m.number()
	}
	switch m.r.IntN(5) {
	case 0:
		return m.text()
	case 1:
		return m.object([]string{"q", "bb", "w"}, depth+1)
	case 2:
		return "[" + m.value("", depth+1) + m.space() + "," + m.value("", depth+1) + "]"
	}
	return m.number()
}

func (m maker) object(names []string, depth int) string {
	var parts []string
	for _, n := range names {
		if m.l.IntN(6) > 0 {
			parts = append(parts, m.space()+strconv.Quote(n)+m.space()+":"+m.space()+m.value(n, depth)+m.space())
		}
	}
	if m.l.IntN(4) == 0 {
		m.l.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	return "{" + strings.Join(parts, ",") + "}"
}

var topNames = []string{"a", "bb", "unknown", "ccccccccc", "d", "time", "dec", "row", "list", "map", "rows", "an_extraordinarily_long_key"}

func (m maker) document() []byte {
	if m.l.IntN(20) == 0 {
		return []byte("[" + m.object(topNames, 1) + "," + m.object(topNames, 1) + "]")
	}
	return []byte(m.space() + m.object(topNames, 1) + m.space())
}

// mutate changes a few bytes of a document.
func (m maker) mutate(doc []byte) []byte {
	out := bytes.Clone(doc)
	for range 1 + m.r.IntN(2) {
		if len(out) == 0 {
			break
		}
		i := m.r.IntN(len(out))
		switch m.r.IntN(5) {
		case 0:
			out = append(out[:i], out[i+1:]...)
		case 1:
			out = append(out[:i], append([]byte{out[i]}, out[i:]...)...)
		case 2:
			const bytes = `{}[]",:\ 0-.eEnt` + "\x00\x1f\x80\xc3\xed"
			out[i] = bytes[m.r.IntN(len(bytes))]
		case 3:
			out = out[:i]
		default:
			out[i] ^= 1 << m.r.IntN(8)
		}
	}
	return out
}

// TestWaysAgree reads random and spoilt documents by both ways: the verdict is that of encoding/json, and the columns are equal.
func TestWaysAgree(t *testing.T) {
	m := newMaker(1)
	full, loose := anyFields(), untyped()
	byShape, byKey := testDecoder(t, full, stream.Flatten(full)), anyOrder(testDecoder(t, full, stream.Flatten(full)))
	looseShape, looseKey := testDecoder(t, loose, stream.Flatten(loose)), anyOrder(testDecoder(t, loose, stream.Flatten(loose)))
	byShape.shapes.every, looseShape.shapes.every = 1, 1
	docs, taken, good, shapes := 20000, 0, 0, 0
	if testing.Short() {
		docs = 4000
	}
	layout := uint64(0)
	for range docs {
		if m.r.IntN(3) == 0 {
			layout++
		}
		m.l = rand.New(rand.NewPCG(layout, 3))
		doc := m.document()
		if m.r.IntN(2) == 0 {
			doc = m.mutate(doc)
		}
		want := valid(doc)
		looseShape.shapes.lit = -1
		a, an := verdict(looseShape, doc)
		if a && looseShape.shapes.lit == -1 { // otherwise it would have begun to learn
			shapes++
		}
		b, bn := verdict(looseKey, doc)
		if a != want || b != want || an != bn {
			t.Fatalf("%q: by shape %v (%d rows), any order %v (%d rows), encoding/json %v", doc, a, an, b, bn, want)
		}
		if want {
			good++
		}
		x, y := columnsOf(byShape, doc), columnsOf(byKey, doc)
		if !reflect.DeepEqual(x, y) {
			t.Fatalf("%q: by shape\n%v\nany order\n%v", doc, x, y)
		}
		if x.err == "" {
			taken++
		}
	}
	t.Logf("%d documents, %d valid, %d with values of the right types, %d read by shape", docs, good, taken, shapes)
	if good < docs/4 || good > docs*9/10 || taken < docs/5 || shapes < docs/8 {
		t.Error("the documents do not try what they should")
	}
}

type outcome struct {
	rows []string
	err  string
}

// columnsOf decodes doc between two good rows and shows what came of it. The rows around it must not change.
func columnsOf(d *decoder, doc []byte) outcome {
	b := stream.NewPool(d.plan.want, 64, 1).TryGet()
	var errs stream.RowErrors
	recs := rawRecords(`{"a":7,"bb":"before"}`, string(doc), `{"a":8,"bb":"after"}`)
	from := d.Decode(b, recs, nil, &errs)
	var out outcome
	for i := range b.N {
		out.rows = append(out.rows, fmt.Sprint(from[i])+string(AppendJSONRow(nil, b, i)))
	}
	for _, e := range errs.List {
		out.err += fmt.Sprint(e.Row) + e.Msg
	}
	for i, c := range b.Cols {
		if c.Len() != b.N {
			out.err += fmt.Sprintf("column %d has %d rows of %d", i, c.Len(), b.N)
		}
	}
	return out
}

// TestHostile: nothing that a stranger sends takes more memory than a small multiple of its size, or more time than it
// takes to look at it; the times are in the log.
func TestHostile(t *testing.T) {
	fields := anyFields()
	scale := 1
	if testing.Short() {
		scale = 32
	}
	rep := func(s string, n int) string {
		if n > maxRows {
			n = max(n/scale, maxRows+1)
		}
		return strings.Repeat(s, n)
	}
	docs := map[string]string{
		"arrays":          `{"list":` + rep("[", 1<<20),
		"objects":         rep(`{"row":`, 1<<18),
		"unknown objects": `{"u":` + rep(`{"a":`, 1<<18),
		"closed arrays":   `{"u":` + rep("[", 1<<19) + rep("]", 1<<19) + "}",
		"nested text":     `{"bb":` + rep("[", 1<<20),
		"long text":       `{"bb":"` + rep("abcdefgh", 8<<20) + `"}`,
		"long open text":  `{"bb":"` + rep("abcdefgh", 8<<20),
		"long escapes":    `{"bb":"` + rep(`\u00e9`, 4<<20) + `"}`,
		"long utf8":       `{"u":"` + rep("é", 16<<20) + `"}`,
		"long skipped":    `{"u":"` + rep("x", 64<<20) + `"}`,
		"digits int":      `{"a":` + rep("9", 1<<20) + `}`,
		"digits double":   `{"row":{"z":{"f":` + rep("9", 1<<20) + `}}}`,
		"digits fraction": `{"row":{"z":{"f":0.` + rep("1", 1<<20) + `}}}`,
		"digits decimal":  `{"dec":` + rep("9", 1<<20) + `.` + rep("9", 1<<20) + `}`,
		"exponent":        `{"dec":1e` + rep("9", 1<<20) + `}`,
		"exponent int":    `{"a":1e999999999,"dec":1e-999999999}`,
		"negative zeros":  `{"dec":-0.` + rep("0", 1<<20) + `1}`,
		"keys":            `{` + rep(`"k":1,`, 1<<20) + `"k":1}`,
		"equal keys":      `{"map":{` + rep(`"k":1,`, 1<<18) + `"k":1}}`,
		"many elements":   `{"list":[` + rep(`1,`, 1<<20) + `1]}`,
		"rows":            `[` + rep(`{"a":1},`, maxRows-1) + `{}]`,
		"too many rows":   `[` + rep(`{},`, 20<<20) + `{}]`,
		"spaces":          `{` + rep(" ", 16<<20) + `}`,
		"long key":        `{"` + rep("k", 16<<20) + `":1}`,
		"shapes":          `{"` + rep("k", 60000) + `":1,"` + rep("k", 60000) + `":1}`,
	}
	d := testDecoder(t, fields, stream.Flatten(fields))
	for name, doc := range docs {
		recs := rawRecords(doc)
		b := stream.NewPool(d.plan.want, 64, 1).TryGet()
		var errs stream.RowErrors
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		d.Decode(b, recs, nil, &errs)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		if strings.HasSuffix(name, "rows") && (errs.Len() == 0) != (name == "rows") {
			t.Errorf("%s: %v", name, errs.List)
		}
		used := after.TotalAlloc - before.TotalAlloc
		// Columns grow by doubling at most; an element of a list is an offset beside its text, a row a value in each column.
		if limit := uint64(16*len(doc) + 1<<20 + 40*b.N*len(b.Cols)); used > limit {
			t.Errorf("%s: %d bytes took %d bytes of memory, more than %d", name, len(doc), used, limit)
		}
		t.Logf("%-16s %9d bytes, %9d bytes of memory, %v", name, len(doc), used, took)
	}
	if cap(d.text)+cap(d.own) > 2*keepText {
		t.Errorf("keeps %d bytes", cap(d.text)+cap(d.own))
	}
}

// TestNoSlack: the last record may end with the buffer.
func TestNoSlack(t *testing.T) {
	d := testDecoder(t, vString, stream.Flatten(vString))
	doc := []byte(`{"v":"abcdefgh"}`)
	for slackLen := range 9 {
		buf := append(bytes.Clone(doc), make([]byte, slackLen)...)
		recs := &operators.RawRecords{Buf: buf[: len(doc)+slackLen : len(doc)+slackLen], Start: []uint32{0, operators.NullRecord, 3, 0}, End: []uint32{uint32(len(doc)), 0, 3, uint32(len(doc))}}
		b := stream.NewPool(d.plan.want, 64, 1).TryGet()
		var errs stream.RowErrors
		from := d.Decode(b, recs, nil, &errs)
		if errs.Len() > 0 || !reflect.DeepEqual(from, []uint32{0, 3}) || string(b.Cols[0].Bytes) != "abcdefghabcdefgh" {
			t.Errorf("slack %d: %v %v %q", slackLen, errs.List, from, b.Cols[0].Bytes)
		}
	}
}
