// Package file is the source and sink of files with one record a line, plain or compressed with gzip or zstd. It knows
// nothing of what a line holds: formats do.
package file

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"flowd/operators"
	"flowd/stream"
)

// Codes of problems with the settings.
const (
	codePath    = "F055" // a path or pattern that cannot be
	codeSetting = "F056" // a combination or value that makes no sense
)

// Connector describes the file source and sink to the pipeline.
func Connector() operators.Connector {
	return operators.Connector{
		Name: "file",
		Doc:  "Files with one record a line, plain, .gz or .zst.",
		Source: &operators.SourceType{
			Config: operators.Field{
				Name: "file", Type: operators.Object, Bare: "path", Example: "clicks/*.jsonl.gz", Flink: "connector = filesystem",
				Doc: "Reads files line by line; each file is a split. Blank lines are skipped, lines may end with CR LF, and the last one needs no line break.",
				Fields: []operators.Field{
					{
						Name: "path", Type: operators.Text, Required: true, Example: "clicks/2026-*.jsonl.gz", Flink: "path",
						Doc: "The file, or a pattern with *, ? and [a-z] for several in the order of their names, relative to the working directory. Names ending in .gz and .zst are decompressed. The files are looked for once, at the start.",
					},
					{
						Name: "follow", Type: operators.Bool, Default: "false", Example: "true",
						Doc: "Goes on reading what is appended, as tail -F does: a file that is renamed and made anew is read from the new one's start, one that gets shorter is an error. For plain files.",
					},
				},
			},
			New: newSource,
		},
		Sink: &operators.SinkType{
			Config: operators.Field{
				Name: "file", Type: operators.Object, Bare: "path", Example: "{path: alerts/, roll: 1h}", Flink: "connector = filesystem",
				Doc: "Writes files with one record a line: a single file whose rows appear as they are written, or a folder of part files that appear when they are complete.",
				Fields: []operators.Field{
					{
						Name: "path", Type: operators.Text, Required: true, Example: "alerts.jsonl.gz", Flink: "path",
						Doc: "The file; or, with a slash at the end or with roll, the folder of part files, made if need be. Relative to the working directory. Part files are called part-INSTANCE-NUMBER; a name that begins with a dot is one in progress.",
					},
					{
						Name: "roll", Type: operators.Text, Example: "1h or 128MiB", Flink: "sink.rolling-policy.rollover-interval",
						Doc: "When a part file is complete: at an age, a size, or whichever comes first (`1h or 128MiB`). Looked at when rows arrive; a part is also complete when the sink is flushed, so at the end and at each checkpoint.",
					},
					{
						Name: "compression", Type: operators.Enum, Enum: compressions, Example: "zstd", Flink: "compression",
						Doc: "Compression; by default what the end of path says (.gz, .zst), else none. Rows in a compressed file can be read once the sink is flushed.",
					},
					{
						Name: "exists", Type: operators.Enum, Enum: []string{existsFail, existsAppend, existsReplace}, Default: existsFail, Example: "append",
						Doc: "What to do at the start when the single file has content already. A folder keeps its parts, and new ones are numbered after them.",
					},
					{
						Name: "suffix", Type: operators.Text, Default: ".jsonl", Example: ".txt",
						Doc: "End of the names of part files, before that of the compression.",
					},
				},
			},
			New: newSink,
		},
	}
}

// compressions are the values of compression.
var compressions = []string{plain, gzipped, zstandard}

const (
	plain     = "none"
	gzipped   = "gzip"
	zstandard = "zstd"
)

// compressionOf is what the name of a file says.
func compressionOf(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz", ".gzip":
		return gzipped
	case ".zst", ".zstd":
		return zstandard
	}
	return plain
}

// extension is the end of the names of files with that compression.
func extension(compression string) string {
	switch compression {
	case gzipped:
		return ".gz"
	case zstandard:
		return ".zst"
	}
	return ""
}

func newSource(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
	path, at := cfg.String("path"), cfg.Get("path").At
	s := &source{path: path, follow: cfg.Bool("follow"), newDecoder: env.NewDecoder, maxLine: env.MaxRecord}
	if s.maxLine <= 0 {
		s.maxLine = maxLine
	}
	if _, err := filepath.Match(path, ""); err != nil {
		return nil, problem(at, codePath, "close the bracket, or write \\[ for a bracket in the name", "%s is no pattern", path)
	}
	if strings.HasSuffix(path, "/") || path == "" {
		return nil, problem(at, codePath, "write a file, or a pattern such as "+path+"*.jsonl", "%q names no file", path)
	}
	if s.follow && compressionOf(path) != plain {
		return nil, problem(cfg.Get("follow").At, codeSetting, "leave follow out, or read the plain file", "follow cannot wait for more of a compressed file")
	}
	return s, nil
}

func newSink(cfg *operators.Config, env operators.SinkEnv) (func() stream.Sink, []operators.Problem) {
	path, at := cfg.String("path"), cfg.Get("path").At
	o := options{path: path, exists: cfg.String("exists"), suffix: cfg.String("suffix"), newEncoder: env.NewEncoder, now: time.Now}
	if path == "" {
		return nil, problem(at, codePath, "write a file, or a folder with a slash at its end", "path is empty")
	}
	parts := strings.HasSuffix(path, "/") || cfg.Has("roll")
	if o.compression = cfg.String("compression"); o.compression == "" {
		o.compression = compressionOf(strings.TrimSuffix(path, "/"))
	}
	if !parts {
		if env.Parallelism > 1 {
			return nil, problem(at, codeSetting, "write "+path+"/ for a folder of part files, or parallelism: 1 in this sink",
				"%d instances cannot write one file", env.Parallelism)
		}
		run := &begun{}
		return func() stream.Sink { return &single{options: o, run: run} }, nil
	}
	if cfg.IsSet("exists") {
		return nil, problem(cfg.Get("exists").At, codeSetting, "leave exists out", "exists is for a single file; a folder keeps its parts")
	}
	if cfg.Has("roll") {
		var err error
		if o.roll, err = parseRoll(cfg.String("roll")); err != nil {
			return nil, problem(cfg.Get("roll").At, codeSetting, "write roll: 1h, roll: 128MiB, or roll: 1h or 128MiB", "%v", err)
		}
	}
	return func() stream.Sink { return &folder{options: o} }, nil
}

func problem(at operators.Pos, code, hint, format string, args ...any) []operators.Problem {
	return []operators.Problem{{Pos: at, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint}}
}
