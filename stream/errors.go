package stream

import (
	"errors"
	"fmt"
)

// ErrorPolicy says what becomes of a row that a step cannot process.
type ErrorPolicy uint8

// The values of on_error.
const (
	ErrorFail   ErrorPolicy = iota // the job fails at once, and permanently
	ErrorDrop                      // counted
	ErrorDivert                    // counted, and readable as step.errors
)

// RowError is one row or record that a step could not process.
type RowError struct {
	Row    int32  // row of the batch it was found in; −1 if it never became one
	Msg    string // what is wrong, without the step's name
	Raw    []byte // the undecoded record, or the row as JSON; a copy owned by the RowError
	Topic  string // where the record came from; "" if unknown
	Split  int32  // partition
	Offset int64
	Line   int64 // number of the line in a file, from 1; 0 if there are none
	Time   int64 // timestamp of the record or event time of the row, ms; 0 if unknown
}

// RowErrors collects row errors. The zero value is empty.
type RowErrors struct {
	List []RowError
}

// Add appends a plain error about row.
func (e *RowErrors) Add(row int, msg string) {
	e.List = append(e.List, RowError{Row: int32(row), Msg: msg, Split: -1, Offset: -1})
}

// Len is the number of errors.
func (e *RowErrors) Len() int { return len(e.List) }

// Reset empties e and keeps its memory.
func (e *RowErrors) Reset() { clear(e.List); e.List = e.List[:0] }

// Unselect removes the rows of e from the selection of b. Errors may come in any order of rows.
func (e *RowErrors) Unselect(b *Batch) {
	if len(e.List) == 0 {
		return
	}
	bad := make(map[int32]bool, len(e.List))
	for _, r := range e.List {
		bad[r.Row] = true
	}
	had := b.Sel
	sel := b.SelBuf()
	if had == nil {
		for i := range int32(b.N) {
			if !bad[i] {
				sel = append(sel, i)
			}
		}
	} else {
		for _, i := range b.Sel {
			if !bad[i] {
				sel = append(sel, i)
			}
		}
	}
	b.Sel = sel
}

// ErrRow is wrapped by the error of a job that failed on a row.
var ErrRow = errors.New("a row could not be processed")

// ErrorSchema is the schema of x.errors.
var ErrorSchema = NewSchema(
	ColumnDef{"step", Type{ID: String, NotNull: true}},
	ColumnDef{"error", Type{ID: String, NotNull: true}},
	ColumnDef{"raw", Type{ID: Bytes}},
	ColumnDef{"topic", Type{ID: String}},
	ColumnDef{"partition", Type{ID: Int}},
	ColumnDef{"offset", Type{ID: BigInt}},
	ColumnDef{"timestamp", Type{ID: TimestampLTZ, Precision: 3}},
)

// Rejecter applies on_error for one instance of a step. The zero value needs Open.
type Rejecter struct {
	c    *Context
	pool *Pool
}

// Open prepares r for the instance that c belongs to.
func (r *Rejecter) Open(c *Context) {
	r.c = c
	if c.OnError == ErrorDivert {
		r.pool = NewPool(ErrorSchema, min(c.BatchRows, 256), c.PoolLimit)
	}
}

// Reject deals with errs as on_error says and empties it: an error that names the first row and the ways on, a
// count, or a count and a batch on PortErrors. The caller has already taken the rows out of its batch.
func (r *Rejecter) Reject(errs *RowErrors, out Output) error {
	if len(errs.List) == 0 {
		return nil
	}
	defer errs.Reset()
	r.c.Stats.Errors.Add(int64(len(errs.List)))
	switch r.c.OnError {
	case ErrorDrop:
		return nil
	case ErrorDivert:
		return r.divert(errs, out)
	}
	e := errs.List[0]
	where := ""
	switch {
	case e.Topic != "" && e.Line > 0:
		where = fmt.Sprintf(" (%s line %d, partition %d offset %d)", e.Topic, e.Line, e.Split, e.Offset)
	case e.Topic != "":
		where = fmt.Sprintf(" (%s partition %d offset %d)", e.Topic, e.Split, e.Offset)
	}
	return Permanent(fmt.Errorf("%w%s: %s; to go on, mend the record, or set on_error: drop or on_error: divert in %s",
		ErrRow, where, e.Msg, r.c.Step))
}

func (r *Rejecter) divert(errs *RowErrors, out Output) error {
	for list := errs.List; len(list) > 0; {
		b, err := r.pool.Get(r.c.Ctx)
		if err != nil {
			return err
		}
		n := min(b.Free(), len(list))
		for _, e := range list[:n] {
			b.Cols[0].AppendString(r.c.Step)
			b.Cols[1].AppendString(e.Msg)
			if e.Raw != nil {
				b.Cols[2].AppendBytes(e.Raw)
			} else {
				b.Cols[2].AppendNull()
			}
			if e.Topic != "" {
				b.Cols[3].AppendString(e.Topic)
				b.Cols[4].AppendInt64(int64(e.Split))
				b.Cols[5].AppendInt64(e.Offset)
			} else {
				b.Cols[3].AppendNull()
				b.Cols[4].AppendNull()
				b.Cols[5].AppendNull()
			}
			if e.Time != 0 {
				b.Cols[6].AppendInt64(e.Time * 1000)
			} else {
				b.Cols[6].AppendNull()
			}
			b.AppendTime(e.Time)
		}
		b.N = n
		list = list[n:]
		if err := out.Emit(PortErrors, b); err != nil {
			return err
		}
	}
	return nil
}
