package operators

import (
	"slices"
	"time"

	"flowd/stream"
)

// Connector is a kind of source or sink: kafka, file, generate … Its name is the key a step is written with.
type Connector struct {
	Name string
	Doc  string // one sentence
	// Source and Sink are nil where the connector has no such end.
	Source *SourceType
	Sink   *SinkType
}

// SourceType makes sources.
type SourceType struct {
	Config Field // an Object named as the connector; its Bare key allows the short form
	// Schema gives the schema and event time of a source that knows them (generate, nexmark); nil or a nil result:
	// the user must write a schema.
	Schema func(cfg *Config) *KnownSchema
	// New checks cfg and makes the source. It opens nothing.
	New func(cfg *Config, env SourceEnv) (stream.Source, []Problem)
	// Metadata lists the columns that the source can add to its rows, such as _offset.
	Metadata []stream.ColumnDef
	// RecordTime says that its records carry a timestamp, the event time of a source without `time`.
	RecordTime bool
	// NoFormat says that rows need no format and the step may not name one.
	NoFormat bool
}

// KnownSchema is the schema a source brings along.
type KnownSchema struct {
	Fields    []stream.Field
	Time      string // event-time column, "" for none
	Watermark time.Duration
}

// SinkType makes sinks.
type SinkType struct {
	Config   Field
	New      func(cfg *Config, env SinkEnv) (func() stream.Sink, []Problem) // checks; the function makes one instance
	NoFormat bool
}

// SourceEnv is what the plan knows about a source step.
type SourceEnv struct {
	Pipeline string
	Step     string
	Cluster  *Config // the top-level kafka: object, nil if absent
	// Rows is the schema of the batches to make: first the columns that the format decodes (Fields pruned to what
	// is read), then Metadata columns that are read. Column i of a batch is Rows.Columns[i].
	Rows     *stream.Schema
	Decoded  int            // how many of Rows.Columns the format makes
	Declared []stream.Field // the schema as written, before pruning, for settings that name fields; nil: the source's own
	NeedTime bool           // set b.Time to the record's timestamp
	// NewDecoder makes a decoder for one reader. Nil for sources with NoFormat.
	NewDecoder func() Decoder
	MaxRecord  int
}

// SinkEnv is what the plan knows about a sink step.
type SinkEnv struct {
	Pipeline   string
	Step       string
	Cluster    *Config
	Rows       *stream.Schema // of the batches that will be written
	NewEncoder func() Encoder // nil for sinks with NoFormat
	Delivery   string         // at_least_once, none
	// Column finds a column for a setting such as key; ok is false for unknown names.
	Parallelism int
}

// RawRecords are undecoded records in one buffer. Record i is Buf[Start[i]:End[i]]; Start[i] == NullRecord marks
// a record without a value.
type RawRecords struct {
	Buf        []byte
	Start, End []uint32
	// Slack bytes after the last record may be read (not used): Buf has at least 8 of them.
}

// NullRecord marks in Start a record that has no value (a Kafka tombstone).
const NullRecord = ^uint32(0)

// Decoder turns raw records into rows. One goroutine uses it.
type Decoder interface {
	// Decode appends the rows of recs to the first columns of b and raises b.N. A record may hold no row (empty)
	// or several. from is appended with the index of its record for each row. Bad records append nothing to b and
	// one entry to errs, whose Row is the index of the record; Raw and the origin are filled in by the caller.
	Decode(b *stream.Batch, recs *RawRecords, from []uint32, errs *stream.RowErrors) []uint32
}

// Encoder turns rows into bytes. One goroutine uses it.
type Encoder interface {
	// Encode appends the encoding of each selected row of b to dst and its end (position in dst) to ends. Rows
	// that cannot be encoded append nothing to dst, repeat the end, and are added to errs.
	Encode(dst []byte, ends []uint32, b *stream.Batch, errs *stream.RowErrors) ([]byte, []uint32)
}

// Format is a kind of encoding: json, raw.
type Format struct {
	Name   string
	Doc    string
	Fields []Field
	// NewDecoder checks cfg and makes a factory of decoders for the wanted leaf columns (a subset of the leaves of
	// declared, in order).
	NewDecoder func(cfg *Config, declared []stream.Field, want *stream.Schema) (func() Decoder, []Problem)
	NewEncoder func(cfg *Config, rows *stream.Schema) (func() Encoder, []Problem)
}

// Registry is all that a pipeline can name. It is a value passed around, never a global.
type Registry struct {
	Connectors []Connector
	Formats    []Format
}

// Connector finds a connector by name; nil if there is none.
func (r *Registry) Connector(name string) *Connector {
	if i := slices.IndexFunc(r.Connectors, func(c Connector) bool { return c.Name == name }); i >= 0 {
		return &r.Connectors[i]
	}
	return nil
}

// Format finds a format by name; nil if there is none.
func (r *Registry) Format(name string) *Format {
	if i := slices.IndexFunc(r.Formats, func(f Format) bool { return f.Name == name }); i >= 0 {
		return &r.Formats[i]
	}
	return nil
}
