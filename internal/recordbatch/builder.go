package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Producer identifies who writes a batch, for idempotence and transactions. Its zero value is producer 0, which is a
// producer like any other: without idempotence use NoProducer.
type Producer struct {
	ID            int64
	Epoch         int16
	Sequence      int32 // of the first record of the batch
	Transactional bool
}

// NoProducer writes a batch without idempotence.
var NoProducer = Producer{ID: -1, Epoch: -1, Sequence: -1}

// Builder makes one batch at a time. It keeps its memory from batch to batch.
type Builder struct {
	comp       *compressor
	raw        []byte // room for the header, then the records
	out        []byte // the compressed batch
	count      int32
	base, most int64  // timestamps
	done       []byte // the finished batch, nil if records were added since
}

// NewBuilder makes a builder for a codec; level 0 is the codec's default. It fails for a level that the codec lacks.
func NewBuilder(codec Codec, level int) (*Builder, error) {
	comp, err := newCompressor(codec, level)
	if err != nil {
		return nil, err
	}
	b := &Builder{comp: comp}
	b.Reset()
	return b, nil
}

// Reset begins a new batch. The bytes of the last Finish become invalid.
func (b *Builder) Reset() {
	if cap(b.raw) < headerSize {
		b.raw = make([]byte, headerSize, 4096)
	}
	b.raw = b.raw[:headerSize]
	b.count, b.base, b.most, b.done = 0, 0, 0, nil
}

// Len returns the number of records.
func (b *Builder) Len() int { return int(b.count) }

// Size returns the bytes of the batch so far, header included, before compression. It must stay below 1 GiB; Kafka's
// own limit, max.message.bytes, is 1 MiB by default and counts compressed bytes.
func (b *Builder) Size() int { return len(b.raw) }

// Append adds a record. A nil key or value is null, an empty one is not. The bytes are copied. The timestamp is in ms
// since 1970.
func (b *Builder) Append(key, value []byte, headers []Header, timestampMs int64) {
	b.begin(timestampMs)
	delta := timestampMs - b.base
	size := 1 + varintLen(delta) + varintLen(int64(b.count)) + varintLen(int64(len(headers))) + 2
	if key != nil {
		size += varintLen(int64(len(key))) + len(key) - 1
	}
	if value != nil {
		size += varintLen(int64(len(value))) + len(value) - 1
	}
	for i := range headers {
		h := &headers[i]
		size += varintLen(int64(len(h.Key))) + len(h.Key) + 1
		if h.Value != nil {
			size += varintLen(int64(len(h.Value))) + len(h.Value) - 1
		}
	}
	dst := appendVarint(b.raw, int64(size))
	dst = append(dst, 0) // attributes: none are defined
	dst = appendVarint(dst, delta)
	dst = appendVarint(dst, int64(b.count))
	dst = appendBytes(dst, key)
	dst = appendBytes(dst, value)
	dst = appendVarint(dst, int64(len(headers)))
	for i := range headers {
		h := &headers[i]
		dst = appendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	b.raw = dst
	b.count++
}

// AppendValues adds records without key and headers: value i is buf[ends[i-1]:ends[i]], the first begins at start.
// Record i has the timestamp timestamps[i], or all have the same if there is only one. It stops before the record with
// which Size would pass limit (0: no limit), but adds at least one to an empty batch, and returns how many it added.
func (b *Builder) AppendValues(buf []byte, start uint32, ends []uint32, timestamps []int64, limit int) int {
	if limit <= 0 {
		limit = math.MaxInt
	}
	for i, end := range ends {
		value := buf[start:end]
		if len(b.raw)+len(value)+32 > limit && b.count > 0 {
			return i
		}
		t := timestamps[0]
		if len(timestamps) > 1 {
			t = timestamps[i]
		}
		b.Append(nil, value, nil, t)
		start = end
	}
	return len(ends)
}

// begin notes the time of a record that is about to be added.
func (b *Builder) begin(timestampMs int64) {
	if b.count == 0 {
		b.base, b.most = timestampMs, timestampMs
	}
	b.most = max(b.most, timestampMs)
	b.done = nil
}

func appendBytes(dst, v []byte) []byte {
	if v == nil {
		return append(dst, 1) // length -1
	}
	dst = appendVarint(dst, int64(len(v)))
	return append(dst, v...)
}

// Finish returns the batch, or nil if it has no record. The bytes belong to the Builder and stay valid until Reset,
// Append or another Finish. Finish may be called again, also with another producer: the compressed records are the
// same, only the producer's fields and the checksum differ.
func (b *Builder) Finish(p Producer) []byte {
	if b.count == 0 {
		return nil
	}
	if b.done == nil {
		b.done = b.encode()
	}
	d := b.done
	attributes := binary.BigEndian.Uint16(d[posAttributes:]) &^ attrTransactional
	if p.Transactional {
		attributes |= attrTransactional
	}
	binary.BigEndian.PutUint16(d[posAttributes:], attributes)
	binary.BigEndian.PutUint64(d[posProducerID:], uint64(p.ID))
	binary.BigEndian.PutUint16(d[posProducerEpoch:], uint16(p.Epoch))
	binary.BigEndian.PutUint32(d[posBaseSequence:], uint32(p.Sequence))
	binary.BigEndian.PutUint32(d[posCRC:], crc32.Checksum(d[posAttributes:], castagnoli))
	return d
}

// encode compresses the records, if that makes them smaller, and writes the header without the producer's fields.
func (b *Builder) encode() []byte {
	d, codec := b.raw, None
	if b.comp.codec != None {
		if cap(b.out) < headerSize {
			b.out = make([]byte, headerSize, len(b.raw))
		}
		out, err := b.comp.compress(b.out[:headerSize], b.raw[headerSize:])
		if err != nil {
			panic(fmt.Sprintf("recordbatch: %d bytes in memory: %v", len(b.raw), err)) // writes to memory do not fail
		}
		b.out = out
		if len(out) < len(b.raw) {
			d, codec = out, b.comp.codec
		}
	}
	if len(d) > math.MaxInt32 {
		panic(fmt.Sprintf("recordbatch: a batch of %d bytes cannot be written", len(d)))
	}
	binary.BigEndian.PutUint64(d[posBaseOffset:], 0)
	binary.BigEndian.PutUint32(d[posLength:], uint32(len(d)-lengthEnd))
	binary.BigEndian.PutUint32(d[posLeaderEpoch:], math.MaxUint32) // -1: the broker fills it in
	d[posMagic] = 2
	binary.BigEndian.PutUint16(d[posAttributes:], uint16(codec))
	binary.BigEndian.PutUint32(d[posLastOffsetDelta:], uint32(b.count-1))
	binary.BigEndian.PutUint64(d[posBaseTimestamp:], uint64(b.base))
	binary.BigEndian.PutUint64(d[posMaxTimestamp:], uint64(b.most))
	binary.BigEndian.PutUint32(d[posCount:], uint32(b.count))
	return d
}
