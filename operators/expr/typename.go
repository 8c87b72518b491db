package expr

import (
	"fmt"
	"strconv"
	"strings"

	"flowd/internal/nearest"
	"flowd/stream"
)

// ParseType reads a type as schemas and CAST write it: decimal(10,2) not null, array<string>, map<string,int>,
// timestamp(3). Names may be in any case. Precision defaults to 3 for timestamp and timestamp_ltz, to 0 for time and
// to (10,0) for decimal. Types of rows are written as nested maps in YAML and are not read here.
func ParseType(text string) (stream.Type, *Error) {
	p, err := newParser(text)
	if err != nil {
		return stream.Type{}, err
	}
	t, err := p.nullableType()
	if err == nil && p.peek().kind != tokEnd {
		err = p.typeError(p.peek(), "a type is written decimal(10,2) or decimal(10,2) not null", "unexpected %s after the type", p.peek().describe())
	}
	if len(p.lex.errs) > 0 {
		err = p.lex.errs[0]
	}
	if err != nil {
		return stream.Type{}, err
	}
	return t, nil
}

var typeIDs = map[string]stream.TypeID{
	"BOOLEAN": stream.Boolean, "TINYINT": stream.TinyInt, "SMALLINT": stream.SmallInt, "INT": stream.Int, "BIGINT": stream.BigInt,
	"FLOAT": stream.Float, "DOUBLE": stream.Double, "DECIMAL": stream.Decimal, "STRING": stream.String, "BYTES": stream.Bytes,
	"DATE": stream.Date, "TIME": stream.Time, "TIMESTAMP": stream.Timestamp, "TIMESTAMP_LTZ": stream.TimestampLTZ,
	"ARRAY": stream.Array, "MAP": stream.Map,
}

// typeNames lists the types for messages, in the order of the reference.
var typeNames = []string{
	"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "bytes",
	"date", "time", "timestamp", "timestamp_ltz", "array", "map",
}

// typeAliases are names of types in other systems.
var typeAliases = map[string]string{
	"VARCHAR": "string", "CHAR": "string", "CHARACTER": "string", "TEXT": "string", "STR": "string", "NVARCHAR": "string", "UUID": "string", "JSON": "string",
	"INTEGER": "int", "INT4": "int", "INT32": "int", "UINT32": "bigint", "SERIAL": "int", "INT8": "bigint", "INT64": "bigint", "LONG": "bigint", "UINT64": "decimal(20,0)",
	"BYTE": "tinyint", "SHORT": "smallint", "INT2": "smallint", "INT16": "smallint", "BOOL": "boolean", "BIT": "boolean",
	"REAL": "float", "FLOAT4": "float", "FLOAT32": "float", "FLOAT8": "double", "FLOAT64": "double", "NUMBER": "decimal(p,s)", "NUMERIC": "decimal(p,s)", "DEC": "decimal(p,s)",
	"BINARY": "bytes", "VARBINARY": "bytes", "BLOB": "bytes", "BYTEA": "bytes", "DATETIME": "timestamp", "TIMESTAMPTZ": "timestamp_ltz",
	"LIST": "array<t>", "DICT": "map<k,v>", "ROW": "a nested map of fields", "STRUCT": "a nested map of fields", "RECORD": "a nested map of fields",
}

func (p *parser) typeError(t token, hint, format string, args ...any) *Error {
	return &Error{Off: t.off, Len: t.end - t.off, Code: CodeType, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// nullableType reads a type with an optional NOT NULL.
func (p *parser) nullableType() (stream.Type, *Error) {
	t, err := p.parseType()
	if err != nil {
		return t, err
	}
	if p.word("NOT") {
		if w := p.take(); !w.isWord("NULL") {
			return t, p.typeError(w, "write not null", "expected null after not, found %s", w.describe())
		}
		t.NotNull = true
	}
	return t, nil
}

func (p *parser) parseType() (stream.Type, *Error) {
	defer func() { p.depth-- }()
	if p.enter(); p.dead {
		return stream.Type{}, p.lex.errs[len(p.lex.errs)-1]
	}
	w := p.take()
	if w.kind != tokName {
		return stream.Type{}, p.typeError(w, "the types are "+strings.Join(typeNames, ", "), "expected the name of a type, found %s", w.describe())
	}
	id, ok := typeIDs[w.upper]
	if !ok {
		return stream.Type{}, p.unknownType(w)
	}
	t := stream.Type{ID: id}
	var err *Error
	switch id {
	case stream.Decimal:
		err = p.decimalArgs(&t)
	case stream.Time:
		err = p.precision(&t, w, 0, 3, "time of day is kept in milliseconds: 0 to 3")
	case stream.Timestamp, stream.TimestampLTZ:
		err = p.precision(&t, w, 3, 6, "flowd keeps microseconds: 0 to 6")
	case stream.Array, stream.Map:
		err = p.elements(&t, w)
	default:
		if p.peek().isOp("(") {
			hint := ""
			if id == stream.Double || id == stream.Float {
				hint = "for a fixed number of decimals use decimal(p,s)"
			}
			err = p.typeError(p.peek(), hint, "%s has no length or precision", strings.ToLower(w.text))
		}
	}
	return t, err
}

func (p *parser) unknownType(w token) *Error {
	hint := "the types are " + strings.Join(typeNames, ", ")
	if a, ok := typeAliases[w.upper]; ok {
		hint = "write " + a
		if strings.HasSuffix(w.upper, "CHAR") && p.peek().isOp("(") {
			hint = "write string, which has no length; SUBSTRING cuts"
		}
	} else if near := nearest.Name(strings.ToLower(w.text), typeNames); near != "" {
		hint = "did you mean " + near + "?"
	}
	return p.typeError(w, hint, "unknown type %s", shorten(w.text))
}

// number reads a whole number within a type.
func (p *parser) typeNumber() (int, token, *Error) {
	t := p.take()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokNumber || err != nil {
		return 0, t, p.typeError(t, "", "expected a whole number, found %s", t.describe())
	}
	return n, t, nil
}

func (p *parser) closing(op string) *Error {
	if t := p.take(); !t.isOp(op) {
		return p.typeError(t, "", "expected %s, found %s", op, t.describe())
	}
	return nil
}

func (p *parser) decimalArgs(t *stream.Type) *Error {
	t.Precision = 10
	if !p.op("(") {
		return nil
	}
	n, at, err := p.typeNumber()
	if err != nil {
		return err
	}
	if n < 1 || n > 38 {
		return p.typeError(at, "precision, the number of digits, is 1 to 38", "decimal precision %s is out of range", at.text)
	}
	t.Precision = uint8(n)
	if p.op(",") {
		s, at, err := p.typeNumber()
		if err != nil {
			return err
		}
		if s > n {
			return p.typeError(at, "the scale, digits after the point, is 0 to the precision", "decimal scale %s is larger than precision %d", at.text, n)
		}
		t.Scale = uint8(s)
	}
	return p.closing(")")
}

func (p *parser) precision(t *stream.Type, w token, standard, most int, hint string) *Error {
	t.Precision = uint8(standard)
	if !p.op("(") {
		return nil
	}
	n, at, err := p.typeNumber()
	if err != nil {
		return err
	}
	if n > most {
		return p.typeError(at, hint, "precision %s of %s is out of range", at.text, strings.ToLower(w.text))
	}
	t.Precision = uint8(n)
	return p.closing(")")
}

func (p *parser) elements(t *stream.Type, w token) *Error {
	how := map[stream.TypeID]string{stream.Array: "write array<string>", stream.Map: "write map<string,int>"}[t.ID]
	if at := p.peek(); !p.op("<") {
		return p.typeError(w, how, "%s needs the type of its elements, found %s", strings.ToLower(w.text), at.describe())
	}
	if t.ID == stream.Map {
		key, err := p.nullableType()
		if err != nil {
			return err
		}
		if key.ID == stream.Array || key.ID == stream.Map {
			return p.typeError(w, "keys are scalars", "a map cannot have %s keys", key)
		}
		t.Key = &key
		if at := p.peek(); !p.op(",") {
			return p.typeError(at, how, "a map needs the type of its values, found %s", at.describe())
		}
	}
	elem, err := p.nullableType()
	if err != nil {
		return err
	}
	t.Elem = &elem
	return p.closing(">")
}
