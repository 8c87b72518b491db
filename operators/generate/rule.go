package generate

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/internal/nearest"
	"flowd/operators"
	"flowd/stream"
)

// ruleDoc describes the rules that parseRule reads.
const ruleDoc = "Rules: `sequence from 1 by 1` (integers), `1..100` (numbers, dates, times, timestamps), `of red, green, blue` (any type but lists), " +
	"`~20` or `20` or `5..20` (length of a text, of bytes, or of a list), `uuid` (text), `true 30%` (boolean), " +
	"`every 10ms` or `every 10ms late 2s` (timestamps that rise by so much a row, out of order by up to the second). " +
	"Each may end with `null 10%`, the share of NULLs; nested fields are named with dots."

// how says what makes the values of a column.
type how uint8

const (
	byRange    how = iota + 1 // lo..hi of integers, decimals and times, flo..fhi of floats
	bySequence                // lo + row·step
	byList                    // one of list
	byLength                  // lo..hi letters, bytes or elements
	byUUID
	byShare // TRUE with a share
	byClock // the row's time + row·step, if every was written, less up to late
)

// rule is how the values of one column are made. It is immutable.
type rule struct {
	name string
	typ  stream.Type
	how  how
	key  uint64 // stream of the values
	null uint64 // NULL if a random number is below; 0: never

	lo, hi     dec.Dec
	flo, fhi   float64
	step, late int64 // byClock: µs, step 0 for the source's own
	list       []value
	share      uint64
	elems      []*rule // of the leaves of a list's elements
}

// value is one of the values a user listed: only what the type needs counts.
type value struct {
	d dec.Dec
	f float64
	s string
}

// rules makes the rules of the columns of env.Rows, and checks all that were written.
func (ps *problems) rules(cfg *operators.Config, seed int64, env operators.SourceEnv) []*rule {
	known := env.Rows
	if env.Declared != nil {
		known = stream.Flatten(env.Declared)
	}
	written := map[string]*rule{}
	var names []string
	for _, c := range known.Columns {
		names = append(names, c.Name)
	}
	for _, e := range cfg.Get("datagen").Dict {
		i := known.Index(e.Name)
		if i < 0 {
			ps.add(e.NameAt, codeField, nearest.Hint(e.Name, names), "datagen has a rule for %s, which is no field of the schema", e.Name)
			continue
		}
		r, err := parseRule(e.Name, known.Columns[i].Type, e.Value.Text, seed)
		if err != nil {
			ps.add(e.Value.At, codeRule, err.hint, "the rule of %s: %s", e.Name, err.msg)
			continue
		}
		written[e.Name] = r
	}
	var out []*rule
	for _, c := range env.Rows.Columns {
		r := written[c.Name]
		if r == nil {
			r = defaultRule(c.Name, c.Type, seed)
		}
		out = append(out, r)
	}
	return out
}

// ruleError says what is wrong with a rule, and what to do.
type ruleError struct{ msg, hint string }

func wrong(hint, format string, args ...any) *ruleError {
	return &ruleError{fmt.Sprintf(format, args...), hint}
}

// forms lists the rules that a type may have, for messages.
func forms(t stream.Type) string {
	switch {
	case t.IsInteger():
		return "use sequence, 1..100, or of 1, 2, 3"
	case t.IsNumeric():
		return "use 1..100, or of 1, 2.5"
	case t.IsTimestamp():
		return "use every 10ms, every 10ms late 2s, 2026-01-01..2026-02-01, or of …"
	}
	switch t.ID {
	case stream.Boolean:
		return "use true 30%"
	case stream.Date:
		return "use 2026-01-01..2026-12-31, or of …"
	case stream.Time:
		return "use 08:00..17:30, or of …"
	case stream.Array, stream.Map:
		return "use a number of elements: 3, or 0..5"
	case stream.Bytes:
		return "use a length: 20, ~20 or 5..20; or of a, b"
	}
	return "use of red, green; uuid; or a length: 20, ~20 or 5..20"
}

// parseRule reads a rule for the field called name of type t. An empty one is the default.
func parseRule(name string, t stream.Type, text string, seed int64) (*rule, *ruleError) {
	r := defaultRule(name, t, seed)
	text = strings.TrimSpace(text)
	if base, percent, found := cutLast(text, "null "); found {
		share, ok := parseShare(percent)
		if !ok {
			return nil, wrong("write null 10%", "null %s is no share", percent)
		}
		if t.NotNull && share > 0 {
			return nil, wrong("declare it without not null, or leave null out", "the field is %s", t)
		}
		text, r.null = base, share
	}
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case text == "":
		return r, nil
	case word == "of":
		return r, r.parseList(rest)
	case word == "sequence" && t.IsInteger():
		return r, r.parseSequence(rest)
	case word == "uuid" && rest == "" && t.ID == stream.String:
		r.how = byUUID
		return r, nil
	case word == "true" && t.ID == stream.Boolean:
		share, ok := parseShare(rest)
		if !ok {
			return nil, wrong("write true 30%", "true %s is no share", rest)
		}
		r.how, r.share = byShare, share
		return r, nil
	case word == "every" && t.IsTimestamp():
		return r, r.parseEvery(rest)
	case t.Kind() == stream.KindBytes || t.Kind() == stream.KindList:
		return r, r.parseLength(text)
	case strings.Contains(text, "..") && t.ID != stream.Boolean:
		return r, r.parseRange(text)
	}
	return nil, wrong(forms(t), "%q is no rule for a field of type %s", text, t.Nullable())
}

// cutLast splits text before the last word, if that follows sep.
func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 || i > 0 && text[i-1] != ' ' || !strings.HasSuffix(text, "%") {
		return text, "", false
	}
	return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+len(sep):]), true
}

// parseShare reads 10% or 0.5% as a part of 2⁶⁴.
func parseShare(s string) (uint64, bool) {
	number, found := strings.CutSuffix(s, "%")
	f, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || !(f >= 0 && f <= 100) {
		return 0, false
	}
	if f == 100 {
		return math.MaxUint64, true
	}
	return uint64(f / 100 * (1 << 63) * 2), true
}

// parseSequence reads what follows sequence: from N, by N.
func (r *rule) parseSequence(s string) *ruleError {
	r.how, r.lo, r.step = bySequence, dec.Dec{}, 1
	words := strings.Fields(s)
	for ; len(words) >= 2; words = words[2:] {
		n, err := strconv.ParseInt(words[1], 10, 64)
		switch {
		case err != nil:
			return wrong("write sequence from 1 by 1", "%q is no integer", words[1])
		case words[0] == "from":
			r.lo = dec.FromInt64(n)
		case words[0] == "by":
			r.step = n
		default:
			return wrong("write sequence from 1 by 1", "%q has no meaning after sequence", words[0])
		}
	}
	if len(words) > 0 {
		return wrong("write sequence from 1 by 1", "%q has no meaning after sequence", words[0])
	}
	return nil
}

// parseEvery reads what follows every: D, or D late D.
func (r *rule) parseEvery(s string) *ruleError {
	every, late, hasLate := strings.Cut(s, " late ")
	step, ok := parseDuration(strings.TrimSpace(every))
	if !ok {
		return wrong("write every 10ms", "%q is no duration", every)
	}
	r.how, r.step = byClock, max(step.Microseconds(), 1)
	if hasLate {
		d, ok := parseDuration(strings.TrimSpace(late))
		if !ok {
			return wrong("write every 10ms late 2s", "%q is no duration", late)
		}
		r.late = d.Microseconds()
	}
	return nil
}

// parseLength reads 20, ~20 (give or take a fifth) or 5..20.
func (r *rule) parseLength(s string) *ruleError {
	const most = 1 << 20
	about := strings.HasPrefix(s, "~")
	from, to, isRange := strings.Cut(strings.TrimPrefix(s, "~"), "..")
	if !isRange {
		to = from
	}
	lo, err1 := strconv.Atoi(strings.TrimSpace(from))
	hi, err2 := strconv.Atoi(strings.TrimSpace(to))
	if err1 != nil || err2 != nil || about && isRange {
		return wrong(forms(r.typ), "%q is no rule for a field of type %s", s, r.typ.Nullable())
	}
	if lo < 0 || hi < lo || hi > most {
		return wrong("write a length from 0 to 1048576, the smaller one first", "%q is no length", s)
	}
	if about {
		fifth := (lo + 2) / 5
		lo, hi = lo-fifth, hi+fifth
	}
	r.how, r.lo, r.hi = byLength, dec.FromInt64(int64(lo)), dec.FromInt64(int64(hi))
	return nil
}

// parseRange reads lo..hi.
func (r *rule) parseRange(s string) *ruleError {
	from, to, _ := strings.Cut(s, "..")
	lo, err := parseValue(r.typ, strings.TrimSpace(from))
	if err != nil {
		return err
	}
	hi, err := parseValue(r.typ, strings.TrimSpace(to))
	if err != nil {
		return err
	}
	r.how, r.lo, r.hi, r.flo, r.fhi = byRange, lo.d, hi.d, lo.f, hi.f
	if hi.d.Cmp(lo.d) < 0 || hi.f < lo.f {
		return wrong("write the smaller one first", "%s is more than %s", strings.TrimSpace(from), strings.TrimSpace(to))
	}
	return nil
}

// parseList reads values separated by commas.
func (r *rule) parseList(s string) *ruleError {
	if r.typ.Kind() == stream.KindList || s == "" {
		return wrong(forms(r.typ), "of needs values separated by commas, and a field that is no list")
	}
	r.how = byList
	for part := range strings.SplitSeq(s, ",") {
		v, err := parseValue(r.typ, strings.TrimSpace(part))
		if err != nil {
			return err
		}
		r.list = append(r.list, v)
	}
	return nil
}

// integerBits is the size of the integer types.
var integerBits = map[stream.TypeID]int{stream.TinyInt: 8, stream.SmallInt: 16, stream.Int: 32, stream.BigInt: 64}

// parseValue reads a value of type t.
func parseValue(t stream.Type, s string) (value, *ruleError) {
	bad := wrong("", "%q is no value of type %s", s, t.Nullable())
	switch t.ID {
	case stream.Boolean:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return value{}, bad
		}
		return value{d: dec.FromInt64(map[bool]int64{true: 1}[b])}, nil
	case stream.TinyInt, stream.SmallInt, stream.Int, stream.BigInt:
		n, err := strconv.ParseInt(s, 10, integerBits[t.ID])
		if err != nil {
			return value{}, bad
		}
		return value{d: dec.FromInt64(n)}, nil
	case stream.Float, stream.Double:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return value{}, bad
		}
		return value{f: f}, nil
	case stream.Decimal:
		d, st := dec.Parse([]byte(s), int(t.Precision), int(t.Scale))
		if st != dec.OK {
			return value{}, bad
		}
		return value{d: d}, nil
	case stream.Date:
		days, n, ok := civil.ParseDate([]byte(s))
		if !ok || n != len(s) {
			return value{}, bad
		}
		return value{d: dec.FromInt64(days)}, nil
	case stream.Time:
		us, n, ok := civil.ParseTime([]byte(s))
		if !ok || n != len(s) {
			return value{}, bad
		}
		return value{d: dec.FromInt64(civil.TruncPrecision(us, int(t.Precision)) / 1000)}, nil
	case stream.Timestamp, stream.TimestampLTZ:
		us, ok := parseInstant(s)
		if !ok {
			return value{}, bad
		}
		return value{d: dec.FromInt64(civil.TruncPrecision(us, int(t.Precision)))}, nil
	case stream.String, stream.Bytes:
		return value{s: s}, nil
	}
	return value{}, bad
}

// defaultRule is how a field without a rule is made: small numbers, short words, TRUE as often as FALSE, the day or time of
// the row, lists of up to three elements; never NULL.
func defaultRule(name string, t stream.Type, seed int64) *rule {
	r := &rule{name: name, typ: t, key: keyOf(seed, name)}
	between := func(lo, hi int64) { r.how, r.lo, r.hi = byRange, dec.FromInt64(lo), dec.FromInt64(hi) }
	switch t.ID {
	case stream.Boolean:
		r.how, r.share = byShare, 1<<63
	case stream.TinyInt:
		between(0, 99)
	case stream.SmallInt, stream.Int, stream.BigInt:
		between(0, 999)
	case stream.Float, stream.Double:
		r.how, r.fhi = byRange, 1
	case stream.Decimal: // up to 999 if there is room
		r.how, r.hi = byRange, dec.Pow10Wide(min(int(t.Precision), int(t.Scale)+3))
		r.hi, _ = dec.Sub(r.hi, dec.FromInt64(1))
	case stream.Date, stream.Timestamp, stream.TimestampLTZ:
		r.how = byClock
	case stream.Time:
		between(0, 24*60*60*1000-1)
	case stream.String, stream.Bytes:
		r.how, r.lo, r.hi = byLength, dec.FromInt64(5), dec.FromInt64(12)
	case stream.Array, stream.Map:
		r.how, r.hi = byLength, dec.FromInt64(3)
		if t.ID == stream.Map {
			r.elems = append(r.elems, defaultRule(name+"{key}", *t.Key, seed))
		}
		for _, leaf := range stream.Flatten([]stream.Field{{Name: "", Type: *t.Elem}}).Columns {
			r.elems = append(r.elems, defaultRule(name+"[]"+leaf.Name, leaf.Type, seed))
		}
	}
	return r
}
