package state

// NoRef is a reference to nothing.
const NoRef int64 = -1

// A reference packs where bytes lie into one lane: 20 bits chunk, 16 bits offset in the chunk, 27 bits length.
const (
	refLenBits   = 27
	refOffBits   = 16
	arenaChunk   = 1 << refOffBits
	arenaFirst   = 1 << 10
	maxRefLen    = 1<<refLenBits - 1
	maxRefChunks = 1 << 20
)

// Arena holds byte strings of a table outside of its lanes, in chunks without pointers. Nothing moves until Reset.
type Arena struct {
	chunks [][]byte
	last   int // chunk that is being filled
	size   int64
	used   int64
	dead   int64
}

// Put copies b into the arena and returns a reference to it. It panics on b of 128 MiB or more, which no record has,
// and when the arena is full, at 64 GiB.
func (a *Arena) Put(b []byte) int64 {
	if len(b) > maxRefLen {
		panic("state: value of 128 MiB or more")
	}
	if len(b) == 0 {
		return 0
	}
	c := a.room(len(b))
	off := len(a.chunks[c])
	a.chunks[c] = append(a.chunks[c], b...)
	a.used += int64(len(b))
	return int64(c)<<(refOffBits+refLenBits) | int64(off)<<refLenBits | int64(len(b))
}

// room is the number of a chunk with n bytes free.
func (a *Arena) room(n int) int {
	for ; a.last < len(a.chunks); a.last++ {
		if c := a.chunks[a.last]; cap(c)-len(c) >= n && len(c) < arenaChunk {
			return a.last
		}
	}
	if len(a.chunks) == maxRefChunks {
		panic("state: more than 64 GiB of text in one table")
	}
	c := int(min(max(a.size, arenaFirst), arenaChunk))
	c = max(c, n)
	a.chunks = append(a.chunks, make([]byte, 0, c))
	a.size += int64(c)
	a.last = len(a.chunks) - 1
	return a.last
}

// Get is what ref refers to; it must not be NoRef. It holds until Reset or Replace of ref.
func (a *Arena) Get(ref int64) []byte {
	n := int(ref & maxRefLen)
	if n == 0 {
		return nil
	}
	off := int(ref>>refLenBits) & (arenaChunk - 1)
	return a.chunks[ref>>(refOffBits+refLenBits)][off : off+n : off+n]
}

// Replace is Put for a value that takes the place of old (or NoRef), whose bytes it uses if they are enough.
func (a *Arena) Replace(old int64, b []byte) int64 {
	if old != NoRef {
		if n := int(old & maxRefLen); n >= len(b) {
			copy(a.Get(old), b)
			a.dead += int64(n - len(b))
			return old&^maxRefLen | int64(len(b))
		}
		a.dead += old & maxRefLen
	}
	return a.Put(b)
}

// RefLen is the length of what ref refers to.
func RefLen(ref int64) int { return int(ref & maxRefLen) }

// Dead is how many of the Used bytes nothing refers to any more.
func (a *Arena) Dead() int64 { return a.dead }

// Used is the bytes put into the arena since Reset.
func (a *Arena) Used() int64 { return a.used }

// Size is the bytes of memory held.
func (a *Arena) Size() int64 { return a.size }

// Reset empties the arena and keeps the first chunks, enough for keep bytes.
func (a *Arena) Reset(keep int64) {
	n, have := 0, int64(0)
	for ; n < len(a.chunks) && have < keep; n++ {
		have += int64(cap(a.chunks[n]))
		a.chunks[n] = a.chunks[n][:0]
	}
	clear(a.chunks[n:])
	a.chunks, a.size = a.chunks[:n], have
	a.last, a.used, a.dead = 0, 0, 0
}
