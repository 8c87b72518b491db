package kafka

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/segmentio/kafka-go/protocol"
)

// metadata is what a broker knows about the cluster.
type metadata struct {
	brokers map[int32]string
	topics  map[string]*topicMeta
}

type topicMeta struct {
	name       string
	id         [16]byte // zero if the broker is older than 2.8
	code       int16
	internal   bool
	partitions []partitionMeta // by number, without gaps
}

type partitionMeta struct {
	id     int32
	code   int16
	leader int32 // −1: none at present
}

// names lists the topics that are there, sorted.
func (m *metadata) names() []string {
	var out []string
	for n, t := range m.topics {
		if t.code == codeNone && !t.internal {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// metadata asks for the given topics; nil asks for all, an empty slice for none. Topics are never created.
func (c *client) metadata(ctx context.Context, topics []string) (*metadata, error) {
	version := c.version(protocol.Metadata)
	res, err := c.do(ctx, callTimeout, &metadataCall{version: version, topics: topics})
	if err != nil {
		return nil, err
	}
	c.reached.Store(true)
	return &res.(*metadataCall).res, nil
}

// metadataCall is a Metadata request v5–v12 and its response. It goes past the transport's cache.
type metadataCall struct {
	version int16
	topics  []string
	res     metadata
}

var _ protocol.RawExchanger = (*metadataCall)(nil)

const maxMetadata = 64 << 20

func (m *metadataCall) ApiKey() protocol.ApiKey                 { return protocol.Metadata } //nolint:revive // the name is kafka-go's
func (m *metadataCall) Required(map[protocol.ApiKey]int16) bool { return true }

func (m *metadataCall) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if _, err := rw.Write(m.request()); err != nil {
		return nil, err
	}
	var f frame
	f.open(rw, maxMetadata, 1, m.version >= 9)
	m.read(&f)
	if err := f.close(); err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	return m, nil
}

func (m *metadataCall) request() []byte {
	flex := m.version >= 9
	b := beginFrame(nil, int16(protocol.Metadata), m.version, 1, flex)
	switch {
	case m.topics == nil && flex:
		b = append(b, 0)
	case m.topics == nil:
		b = appendInt32(b, -1)
	case flex:
		b = appendUvarint(b, uint64(len(m.topics)+1))
	default:
		b = appendInt32(b, int32(len(m.topics)))
	}
	for _, t := range m.topics {
		if m.version >= 10 {
			b = append(b, make([]byte, 16)...) // asked for by name
		}
		if flex {
			b = append(appendUvarint(b, uint64(len(t)+1)), t...)
			b = append(b, 0)
		} else {
			b = appendString(b, t)
		}
	}
	b = append(b, 0) // do not create topics
	if m.version >= 8 && m.version <= 10 {
		b = append(b, 0) // no cluster authorisations
	}
	if m.version >= 8 {
		b = append(b, 0) // no topic authorisations
	}
	if flex {
		b = append(b, 0)
	}
	return endFrame(b, 0)
}

func appendUvarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func (m *metadataCall) read(f *frame) {
	m.res = metadata{brokers: map[int32]string{}, topics: map[string]*topicMeta{}}
	f.int32() // throttle
	for n := f.count(10); n > 0 && f.err == nil; n-- {
		id := f.int32()
		host := f.string()
		m.res.brokers[id] = fmt.Sprintf("%s:%d", host, f.int32())
		f.string() // rack
		f.tags()
	}
	f.string() // cluster id
	f.int32()  // controller
	for n := f.count(8); n > 0 && f.err == nil; n-- {
		t := &topicMeta{code: f.int16(), name: f.string()}
		if m.version >= 10 {
			f.read(t.id[:])
		}
		t.internal = f.bool()
		for k := f.count(18); k > 0 && f.err == nil; k-- {
			p := partitionMeta{code: f.int16(), id: f.int32(), leader: f.int32()}
			if m.version >= 7 {
				f.int32() // leader epoch
			}
			for range 3 { // replicas, in-sync replicas, offline replicas
				if n := f.count(4); n > 0 {
					f.skip(4 * n)
				}
			}
			f.tags()
			t.partitions = append(t.partitions, p)
		}
		slices.SortFunc(t.partitions, func(a, b partitionMeta) int { return int(a.id) - int(b.id) })
		if m.version >= 8 {
			f.int32() // authorisations
		}
		f.tags()
		m.res.topics[t.name] = t
	}
	if m.version >= 8 && m.version <= 10 {
		f.int32()
	}
	f.tags()
}
