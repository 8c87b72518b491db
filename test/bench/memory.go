package main

import (
	"encoding/binary"
	"fmt"

	"flowd/internal/recordbatch"
	"flowd/operators"
	"flowd/operators/format"
	"flowd/operators/generate"
	"flowd/stream"
)

// memory is a source of record batches that were encoded before the clock starts: the engine without sockets. Each
// reader has a part of its own, read in a loop until its share of the records has been returned.
type memory struct {
	records int64
	codec   recordbatch.Codec
	env     operators.SourceEnv
	parts   [][]byte // record sets, one for each part
	counts  []int64
}

const memoryParts = 4

// memoryConnector adds every source it makes to made, so that the worker can prepare them.
func memoryConnector(made *[]*memory) operators.Connector {
	return operators.Connector{
		Name: "memory", Doc: "Record batches in memory.",
		Source: &operators.SourceType{
			Config: operators.Field{Name: "memory", Type: operators.Object, Fields: []operators.Field{
				{Name: "records", Type: operators.Integer, Required: true, Doc: "How many."},
				{Name: "compression", Type: operators.Text, Default: "none", Doc: "Codec."},
			}},
			New: func(cfg *operators.Config, env operators.SourceEnv) (stream.Source, []operators.Problem) {
				codec, ok := codecs[cfg.String("compression")]
				if !ok {
					return nil, []operators.Problem{{Pos: cfg.At, Code: "F001", Msg: "unknown compression"}}
				}
				m := &memory{records: cfg.Int("records"), codec: codec, env: env}
				*made = append(*made, m)
				return m, nil
			},
		},
	}
}

var codecs = map[string]recordbatch.Codec{
	"none": recordbatch.None, "gzip": recordbatch.Gzip, "snappy": recordbatch.Snappy, "lz4": recordbatch.LZ4, "zstd": recordbatch.Zstd,
}

func (m *memory) Open(*stream.Context) error { return nil }
func (m *memory) Close() error               { return nil }

// prepare encodes the bids: every part has every memoryParts-th bid, so that parts advance together in event time.
func (m *memory) prepare() error {
	m.parts, m.counts = make([][]byte, memoryParts), make([]int64, memoryParts)
	builders := make([]*recordbatch.Builder, memoryParts)
	for i := range builders {
		var err error
		if builders[i], err = recordbatch.NewBuilder(m.codec, 0); err != nil {
			return err
		}
	}
	next := 0
	base := make([]int64, memoryParts)
	flush := func(i int) {
		batch := builders[i].Finish(recordbatch.NoProducer)
		if batch == nil {
			return
		}
		binary.BigEndian.PutUint64(batch, uint64(base[i])) // as a broker does; no checksum covers it
		base[i] += int64(builders[i].Len())
		m.parts[i] = append(m.parts[i], batch...)
		builders[i].Reset()
	}
	err := bids(m.records, func(buf []byte, ends []uint32) error {
		start := uint32(0)
		for _, end := range ends {
			b := builders[next]
			b.Append(nil, buf[start:end], nil, 0)
			m.counts[next]++
			if b.Size() > 900<<10 {
				flush(next)
			}
			start, next = end, (next+1)%memoryParts
		}
		return nil
	})
	for i := range builders {
		flush(i)
		m.parts[i] = append(m.parts[i], make([]byte, 8)...)[:len(m.parts[i])]
	}
	return err
}

// bids calls f with JSON bids of the generator, n in all.
func bids(n int64, f func(buf []byte, ends []uint32) error) error {
	c := generate.Connector()
	cfg := &operators.Config{Values: map[string]operators.Value{
		"nexmark": {Text: "bids", Set: true}, "seed": {Int: 42, Set: true}, "count": {Int: n, Set: true}, "start": {Text: "2026-01-01"},
	}}
	known := c.Source.Schema(cfg)
	schema := stream.Flatten(known.Fields)
	src, problems := c.Source.New(cfg, operators.SourceEnv{Rows: schema, Decoded: len(schema.Columns)})
	if len(problems) > 0 {
		return fmt.Errorf("generating bids: %s", problems[0].Msg)
	}
	newEncoder, problems := format.JSON().NewEncoder(&operators.Config{}, schema)
	if len(problems) > 0 {
		return fmt.Errorf("encoding bids: %s", problems[0].Msg)
	}
	ctx := &stream.Context{Stats: &stream.Stats{}, Parallelism: 1, BatchRows: stream.DefaultRows, PoolLimit: 2}
	if err := src.Open(ctx); err != nil {
		return err
	}
	r, err := src.Reader(ctx)
	if err != nil {
		return err
	}
	pool, enc := ctx.NewPool(schema), newEncoder()
	var buf []byte
	var ends []uint32
	var errs stream.RowErrors
	for {
		b := pool.TryGet()
		p, err := r.Poll(b, &errs)
		if err != nil {
			return err
		}
		if b.N > 0 {
			buf, ends = enc.Encode(buf[:0], ends[:0], b, &errs)
			if errs.Len() > 0 {
				return fmt.Errorf("encoding a bid: %s", errs.List[0].Msg)
			}
			if err := f(buf, ends); err != nil {
				return err
			}
		}
		b.Release()
		if p.End {
			return r.Close()
		}
	}
}

func (m *memory) Reader(c *stream.Context) (stream.Reader, error) {
	r := &memoryReader{decoder: m.env.NewDecoder(), stats: c.Stats, ready: make(chan struct{})}
	close(r.ready)
	for i := c.Instance; i < memoryParts; i += c.Parallelism {
		p := &memoryPart{left: m.counts[i]}
		p.frames.Reset(m.parts[i], recordbatch.Options{StopOffset: -1})
		r.parts = append(r.parts, p)
	}
	return r, nil
}

type memoryPart struct {
	frames recordbatch.Reader
	left   int64
}

type memoryReader struct {
	decoder operators.Decoder
	stats   *stream.Stats
	parts   []*memoryPart
	turn    int
	recs    recordbatch.Records
	from    []uint32
	ready   chan struct{}
}

func (r *memoryReader) Poll(b *stream.Batch, errs *stream.RowErrors) (stream.Polled, error) {
	for range r.parts {
		i := r.turn
		p := r.parts[i]
		r.turn = (r.turn + 1) % len(r.parts)
		if p.left == 0 {
			continue
		}
		r.recs.Reset()
		n, err := p.frames.Next(&r.recs, b.Free())
		if err != nil {
			return stream.Polled{}, err
		}
		p.left -= int64(n)
		before := b.N
		raw := operators.RawRecords{Buf: r.recs.Buf, Start: r.recs.Start, End: r.recs.End}
		r.from = r.decoder.Decode(b, &raw, r.from[:0], errs)
		return stream.Polled{Split: i, Rows: b.N - before}, nil
	}
	return stream.Polled{End: true}, nil
}

func (r *memoryReader) Ready() <-chan struct{} { return r.ready }
func (r *memoryReader) Splits() int            { return len(r.parts) }
func (r *memoryReader) Pause(int, bool)        {}
func (r *memoryReader) Close() error           { return nil }
func (r *memoryReader) Split(i int) stream.SplitState {
	return stream.SplitState{ID: fmt.Sprintf("memory/%d", i), Finished: r.parts[i].left == 0, CaughtUp: r.parts[i].left == 0, End: -1}
}
