package state

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestArena(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a Arena
		var refs []int64
		var want [][]byte
		value := func() []byte {
			n := rapid.SampledFrom([]int{0, 1, 7, 100, 5_000, arenaChunk - 1, arenaChunk, 3 * arenaChunk}).Draw(t, "len")
			return bytes.Repeat([]byte{byte(len(refs))}, n)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op < 6 || len(refs) == 0:
				v := value()
				refs, want = append(refs, a.Put(v)), append(want, v)
			case op < 9:
				i := rapid.IntRange(0, len(refs)-1).Draw(t, "which")
				v := value()
				refs[i], want[i] = a.Replace(refs[i], v), v
			default:
				a.Reset(a.Used())
				refs, want = refs[:0], want[:0]
			}
			live := int64(0)
			for i, r := range refs {
				if got := a.Get(r); !bytes.Equal(got, want[i]) || RefLen(r) != len(want[i]) {
					t.Fatalf("value %d: %d bytes instead of %d", i, len(got), len(want[i]))
				}
				live += int64(len(want[i]))
			}
			if a.Used()-a.Dead() != live {
				t.Fatalf("used %d − dead %d, but %d bytes are live", a.Used(), a.Dead(), live)
			}
			if a.Size() < a.Used() {
				t.Fatalf("size %d is less than the %d bytes used", a.Size(), a.Used())
			}
		}
	})
}

func TestArenaLimits(t *testing.T) {
	var a Arena
	defer func() {
		if recover() == nil {
			t.Error("a value of 128 MiB went in")
		}
	}()
	a.Put(make([]byte, maxRefLen+1))
}

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		keys   []KeyType
		masked bool
		lanes  int
	}{
		{nil, false, 0},
		{[]KeyType{{Int64, true}}, false, 1},
		{[]KeyType{{Wide, false}}, false, 2},
		{[]KeyType{{Int64, false}, {Bytes, false}}, false, 2},
		{[]KeyType{{Int64, false}, {Wide, true}}, true, 4},
	} {
		l := Layout{Keys: c.keys, Init: []int64{1, 2}}
		if got := fmt.Sprint(l.Masked(), l.KeyLanes(), l.Width()); got != fmt.Sprint(c.masked, c.lanes, c.lanes+2) {
			t.Errorf("%v: masked, key lanes, width are %s", c.keys, got)
		}
	}
}
