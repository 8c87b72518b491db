package engine

import (
	"flowd/pipeline"
	"flowd/state"
	"flowd/stream"
)

// edge is the sending end of an edge of the plan, at one instance of the sender.
type edge struct {
	from     *node
	exchange pipeline.Exchange
	key      []int
	dests    []dest
	turn     int // Rebalance: who is next

	// Keyed, with more than one receiver.
	seed   uint64
	hashes *stream.Pool // blocks without columns, for the hashes
	owner  [state.KeyGroups]uint8
	parts  []part
}

// dest is one input of one receiver.
type dest struct {
	ch    chan stream.Message
	input int32
}

// part is what one receiver gets of a batch.
type part struct {
	batch *stream.Batch
	sel   []int32
	n     int
}

// noColumns is the schema of blocks that hold hashes only.
var noColumns = stream.NewSchema()

// send passes b on, which it takes over also when it fails.
func (e *edge) send(b *stream.Batch) error {
	switch {
	case e.exchange == pipeline.Forward:
		return e.deliver(0, b)
	case e.exchange == pipeline.Keyed && len(e.dests) > 1:
		return e.scatter(b)
	}
	b.Hash = nil // of an earlier exchange, perhaps by another key
	d := e.turn
	if e.turn++; e.turn == len(e.dests) {
		e.turn = 0
	}
	return e.deliver(d, b)
}

func (e *edge) deliver(d int, b *stream.Batch) error {
	return e.from.task.send(e.dests[d], stream.Message{Kind: stream.MsgBatch, Batch: b})
}

// scatter gives each receiver a header with its own selection over the same columns.
func (e *edge) scatter(b *stream.Batch) error {
	if err := e.hash(b); err != nil {
		b.Release()
		return err
	}
	last := len(e.parts) - 1
	for i := range e.parts {
		h := b
		if i < last {
			h = b.Share()
		}
		e.parts[i] = part{batch: h, sel: h.SelBuf()[:b.N]}
	}
	e.split(b)
	for i := range e.parts {
		p := &e.parts[i]
		h := p.batch
		h.Sel, p.batch = p.sel[:p.n], nil
		if p.n == 0 {
			h.Release()
			continue
		}
		if err := e.deliver(i, h); err != nil {
			for _, rest := range e.parts[i+1:] {
				rest.batch.Release()
			}
			clear(e.parts)
			return err
		}
	}
	return nil
}

// hash gives b the hashes of its key. They lie in a block of the sender's, because the columns may be another's.
func (e *edge) hash(b *stream.Batch) error {
	h, err := e.from.task.get(e.hashes)
	if err != nil {
		return err
	}
	stream.HashRows(h.OwnHash(b.N), b, e.key, e.seed)
	b.Hash = h.Hash
	b.Hold(h)
	h.Release()
	return nil
}

// split writes the selections. The last part's may overlie b.Sel: it never writes ahead of what has been read.
func (e *edge) split(b *stream.Batch) {
	hash := b.Hash
	if len(e.parts) == 2 {
		e.splitTwo(b)
		return
	}
	if b.Sel == nil {
		for i, h := range hash[:b.N] {
			p := &e.parts[e.owner[h>>57]]
			p.sel[p.n] = int32(i)
			p.n++
		}
		return
	}
	for _, i := range b.Sel {
		p := &e.parts[e.owner[hash[i]>>57]]
		p.sel[p.n] = i
		p.n++
	}
}

// splitTwo is split for two receivers, without a branch that cannot be foretold.
func (e *edge) splitTwo(b *stream.Batch) {
	first, second, hash := e.parts[0].sel, e.parts[1].sel, b.Hash
	n, m := 0, 0
	if b.Sel == nil {
		for i, h := range hash[:b.N] {
			to := int(e.owner[h>>57])
			first[n], second[m] = int32(i), int32(i)
			n, m = n+1-to, m+to
		}
	} else {
		for _, i := range b.Sel {
			to := int(e.owner[hash[i]>>57])
			first[n], second[m] = i, i
			n, m = n+1-to, m+to
		}
	}
	e.parts[0].n, e.parts[1].n = n, m
}

func newOwners(parallelism int) (owner [state.KeyGroups]uint8) {
	for g := range owner {
		owner[g] = uint8(state.Instance(g, parallelism))
	}
	return owner
}
