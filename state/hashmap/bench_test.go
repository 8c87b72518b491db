package hashmap

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"flowd/state"
)

// BenchmarkCount is what a count per integer key costs a row: hash, find or make the row, add one.
func BenchmarkCount(b *testing.B) {
	for _, keys := range []int{1_000, 10_000, 30_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(keys, " keys"), func(b *testing.B) {
			const rows = 4096
			batches := make([][]int64, 256)
			for i := range batches {
				for range rows {
					batches[i] = append(batches[i], rand.Int64N(int64(keys)))
				}
			}
			t := New(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}}, Init: []int64{0}})
			hash := make([]uint64, rows)
			var found []uint32
			run := func(key []int64) {
				for i, k := range key {
					hash[i] = state.HashInt64(7, k)
				}
				found = t.Upsert(hash, []state.Column{{Kind: state.Int64, I64: key}}, nil, found)
				chunks, w := t.lanes.Chunks, t.width
				for _, r := range found {
					chunks[r>>state.ChunkShift][int(r&state.ChunkMask)*w+1]++
				}
			}
			for _, k := range batches {
				run(k)
			}
			b.ResetTimer()
			for i := 0; i < b.N; i += rows {
				run(batches[i/rows%len(batches)])
			}
		})
	}
}

// BenchmarkMerge is what a key costs that is merged into a table of another slice.
func BenchmarkMerge(b *testing.B) {
	const keys = 30_000
	src, dst := New(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}}, Init: []int64{0}}), New(state.Layout{Keys: []state.KeyType{{Kind: state.Int64}}, Init: []int64{0}})
	hash, key := make([]uint64, keys), make([]int64, keys)
	for i := range keys {
		key[i] = int64(i)
		hash[i] = state.HashInt64(7, key[i])
	}
	src.Upsert(hash, []state.Column{{Kind: state.Int64, I64: key}}, nil, nil)
	var tags, found []uint32
	b.ResetTimer()
	for i := 0; i < b.N; i += keys {
		tags = src.Tags(tags)
		for from := 0; from < keys; from += 4096 {
			found = dst.UpsertFrom(src, tags, from, min(from+4096, keys), found)
		}
	}
}

// BenchmarkText is the same for keys of about 20 bytes.
func BenchmarkText(b *testing.B) {
	const rows, keys = 4096, 30_000
	c := state.Column{Kind: state.Bytes, Off: []uint32{0}}
	for range rows {
		c.Bytes = fmt.Appendf(c.Bytes, "the key number %06d", rand.IntN(keys))
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
	t := New(state.Layout{Keys: []state.KeyType{{Kind: state.Bytes}}, Init: []int64{0}})
	hash := make([]uint64, rows)
	var found []uint32
	b.ResetTimer()
	for i := 0; i < b.N; i += rows {
		for i := range hash {
			hash[i] = state.HashBytes(7, c.Bytes[c.Off[i]:c.Off[i+1]])
		}
		found = t.Upsert(hash, []state.Column{c}, nil, found)
	}
}
