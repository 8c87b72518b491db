package stream

import (
	"context"
	"sync/atomic"
)

// DefaultRows is how many rows a batch holds at a source and an exchange: columns of a few int64 stay within a
// core's second-level cache, and the cost of a channel hop is below 1 ns a row.
const DefaultRows = 4096

// Pool lends the batches of one operator instance. Its size is a hard limit: Get waits until a reader returns a
// block. That is the credit which bounds the memory of a job. One goroutine calls Get; any may release.
type Pool struct {
	schema *Schema
	rows   int
	limit  int32
	made   int32
	free   chan *block
	debug  bool
}

// debugPools makes every new pool poison what comes back. Tests switch it on with SetDebug.
var debugPools atomic.Bool

// SetDebug makes pools created from now on overwrite returned blocks with nonsense, so that a test that reads a
// batch it no longer owns fails. It returns the setting before.
func SetDebug(on bool) bool { return debugPools.Swap(on) }

// NewPool makes a pool of at most limit batches of rows rows. Blocks are made when first needed.
func NewPool(s *Schema, rows, limit int) *Pool {
	return &Pool{schema: s, rows: rows, limit: int32(limit), free: make(chan *block, limit), debug: debugPools.Load()}
}

// Schema is the schema of the pool's batches.
func (p *Pool) Schema() *Schema { return p.schema }

// Get lends an empty batch, waiting for one to come back if all are out. The error is the context's.
func (p *Pool) Get(ctx context.Context) (*Batch, error) {
	if b := p.TryGet(); b != nil {
		return b, nil
	}
	select {
	case bl := <-p.free:
		return p.lend(bl), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// TryGet lends an empty batch, or nil if all are out.
func (p *Pool) TryGet() *Batch {
	select {
	case bl := <-p.free:
		return p.lend(bl)
	default:
	}
	if p.made == p.limit {
		return nil
	}
	p.made++
	bl := &block{pool: p, cols: make([]*Column, len(p.schema.Columns))}
	for i, c := range p.schema.Columns {
		bl.cols[i] = NewColumn(c.Type, p.rows)
	}
	return p.lend(bl)
}

// Out is the number of batches lent and not yet returned. Only for tests and metrics: it may be stale at once.
func (p *Pool) Out() int { return int(p.made) - len(p.free) }

func (p *Pool) lend(bl *block) *Batch {
	bl.refs.Store(1)
	for _, c := range bl.cols {
		c.Reset()
	}
	b := NewHeader(p.schema)
	b.own = bl
	b.blocks = append(b.blocks[:0], bl)
	b.Cols = append(b.Cols[:0], bl.cols...)
	return b
}

func (p *Pool) put(bl *block) {
	if p.debug {
		bl.poison()
	}
	p.free <- bl // has room for every block there is, so it never waits
}

// poison fills the block with values that no test expects.
func (bl *block) poison() {
	const bad = 0x5EADBEEF5EADBEEF
	for _, c := range bl.cols {
		c.poison(bad)
	}
	for i := range bl.time {
		bl.time[i] = bad
	}
	for i := range bl.hash {
		bl.hash[i] = bad
	}
}

func (c *Column) poison(bad int64) {
	for i := range c.I64 {
		c.I64[i] = bad
	}
	for i := range c.F64 {
		c.F64[i] = -8.25e300
	}
	for i := range c.Hi {
		c.Hi[i] = bad
	}
	for i := range c.Bytes {
		c.Bytes[i] = 0xDB
	}
	for i := range c.Valid {
		c.Valid[i] = 0
	}
	for _, ch := range c.Child {
		ch.poison(bad)
	}
}
