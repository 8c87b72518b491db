package stream

import (
	"errors"
	"strings"
	"testing"
)

type collected struct {
	ports map[int][]*Batch
}

func (c *collected) Emit(port int, b *Batch) error {
	if c.ports == nil {
		c.ports = map[int][]*Batch{}
	}
	c.ports[port] = append(c.ports[port], b)
	return nil
}

func rejecting(t *testing.T, policy ErrorPolicy, n int) (*Context, *collected, error) {
	t.Helper()
	c := &Context{Ctx: t.Context(), Step: "pay", Stats: &Stats{}, OnError: policy, BatchRows: 100, PoolLimit: 8}
	var r Rejecter
	r.Open(c)
	var errs RowErrors
	for i := range n {
		errs.List = append(errs.List, RowError{Row: int32(i), Msg: "no number", Raw: []byte("{"), Topic: "t", Split: 3, Offset: int64(i), Time: 17})
	}
	errs.List = append(errs.List, RowError{Row: -1, Msg: "elsewhere"})
	out := &collected{}
	err := r.Reject(&errs, out)
	if errs.Len() != 0 {
		t.Error("errors are reported again")
	}
	return c, out, err
}

func TestRejectFail(t *testing.T) {
	_, _, err := rejecting(t, ErrorFail, 2)
	if !errors.Is(err, ErrRow) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{"t partition 3 offset 0", "no number", "on_error: drop", "on_error: divert"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// TestRejectFailNamesTheLine: an editor goes to lines, not to offsets.
func TestRejectFailNamesTheLine(t *testing.T) {
	var r Rejecter
	r.Open(&Context{Ctx: t.Context(), Step: "pay", Stats: &Stats{}})
	err := r.Reject(&RowErrors{List: []RowError{{Row: -1, Msg: "no number", Topic: "a.jsonl", Offset: 443, Line: 12}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "(a.jsonl line 12, partition 0 offset 443): no number") {
		t.Errorf("error %v", err)
	}
}

func TestRejectDropCounts(t *testing.T) {
	c, out, err := rejecting(t, ErrorDrop, 250)
	if err != nil || c.Stats.Errors.Load() != 251 || len(out.ports) != 0 {
		t.Errorf("error %v, %d counted, ports %v", err, c.Stats.Errors.Load(), out.ports)
	}
}

// TestRejectDivertLosesNone: every rejected row arrives, over several batches, with all that is known of it.
func TestRejectDivertLosesNone(t *testing.T) {
	c, out, err := rejecting(t, ErrorDivert, 250)
	if err != nil || c.Stats.Errors.Load() != 251 {
		t.Fatalf("error %v, %d counted", err, c.Stats.Errors.Load())
	}
	rows := 0
	for _, b := range out.ports[PortErrors] {
		for i := range b.N {
			known := show(b.Cols[0], i) == `"pay"` && b.Time[i] >= 0
			if rows < 250 {
				known = known && b.Time[i] == 17 && b.Cols[6].I64[i] == 17_000 && show(b.Cols[2], i) == `"{"` && show(b.Cols[3], i) == `"t"` && show(b.Cols[4], i) == "3" && b.Cols[5].I64[i] == int64(rows)
			} else {
				known = known && b.Time[i] == 0
				for _, c := range b.Cols[2:] {
					known = known && show(c, i) == "NULL"
				}
			}
			if !known {
				t.Fatalf("row %d arrived as %s %s %s %s %s %s", rows, show(b.Cols[0], i), show(b.Cols[2], i), show(b.Cols[3], i), show(b.Cols[4], i), show(b.Cols[5], i), show(b.Cols[6], i))
			}
			rows++
		}
	}
	if rows != 251 {
		t.Errorf("%d rows arrived of 251", rows)
	}
}
