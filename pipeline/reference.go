package pipeline

import (
	_ "embed" // language.md
	"fmt"
	"strings"

	"flowd/operators"
	"flowd/operators/aggregate"
	"flowd/operators/expr"
	"flowd/stream"
)

//go:embed language.md
var languageText string

// Reference is the reference page of the language in Markdown, made from the table of fields, the registry of
// functions, the types of aggregates, and language.md for what no table knows.
func Reference(reg *operators.Registry) []byte {
	var b strings.Builder
	b.WriteString("# Pipeline reference\n\nMade by `flowd docs`; `flowd schema` prints the keys for editors. The [guide](guide.md) is the way in.\n\n## Top level\n\n")
	table := language(reg)
	fieldTable(&b, &table, "")
	for _, section := range []struct{ title, key string }{{"Sources", "sources"}, {"Transforms", "transforms"}, {"Sinks", "sinks"}, {"Variables", "vars"}} {
		fmt.Fprintf(&b, "\n## %s\n\n", section.title)
		fieldTable(&b, child(&table, section.key).Elem, "")
	}
	for _, key := range []string{"kafka", "state"} {
		if f := child(&table, key); f != nil && len(f.Fields) > 0 {
			fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n", key, f.Doc)
			fieldTable(&b, f, "")
		}
	}
	b.WriteString("\n## Formats\n\n| Format | |\n|---|---|\n")
	for _, f := range reg.Formats {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f.Name, cell(f.Doc))
	}
	b.WriteString("\n")
	b.WriteString(strings.NewReplacer(
		"<!-- metadata -->\n", metadataRows(reg), "<!-- errors -->\n", errorTable(),
		"<!-- aggregates -->\n", aggregateTable(), "<!-- functions -->\n", functionTable(),
	).Replace(languageText))
	b.WriteString("\n## Codes\n\n| Code | | What to do |\n|---|---|---|\n")
	for _, c := range codes {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Code, cell(c.Title), cell(c.Advice))
	}
	return []byte(b.String())
}

// Topic is the part of the reference under a heading, in any case. known lists the headings there are.
func Topic(reg *operators.Registry, name string) (text string, known []string) {
	for _, part := range strings.Split(string(Reference(reg)), "\n## ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		title = strings.ToLower(strings.Trim(title, "`"))
		if strings.EqualFold(title, name) || strings.EqualFold(title, name+"s") {
			text += strings.TrimSpace(rest) + "\n"
		}
		known = append(known, title)
	}
	return text, known
}

func metadataRows(reg *operators.Registry) string {
	var b strings.Builder
	for _, c := range reg.Connectors {
		if c.Source == nil {
			continue
		}
		for _, m := range c.Source.Metadata {
			fmt.Fprintf(&b, "| `%s` | `%s` | metadata of a %s source |\n", m.Name, m.Type, c.Name)
		}
	}
	return b.String()
}

func errorTable() string {
	docs := map[string]string{
		"step": "the source or step", "error": "what is wrong", "raw": "the record as it was read, or the row as JSON",
		"topic": "where the record came from; of a file its name", "partition": "", "offset": "", "timestamp": "of the record, or the event time of the row",
	}
	var b strings.Builder
	b.WriteString("| Column | Type | |\n|---|---|---|\n")
	for _, c := range stream.ErrorSchema.Columns {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", c.Name, c.Type, docs[c.Name])
	}
	return b.String()
}

// aggregateTable lists what each aggregate returns of each type, as aggregate.Resolve decides.
func aggregateTable() string {
	var b strings.Builder
	b.WriteString("| Of | `COUNT` | `SUM` | `AVG` | `MIN`, `MAX` |\n|---|---|---|---|---|\n")
	for _, text := range []string{
		"tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "string", "boolean", "date", "time", "timestamp", "timestamp_ltz",
		"bytes", "array<string>",
	} {
		t, _ := expr.ParseType(text)
		fmt.Fprintf(&b, "| `%s` |", t)
		for _, f := range []string{"COUNT", "SUM", "AVG", "MIN"} {
			result := "–"
			if s, err := aggregate.Resolve(aggregate.Call{Func: f, Arg: t}); err == nil {
				result = "`" + s.Type.Nullable().String() + "`"
			}
			fmt.Fprintf(&b, " %s |", result)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func functionTable() string {
	var b strings.Builder
	b.WriteString("| Function | Result | |\n|---|---|---|\n")
	for _, f := range expr.Functions() {
		doc := f.Doc
		if len(f.Examples) > 0 {
			doc += " `" + f.Examples[0] + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(f.Usage), cell(f.Result), cell(doc))
	}
	return b.String()
}

// fieldTable lists the fields of an object, and below it those of the objects in it.
func fieldTable(b *strings.Builder, f *operators.Field, prefix string) {
	if prefix == "" {
		b.WriteString("| Key | Value | Default | |\n|---|---|---|---|\n")
	}
	for i := range f.Fields {
		fd := &f.Fields[i]
		doc := fd.Doc
		if fd.Later {
			doc += " *Not in this version.*"
		}
		if fd.Required {
			doc += " **Required.**"
		}
		if fd.Example != "" {
			doc += " Example: `" + fd.Name + ": " + fd.Example + "`"
		}
		if fd.Flink != "" {
			doc += " Flink: `" + fd.Flink + "`"
		}
		def := ""
		if fd.Default != "" && fd.Default != "{}" {
			def = "`" + fd.Default + "`"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, fd.Name, valueText(fd), def, cell(strings.TrimSpace(doc)))
		if fd.Type == operators.Object && (prefix == "" || strings.Count(prefix, ".") < 3) && f.Name != "pipeline" {
			fieldTable(b, fd, prefix+fd.Name+".")
		}
	}
}

func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ")
}

func valueText(f *operators.Field) string {
	switch f.Type {
	case operators.Text:
		return "text"
	case operators.Bool:
		return "`true`, `false`"
	case operators.Integer:
		return "number"
	case operators.Duration:
		return "duration"
	case operators.Size:
		return "size"
	case operators.Instant:
		return "instant"
	case operators.Enum:
		return "`" + strings.Join(f.Enum, "`, `") + "`"
	case operators.List:
		return "list"
	case operators.Dict:
		return "map of names"
	case expressionField:
		return "expression"
	case columnsField:
		return "column list"
	case namesField:
		return "name or list"
	case schemaField:
		return "map of fields, or a file"
	case typeField:
		return "type"
	case orderField:
		return "`name desc`"
	case operators.Object:
		if f.Bare != "" {
			return "`" + f.Bare + "`, or a map"
		}
		return "map"
	}
	return ""
}
