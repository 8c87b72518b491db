package recordbatch

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	abortMarker  = 0
	commitMarker = 1
)

// control makes the batch that ends a transaction, as a broker writes it.
func control(tb testing.TB, codec Codec, base, producer int64, kind byte) []byte {
	key := []byte{0, 0, 0, kind}
	value := make([]byte, 6) // version, coordinator epoch
	b := build(tb, None, base, Producer{ID: producer, Transactional: true}, record{Key: key, Value: value})
	if codec == Gzip {
		b = append(b[:headerSize:headerSize], gzipOf(b[headerSize:])...)
		b[posAttributes+1] |= byte(Gzip)
	}
	b[posAttributes+1] |= attrControl
	return seal(b)
}

// Every rule of read_committed on its own: franz-go's brokers and clients are asked in TestTransactions.
func TestAborted(t *testing.T) {
	txn := func(base, producer int64, n int) []byte {
		return build(t, Snappy, base, Producer{ID: producer, Transactional: true}, values(n)...)
	}
	plain := func(base, producer int64) []byte {
		return build(t, None, base, Producer{ID: producer}, values(1)...)
	}
	for name, tc := range map[string]struct {
		data    []byte
		aborted []Aborted
		want    []int64
		next    int64
	}{
		"one batch of one record": {
			withSlack(txn(0, 1, 1), control(t, None, 1, 1, abortMarker), txn(2, 1, 1), control(t, None, 3, 1, commitMarker)),
			[]Aborted{{1, 0}},
			[]int64{2},
			4,
		},
		"only from its first offset on": {
			withSlack(txn(0, 1, 1), control(t, None, 1, 1, commitMarker), txn(2, 1, 2), control(t, None, 4, 1, abortMarker), txn(5, 1, 1)),
			[]Aborted{{1, 2}},
			[]int64{0, 5},
			6,
		},
		"aborted twice, listed in any order": {
			withSlack(txn(0, 1, 1), control(t, None, 1, 1, abortMarker), txn(2, 1, 1), control(t, None, 3, 1, abortMarker), txn(4, 1, 1)),
			[]Aborted{{1, 2}, {1, 0}},
			[]int64{4},
			5,
		},
		"another's commit does not end it": {
			withSlack(txn(0, 1, 1), txn(1, 2, 1), control(t, None, 2, 2, commitMarker), txn(3, 1, 1), control(t, None, 4, 1, abortMarker)),
			[]Aborted{{1, 0}},
			[]int64{1},
			5,
		},
		"another's abort does not end it": {
			withSlack(txn(0, 1, 1), txn(1, 2, 1), control(t, None, 2, 2, abortMarker), txn(3, 1, 1), control(t, None, 4, 1, abortMarker)),
			[]Aborted{{1, 0}, {2, 1}},
			nil, 5,
		},
		"records outside of transactions stay": {
			withSlack(txn(0, 1, 1), plain(1, 1), plain(2, -1), control(t, None, 3, 1, abortMarker)),
			[]Aborted{{1, 0}},
			[]int64{1, 2},
			4,
		},
		"a marker that is not in the data": {
			withSlack(txn(0, 1, 1), txn(1, 1, 3), plain(4, 9)), []Aborted{{1, 0}}, []int64{4}, 5,
		},
		"a compressed marker": {
			withSlack(plain(0, 9), txn(1, 1, 1), control(t, Gzip, 2, 1, abortMarker), txn(3, 1, 1)),
			[]Aborted{{1, 1}},
			[]int64{0, 3},
			4,
		},
		"other control records are left out": {
			withSlack(txn(0, 1, 1), control(t, None, 1, 1, 4), txn(2, 1, 1), control(t, None, 3, 1, abortMarker)),
			[]Aborted{{1, 0}},
			nil, 4,
		},
		"control records alone": {
			withSlack(control(t, None, 0, 1, commitMarker), control(t, None, 1, 2, abortMarker)), nil, nil, 2,
		},
	} {
		for _, committed := range []bool{true, false} {
			var r Reader
			r.Reset(tc.data, Options{StopOffset: -1, Want: WantOffset, Committed: committed, Aborted: tc.aborted})
			recs, err := readAllRecords(t, &r, WantOffset, 2)
			var got []int64
			for _, rec := range recs {
				got = append(got, rec.Offset)
			}
			if err != nil || r.NextOffset() != tc.next || committed && !cmp.Equal(got, tc.want) || !committed && len(got) < len(tc.want) {
				t.Errorf("%s, committed %t: %v, next %d, error %v; expected %v, next %d", name, committed, got, r.NextOffset(), err, tc.want, tc.next)
			}
		}
	}
}

func TestMalformedMarker(t *testing.T) {
	good := control(t, None, 0, 1, abortMarker)
	for name, tc := range map[string]struct {
		pos   int // after the length: attributes, timestamp, offset, key length, key
		bytes []byte
		ok    bool
	}{
		"endless length":    {headerSize, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, false},
		"endless timestamp": {headerSize + 2, []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, false},
		"key length -2":     {headerSize + 4, []byte{3}, false},
		"key length 2":      {headerSize + 4, []byte{4}, false},
		"long key":          {headerSize + 4, []byte{100}, false},
		"another version":   {headerSize + 5, []byte{0, 9}, true},
	} {
		bad := append([]byte(nil), good...)
		copy(bad[tc.pos:], tc.bytes)
		var r Reader
		r.Reset(seal(bad), all)
		_, err := readAllRecords(t, &r, wantAll, 10)
		if tc.ok {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || err.Kind != Corrupt {
			t.Errorf("%s: %v", name, err)
		}
		if !r.Skip() || r.NextOffset() != 1 {
			t.Errorf("%s: skipped to %d", name, r.NextOffset())
		}
	}
	empty := control(t, None, 0, 1, abortMarker)
	binary.BigEndian.PutUint32(empty[posCount:], 0)
	var r Reader
	r.Reset(seal(empty), all)
	if _, err := readAllRecords(t, &r, wantAll, 10); err != nil || r.NextOffset() != 1 {
		t.Errorf("a compacted marker: %v, next %d", err, r.NextOffset())
	}
}
