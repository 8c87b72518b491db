package kafka

import (
	"flowd/internal/recordbatch"
	"flowd/operators"
	"flowd/stream"
)

// metaColumn is a metadata column that somebody reads.
type metaColumn struct {
	name   string
	column int // of the batch
}

// metaColumns finds the metadata columns among the rows to make, and what of a record they need.
func metaColumns(env *operators.SourceEnv) (cols []metaColumn, want recordbatch.Want) {
	if env.Rows == nil {
		return nil, 0
	}
	for i := env.Decoded; i < len(env.Rows.Columns); i++ {
		name := env.Rows.Columns[i].Name
		switch name {
		case "_key":
			want |= recordbatch.WantKey
		case "_headers":
			want |= recordbatch.WantHeaders
		}
		cols = append(cols, metaColumn{name, i})
	}
	return cols, want
}

// append adds the column's value for each row; from says which record a row came from.
func (m *metaColumn) append(b *stream.Batch, recs *recordbatch.Records, from []uint32, raw *RawFetcher, part int) {
	c := b.Cols[m.column]
	switch m.name {
	case "_key":
		for _, k := range from {
			if recs.KeyStart[k] == recordbatch.Null {
				c.AppendNull()
			} else {
				c.AppendBytes(recs.Buf[recs.KeyStart[k]:recs.KeyEnd[k]])
			}
		}
	case "_topic":
		id, _, _, _, _ := raw.partition(part)
		for range from {
			c.AppendString(id.topic)
		}
	case "_partition":
		id, _, _, _, _ := raw.partition(part)
		for range from {
			c.AppendInt64(int64(id.id))
		}
	case "_offset":
		for _, k := range from {
			c.AppendInt64(recs.Offset[k])
		}
	case "_timestamp":
		for _, k := range from {
			c.AppendInt64(recs.Timestamp[k] * 1000)
		}
	case "_headers":
		keys, values := c.Child[0], c.Child[1]
		add := func(key, value []byte) {
			keys.AppendBytes(key)
			if value == nil {
				values.AppendNull()
			} else {
				values.AppendBytes(value)
			}
		}
		for _, k := range from {
			if n := recs.HeaderCount[k]; n > 0 {
				_ = recordbatch.ParseHeaders(recs.Buf[recs.HeaderStart[k]:recs.HeaderEnd[k]], n, add) // checked by the Reader
			}
			c.EndList()
		}
	}
}
