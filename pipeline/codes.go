package pipeline

import "slices"

// CodeDoc explains a code of Diagnostic.
type CodeDoc struct {
	Code   string
	Title  string
	Advice string
}

// Codes lists all codes, in order. They are stable: a code keeps its meaning for good.
func Codes() []CodeDoc { return slices.Clone(codes) }

var codes = []CodeDoc{
	{"F001", "The file is no YAML.", "The place may be a little behind the cause: look at quotes, brackets and indentation just before it. A value that begins with * & ! % @ ` > | { or [, or holds a colon and a space, must be in quotes."},
	{"F002", "A key is written twice in one map.", "Keep one of the two; YAML would silently take the last."},
	{"F003", "The file is too large, too deep, or its aliases expand to too much.", "A pipeline is at most 1 MiB, nested at most 40 deep, and at most 200,000 values with all aliases expanded."},
	{"F004", "A part of YAML that flowd does not use: custom tags, several documents, keys that are not text, aliases of nothing.", "Write the value out, or in quotes."},
	{"F005", "A comma inside { } or [ ] cut a value in two.", "Put the value in quotes, as in {price: 'decimal(10,2)'}, or on a line of its own."},
	{"F006", "A comment stands behind an expression and may have been meant as a part of it.", "Put the expression in quotes if # belongs to it, or the comment on a line of its own."},
	{"F007", "A variable is not set, or is written wrongly.", "The forms are ${NAME}, ${NAME:-default}, ${NAME:?message} and ${file:/path}; $${ stands for ${ itself. Expressions use vars instead."},
	{"F008", "A file that the pipeline names cannot be read.", "Paths are relative to the folder of the pipeline file."},
	{"F009", "An argument of --set is wrong.", "Write --set path.to.key=value."},
	{"F010", "A key is not known here.", "`flowd schema` gives editors the list of keys; the message names the nearest."},
	{"F011", "A value is of the wrong kind: a list where text is wanted, nothing where something is.", "The message says what is wanted."},
	{"F012", "A window is described wrongly.", "Write {tumble: 1m}, or {slide: 10s, every: 2s}; every must divide slide."},
	{"F013", "Something that is needed is missing.", "Add the key that the message names."},
	{"F014", "A value is none of the possible ones.", "The message lists them."},
	{"F015", "A number, truth value or constant is wrong or out of range.", "The message says what is possible."},
	{"F016", "A duration, size or instant is written wrongly.", "Durations: 500ms 30s 5m 24h 7d. Sizes: 20KiB 64MiB. Instants: 2026-01-01T00:00:00Z, now, now-6h. A bare number is never enough."},
	{"F017", "A name is not possible.", "Names of steps are made of a–z, 0–9 and _, begin with a letter and have at most 63 characters."},
	{"F018", "A name is used twice.", "Names are unique across sources, tables and transforms."},
	{"F019", "A secret is written in the file.", "Use '${NAME}' or '${file:/run/secrets/name}', so that the file can be shown and shared."},
	{"F020", "Keys contradict each other.", "Remove one of them."},
	{"F021", "A source or sink has no connector, or one that is not known.", "Add one connector key, such as kafka: clicks."},
	{"F022", "A schema or type is wrong.", "Types: boolean tinyint smallint int bigint float double decimal(p,s) string bytes date time timestamp timestamp_ltz array<t> map<k,v>, each with an optional not null; a nested map is a row."},
	{"F023", "A setting of a connector or format is wrong.", "The message comes from the connector."},
	{"F030", "An expression is not written correctly.", "Expressions are Flink SQL scalars; text stands in single quotes. `flowd docs operators` and `flowd docs functions` list what there is."},
	{"F031", "A field is not known.", "`flowd plan` lists the columns that each step has; the message names the nearest."},
	{"F032", "A function is not known.", "`flowd docs functions` lists them, `flowd docs aggregates` those of aggregate:. There is no clock and no random value, so that a replay gives the same rows."},
	{"F033", "A value has a wrong type.", "Convert it with CAST(x AS type). Text and numbers are never compared without it."},
	{"F034", "A function has a wrong number of arguments.", "`flowd docs functions` shows how it is used."},
	{"F035", "An operator of another language.", "Use = for ==, AND for &&, OR for ||, NOT for !, 'text' for \"text\", CASE for a ? b : c, LOWER(x) LIKE for ILIKE. `flowd docs operators` lists what there is."},
	{"F036", "A constant part of an expression cannot be computed.", "It would fail for every row: mend it."},
	{"F037", "An expression is too long or nested too deeply.", "Split the step in two."},
	{"F038", "A comparison with NULL is never true.", "Write x IS NULL or x IS NOT NULL. IS [NOT] DISTINCT FROM compares two values of which either may be NULL."},
	{"F040", "kafka: no topic, or more than one way of naming it.", "Write one of topic, topics and topic_pattern."},
	{"F041", "kafka: broker addresses are missing or cannot be read.", "Write host:port, several as a list or with commas, under kafka: at the top or in the step."},
	{"F042", "kafka: topic_pattern is no regular expression.", "It is written as for Go's regexp package (RE2)."},
	{"F043", "kafka: start or stop is wrong.", "Write earliest, latest, committed, {timestamp: T}, {committed: earliest}, or {offsets: {0: 42}} for a single topic."},
	{"F044", "kafka: tls is wrong.", "Write tls: true, or {ca: , cert: , key: }; cert and key go together."},
	{"F045", "kafka: sasl is wrong.", "Write {mechanism: , username: , password: }."},
	{"F046", "kafka: a setting names a column that the rows do not have.", "`flowd plan` lists the columns that each step has."},
	{"F047", "kafka: a setting names a column of a type that it cannot use.", "A key and a header need a single value, a partition an integer."},
	{"F050", "generate: settings contradict each other or make no sense.", "Exactly one of nexmark and datagen; burst and rate go together."},
	{"F051", "generate: a rule cannot be read, or does not fit its field.", "The message lists the rules that the type may have."},
	{"F052", "generate: a rule or column for a field that is not there.", "The message names the nearest field."},
	{"F055", "file: a path or pattern that cannot be.", "A source reads a file or a pattern, a sink writes a file, or a folder with a slash at its end."},
	{"F056", "file: settings contradict each other.", "The message says what to leave out."},
	{"F060", "A format cannot hold the fields.", "raw takes one field of type string or bytes."},
	{"F070", "An input is not known.", "from names a source, a transform, or NAME.late or NAME.errors of one."},
	{"F071", "from is left out, but there is not exactly one possible input.", "Write from."},
	{"F072", "Steps read each other in a circle.", "A pipeline flows one way: take one of the inputs out."},
	{"F073", "Inputs of a union have different columns.", "Make them equal with select in a step before."},
	{"F074", "An output does not exist as the step is written.", "NAME.late needs late: divert and a window; NAME.errors needs on_error: divert."},
	{"F075", "The event time is of a wrong type.", "It must be timestamp or timestamp_ltz: use TO_TIMESTAMP_LTZ(x, 3) for milliseconds, CAST(x AS TIMESTAMP) for text."},
	{"F076", "A window needs event time, and the input has none.", "Add time: to the source."},
	{"F077", "A step or output is read by nobody.", "Its rows are computed and thrown away: read it, or remove it."},
	{"F078", "Two output columns have one name.", "Rename one: name: expression."},
	{"F079", "Aggregates, group_by, having and window do not fit together.", "aggregate and group_by go together with a window; having needs aggregate."},
	{"F080", "top is described wrongly.", "top: {n: 10, by: num desc}, in a step with a window; by names a column of the result."},
	{"F081", "A column list is written wrongly.", "Write names, or new_name: expression: select: [url, u: user, cents: price * 100]. Without select all columns stay; add adds some, drop removes some."},
	{"F082", "A sliding window starts very often.", "Each result is merged from size ÷ every slices; above 100 this is the main cost of the step."},
	{"F090", "Part of the language, but not of this version.", "It is refused, never ignored: remove it, or rewrite the step with what there is."},
}
