package pipeline

import (
	"errors"
	"fmt"
	"strconv"

	"flowd/internal/civil"
	"flowd/internal/dec"
	"flowd/operators/expr"
	"flowd/stream"
)

// constant reads text as a value of t.
func constant(t stream.Type, text string) (expr.Constant, error) {
	c := expr.Constant{Type: t.Required()}
	switch {
	case t.ID == stream.Boolean:
		if text != "true" && text != "false" {
			return c, errors.New("write true or false")
		}
		if text == "true" {
			c.I64 = 1
		}
	case t.IsInteger():
		bits := map[stream.TypeID]int{stream.TinyInt: 8, stream.SmallInt: 16, stream.Int: 32, stream.BigInt: 64}[t.ID]
		v, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return c, errors.New("it is no whole number of that size")
		}
		c.I64 = v
	case t.ID == stream.Float || t.ID == stream.Double:
		bits := 64
		if t.ID == stream.Float {
			bits = 32
		}
		v, err := strconv.ParseFloat(text, bits)
		if err != nil {
			return c, errors.New("it is no number")
		}
		c.F64 = v
	case t.ID == stream.Decimal:
		v, status := dec.Parse([]byte(text), int(t.Precision), int(t.Scale))
		if status != dec.OK {
			return c, errors.New("it is no number of that precision")
		}
		c.Hi, c.I64 = v.Hi, int64(v.Lo)
	case t.ID == stream.String || t.ID == stream.Bytes:
		c.Str = text
	case t.ID == stream.Date:
		v, n, ok := civil.ParseDate([]byte(text))
		if !ok || n != len(text) {
			return c, errors.New("write 2026-01-31")
		}
		c.I64 = v
	case t.IsTimestamp():
		v, ok := civil.ParseTimestamp([]byte(text))
		if !ok {
			return c, errors.New("write 2026-01-31 10:00:00")
		}
		c.I64 = civil.TruncPrecision(v.Micros, int(t.Precision))
	default:
		return c, fmt.Errorf("a variable cannot be of type %s", t.Nullable())
	}
	return c, nil
}
