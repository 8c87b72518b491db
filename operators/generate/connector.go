package generate

import (
	"fmt"
	"strings"
	"time"

	"flowd/internal/civil"
	"flowd/internal/nearest"
	"flowd/operators"
	"flowd/stream"
)

// Codes of problems with the settings of the source.
const (
	codeSetting = "F050" // a combination or value that makes no sense
	codeRule    = "F051" // a datagen rule that cannot be read, or does not fit its field
	codeField   = "F052" // a rule or column for a field that is not there
)

// Connector describes the source to the pipeline.
func Connector() operators.Connector { return connector(time.Now) }

func connector(now func() time.Time) operators.Connector {
	return operators.Connector{
		Name: "generate",
		Doc:  "Makes up rows: a table of the Nexmark benchmark, or any schema by rules; the same rows for the same seed.",
		Source: &operators.SourceType{
			Config: configField(),
			Schema: knownSchema,
			New: func(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
				return newSource(cfg, env, now)
			},
			NoFormat: true,
		},
	}
}

func configField() operators.Field {
	return operators.Field{
		Name: "generate", Type: operators.Object, Bare: "nexmark", Example: "{nexmark: bids, rate: 10000}", Flink: "connector = datagen",
		Doc: "Makes up rows. Exactly one of nexmark and datagen says which.",
		Fields: []operators.Field{
			{
				Name: "nexmark", Type: operators.Enum, Enum: tableNames(), Example: "bids",
				Doc: "The table of the Nexmark benchmark to make. Schema and event time (date_time) are known; the tables of one seed fit together.",
			},
			{
				Name: "datagen", Type: operators.Dict, Elem: &operators.Field{Name: "rule", Type: operators.Text}, Example: "{id: sequence from 1, amount: 1..500 null 2%, color: 'of red, green, blue', note: ~20}",
				Doc: "A rule for each field of the schema that shall not have its type's default. " + ruleDoc,
			},
			{
				Name: "seed", Type: operators.Integer, Default: "42", Example: "7",
				Doc: "Number that decides all values. The same seed gives the same rows whatever rate, parallelism and batch size are.",
			},
			{
				Name: "count", Type: operators.Integer, Example: "1000000", Flink: "number-of-rows",
				Doc: "Rows to make, of this table and over all readers; without it rows never end.",
			},
			{
				Name: "rate", Type: operators.Integer, Example: "10000", Flink: "rows-per-second",
				Doc: "Rows a second, of this table and over all readers; without it as fast as the pipeline takes them.",
			},
			{
				Name: "burst", Type: operators.Integer, Example: "200000",
				Doc: "Rows to make at once at the start, before rate applies.",
			},
			{
				Name: "start", Type: operators.Instant, Default: "2026-01-01", Example: "now",
				Doc: "Event time of the first row. Each following event is 0.1 ms later (a row of datagen 1 ms); with now, or now-1h, and a rate event time goes as fast as the clock, and a burst lies before it.",
			},
		},
	}
}

func knownSchema(cfg *operators.Config) *operators.KnownSchema {
	t := tableNamed(cfg.String("nexmark"))
	if t == nil {
		return nil
	}
	return &operators.KnownSchema{Fields: t.fields(), Time: timeColumn} // no watermark delay: rows are in order
}

func newSource(cfg *operators.Config, env operators.SourceEnv, now func() time.Time) (stream.Source, []operators.Problem) {
	var ps problems
	s := &source{needTime: env.NeedTime, now: now}
	count, rate, burst := ps.positive(cfg, "count"), ps.positive(cfg, "rate"), ps.positive(cfg, "burst")
	s.count, s.pace = count, pace{rate: rate, burst: burst}
	if burst > 0 && rate == 0 {
		ps.add(cfg.Get("burst").At, codeSetting, "write rate, or leave burst out", "burst has no meaning without rate: all rows are made as fast as possible")
	}
	begin, ok := parseStart(cfg.String("start"))
	if !ok {
		ps.add(cfg.Get("start").At, codeSetting, "write an instant such as 2026-01-01T00:00:00Z or 2026-01-01, or now, or now-6h", "start: %q is no point in time", cfg.String("start"))
	}
	seed := cfg.Int("seed")
	switch t := tableNamed(cfg.String("nexmark")); {
	case cfg.Has("nexmark") == cfg.Has("datagen"):
		ps.add(cfg.At, codeSetting, "write nexmark: bids (or auctions, persons), or datagen: {field: rule}", "generate needs exactly one of nexmark and datagen")
	case t != nil:
		s.name = t.name
		columns := ps.columns(cfg, t, env.Rows)
		k := newKeys(seed)
		s.newFiller = func(opened time.Time) filler {
			return &nexmark{table: t, columns: columns, keys: k, clock: begin.nexmarkClock(opened, s.pace, t)}
		}
	case cfg.Has("nexmark"):
		ps.add(cfg.Get("nexmark").At, codeSetting, nearest.Hint(cfg.String("nexmark"), tableNames()), "nexmark has no table %q", cfg.String("nexmark"))
	default:
		s.name = "rows"
		columns := ps.rules(cfg, seed, env)
		s.newFiller = func(opened time.Time) filler {
			return &datagen{columns: columns, clock: begin.datagenClock(opened, s.pace)}
		}
	}
	if ps.list != nil {
		return nil, ps.list
	}
	return s, nil
}

// columns finds the makers of the columns of rows.
func (ps *problems) columns(cfg *operators.Config, t *table, rows *stream.Schema) []*maker {
	var out []*maker
	for _, c := range rows.Columns {
		m := t.column(c.Name)
		switch {
		case m == nil:
			var names []string
			for _, m := range t.makers {
				names = append(names, m.name)
			}
			ps.add(cfg.Get("nexmark").At, codeField, nearest.Hint(c.Name, names), "the %s of nexmark have no field %s", t.name, c.Name)
		case !m.typ.Same(c.Type):
			ps.add(cfg.Get("nexmark").At, codeField, "leave the schema out: it is known", "the field %s of nexmark's %s is %s, not %s", c.Name, t.name, m.typ, c.Type.Nullable())
		}
		out = append(out, m)
	}
	return out
}

// problems gathers what is wrong with a configuration.
type problems struct{ list []operators.Problem }

func (ps *problems) add(at operators.Pos, code, hint, format string, args ...any) {
	ps.list = append(ps.list, operators.Problem{Pos: at, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// positive is the number called name, 0 if it is not there.
func (ps *problems) positive(cfg *operators.Config, name string) uint64 {
	if !cfg.Has(name) {
		return 0
	}
	n := cfg.Int(name)
	if n <= 0 || n > 1<<40 {
		ps.add(cfg.Get(name).At, codeSetting, "write a number from 1 to 2^40, or leave "+name+" out", "%s: %d is out of range", name, n)
		return 0
	}
	return uint64(n)
}

// beginning is the value of start.
type beginning struct {
	ms   int64 // unless live
	live bool  // tied to the clock …
	ago  time.Duration
}

// parseStart reads an instant (UTC if it names no zone), a date, now, or now-D, where D is a duration such as 6h or 2d.
func parseStart(s string) (beginning, bool) {
	if rest, found := strings.CutPrefix(s, "now"); found {
		if rest == "" {
			return beginning{live: true}, true
		}
		rest, found = strings.CutPrefix(rest, "-")
		ago, ok := parseDuration(strings.TrimSpace(rest))
		return beginning{live: true, ago: ago}, found && ok
	}
	if us, ok := parseInstant(s); ok {
		return beginning{ms: civil.FloorMillis(us)}, true
	}
	return beginning{}, false
}

// parseInstant reads an instant or a date, in µs.
func parseInstant(s string) (us int64, ok bool) {
	if ts, ok := civil.ParseTimestamp([]byte(s)); ok {
		return ts.Micros, true
	}
	days, n, ok := civil.ParseDate([]byte(s))
	return days * civil.MicrosPerDay, ok && n == len(s)
}

// parseDuration reads 250ms, 90s, 1h30m or 2d.
func parseDuration(s string) (time.Duration, bool) {
	if days, found := strings.CutSuffix(s, "d"); found {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err == nil && !strings.ContainsAny(days, "hms") && d >= 0 && d < 1<<62/24
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && d < 1<<62/24
}

// nexmarkClock is the event time of t's events for a source that was opened at opened.
func (b beginning) nexmarkClock(opened time.Time, p pace, t *table) clock {
	c := clock{start: b.ms, num: 1000, den: eventsPerSecond}
	if b.live {
		c.start = opened.Add(-b.ago).UnixMilli()
		if p.rate > 0 { // epochEvents events come with share rows
			c.num, c.den = 1000*t.share, epochEvents*p.rate
			c.start -= int64(mulDiv(p.burst, 1000, p.rate))
		}
	}
	return c
}

// datagenClock is the event time of rows.
func (b beginning) datagenClock(opened time.Time, p pace) clock {
	c := clock{start: b.ms, num: 1, den: 1}
	if b.live {
		c.start = opened.Add(-b.ago).UnixMilli()
		if p.rate > 0 {
			c.num, c.den = 1000, p.rate
			c.start -= int64(mulDiv(p.burst, 1000, p.rate))
		}
	}
	return c
}
