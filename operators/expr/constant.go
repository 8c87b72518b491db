package expr

import (
	"flowd/internal/dec"
	"flowd/stream"
)

// Constant is a typed value: a literal, a variable of the pipeline, or what a constant part of an expression comes to.
// Which member counts follows from Type.Kind(), as in a column.
type Constant struct {
	Type stream.Type
	Null bool
	I64  int64 // integers, booleans, times, short decimals; low word of wide decimals
	Hi   int64 // high word of wide decimals
	F64  float64
	Str  string // string and bytes
}

// Dec is the coefficient of a decimal or integer constant.
func (c Constant) Dec() dec.Dec {
	if c.Type.Kind() == stream.KindWide {
		return dec.Dec{Hi: c.Hi, Lo: uint64(c.I64)}
	}
	return dec.FromInt64(c.I64)
}

// ConstantAt is the value of row i of c, a column of type t that is no list.
func ConstantAt(t stream.Type, c *stream.Column, i int) Constant {
	v := Constant{Type: t, Null: c.IsNull(i)}
	if v.Null {
		return v
	}
	switch c.Kind {
	case stream.KindInt64:
		v.I64 = c.I64[i]
	case stream.KindWide:
		v.I64, v.Hi = c.I64[i], c.Hi[i]
	case stream.KindFloat64:
		v.F64 = c.F64[i]
	case stream.KindBytes:
		v.Str = string(c.BytesAt(i))
	}
	return v
}

// AppendTo appends the constant to a column of its type.
func (c Constant) AppendTo(col *stream.Column) {
	if c.Null {
		col.AppendNull()
		return
	}
	switch col.Kind {
	case stream.KindInt64:
		col.AppendInt64(c.I64)
	case stream.KindWide:
		col.AppendWide(c.Hi, uint64(c.I64))
	case stream.KindFloat64:
		col.AppendFloat64(c.F64)
	case stream.KindBytes:
		col.AppendString(c.Str)
	default:
		panic("expr: constant of type " + c.Type.String())
	}
}
