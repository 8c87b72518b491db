// Package formattest examines formats: what every operators.Format promises, whatever it looks like. It does not
// know what the bytes of a format mean; that is the format's own test.
package formattest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"flowd/operators"
	"flowd/stream"
)

// Options say what the format under test can do.
type Options struct {
	// Fields makes a random schema that the format supports; field is one whose records are examined for all the rest.
	Fields func(r *rand.Rand) []stream.Field
	// Fixed is a schema for the tests that need one.
	Fixed []stream.Field
	// Bad are records that are bad for Fixed, each in its own way.
	Bad []string
	// Null says that NULL can be written and read back in every column that allows it.
	Null bool
	// Prune says that the decoder can be asked for some of the declared columns.
	Prune bool
	// Rounds is how many random schemas are tried, 0: 200.
	Rounds int
}

// Run examines f.
func Run(t *testing.T, f operators.Format, o Options) {
	if o.Rounds == 0 {
		o.Rounds = 200
	}
	x := &examiner{f: f, o: o}
	t.Run("round trip", x.roundTrip)
	t.Run("bad records leave nothing behind", x.bad)
	t.Run("selection", x.selection)
	t.Run("no allocations", x.allocations)
	t.Run("records without a value", x.noValue)
}

type examiner struct {
	f operators.Format
	o Options
}

const rows = 64

func (x *examiner) decoder(t *testing.T, fields []stream.Field, want *stream.Schema) operators.Decoder {
	t.Helper()
	mk, problems := x.f.NewDecoder(nil, fields, want)
	if len(problems) > 0 {
		t.Fatalf("NewDecoder for %s: %v", stream.Flatten(fields), problems)
	}
	return mk()
}

func (x *examiner) encoder(t *testing.T, s *stream.Schema) operators.Encoder {
	t.Helper()
	mk, problems := x.f.NewEncoder(nil, s)
	if len(problems) > 0 {
		t.Fatalf("NewEncoder for %s: %v", s, problems)
	}
	return mk()
}

// write encodes the selected rows of b, with garbage before and after, so that nobody relies on what is there.
func (x *examiner) write(t *testing.T, b *stream.Batch) *operators.RawRecords {
	t.Helper()
	const before = "{\"garbage\":"
	var errs stream.RowErrors
	e := x.encoder(t, b.Schema)
	dst, ends := e.Encode([]byte(before), nil, b, &errs)
	if errs.Len() > 0 {
		t.Fatalf("Encode: %v", errs.List)
	}
	if len(ends) != b.Rows() {
		t.Fatalf("Encode gives %d ends for %d rows", len(ends), b.Rows())
	}
	if string(dst[:len(before)]) != before {
		t.Fatal("Encode changed what stood before")
	}
	recs := &operators.RawRecords{Buf: append(dst, "0\"]},:{"+"xyz"...)}
	start := uint32(len(before))
	for _, end := range ends {
		recs.Start, recs.End = append(recs.Start, start), append(recs.End, end)
		start = end
	}
	return recs
}

func (x *examiner) roundTrip(t *testing.T) {
	for seed := range x.o.Rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		fields := x.o.Fields(r)
		all := stream.Flatten(fields)
		b := RandomBatch(r, all, 1+r.IntN(rows), x.o.Null)
		if r.IntN(2) == 0 {
			b.Sel = subset(r, b.N)
		}
		recs := x.write(t, b)
		want := all
		if x.o.Prune && r.IntN(2) == 0 {
			want = prune(r, all)
		}
		d := x.decoder(t, fields, want)
		out := stream.NewPool(want, 3*rows, 1).TryGet()
		var errs stream.RowErrors
		from := []uint32{99}
		for range 2 { // the second time it appends, and has seen such records
			from = d.Decode(out, recs, from, &errs)
		}
		if errs.Len() > 0 {
			t.Fatalf("seed %d: %s: %v", seed, all, errs.List)
		}
		n := b.Rows()
		if out.N != 2*n || len(from) != 2*n+1 || from[0] != 99 {
			t.Fatalf("seed %d: %d records gave %d rows twice, from %v", seed, n, out.N, from)
		}
		for i := range out.N {
			if from[i+1] != uint32(i%n) {
				t.Fatalf("seed %d: row %d comes from record %d", seed, i, from[i+1])
			}
			src := i % n
			if b.Sel != nil {
				src = int(b.Sel[src])
			}
			for j, c := range want.Columns {
				if !Equal(b.Cols[all.Index(c.Name)], src, out.Cols[j], i) {
					t.Fatalf("seed %d: column %s %s of row %d is %s and was %s; record %s", seed, c.Name, c.Type, i, Describe(out.Cols[j], i),
						Describe(b.Cols[all.Index(c.Name)], src), recs.Buf[recs.Start[i%n]:recs.End[i%n]])
				}
			}
		}
		lengths(t, out)
	}
}

// lengths checks that all columns have exactly the rows of the batch.
func lengths(t *testing.T, b *stream.Batch) {
	t.Helper()
	for i, c := range b.Cols {
		if c.Len() != b.N {
			t.Fatalf("column %s has %d rows, the batch %d", b.Schema.Columns[i].Name, c.Len(), b.N)
		}
		if c.Kind == stream.KindList {
			for _, ch := range c.Child {
				if ch.Len() != int(c.Off[c.Len()]) {
					t.Fatalf("column %s has %d elements, and %d values of them", b.Schema.Columns[i].Name, c.Off[c.Len()], ch.Len())
				}
			}
		}
		if c.Kind == stream.KindBytes && len(c.Bytes) != int(c.Off[c.Len()]) {
			t.Fatalf("column %s has %d bytes beyond its last value", b.Schema.Columns[i].Name, len(c.Bytes)-int(c.Off[c.Len()]))
		}
	}
}

func (x *examiner) bad(t *testing.T) {
	all := stream.Flatten(x.o.Fixed)
	for seed := range x.o.Rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 8))
		good := x.write(t, RandomBatch(r, all, 1+r.IntN(rows), x.o.Null))
		mixed := &operators.RawRecords{}
		var wantFrom, wantBad []uint32
		for i := 0; i < len(good.Start); {
			rec := string(good.Buf[good.Start[i]:good.End[i]])
			if len(x.o.Bad) > 0 && r.IntN(2) == 0 {
				rec = x.o.Bad[r.IntN(len(x.o.Bad))]
				wantBad = append(wantBad, uint32(len(mixed.Start)))
			} else {
				wantFrom = append(wantFrom, uint32(len(mixed.Start)))
				i++
			}
			mixed.Start = append(mixed.Start, uint32(len(mixed.Buf)))
			mixed.Buf = append(mixed.Buf, rec...)
			mixed.End = append(mixed.End, uint32(len(mixed.Buf)))
		}
		mixed.Buf = append(mixed.Buf, "\"\"}}]]00"...)
		d := x.decoder(t, x.o.Fixed, all)
		pool := stream.NewPool(all, rows, 2)
		a, b := pool.TryGet(), pool.TryGet()
		var none, errs stream.RowErrors
		d.Decode(a, good, nil, &none)
		from := d.Decode(b, mixed, nil, &errs)
		if none.Len() > 0 {
			t.Fatalf("seed %d: %v", seed, none.List)
		}
		if !slices.Equal(from, wantFrom) {
			t.Fatalf("seed %d: rows come from %v, want %v", seed, from, wantFrom)
		}
		var gotBad []uint32
		for _, e := range errs.List {
			gotBad = append(gotBad, uint32(e.Row))
			if e.Msg == "" {
				t.Errorf("seed %d: record %d is bad without a reason", seed, e.Row)
			}
		}
		if !slices.Equal(gotBad, wantBad) {
			t.Fatalf("seed %d: bad are %v, want %v", seed, gotBad, wantBad)
		}
		lengths(t, b)
		for j := range a.Cols {
			for i := range a.N {
				if !Equal(a.Cols[j], i, b.Cols[j], i) {
					t.Fatalf("seed %d: a bad record changed row %d of column %s", seed, i, all.Columns[j].Name)
				}
			}
		}
	}
}

// selection checks that an encoder writes the selected rows, and each as it does without a selection.
func (x *examiner) selection(t *testing.T) {
	all := stream.Flatten(x.o.Fixed)
	for seed := range x.o.Rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		b := RandomBatch(r, all, 1+r.IntN(rows), x.o.Null)
		whole := x.write(t, b)
		b.Sel = subset(r, b.N)
		part := x.write(t, b)
		for i, row := range b.Sel {
			got, want := part.Buf[part.Start[i]:part.End[i]], whole.Buf[whole.Start[row]:whole.End[row]]
			if string(got) != string(want) {
				t.Fatalf("seed %d: row %d is written %q with a selection and %q without", seed, row, got, want)
			}
		}
	}
}

func (x *examiner) allocations(t *testing.T) {
	all := stream.Flatten(x.o.Fixed)
	r := rand.New(rand.NewPCG(1, 10))
	b := RandomBatch(r, all, rows, x.o.Null)
	recs := x.write(t, b)
	d := x.decoder(t, x.o.Fixed, all)
	pool := stream.NewPool(all, rows, 1)
	var errs stream.RowErrors
	var from []uint32
	if n := testing.AllocsPerRun(100, func() {
		out := pool.TryGet()
		from = d.Decode(out, recs, from[:0], &errs)
		out.Release()
	}); n != 0 {
		t.Errorf("decoding %d records allocates %v times", rows, n)
	}
	e := x.encoder(t, all)
	var dst []byte
	var ends []uint32
	if n := testing.AllocsPerRun(100, func() { dst, ends = e.Encode(dst[:0], ends[:0], b, &errs) }); n != 0 {
		t.Errorf("encoding %d rows allocates %v times", rows, n)
	}
	if errs.Len() > 0 {
		t.Errorf("%v", errs.List)
	}
}

// noValue checks that a record without a value is never read from the buffer, and makes at most one row.
func (x *examiner) noValue(t *testing.T) {
	all := stream.Flatten(x.o.Fixed)
	r := rand.New(rand.NewPCG(2, 11))
	recs := x.write(t, RandomBatch(r, all, 2, x.o.Null))
	recs.Start = []uint32{operators.NullRecord, recs.Start[0], operators.NullRecord, recs.Start[1], operators.NullRecord}
	recs.End = []uint32{0, recs.End[0], operators.NullRecord, recs.End[1], 1}
	d := x.decoder(t, x.o.Fixed, all)
	out := stream.NewPool(all, rows, 1).TryGet()
	var errs stream.RowErrors
	from := d.Decode(out, recs, nil, &errs)
	if !slices.Contains(from, 1) || !slices.Contains(from, 3) || len(from) != out.N || len(from)+errs.Len() > 5 {
		t.Errorf("rows from %v, errors %v", from, errs.List)
	}
	lengths(t, out)
}

func subset(r *rand.Rand, n int) []int32 {
	sel := []int32{}
	for i := range n {
		if r.IntN(3) > 0 {
			sel = append(sel, int32(i))
		}
	}
	if len(sel) == 0 {
		sel = append(sel, int32(r.IntN(n)))
	}
	return sel
}

func prune(r *rand.Rand, s *stream.Schema) *stream.Schema {
	var cols []stream.ColumnDef
	for _, c := range s.Columns {
		if r.IntN(2) == 0 {
			cols = append(cols, c)
		}
	}
	return stream.NewSchema(cols...)
}

// Describe writes row i of c, for messages.
func Describe(c *stream.Column, i int) string {
	switch {
	case c.IsNull(i):
		return "NULL"
	case c.Kind == stream.KindBytes:
		return fmt.Sprintf("%q", c.BytesAt(i))
	case c.Kind == stream.KindFloat64:
		return fmt.Sprint(c.F64[i])
	case c.Kind == stream.KindList:
		return fmt.Sprintf("list of %d", c.Off[i+1]-c.Off[i])
	}
	return fmt.Sprint(c.I64[i])
}
