package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/segmentio/kafka-go/protocol"

	"flowd/internal/recordbatch"
)

// fetchCall is a Fetch request v4–v11 without a fetch session, and its response. Record sets are read from the
// connection straight into buffers of their own, one a partition, so that a slow or paused partition holds up nobody's
// memory but its own. Format: Kafka protocol guide, Fetch API; KIP-98 for the aborted transactions.
type fetchCall struct {
	broker    int32
	committed bool
	maxWait   int32 // ms the broker may wait for the first byte
	maxBytes  int32 // of the response, except that one batch is always sent
	limit     int   // largest response frame to accept
	parts     []fetchPart
	buffers   *buffers

	version     int16
	correlation int32
	out         []byte
	frame       frame
	errorCode   int16
	results     []fetchResult
}

type fetchPart struct {
	topicPartition
	index    int // of the reader's partition
	offset   int64
	maxBytes int32
}

// fetchResult is one partition's part of a response.
type fetchResult struct {
	part     int // index in fetchCall.parts
	code     int16
	high     int64 // high watermark
	stable   int64 // last stable offset
	logStart int64 // −1 if unknown
	aborted  []recordbatch.Aborted
	data     []byte // lent by buffers
}

var (
	_ protocol.RawExchanger    = (*fetchCall)(nil)
	_ protocol.PreparedMessage = (*fetchCall)(nil)
	_ protocol.BrokerMessage   = (*fetchCall)(nil)
)

func (c *fetchCall) ApiKey() protocol.ApiKey                 { return protocol.Fetch } //nolint:revive // the name is kafka-go's
func (c *fetchCall) Required(map[protocol.ApiKey]int16) bool { return true }
func (c *fetchCall) Prepare(version int16)                   { c.version = version }
func (c *fetchCall) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: c.broker}, nil
}

func (c *fetchCall) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if c.version < supported[protocol.Fetch].min {
		return nil, settingErrorf("broker %d is too old: it speaks Fetch only up to version %d", c.broker, c.version)
	}
	c.correlation++
	if _, err := rw.Write(c.request()); err != nil {
		return nil, fmt.Errorf("sending a fetch: %w", err)
	}
	f := &c.frame
	f.open(rw, c.limit, c.correlation, false)
	c.read(f)
	if err := f.close(); err != nil {
		return nil, fmt.Errorf("reading a fetch response: %w", err)
	}
	return c, nil
}

func (c *fetchCall) request() []byte {
	v := c.version
	b := beginFrame(c.out, int16(protocol.Fetch), v, c.correlation, false)
	b = appendInt32(b, -1) // no replica
	b = appendInt32(b, c.maxWait)
	b = appendInt32(b, 1) // answer as soon as there is a byte
	b = appendInt32(b, c.maxBytes)
	if c.committed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	if v >= 7 {
		b = appendInt32(b, 0)  // no session …
		b = appendInt32(b, -1) // … and none wanted
	}
	topics := len(b)
	b = appendInt32(b, 0)
	count := 0
	for i := 0; i < len(c.parts); {
		end := i
		for end < len(c.parts) && c.parts[end].topic == c.parts[i].topic {
			end++
		}
		b = appendString(b, c.parts[i].topic)
		b = appendInt32(b, int32(end-i))
		for _, p := range c.parts[i:end] {
			b = appendInt32(b, p.id)
			if v >= 9 {
				b = appendInt32(b, -1) // leader epoch
			}
			b = appendInt64(b, p.offset)
			if v >= 5 {
				b = appendInt64(b, -1) // log start, only for followers
			}
			b = appendInt32(b, p.maxBytes)
		}
		i = end
		count++
	}
	binary.BigEndian.PutUint32(b[topics:], uint32(count))
	if v >= 7 {
		b = appendInt32(b, 0) // nothing forgotten
	}
	if v >= 11 {
		b = appendString(b, "") // no rack
	}
	c.out = endFrame(b, 0)
	return c.out
}

func (c *fetchCall) read(f *frame) {
	v := c.version
	c.results = c.results[:0]
	f.int32() // throttle: the broker has already delayed its answer
	if v >= 7 {
		c.errorCode = f.int16()
		f.int32() // session
	}
	next := 0
	for n := f.count(6); n > 0 && f.err == nil; n-- {
		topic := f.bytes()
		for k := f.count(30); k > 0 && f.err == nil; k-- {
			id := f.int32()
			next = c.find(topic, id, next)
			r := c.result()
			r.part = next
			r.code = f.int16()
			r.high = f.int64()
			r.stable = f.int64()
			if v >= 5 {
				r.logStart = f.int64()
			}
			for a := f.count(16); a > 0 && f.err == nil; a-- {
				r.aborted = append(r.aborted, recordbatch.Aborted{ProducerID: f.int64(), FirstOffset: f.int64()})
			}
			if v >= 11 {
				f.int32() // preferred replica: none without a rack
			}
			size := int(f.int32())
			if f.err != nil || size <= 0 {
				continue
			}
			if next < 0 || size > f.left {
				f.fail("it holds a partition that was not asked for, or a cut record set")
				return
			}
			r.data = c.buffers.get(size)
			f.read(r.data)
		}
	}
}

// result is a new, empty result, keeping the memory of an earlier one.
func (c *fetchCall) result() *fetchResult {
	n := len(c.results)
	c.results = slices.Grow(c.results, 1)[:n+1]
	r := &c.results[n]
	*r = fetchResult{logStart: -1, aborted: nil}
	return r
}

// find is the position of a partition among parts, which brokers keep in order; −1 if it was not asked for.
func (c *fetchCall) find(topic []byte, id int32, after int) int {
	for i := range c.parts {
		j := (max(after, 0) + i) % len(c.parts)
		if c.parts[j].id == id && c.parts[j].topic == string(topic) {
			return j
		}
	}
	return -1
}

// recordSet is what can be known of fetched data from the headers of its batches alone.
type recordSet struct {
	next int64 // offset after the last whole batch; the fetch offset if there is none
	size int   // bytes of the whole batches
	need int   // no batch is whole: bytes the first one has, 0 if they cannot be known
	bad  bool  // a header that makes no sense was met: what follows next must be judged by decoding
}

// scan walks over the batches of data, which were fetched at offset.
func scan(data []byte, offset int64) recordSet {
	const lengthEnd, header = 12, 61
	s := recordSet{next: offset}
	for whole := false; ; whole = true {
		if len(data) < lengthEnd {
			if !whole && len(data) > 0 {
				s.need = header
			}
			return s
		}
		size := int(int32(binary.BigEndian.Uint32(data[8:])))
		if size < header-lengthEnd || len(data) > 16 && data[16] != 2 {
			s.bad = true
			return s
		}
		if size > len(data)-lengthEnd {
			if !whole {
				s.need = size + lengthEnd
			}
			return s
		}
		base := int64(binary.BigEndian.Uint64(data))
		last := int64(int32(binary.BigEndian.Uint32(data[23:])))
		if last < 0 || base < 0 || base+last+1 < s.next {
			s.bad = true
			return s
		}
		s.next = base + last + 1
		s.size += lengthEnd + size
		data = data[lengthEnd+size:]
	}
}
