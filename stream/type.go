package stream

import (
	"fmt"
	"strings"
)

// TypeID names a logical type. The zero value is no type.
type TypeID uint8

// The logical types of the pipeline language, plus Null (an untyped NULL literal) and the two interval types,
// which exist in expressions only.
const (
	NoType TypeID = iota
	Null
	Boolean
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	String
	Bytes
	Date
	Time
	Timestamp
	TimestampLTZ
	Array
	Map
	Row
	IntervalDay   // day to second, in µs
	IntervalMonth // year to month, in months
)

// Type is a logical type. Types are values: compare them with Equal, never mutate what Elem, Key or Fields point to.
type Type struct {
	ID        TypeID
	Precision uint8 // Decimal 1–38, Time 0–3, Timestamp and TimestampLTZ 0–6; for CHAR-like literals unused
	Scale     uint8 // Decimal
	NotNull   bool
	Key       *Type   // Map
	Elem      *Type   // Array, Map (its value)
	Fields    []Field // Row
}

// Field is a named type.
type Field struct {
	Name string
	Type Type
}

// Kind is how the values of a column lie in memory.
type Kind uint8

// Kinds and the slices of a Column that hold them.
const (
	KindInt64   Kind = iota + 1 // I64: boolean (0, 1), integers, date (days), time (ms of day), timestamps (µs UTC), decimal(≤18), intervals
	KindFloat64                 // F64: float (rounded to float32 after each operation), double
	KindWide                    // I64 (low word) and Hi (high word): decimal(19–38)
	KindBytes                   // Off and Bytes: string, bytes
	KindList                    // Off and Child: array (one child, or the leaf columns of a row), map (key column, then value column or columns)
)

// MaxShortDecimal is the largest precision of a decimal that is held in one int64.
const MaxShortDecimal = 18

// Kind says how values of t are held. Row has none: rows are flattened into leaf columns.
func (t Type) Kind() Kind {
	switch t.ID {
	case Boolean, TinyInt, SmallInt, Int, BigInt, Date, Time, Timestamp, TimestampLTZ, IntervalDay, IntervalMonth, Null:
		return KindInt64
	case Float, Double:
		return KindFloat64
	case Decimal:
		if t.Precision <= MaxShortDecimal {
			return KindInt64
		}
		return KindWide
	case String, Bytes:
		return KindBytes
	case Array, Map:
		return KindList
	}
	return 0
}

// Nullable is t without NOT NULL.
func (t Type) Nullable() Type { t.NotNull = false; return t }

// Required is t with NOT NULL.
func (t Type) Required() Type { t.NotNull = true; return t }

// Equal compares two types, nullability included.
func (t Type) Equal(o Type) bool { return t.NotNull == o.NotNull && t.Same(o) }

// Same compares two types without their own nullability (that of their parts counts).
func (t Type) Same(o Type) bool {
	if t.ID != o.ID || len(t.Fields) != len(o.Fields) {
		return false
	}
	switch t.ID {
	case Decimal:
		return t.Precision == o.Precision && t.Scale == o.Scale
	case Time, Timestamp, TimestampLTZ:
		return t.Precision == o.Precision
	case Array:
		return t.Elem.Equal(*o.Elem)
	case Map:
		return t.Key.Equal(*o.Key) && t.Elem.Equal(*o.Elem)
	case Row:
		for i, f := range t.Fields {
			if f.Name != o.Fields[i].Name || !f.Type.Equal(o.Fields[i].Type) {
				return false
			}
		}
	}
	return true
}

// IsInteger says whether t is one of the four integer types.
func (t Type) IsInteger() bool { return t.ID >= TinyInt && t.ID <= BigInt }

// IsNumeric says whether t is an integer, floating-point or decimal type.
func (t Type) IsNumeric() bool { return t.ID >= TinyInt && t.ID <= Decimal }

// IsTimestamp says whether t is timestamp or timestamp_ltz.
func (t Type) IsTimestamp() bool { return t.ID == Timestamp || t.ID == TimestampLTZ }

var typeNames = [...]string{
	NoType: "?", Null: "null", Boolean: "boolean", TinyInt: "tinyint", SmallInt: "smallint", Int: "int", BigInt: "bigint",
	Float: "float", Double: "double", Decimal: "decimal", String: "string", Bytes: "bytes", Date: "date", Time: "time",
	Timestamp: "timestamp", TimestampLTZ: "timestamp_ltz", Array: "array", Map: "map", Row: "row",
	IntervalDay: "interval day to second", IntervalMonth: "interval year to month",
}

// String writes t as the pipeline language does: decimal(10,2) not null.
func (t Type) String() string {
	s := typeNames[t.ID]
	switch t.ID {
	case Decimal:
		s = fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Time, Timestamp, TimestampLTZ:
		s = fmt.Sprintf("%s(%d)", s, t.Precision)
	case Array:
		s = "array<" + t.Elem.String() + ">"
	case Map:
		s = "map<" + t.Key.String() + "," + t.Elem.String() + ">"
	case Row:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ": " + f.Type.String()
		}
		s = "{" + strings.Join(parts, ", ") + "}"
	}
	if t.NotNull {
		s += " not null"
	}
	return s
}
