package pipeline

import (
	"fmt"
	"strings"

	"flowd/operators"
	"flowd/operators/expr"
)

// Reference is the reference page of the language in Markdown, made from the table of fields and the registry of
// functions.
func Reference(reg *operators.Registry) []byte {
	var b strings.Builder
	b.WriteString("# Pipeline reference\n\nGenerated from the table of fields; `flowd schema` prints the same for editors.\n\n## Top level\n\n")
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
	b.WriteString("\n## Functions\n\n| Function | Result | |\n|---|---|---|\n")
	for _, f := range expr.Functions() {
		doc := f.Doc
		if len(f.Examples) > 0 {
			doc += " `" + f.Examples[0] + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(f.Usage), cell(f.Result), cell(doc))
	}
	b.WriteString("\n## Codes\n\n| Code | | What to do |\n|---|---|---|\n")
	for _, c := range codes {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Code, cell(c.Title), cell(c.Advice))
	}
	return []byte(b.String())
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
