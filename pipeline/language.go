package pipeline

import (
	"slices"

	"flowd/operators"
)

// Field types that exist in the pipeline language only; the decoder keeps their nodes for later.
const (
	expressionField operators.FieldType = 100 + iota // text of an expression
	columnsField                                     // a column list: names, or name: expression
	namesField                                       // one name or a list of names
	schemaField                                      // a map of fields, or the path of a file with one
	typeField                                        // text of a type
	orderField                                       // name, name asc, name desc
)

// later are the values that the language has and this version lacks, by field.
var later = map[string][]string{
	"delivery":  {"exactly_once"},
	"mode":      {"upsert"},
	"backend":   {"badger"},
	"type":      {"csv", "avro"}, // of format
	"connector": {"http", "postgres"},
}

// synonyms are values that mean another one and are accepted.
var synonyms = map[string]map[string]string{
	"backend": {"hashmap": "map"},
}

// elsewhere are values that other systems have and flowd has not, with what to write.
var elsewhere = map[string]map[string]string{
	"backend": {
		"rocksdb":                     "flowd's embedded store is badger, which this version does not have yet: write state: map",
		"memory":                      "write state: map",
		"heap":                        "write state: map",
		"MemoryStateBackend":          "it stands for state: map with checkpoint storage jobmanager; without checkpoints write state: map",
		"FsStateBackend":              "it stands for state: map with checkpoint storage filesystem; without checkpoints write state: map",
		"HashMapStateBackend":         "write state: map",
		"RocksDBStateBackend":         "it stands for state: badger with checkpoint storage filesystem, which this version does not have yet: write state: map",
		"EmbeddedRocksDBStateBackend": "it stands for state: badger, which this version does not have yet: write state: map",
	},
	"delivery": {"at-least-once": "write at_least_once", "exactly-once": "write exactly_once", "at_most_once": "write none", "at-most-once": "write none"},
	"on_error": {"ignore": "write drop: such rows are counted", "skip": "write drop", "dead_letter": "write divert, and read x.errors", "dlq": "write divert, and read x.errors"},
	"late":     {"ignore": "write drop", "emit": "write divert, and read x.late"},
}

// keysElsewhere are keys that other systems have, by the name of the object (* for any), with what to write.
var keysElsewhere = map[string]map[string]string{
	"pipeline": {
		"source": "sources", "input": "sources", "inputs": "sources", "transform": "transforms", "steps": "transforms", "processors": "transforms",
		"pipelines": "transforms", "sink": "sinks", "output": "sinks", "outputs": "sinks", "env": "vars", "variables": "vars", "job": "name", "checkpoints": "checkpoint",
		"checkpointing": "checkpoint", "state_backend": "state", "brokers": "kafka",
	},
	"step": {
		"input": "from", "inputs": "from", "source": "from", "filter": "where", "condition": "where", "project": "select", "map": "select", "columns": "select", "fields": "select",
		"key_by": "group_by", "keyBy": "group_by", "groupBy": "group_by", "partition_by": "group_by", "aggregates": "aggregate", "aggregations": "aggregate", "limit": "top",
		"allowed_lateness": "late", "remove": "drop", "event_time": "time", "timestamp": "time", "watermarks": "watermark", "topic": "kafka", "path": "file", "encoding": "format",
		"delivery_guarantee": "delivery", "guarantee": "delivery", "errors": "on_error",
	},
	"window": {"tumbling": "tumble", "sliding": "slide", "hop": "slide", "hopping": "slide", "step": "every", "advance": "every"},
	"kafka":  {"bootstrap_servers": "brokers", "bootstrap.servers": "brokers", "servers": "brokers", "ssl": "tls", "group_id": "group", "group.id": "group", "offset": "start", "offsets": "start", "auto_offset_reset": "start"},
	"sasl":   {"user": "username", "type": "mechanism"},
}

func enum(name, doc, def string, values ...string) operators.Field {
	return operators.Field{Name: name, Type: operators.Enum, Enum: values, Default: def, Doc: doc}
}

func laterField(name, doc string) operators.Field {
	return operators.Field{Name: name, Type: operators.Any, Later: true, Doc: doc}
}

// clusterField is the top-level kafka: object, the default cluster of sources and sinks: the keys that the kafka
// connector has for one of its own.
func clusterField(reg *operators.Registry) operators.Field {
	f := operators.Field{Name: "kafka", Type: operators.Object, Bare: "brokers", Doc: "The Kafka cluster that sources and sinks use unless they name their own.", Example: "broker1:9092,broker2:9092"}
	if c := reg.Connector("kafka"); c != nil && c.Source != nil {
		for _, own := range c.Source.Config.Fields {
			switch own.Name {
			case "brokers":
				own.Required = true
				f.Fields = append(f.Fields, own)
			case "tls", "sasl":
				f.Fields = append(f.Fields, own)
			}
		}
	}
	return f
}

// language is the table of the whole pipeline language, with the connectors and formats of reg.
func language(reg *operators.Registry) operators.Field {
	text := func(name, doc string) operators.Field {
		return operators.Field{Name: name, Type: operators.Text, Doc: doc}
	}
	name := text("name", "Name of the pipeline: of its job, its metrics, its consumer group.")
	name.Required, name.Example = true, "clicks_per_minute"
	dict := func(name, doc string, required bool, elem operators.Field) operators.Field {
		return operators.Field{Name: name, Type: operators.Dict, Required: required, Doc: doc, Elem: &elem}
	}
	return operators.Field{Name: "pipeline", Type: operators.Object, Fields: []operators.Field{
		{Name: "version", Type: operators.Integer, Default: "1", Doc: "Version of this language; there is only 1."},
		name,
		text("description", "What the pipeline is for."),
		clusterField(reg),
		dict("vars", "Typed constants, used as vars.name in expressions.", false, varField()),
		dict("sources", "Where rows come from.", true, sourceField(reg)),
		laterField("tables", "Rows kept up to date by key, read by lookup."),
		dict("transforms", "What is done to rows. Each step is one SQL view.", false, transformField()),
		dict("sinks", "Where rows go.", true, sinkField(reg)),
		{Name: "parallelism", Type: operators.Integer, Default: "1", Doc: "Instances of every step that does not say otherwise, 1 to 128.", Flink: "parallelism.default"},
		{Name: "state", Type: operators.Object, Bare: "backend", Default: "{}", Doc: "Where open windows are kept.", Fields: []operators.Field{
			{Name: "backend", Type: operators.Enum, Enum: []string{"map"}, Default: "map", Doc: "map keeps state in memory.", Flink: "state.backend.type"},
			{Name: "memory", Type: operators.Size, Default: "1GiB", Doc: "Most state the job may hold; over it the job stops with an error."},
			laterField("dir", "Folder of the badger backend."),
			laterField("ttl", "How long a key without new rows is kept."),
		}},
		enum("checkpoint", "Whether and how state is saved; this version cannot, so after a crash a run begins at start.", "none", "none"),
		laterField("restart", "What happens when a job fails."),
		laterField("tests", "Rows in and rows expected."),
	}}
}

// othersLater are enum fields whose every other value belongs to a later version.
var othersLater = []string{"checkpoint"}

func varField() operators.Field {
	return operators.Field{Name: "variable", Type: operators.Object, Fields: []operators.Field{
		{Name: "type", Type: typeField, Required: true, Doc: "Type of the value.", Example: "string"},
		{Name: "env", Type: operators.Text, Doc: "Environment variable to take the value from.", Example: "HOME_CURRENCY"},
		{Name: "default", Type: operators.Text, Doc: "Value when the environment variable is unset or empty.", Example: "EUR"},
	}}
}

var onError = enum("on_error", "What becomes of rows that cannot be processed: the job fails, they are dropped and counted, or they can be read as NAME.errors.", "fail", "fail", "drop", "divert")

func parallelism(doc string) operators.Field {
	return operators.Field{Name: "parallelism", Type: operators.Integer, Doc: doc + " The default is the pipeline's."}
}

func sourceField(reg *operators.Registry) operators.Field {
	f := operators.Field{Name: "source", Type: operators.Object}
	for _, c := range reg.Connectors {
		if c.Source != nil {
			conn := c.Source.Config
			conn.Name = c.Name
			conn.Doc = firstOf(conn.Doc, c.Doc)
			f.Fields = append(f.Fields, conn)
		}
	}
	f.Fields = append(f.Fields,
		formatField(reg, "How records are encoded."),
		operators.Field{Name: "schema", Type: schemaField, Doc: "The fields of a record and their types, or the path of a file with them.", Example: "{user_id: string not null, at: timestamp_ltz}"},
		operators.Field{Name: "time", Type: expressionField, Doc: "Event time: a column, or an expression, which then is the column event_time. Default: the timestamp of the record, if the connector has one.", Example: "TO_TIMESTAMP_LTZ(ts, 3)"},
		operators.Field{Name: "watermark", Type: operators.Object, Bare: "delay", Default: "{}", Doc: "How event time moves on: the largest disorder, or an object.", Fields: []operators.Field{
			{Name: "delay", Type: operators.Duration, Default: "0s", Doc: "Largest disorder of event times that makes no row late.", Flink: "WATERMARK FOR … AS … - INTERVAL"},
			{Name: "idle", Type: operators.Duration, Default: "30s", Doc: "A partition that has been caught up with the log end this long holds no window back.", Flink: "scan.watermark.idle-timeout"},
			{Name: "max_ahead", Type: operators.Duration, Default: "5m", Doc: "No record moves the watermark past the wall clock by more than this."},
			{Name: "align", Type: operators.Duration, Doc: "Largest lead in event time of one partition or source over the slowest; off when left out.", Flink: "scan.watermark.alignment.max-drift"},
		}},
		onError,
		parallelism("Number of readers."),
		operators.Field{Name: "description", Type: operators.Text, Doc: "What the source holds."},
	)
	return f
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// formatField joins the settings of all formats; the decoder refuses those of another format.
func formatField(reg *operators.Registry, doc string) operators.Field {
	f := operators.Field{Name: "format", Type: operators.Object, Bare: "type", Doc: doc, Default: "{}"}
	kind := operators.Field{Name: "type", Type: operators.Enum, Default: "json", Doc: "Name of the format."}
	for _, t := range reg.Formats {
		kind.Enum = append(kind.Enum, t.Name)
	}
	f.Fields = append(f.Fields, kind)
	for _, t := range reg.Formats {
		for _, own := range t.Fields {
			if !slices.ContainsFunc(f.Fields, func(o operators.Field) bool { return o.Name == own.Name }) {
				f.Fields = append(f.Fields, own)
			}
		}
	}
	return f
}

func transformField() operators.Field {
	columns := func(name, doc, example string) operators.Field {
		return operators.Field{Name: name, Type: columnsField, Doc: doc, Example: example}
	}
	from := operators.Field{Name: "from", Type: namesField, Doc: "Input: a source, a step, x.late or x.errors; several are a union. May be left out when only one is possible.", Example: "bids"}
	return operators.Field{Name: "transform", Type: operators.Object, Fields: []operators.Field{
		from,
		{Name: "where", Type: expressionField, Doc: "Rows for which this is not TRUE are dropped.", Example: "price > 100"},
		laterField("join", "Joins two inputs."),
		laterField("lookup", "Adds columns of a table."),
		laterField("dedup", "Keeps the first or last row of a key."),
		laterField("explode", "One row for each element of an array."),
		{Name: "window", Type: operators.Object, Doc: "Windows of event time.", Fields: []operators.Field{
			{Name: "tumble", Type: operators.Duration, Doc: "Size of windows that follow one another.", Example: "1m", Flink: "TUMBLE"},
			{Name: "slide", Type: operators.Duration, Doc: "Size of windows that overlap; needs every.", Example: "10s", Flink: "HOP"},
			{Name: "every", Type: operators.Duration, Doc: "How often a sliding window begins; divides slide.", Example: "2s"},
			laterField("session", "Gap that ends a session."),
			laterField("max", "Longest session."),
			laterField("cumulate", "Size of windows that grow."),
			laterField("count", "Number of rows of a window."),
			{Name: "offset", Type: operators.Duration, Doc: "Moves the boundaries of windows, which else count from 1970-01-01 UTC.", Default: "0s"},
			laterField("tz", "Time zone of calendar windows."),
			laterField("lateness", "Windows fire again for rows this late."),
			laterField("emit", "Early results."),
			laterField("idle_close", "Windows close by the clock when every input is silent."),
		}},
		enum("late", "What becomes of rows that come after all their windows have closed: dropped and counted, or readable as NAME.late.", "drop", "drop", "divert"),
		columns("group_by", "Columns or expressions that make a group; without them a window is one group.", "auction"),
		columns("aggregate", "Aggregates over the rows of a group and window.", "{num: COUNT(*), highest: MAX(price)}"),
		laterField("ttl", "How long a running aggregate keeps a key."),
		laterField("emit", "When rows of a running aggregate leave."),
		{Name: "having", Type: expressionField, Doc: "Aggregated rows for which this is not TRUE are dropped.", Example: "num > 10"},
		{Name: "top", Type: operators.Object, Doc: "The first rows of each window in an order.", Example: "{n: 3, by: num desc}", Fields: []operators.Field{
			{Name: "n", Type: operators.Integer, Required: true, Doc: "How many rows."},
			{Name: "by", Type: orderField, Required: true, Doc: "Column to order by: name, name asc or name desc.", Example: "num desc"},
			{Name: "per", Type: namesField, Doc: "Columns whose values are ranked apart, within each window."},
			enum("ties", "Rows equal to the last one that fits are cut or kept.", "cut", "cut", "keep"),
		}},
		columns("select", "The output columns, exactly these.", "[auction, num, window_end]"),
		columns("add", "Columns to add or replace; all others stay.", "{dollars: price * 0.908}"),
		{Name: "drop", Type: namesField, Doc: "Columns to remove.", Example: "[channel]"},
		onError,
		parallelism("Number of instances."),
		laterField("was", "Earlier name of the step, to take over its state."),
		{Name: "description", Type: operators.Text, Doc: "What the step does."},
	}}
}

func sinkField(reg *operators.Registry) operators.Field {
	f := operators.Field{Name: "sink", Type: operators.Object}
	f.Fields = append(f.Fields, operators.Field{Name: "from", Type: namesField, Doc: "Input: a step, a source, x.late or x.errors; several are a union. May be left out when only one step is read by nobody.", Example: "hot"})
	for _, c := range reg.Connectors {
		if c.Sink != nil {
			conn := c.Sink.Config
			conn.Name = c.Name
			conn.Doc = firstOf(conn.Doc, c.Doc)
			f.Fields = append(f.Fields, conn)
		}
	}
	for _, name := range later["connector"] {
		if reg.Connector(name) == nil {
			f.Fields = append(f.Fields, laterField(name, "Writes to "+name+"."))
		}
	}
	f.Fields = append(f.Fields,
		formatField(reg, "How rows are encoded."),
		enum("delivery", "at_least_once: what was read arrives, some of it perhaps twice, as long as the job is not restarted. none: rows may be lost.", "at_least_once", "at_least_once", "none"),
		enum("mode", "append writes each row.", "append", "append"),
		onError,
		parallelism("Number of writers."),
		operators.Field{Name: "description", Type: operators.Text, Doc: "Who reads it."},
	)
	return f
}
