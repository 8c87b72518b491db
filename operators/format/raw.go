package format

import (
	"fmt"
	"unicode/utf8"

	"flowd/operators"
	"flowd/stream"
)

// Raw is the format without structure: the value of a record is the one column of the row, a string or bytes.
// A record without a value is NULL; an empty one is an empty value.
func Raw() operators.Format {
	return operators.Format{
		Name: "raw",
		Doc:  "The whole value of a record as one field of type string or bytes.",
		NewDecoder: func(cfg *operators.Config, declared []stream.Field, want *stream.Schema) (func() operators.Decoder, []operators.Problem) {
			if p := checkRaw(cfg, stream.Flatten(declared)); p != nil {
				return nil, p
			}
			return func() operators.Decoder { return &rawDecoder{want: want} }, nil
		},
		NewEncoder: func(cfg *operators.Config, rows *stream.Schema) (func() operators.Encoder, []operators.Problem) {
			if p := checkRaw(cfg, rows); p != nil {
				return nil, p
			}
			return func() operators.Encoder { return rawEncoder{} }, nil
		},
	}
}

func checkRaw(cfg *operators.Config, s *stream.Schema) []operators.Problem {
	if len(s.Columns) != 1 {
		return problem(cfg, fmt.Sprintf("format raw needs exactly one field, and there are %d", len(s.Columns)),
			"keep one field of type string or bytes, or use format: json")
	}
	if c := s.Columns[0]; c.Type.ID != stream.String && c.Type.ID != stream.Bytes {
		return problem(cfg, fmt.Sprintf("format raw cannot hold field %s of type %s", c.Name, c.Type.Nullable()),
			"a raw value is a string or bytes")
	}
	return nil
}

type rawDecoder struct{ want *stream.Schema }

func (d *rawDecoder) Decode(b *stream.Batch, recs *operators.RawRecords, from []uint32, errs *stream.RowErrors) []uint32 {
	for i, start := range recs.Start {
		if len(d.want.Columns) > 0 {
			c, t := b.Cols[0], &d.want.Columns[0]
			switch {
			case start == operators.NullRecord && t.Type.NotNull:
				errs.Add(i, "field "+t.Name+": the record has no value, and the field is NOT NULL")
				continue
			case start == operators.NullRecord:
				c.AppendNull()
			default:
				v := recs.Buf[start:recs.End[i]]
				if t.Type.ID == stream.String && !utf8.Valid(v) {
					errs.Add(i, "field "+t.Name+": expected text in UTF-8, found "+excerpt(v)+"; declare the field as bytes to read anything")
					continue
				}
				c.AppendBytes(v)
			}
		}
		b.N++
		from = append(from, uint32(i))
	}
	return from
}

type rawEncoder struct{}

func (rawEncoder) Encode(dst []byte, ends []uint32, b *stream.Batch, errs *stream.RowErrors) ([]byte, []uint32) {
	c := b.Cols[0]
	for i := range b.Rows() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		if c.IsNull(row) {
			errs.Add(row, "field "+b.Schema.Columns[0].Name+": format raw has no way to write NULL")
		} else {
			dst = append(dst, c.BytesAt(row)...)
		}
		ends = append(ends, uint32(len(dst)))
	}
	return dst, ends
}
