package recordbatch

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Aborted is an entry of a fetch response's list of aborted transactions.
type Aborted struct {
	ProducerID  int64
	FirstOffset int64
}

// transactions tells which batches were aborted, as the Java client does: a transaction of the list begins at its first
// offset and ends at the producer's abort marker; what its producer has written between is aborted.
type transactions struct {
	list []Aborted          // not yet begun, by first offset
	open map[int64]struct{} // producers with an aborted transaction
}

func (t *transactions) reset(list []Aborted, committed bool) {
	t.list = t.list[:0]
	clear(t.open)
	if committed {
		t.list = append(t.list, list...)
		slices.SortFunc(t.list, func(a, b Aborted) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	}
}

// aborted tells whether the records of a batch were aborted. Batches are asked for in order.
func (t *transactions) aborted(h header) bool {
	t.begin(h.last)
	if !h.txn || len(t.open) == 0 {
		return false
	}
	_, ok := t.open[h.producer]
	return ok
}

// begin opens the transactions that begin up to last.
func (t *transactions) begin(last int64) {
	n := 0
	for ; n < len(t.list) && t.list[n].FirstOffset <= last; n++ {
		if t.open == nil {
			t.open = make(map[int64]struct{})
		}
		t.open[t.list[n].ProducerID] = struct{}{}
	}
	t.list = t.list[n:]
}

// end closes the transaction of a producer.
func (t *transactions) end(producer int64) { delete(t.open, producer) }

// isAbort reads the control record at b[p:]: its key has a version and a type, of which 0 is abort.
func isAbort(b []byte, p int) (abort, ok bool) {
	size, p := varint32(b, p)
	if p < 0 || size < 0 || size > len(b)-p {
		return false, false
	}
	b = b[:p+size]
	if _, p = varint(b, p+1); p < 0 { // after the attributes: timestamp delta
		return false, false
	}
	if _, p = varint32(b, p); p < 0 { // offset delta
		return false, false
	}
	key, p := varint32(b, p)
	if p < 0 || key < 4 || key > len(b)-p {
		return false, false
	}
	return binary.BigEndian.Uint16(b[p+2:]) == 0, true
}
