// Package aggregate computes aggregate functions over the rows of a state table, a batch at a time. It decides what
// each function returns and how its partial result lies in lanes; it knows no windows, keys or watermarks.
//
// Partial results are exact and mergeable: sums of integers and decimals are kept with more bits than any number of
// rows needs, so that neither the order of rows nor the slices they arrived in can change a result, and whether a sum
// overflows its type is a property of the sum alone, found when it is emitted.
package aggregate

import (
	"fmt"
	"math"
	"strings"

	"flowd/state"
	"flowd/stream"
)

// Func names an aggregate function.
type Func uint8

// The aggregate functions.
const (
	Count Func = iota + 1
	Sum
	Avg
	Min
	Max
)

var funcNames = [...]string{Count: "COUNT", Sum: "SUM", Avg: "AVG", Min: "MIN", Max: "MAX"}

// String is the function's name in the pipeline language.
func (f Func) String() string { return funcNames[f] }

// Call is an aggregate call as it is written.
type Call struct {
	Func     string // in any case
	Star     bool   // COUNT(*)
	Distinct bool
	Arg      stream.Type // unless Star
	// Grouped says that every result has at least one row behind it, as with group columns or windows. Otherwise
	// only COUNT is NOT NULL.
	Grouped bool
}

// Spec is an aggregate with its types decided. It is a value; its methods may be called by many goroutines.
type Spec struct {
	Func Func
	Arg  stream.Type // NoType for COUNT(*)
	Type stream.Type // of the result
	op   op
	flip int64 // −1 for MAX: the kernels of MIN over inverted values
}

// op chooses the kernels.
type op uint8

const (
	opCountAll op = iota + 1
	opCount
	opSumInt   // integers and decimals of up to 18 digits, exact in 128 bits
	opSumWide  // wider decimals, exact in 192 bits
	opSumFloat // and AVG of floats: both need sum and count
	opAvgInt
	opAvgWide
	opMinInt // everything one int64 holds
	opMinFloat
	opMinWide
	opMinText
)

// Resolve decides types and kernels of a call. The error says what is wrong with it, without a position.
func Resolve(c Call) (Spec, error) {
	name := strings.ToUpper(c.Func)
	var f Func
	switch name {
	case "COUNT":
		f = Count
	case "SUM":
		f = Sum
	case "AVG":
		f = Avg
	case "MIN":
		f = Min
	case "MAX":
		f = Max
	case "FIRST_VALUE", "LAST_VALUE", "LISTAGG", "COLLECT", "ARRAY_AGG", "JSON_ARRAYAGG", "JSON_OBJECTAGG",
		"STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP", "APPROX_COUNT_DISTINCT":
		return Spec{}, fmt.Errorf("%s is not in this version; there are COUNT, SUM, AVG, MIN and MAX", name)
	default:
		return Spec{}, fmt.Errorf("there is no aggregate function %s; there are COUNT, SUM, AVG, MIN and MAX", name)
	}
	if c.Distinct && f != Min && f != Max {
		return Spec{}, fmt.Errorf("%s(DISTINCT …) is not in this version", name)
	}
	if c.Star && f != Count {
		return Spec{}, fmt.Errorf("only COUNT takes *; %s needs an expression", name)
	}
	s := Spec{Func: f, Arg: c.Arg}
	if f == Count {
		return resolveCount(s, c)
	}
	t := c.Arg
	var err error
	if f == Min || f == Max {
		s.op, err = minOp(t)
		if f == Max {
			s.flip = -1
		}
	} else {
		s.op, t, err = sumOp(f, t)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("%s %w", name, err)
	}
	t.NotNull = c.Arg.NotNull && c.Grouped
	s.Type = t
	return s, nil
}

func resolveCount(s Spec, c Call) (Spec, error) {
	s.Type = stream.Type{ID: stream.BigInt, NotNull: true}
	s.op = opCount
	if c.Star {
		s.Arg = stream.Type{}
	}
	if c.Star || c.Arg.NotNull {
		s.op = opCountAll
	}
	return s, nil
}

// minOp is the kernel of MIN and MAX over t.
func minOp(t stream.Type) (op, error) {
	switch {
	case t.ID == stream.String:
		return opMinText, nil
	case t.ID == stream.Bytes, t.Kind() == stream.KindList, t.ID == stream.Null, t.Kind() == 0:
		return 0, fmt.Errorf("does not work on %s; it takes numbers, strings, booleans, dates and times", t.Nullable())
	case t.Kind() == stream.KindFloat64:
		return opMinFloat, nil
	case t.Kind() == stream.KindWide:
		return opMinWide, nil
	}
	return opMinInt, nil
}

// sumOp is the kernel and the result type of SUM and AVG over t.
func sumOp(f Func, t stream.Type) (op, stream.Type, error) {
	switch {
	case t.ID == stream.Float || t.ID == stream.Double:
		return opSumFloat, t, nil
	case !t.IsNumeric():
		return 0, t, fmt.Errorf("needs a number, not %s", t.Nullable())
	}
	wide := t.Kind() == stream.KindWide
	if t.ID == stream.Decimal {
		t.Precision = 38
		if f == Avg {
			t.Scale = max(t.Scale, 6)
		}
	}
	switch {
	case f == Sum && wide:
		return opSumWide, t, nil
	case f == Sum:
		return opSumInt, t, nil
	case wide:
		return opAvgWide, t, nil
	}
	return opAvgInt, t, nil
}

// NeedsArg says whether Update reads its argument column.
func (s Spec) NeedsArg() bool { return s.op != opCountAll }

// Init is what the lanes of s hold before the first row.
func (s Spec) Init() []int64 {
	switch s.op {
	case opCountAll, opCount:
		return []int64{0}
	case opSumInt, opSumFloat:
		return []int64{0, 0}
	case opSumWide, opAvgInt:
		return []int64{0, 0, 0}
	case opAvgWide:
		return []int64{0, 0, 0, 0}
	case opMinInt, opMinFloat:
		return []int64{math.MaxInt64, 0}
	case opMinWide:
		return []int64{-1, math.MaxInt64, 0} // low word, high word, seen
	}
	return []int64{state.NoRef}
}

// Refs lists which of the lanes of s hold references into the table's arena.
func (s Spec) Refs() []int {
	if s.op == opMinText {
		return []int{0}
	}
	return nil
}
