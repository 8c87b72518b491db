// Package window aggregates or ranks rows per window of event time: tumbling and sliding windows, with keys or
// without. It holds the open windows' state and decides what is late; it does not make watermarks, and it joins
// nothing.
//
// A window [s, e) fires when the watermark reaches e − 1, after all that end earlier. Its rows come out in the order
// in which their keys were first seen, slice by slice; with top, by rank. A row is late for the windows that have
// fired, and late altogether if that is all of its windows.
package window

import (
	"errors"
	"fmt"

	"flowd/operators/aggregate"
	"flowd/operators/expr"
	"flowd/stream"
)

// Assigner says which windows there are: [s, s+Size) for every s = Offset + k·Every, in ms. Every equal to Size makes
// windows tumble.
type Assigner struct {
	Size   int64
	Every  int64 // 0 < Every ≤ Size
	Offset int64
}

// Agg is an aggregate and its argument over the input's schema, nil where Spec.NeedsArg is false.
type Agg struct {
	Spec aggregate.Spec
	Arg  *expr.Bound
}

// Order is one thing to order rows by. NULL is smaller than any value.
type Order struct {
	Expr *expr.Bound
	Desc bool
}

// Top keeps, per window and per value of the Per columns, the first N rows in the order By. Rows that are equal in By
// are taken as they arrived (of aggregated rows: as their keys first did); KeepTies keeps all that equal the Nth.
type Top struct {
	N        int
	By       []Order
	Per      []int
	KeepTies bool
}

// Config describes the operator. Without Keys, KeyExprs and Aggs it ranks input rows, and Top is required.
type Config struct {
	In  *stream.Schema
	Out *stream.Schema // as OutputSchema makes it
	Assigner

	// Keys are the group columns, positions in In; where Keys[i] is −1, KeyExprs[i] is the group expression.
	// KeyExprs may be nil if no key is an expression. No keys: one global group.
	Keys     []int
	KeyExprs []*expr.Bound
	Aggs     []Agg
	Having   *expr.Bound // over Out
	Top      *Top        // over Out when aggregating; over In when ranking input rows
	EmitLate bool        // somebody reads PortLate

	// Hashed says that Batch.Hash, where it is set, is the hash of Keys: the input comes by an exchange on them.
	Hashed bool
}

// ranks says whether c ranks input rows.
func (c *Config) ranks() bool { return len(c.Keys) == 0 && len(c.Aggs) == 0 }

// OutputSchema is the schema of results: groups (or, when input rows are ranked, all input columns), aggregates,
// window_start and window_end. The type of these two follows that of the event-time column.
func OutputSchema(groups, aggs []stream.ColumnDef, eventTime stream.Type) *stream.Schema {
	t := stream.Type{ID: stream.Timestamp, Precision: 3, NotNull: true}
	if eventTime.ID == stream.TimestampLTZ {
		t.ID = stream.TimestampLTZ
	}
	cols := make([]stream.ColumnDef, 0, len(groups)+len(aggs)+2)
	cols = append(append(cols, groups...), aggs...)
	return stream.NewSchema(append(cols, stream.ColumnDef{Name: "window_start", Type: t}, stream.ColumnDef{Name: "window_end", Type: t})...)
}

// Grain is the length of a slice in ms: every window is a whole number of slices, and a row belongs to one. It is
// also what lateness depends on: rows of one slice are late together.
func (a Assigner) Grain() int64 {
	x, y := a.Size, a.Every
	for y != 0 {
		x, y = y, x%y
	}
	return x
}

func (a Assigner) check() error {
	switch {
	case a.Size < 1 || a.Every < 1:
		return fmt.Errorf("window of %d ms every %d ms: both must be positive", a.Size, a.Every)
	case a.Every > a.Size:
		return fmt.Errorf("window of %d ms every %d ms would leave gaps: every must not be longer than slide", a.Size, a.Every)
	case a.Size > maxSize:
		return fmt.Errorf("window of %d ms is longer than %d years", a.Size, maxSize/yearMillis)
	}
	return nil
}

func (c *Config) check() error {
	if err := c.Assigner.check(); err != nil {
		return err
	}
	switch {
	case c.ranks() && c.Top == nil:
		return errors.New("a window needs aggregate, group_by or top")
	case c.Top != nil && c.Top.N < 1:
		return fmt.Errorf("top %d: n must be positive", c.Top.N)
	case len(c.KeyExprs) != 0 && len(c.KeyExprs) != len(c.Keys):
		return fmt.Errorf("%d group expressions for %d keys", len(c.KeyExprs), len(c.Keys))
	}
	groups := len(c.Keys)
	if c.ranks() {
		groups = len(c.In.Columns)
	}
	if n := groups + len(c.Aggs) + 2; len(c.Out.Columns) != n {
		return fmt.Errorf("output schema has %d columns instead of %d", len(c.Out.Columns), n)
	}
	return nil
}

// New makes a factory of operators, one for each instance.
func New(c Config) func() stream.Operator {
	return func() stream.Operator { return &operator{cfg: c} }
}
