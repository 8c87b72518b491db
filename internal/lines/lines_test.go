package lines

import (
	"testing"

	"flowd/operators/operatortest"
	"flowd/stream"
)

var schema = stream.NewSchema(stream.ColumnDef{Name: "s", Type: stream.Type{ID: stream.String}})

// echo writes a row as it is, and refuses the text "bad".
type echo struct{}

func (echo) Encode(dst []byte, ends []uint32, b *stream.Batch, errs *stream.RowErrors) ([]byte, []uint32) {
	for i := range b.Rows() {
		if b.Sel != nil {
			i = int(b.Sel[i])
		}
		if v := b.Cols[0].BytesAt(i); string(v) == "bad" {
			errs.Add(i, "it is bad")
		} else {
			dst = append(dst, v...)
		}
		ends = append(ends, uint32(len(dst)))
	}
	return dst, ends
}

// diverted keeps the rows of errors.
type diverted struct{ texts []string }

func (d *diverted) Emit(_ int, b *stream.Batch) error {
	d.texts = append(d.texts, operatortest.Texts(b)...)
	b.Release()
	return nil
}

func TestAppend(t *testing.T) {
	var e Encoder
	ctx := operatortest.Context(t, 0, 1)
	ctx.OnError = stream.ErrorDivert
	e.Open(ctx, echo{})
	b := stream.NewPool(schema, 10, 1).TryGet()
	for i, s := range []string{"one", "bad", "", "not selected", "a\nb", "three"} {
		operatortest.Append(b, operatortest.Row{s})
		b.AppendTime(int64(1000 + i))
	}
	b.Sel = append(b.SelBuf(), 0, 1, 2, 4, 5)
	var out diverted
	text, rows, err := e.Append([]byte("before\n"), b, &out)
	if err != nil || rows != 3 || string(text) != "before\none\n\nthree\n" {
		t.Errorf("%d rows, %q, %v", rows, text, err)
	}
	want := []string{
		`{"step":"step","error":"it is bad","raw":"eyJzIjoiYmFkIn0=","topic":null,"partition":null,"offset":null,"timestamp":"1970-01-01 00:00:01.001Z"}`,
		`{"step":"step","error":"the value holds a line break, which would make two lines of it","raw":"eyJzIjoiYVxuYiJ9","topic":null,"partition":null,"offset":null,"timestamp":"1970-01-01 00:00:01.004Z"}`,
	}
	if len(out.texts) != 2 || out.texts[0] != want[0] || out.texts[1] != want[1] {
		t.Errorf("errors %q", out.texts)
	}
	if s := ctx.Stats; s.Passed.Load() != 3 || s.Errors.Load() != 2 || s.BytesOut.Load() != 11 {
		t.Errorf("passed %d, errors %d, bytes %d", s.Passed.Load(), s.Errors.Load(), s.BytesOut.Load())
	}
	b.Release()
}
