package transform

import (
	"flowd/operators/expr"
	"flowd/stream"
)

// TimeConfig says where the event time of a source's rows comes from: a timestamp column, or an expression whose
// value also becomes column Target.
type TimeConfig struct {
	Rows   *stream.Schema
	Column int         // of Rows; −1: Expr
	Expr   *expr.Bound // of a timestamp type
	Target int         // column of Rows to fill with the value of Expr, which the reader leaves empty; −1: nobody reads it
}

// NewEventTimer makes the event timers of a source, one for each reader.
func NewEventTimer(cfg TimeConfig) func() stream.EventTimer {
	return func() stream.EventTimer {
		t := &eventTimer{cfg: cfg}
		if cfg.Expr != nil {
			t.program = cfg.Expr.Compile()
			t.scratch = stream.NewColumn(cfg.Expr.Type(), 0)
		}
		return t
	}
}

type eventTimer struct {
	cfg     TimeConfig
	program *expr.Program
	scratch *stream.Column
}

// EventTime rounds down to milliseconds. A NULL is an error of its row, as is an expression that fails.
func (t *eventTimer) EventTime(b *stream.Batch, errs *stream.RowErrors) error {
	failed := errs.Len()
	var c *stream.Column
	if t.program == nil {
		c = b.Cols[t.cfg.Column]
	} else {
		c = t.scratch
		if t.cfg.Target >= 0 {
			c = b.Cols[t.cfg.Target]
		}
		c.Reset()
		t.program.Eval(b, c, errs)
	}
	dst := b.OwnTime(b.N)
	for i, us := range c.I64[:b.N] {
		dst[i] = (us - (us>>63)&999) / 1000
	}
	if c.HasNulls() {
		t.nulls(b, c, errs, failed)
	}
	return nil
}

// nulls adds an error for each NULL time that has none yet: those from failed on are of this batch.
func (t *eventTimer) nulls(b *stream.Batch, c *stream.Column, errs *stream.RowErrors, failed int) {
	known := make(map[int32]bool)
	for _, e := range errs.List[failed:] {
		known[e.Row] = true
	}
	for i := range b.N {
		if c.IsNull(i) && !known[int32(i)] {
			errs.Add(i, "the event time is NULL")
		}
	}
}
