package kafka

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// produceCall is a Produce request v3–v8 with acks=all, one record batch a partition of one topic, and its response.
// Batches go from where they were built to the socket. Format: Kafka protocol guide, Produce API.
type produceCall struct {
	broker  int32
	topic   string
	timeout int32 // ms the broker may wait for its replicas
	parts   []producePart

	version     int16
	correlation int32
	out         []byte
	frame       frame
}

// producePart is one partition's batch and what became of it.
type producePart struct {
	id      int32
	records []byte

	answered bool
	code     int16
	base     int64 // offset of the first record
	message  string
}

var (
	_ protocol.RawExchanger    = (*produceCall)(nil)
	_ protocol.PreparedMessage = (*produceCall)(nil)
	_ protocol.BrokerMessage   = (*produceCall)(nil)
)

func (c *produceCall) ApiKey() protocol.ApiKey                 { return protocol.Produce } //nolint:revive // the name is kafka-go's
func (c *produceCall) Required(map[protocol.ApiKey]int16) bool { return true }
func (c *produceCall) Prepare(version int16)                   { c.version = version }
func (c *produceCall) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: c.broker}, nil
}

const (
	maxProduceResponse = 8 << 20
	// joinBytes is the size up to which a batch is copied behind the request's header to save a system call.
	joinBytes = 16 << 10
)

func (c *produceCall) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if c.version < supported[protocol.Produce].min {
		return nil, settingErrorf("broker %d is too old: it speaks Produce only up to version %d", c.broker, c.version)
	}
	c.correlation++
	if err := c.write(rw); err != nil {
		return nil, fmt.Errorf("sending a produce request: %w", err)
	}
	f := &c.frame
	f.open(rw, maxProduceResponse, c.correlation, false)
	c.read(f)
	if err := f.close(); err != nil {
		return nil, fmt.Errorf("reading a produce response: %w", err)
	}
	return c, nil
}

func (c *produceCall) write(w io.Writer) error {
	b := beginFrame(c.out, int16(protocol.Produce), c.version, c.correlation, false)
	b = appendInt16(b, -1) // no transaction
	b = appendInt16(b, -1) // acks=all
	b = appendInt32(b, c.timeout)
	b = appendInt32(b, 1) // topics
	b = appendString(b, c.topic)
	b = appendInt32(b, int32(len(c.parts)))
	size := len(b) - 4
	for i := range c.parts {
		size += 8 + len(c.parts[i].records)
	}
	binary.BigEndian.PutUint32(b, uint32(size))
	for i := range c.parts {
		p := &c.parts[i]
		b = appendInt32(b, p.id)
		b = appendInt32(b, int32(len(p.records)))
		if len(p.records) <= joinBytes && len(b) < 4*joinBytes {
			b = append(b, p.records...)
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		if _, err := w.Write(p.records); err != nil {
			return err
		}
		b = b[:0]
	}
	c.out = b
	if len(b) == 0 {
		return nil
	}
	_, err := w.Write(b)
	return err
}

func (c *produceCall) read(f *frame) {
	for n := f.count(6); n > 0 && f.err == nil; n-- {
		if name := f.bytes(); f.err == nil && string(name) != c.topic {
			f.fail("it is about another topic")
		}
		for k := f.count(22); k > 0 && f.err == nil; k-- {
			id := f.int32()
			var p producePart // of a partition that was not asked for
			at := &p
			for i := range c.parts {
				if c.parts[i].id == id {
					at = &c.parts[i]
				}
			}
			at.answered = true
			at.code = f.int16()
			at.base = f.int64()
			f.int64() // time of the append
			if c.version >= 5 {
				f.int64() // log start
			}
			if c.version >= 8 {
				for e := f.count(6); e > 0 && f.err == nil; e-- {
					f.int32()
					at.message = f.string()
				}
				if m := f.string(); m != "" {
					at.message = m
				}
			}
		}
	}
	f.int32() // throttle
}
