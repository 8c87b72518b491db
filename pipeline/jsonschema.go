package pipeline

import (
	"encoding/json"
	"strings"

	"flowd/operators"
)

// Schema is the JSON Schema (draft-07) of the language with what reg has, for editors: flat optional keys, and no
// union beyond a short form beside the object it stands for. Keys of later versions are not in it.
func Schema(reg *operators.Registry) []byte {
	table := language(reg)
	s := schemaOf(&table)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "flowd pipeline"
	s["patternProperties"] = map[string]any{"^x-": true}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("pipeline: JSON schema: " + err.Error()) // maps of strings always marshal
	}
	return append(out, '\n')
}

// variable matches a value that contains a variable, which may stand for a value of any type.
const variablePattern = `\$\{`

var (
	patterns = map[operators.FieldType]string{
		operators.Duration: `^([0-9]+(ms|s|m|h|d))+$`,
		operators.Size:     `^[0-9]+(B|KiB|MiB|GiB|TiB)$`,
		operators.Instant:  `^(now(-([0-9]+(ms|s|m|h|d))+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}.*)$`,
		operators.Integer:  `^-?[0-9]+$`,
		operators.Bool:     `^(true|false)$`,
	}
	patternHelp = map[operators.FieldType]string{
		operators.Duration: "Write a duration such as 500ms, 30s, 5m, 24h or 7d.",
		operators.Size:     "Write a size such as 20KiB or 64MiB.",
		operators.Instant:  "Write an instant such as 2026-01-01T00:00:00Z, now or now-6h.",
		operators.Integer:  "Write a whole number.",
		operators.Bool:     "Write true or false.",
	}
)

type object = map[string]any

func schemaOf(f *operators.Field) object {
	s := plainSchema(f)
	if doc := f.Doc; doc != "" {
		if f.Example != "" {
			doc += " Example: " + f.Example
		}
		s["description"] = doc
	}
	if f.Default != "" && f.Default != "{}" {
		s["default"] = f.Default
	}
	return s
}

func plainSchema(f *operators.Field) object {
	scalar := []string{"string", "number", "boolean"}
	anyOf := func(list ...any) object { return object{"anyOf": list} }
	names := object{"type": []string{"string", "array"}, "items": object{"type": scalar}}
	switch f.Type {
	case operators.Text, expressionField, typeField, orderField:
		return object{"type": scalar}
	case operators.Bool:
		return anyOf(object{"type": "boolean"}, pattern(f.Type))
	case operators.Integer:
		return anyOf(object{"type": "integer"}, pattern(f.Type))
	case operators.Duration, operators.Size, operators.Instant:
		return pattern(f.Type)
	case operators.Enum:
		values := []any{}
		for _, e := range f.Enum {
			values = append(values, e)
		}
		for alias := range synonyms[f.Name] {
			values = append(values, alias)
		}
		return anyOf(object{"enum": values}, object{"type": "string", "pattern": variablePattern})
	case namesField:
		return names
	case columnsField:
		return object{
			"type": []string{"string", "array", "object"}, "items": object{"type": []string{"string", "object"}, "additionalProperties": object{"type": scalar}},
			"additionalProperties": object{"type": scalar},
		}
	case schemaField:
		return object{"type": []string{"string", "object"}, "additionalProperties": object{"type": []string{"string", "object", "array"}}}
	case operators.List:
		return object{"type": []string{"array", "string"}, "items": schemaOf(f.Elem)}
	case operators.Dict:
		return object{"type": "object", "additionalProperties": schemaOf(f.Elem)}
	case operators.Any:
		return object{}
	}
	s := object{"type": "object", "additionalProperties": false}
	props, required := object{}, []string{}
	for i := range f.Fields {
		fd := &f.Fields[i]
		if fd.Later {
			continue
		}
		props[fd.Name] = schemaOf(fd)
		if fd.Required {
			required = append(required, fd.Name)
		}
	}
	s["properties"] = props
	if len(props) == 0 { // stdout: needs nothing behind it
		s["type"] = []string{"object", "null"}
	}
	if len(required) > 0 {
		s["required"] = required
	}
	bare := child(f, f.Bare)
	if bare == nil {
		return s
	}
	// The short form: what the bare key takes, beside the object.
	short := schemaOf(bare)
	delete(short, "default")
	delete(short, "description")
	if len(short) == 0 {
		short = object{"type": []string{"string", "number", "boolean", "array"}}
	}
	return anyOf(s, short)
}

func pattern(t operators.FieldType) object {
	return object{
		"type": "string", "pattern": "(" + patterns[t] + ")|" + variablePattern, "patternErrorMessage": patternHelp[t],
		"description": strings.TrimSuffix(patternHelp[t], "."),
	}
}
