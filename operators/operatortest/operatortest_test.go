package operatortest

import (
	"testing"

	"go.uber.org/goleak"

	"flowd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var numbers = stream.NewSchema(stream.ColumnDef{Name: "n", Type: stream.Type{ID: stream.BigInt}})

// doubler passes even numbers on, doubled, and emits the sum of the odd ones with each watermark and at the end.
type doubler struct {
	ctx  *stream.Context
	pool *stream.Pool
	odd  int64
}

func (d *doubler) Open(c *stream.Context) error {
	d.ctx, d.pool = c, c.NewPool(numbers)
	return nil
}

func (d *doubler) Process(_ int, b *stream.Batch, out stream.Output) error {
	defer b.Release()
	made, err := d.pool.Get(d.ctx.Ctx)
	if err != nil {
		return err
	}
	for i := range b.Rows() {
		if b.Sel != nil {
			i = int(b.Sel[i])
		}
		n := b.Cols[0].I64[i]
		if n%2 != 0 {
			d.odd += n
			d.ctx.Stats.Absorbed.Add(1)
			continue
		}
		if made.N == d.ctx.BatchRows {
			if err := out.Emit(stream.PortMain, made); err != nil {
				return err
			}
			if made, err = d.pool.Get(d.ctx.Ctx); err != nil {
				return err
			}
		}
		made.Cols[0].AppendInt64(2 * n)
		made.N++
		d.ctx.Stats.Passed.Add(1)
	}
	if made.N == 0 {
		made.Release()
		return nil
	}
	return out.Emit(stream.PortMain, made)
}

func (d *doubler) OnWatermark(_ int64, out stream.Output) error {
	if d.odd == 0 {
		return nil
	}
	b, err := d.pool.Get(d.ctx.Ctx)
	if err != nil {
		return err
	}
	Append(b, Row{d.odd})
	d.odd = 0
	return out.Emit(stream.PortMain, b)
}

func (d *doubler) Close() error { return nil }

func TestOperator(t *testing.T) {
	var events []Event
	for i := range 400 {
		events = append(events, Event{Row: Row{i}, Time: int64(i)})
		if i%100 == 99 {
			events = append(events, Event{Time: int64(i)})
		}
	}
	Operator(t, OperatorTest{New: func() stream.Operator { return &doubler{} }, In: []*stream.Schema{numbers}, Events: events})
	Operator(t, OperatorTest{
		New: func() stream.Operator { return &doubler{} }, In: []*stream.Schema{numbers}, Timeless: true,
		Events: []Event{{Row: Row{1}}, {Row: Row{2}}, {Row: Row{5}}, {Time: 5}, {Row: Row{4}}, {Row: Row{7}}},
		Want:   [stream.NumPorts][]string{{`{"n":4}`, `{"n":6}`, `{"n":8}`, `{"n":7}`}},
	})
}
