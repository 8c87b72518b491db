package format

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"flowd/operators"
	"flowd/stream"
)

func bidFields() []stream.Field {
	big := stream.Type{ID: stream.BigInt, NotNull: true}
	str := stream.Type{ID: stream.String, NotNull: true}
	return []stream.Field{
		{Name: "auction", Type: big},
		{Name: "bidder", Type: big},
		{Name: "price", Type: big},
		{Name: "channel", Type: str},
		{Name: "url", Type: str},
		{Name: "date_time", Type: stream.Type{ID: stream.Timestamp, Precision: 3, NotNull: true}},
		{Name: "extra", Type: str},
	}
}

// only keeps the columns of those names.
func only(fields []stream.Field, names ...string) *stream.Schema {
	all := stream.Flatten(fields)
	var cols []stream.ColumnDef
	for _, n := range names {
		cols = append(cols, all.Columns[all.Index(n)])
	}
	return stream.NewSchema(cols...)
}

func bids(n int) *operators.RawRecords {
	recs := &operators.RawRecords{}
	for i := range n {
		recs.Start = append(recs.Start, uint32(len(recs.Buf)))
		recs.Buf = fmt.Appendf(recs.Buf, `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"https://www.nexmark.com/%s/item.htm?query=1","date_time":"2026-01-01 00:%02d:%02d.%03d","extra":"%s"}`,
			1000+i*7%900, 1000+i*31%9000, 100+i*7919%1000000, []string{"Google", "Facebook", "Baidu", "channel-1234"}[i%4], []string{"abo", "bcdef", "wq_xyzx"}[i%3],
			i/60000%60, i/1000%60, i%1000, "aksjdhfkajshdfkjahsdkfjhaksjdfhkasjhdf"[:20+i%15])
		recs.End = append(recs.End, uint32(len(recs.Buf)))
	}
	recs.Buf = append(recs.Buf, make([]byte, 8)...)
	return recs
}

func benchmarkDecode(b *testing.B, fields []stream.Field, want *stream.Schema, recs *operators.RawRecords, anyOrder bool) {
	mk, problems := JSON().NewDecoder(nil, fields, want)
	if problems != nil {
		b.Fatal(problems)
	}
	d := mk().(*decoder)
	pool := stream.NewPool(want, len(recs.Start), 2)
	var errs stream.RowErrors
	var from []uint32
	b.SetBytes(int64(len(recs.Buf) / len(recs.Start)))
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(recs.Start) {
		batch := pool.TryGet()
		if anyOrder {
			d.shapes.known = nil
			d.shapes.off = true
		}
		from = d.Decode(batch, recs, from[:0], &errs)
		if len(from) != len(recs.Start) || errs.Len() > 0 {
			b.Fatal(errs.List)
		}
		batch.Release()
	}
}

func BenchmarkDecodeBid(b *testing.B) {
	fields, recs := bidFields(), bids(4096)
	three := only(fields, "auction", "price", "date_time")
	b.Run("3of7", func(b *testing.B) { benchmarkDecode(b, fields, three, recs, false) })
	b.Run("7of7", func(b *testing.B) { benchmarkDecode(b, fields, stream.Flatten(fields), recs, false) })
	b.Run("3of7/mixed", func(b *testing.B) { benchmarkDecode(b, fields, three, mixed(recs), false) })
	b.Run("3of7/shuffled", func(b *testing.B) { benchmarkDecode(b, fields, three, shuffled(recs), false) })
	b.Run("3of7/any-order", func(b *testing.B) { benchmarkDecode(b, fields, three, recs, true) })
	b.Run("7of7/any-order", func(b *testing.B) { benchmarkDecode(b, fields, stream.Flatten(fields), recs, true) })
}

// shuffled is recs with the keys of each record in an order of its own.
func shuffled(recs *operators.RawRecords) *operators.RawRecords {
	r := rand.New(rand.NewPCG(1, 1))
	out := &operators.RawRecords{}
	for i := range recs.Start {
		parts := strings.Split(string(recs.Buf[recs.Start[i]+1:recs.End[i]-1]), ",")
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		out.Start = append(out.Start, uint32(len(out.Buf)))
		out.Buf = append(out.Buf, "{"+strings.Join(parts, ",")+"}"...)
		out.End = append(out.End, uint32(len(out.Buf)))
	}
	out.Buf = append(out.Buf, make([]byte, slack)...)
	return out
}

// mixed is recs with other kinds of records in between, as on a topic of several event types: 2 % have one layout, 6 % another.
func mixed(recs *operators.RawRecords) *operators.RawRecords {
	out := &operators.RawRecords{}
	for i := range recs.Start {
		rec := string(recs.Buf[recs.Start[i]:recs.End[i]])
		switch {
		case i%50 == 0:
			rec = `{"id":12345,"name":"somebody","email":"a@example.org","city":"Phoenix","state":"AZ","date_time":"2026-01-01 00:00:04.962","price":0,"auction":0}`
		case i%16 == 1:
			rec = `{"id":12345,"item":"something","description":"quite a long text about something","auction":1,"price":100,"reserve":200,"date_time":"2026-01-01 00:00:04.962"}`
		}
		out.Start = append(out.Start, uint32(len(out.Buf)))
		out.Buf = append(out.Buf, rec...)
		out.End = append(out.End, uint32(len(out.Buf)))
	}
	out.Buf = append(out.Buf, make([]byte, slack)...)
	return out
}

func BenchmarkEncodeBid(b *testing.B) {
	fields, recs := bidFields(), bids(4096)
	for _, c := range []struct {
		name string
		s    *stream.Schema
	}{{"3", only(fields, "auction", "price", "date_time")}, {"7", stream.Flatten(fields)}} {
		b.Run(c.name, func(b *testing.B) {
			mk, _ := JSON().NewDecoder(nil, fields, c.s)
			enc, _ := JSON().NewEncoder(nil, c.s)
			batch := stream.NewPool(c.s, len(recs.Start), 2).TryGet()
			var errs stream.RowErrors
			mk().Decode(batch, recs, nil, &errs)
			e := enc()
			var dst []byte
			var ends []uint32
			b.ReportAllocs()
			for n := 0; n < b.N; n += batch.N {
				dst, ends = e.Encode(dst[:0], ends[:0], batch, &errs)
			}
			b.SetBytes(int64(len(dst) / batch.N))
		})
	}
}
