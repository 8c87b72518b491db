package format

import (
	"fmt"

	"flowd/operators"
	"flowd/stream"
)

// CodeFormat is the code of a schema that a format cannot hold.
const CodeFormat = "F060"

// JSON is the format of one JSON object a record. The package comment says what is read and written. The type
// of a value is what its field declares, so it has no settings.
func JSON() operators.Format {
	return operators.Format{
		Name: "json",
		Doc:  "One JSON object a record, or an array of them; read strictly, converted as Flink does.",
		NewDecoder: func(cfg *operators.Config, declared []stream.Field, want *stream.Schema) (func() operators.Decoder, []operators.Problem) {
			var problems []operators.Problem
			for _, f := range declared {
				problems = append(problems, checkType(cfg, f.Name, f.Type)...)
			}
			if problems != nil {
				return nil, problems
			}
			p := newPlan(declared, want)
			return func() operators.Decoder { return newDecoder(p) }, nil
		},
		NewEncoder: func(cfg *operators.Config, rows *stream.Schema) (func() operators.Encoder, []operators.Problem) {
			var problems []operators.Problem
			for _, c := range rows.Columns {
				problems = append(problems, checkType(cfg, c.Name, c.Type)...)
			}
			if problems != nil {
				return nil, problems
			}
			p := newProgram(rows)
			return func() operators.Encoder { return &jsonEncoder{program: p} }, nil
		},
	}
}

// checkType refuses what JSON has no form for.
func checkType(cfg *operators.Config, name string, t stream.Type) []operators.Problem {
	switch t.ID {
	case stream.NoType, stream.Null, stream.IntervalDay, stream.IntervalMonth:
		return problem(cfg, fmt.Sprintf("format json cannot hold field %s of type %s", name, t.Nullable()), "convert it with CAST first")
	case stream.Array:
		return checkType(cfg, name+"[]", *t.Elem)
	case stream.Map:
		if t.Key.ID != stream.String {
			return problem(cfg, fmt.Sprintf("field %s: the keys of a JSON object are strings, not %s", name, t.Key.Nullable()),
				fmt.Sprintf("declare map<string,%s>", t.Elem))
		}
		return checkType(cfg, name+"{}", *t.Elem)
	case stream.Row:
		var out []operators.Problem
		for _, f := range t.Fields {
			out = append(out, checkType(cfg, name+"."+f.Name, f.Type)...)
		}
		return out
	}
	return nil
}

func problem(cfg *operators.Config, msg, hint string) []operators.Problem {
	p := operators.Problem{Code: CodeFormat, Msg: msg, Hint: hint}
	if cfg != nil {
		p.Pos = cfg.At
	}
	return []operators.Problem{p}
}
