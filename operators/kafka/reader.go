package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"flowd/internal/recordbatch"
	"flowd/operators"
	"flowd/stream"
)

// maxRaw is how much of a bad record an error keeps.
const maxRaw = 1 << 20

// reader is the stream.Reader of one instance: a RawFetcher and a decoder.
type reader struct {
	raw      *RawFetcher
	decoder  operators.Decoder
	stats    *stream.Stats
	needTime bool
	columns  []metaColumn
	progress *progress

	recs recordbatch.Records
	from []uint32
	in   operators.RawRecords // what the decoder is given; here, so that it is not made anew each time
	ids  []string             // of the splits
	errs stream.RowErrors     // of the decoder, until they know where they come from
}

var _ stream.Reader = (*reader)(nil)

// Poll decodes the next records of one partition.
func (r *reader) Poll(b *stream.Batch, errs *stream.RowErrors) (stream.Polled, error) {
	most := b.Free()
	if most <= 0 {
		return stream.Polled{}, nil
	}
	part, n, err := r.raw.Next(&r.recs, most)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return stream.Polled{End: true}, nil
		}
		if bad, ok := asBatchError(err); ok {
			return r.badBatch(part, bad, errs)
		}
		return stream.Polled{}, err
	}
	if n == 0 {
		return stream.Polled{}, nil
	}
	before := b.N
	r.in = operators.RawRecords{Buf: r.recs.Buf, Start: r.recs.Start, End: r.recs.End}
	r.from = r.decoder.Decode(b, &r.in, r.from[:0], &r.errs)
	rows := b.N - before
	if r.needTime {
		r.appendTime(b)
	}
	for i := range r.columns {
		r.columns[i].append(b, &r.recs, r.from, r.raw, part)
	}
	if r.errs.Len() > 0 {
		r.place(part, errs)
	}
	r.stats.BytesIn.Add(recordBytes(&r.recs))
	if rows == 0 {
		r.raw.notify() // there may be more, though this Poll looks like the last one
	}
	return stream.Polled{Split: part, Rows: rows}, nil
}

// recordBytes is the size of the values, framing and keys between them included.
func recordBytes(recs *recordbatch.Records) int64 {
	first, last := -1, -1
	for i := range recs.Start {
		if recs.Start[i] != recordbatch.Null {
			first = i
			break
		}
	}
	for i, v := range slices.Backward(recs.Start) {
		if v != recordbatch.Null {
			last = i
			break
		}
	}
	if first < 0 {
		return 0
	}
	return int64(recs.End[last] - recs.Start[first])
}

// appendTime gives each new row the timestamp of its record.
func (r *reader) appendTime(b *stream.Batch) {
	at := len(b.Time)
	t := b.OwnTime(at + len(r.from))[at:]
	for i, k := range r.from {
		t[i] = r.recs.Timestamp[k]
	}
}

// place tells the decoder's errors which records they are about.
func (r *reader) place(part int, errs *stream.RowErrors) {
	id, _, _, _, _ := r.raw.partition(part)
	for _, e := range r.errs.List {
		i := int(e.Row)
		e.Row = -1
		e.Topic, e.Split, e.Offset, e.Time = id.topic, id.id, r.recs.Offset[i], r.recs.Timestamp[i]
		if s := r.recs.Start[i]; s != recordbatch.Null {
			value := r.recs.Buf[s:r.recs.End[i]]
			e.Raw = bytes.Clone(value[:min(len(value), maxRaw)])
		}
		errs.List = append(errs.List, e)
	}
	r.errs.Reset()
}

// badBatch makes a batch that cannot be read one row error, and goes on after it.
func (r *reader) badBatch(part int, bad *recordbatch.Error, errs *stream.RowErrors) (stream.Polled, error) {
	id, _, _, _, _ := r.raw.partition(part)
	if !r.raw.Skip() {
		return stream.Polled{}, permanentf("kafka: %s partition %d: %w; where it ends cannot be told, so that reading cannot go on after it: start at a later offset, for example start: {offsets: {%d: %d}}",
			id.topic, id.id, bad, id.id, bad.Offset+1)
	}
	errs.List = append(errs.List, stream.RowError{
		Row: -1, Msg: fmt.Sprintf("a whole record batch cannot be read: %s", bad.Msg),
		Topic: id.topic, Split: id.id, Offset: bad.Offset, Time: -1,
	})
	r.raw.notify()
	return stream.Polled{Split: part}, nil
}

func (r *reader) Ready() <-chan struct{} { return r.raw.Ready() }
func (r *reader) Splits() int            { return r.raw.Partitions() }
func (r *reader) Pause(i int, p bool)    { r.raw.Pause(i, p) }

// Close ends the fetching. How far the reader has come is committed when the source is closed.
func (r *reader) Close() error {
	err := r.raw.Close()
	r.progress.leave(r.raw)
	return err
}

// Raw is the fetch path under the reader. Whoever reads from it reads past Poll: it is there to measure what fetching and
// framing cost without decoding.
func (r *reader) Raw() *RawFetcher { return r.raw }

func (r *reader) Split(i int) stream.SplitState {
	id, position, end, caughtUp, finished := r.raw.partition(i)
	for len(r.ids) <= i {
		r.ids = append(r.ids, "")
	}
	if r.ids[i] == "" {
		r.ids[i] = id.String()
	}
	return stream.SplitState{ID: r.ids[i], CaughtUp: caughtUp, Finished: finished, Position: position, End: end}
}

func (p topicPartition) String() string { return fmt.Sprintf("%s/%d", p.topic, p.id) }
