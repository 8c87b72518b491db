package state

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestHashGolden holds the hash to the values of the first release. They may never change: a key's hash decides
// where its state is looked for after a restore. The file's lines are seed, kind, value and hash.
func TestHashGolden(t *testing.T) {
	f, err := os.Open("testdata/hash.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kinds := map[string]int{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		seedText, rest, _ := strings.Cut(sc.Text(), " ")
		kind, rest, _ := strings.Cut(rest, " ")
		value, want, ok := strings.Cut(rest, " ")
		if !ok {
			t.Fatalf("bad line %q", sc.Text())
		}
		seed, err := strconv.ParseUint(seedText, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		var h uint64
		switch kind {
		case "int64":
			v, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			h = HashInt64(seed, v)
		case "float64":
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			h = HashFloat64(seed, v)
		case "bytes":
			v, err := strconv.Unquote(value)
			if err != nil {
				t.Fatal(err)
			}
			h = HashBytes(seed, []byte(v))
		case "null":
			h = HashNull(seed)
		case "combine":
			v, err := strconv.ParseUint(value, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			h = Combine(seed, v)
		default:
			t.Fatalf("kind %q", kind)
		}
		if got := fmt.Sprintf("%016x", h); got != want {
			t.Errorf("%s %s %s: hash %s, want %s", seedText, kind, value, got, want)
		}
		kinds[kind]++
	}
	for _, k := range []string{"int64", "float64", "bytes", "null", "combine"} {
		if kinds[k] < 3 {
			t.Errorf("%d cases of %s", kinds[k], k)
		}
	}
}

func TestHashCanonical(t *testing.T) {
	if HashFloat64(7, math.Copysign(0, -1)) != HashFloat64(7, 0) {
		t.Error("−0 and 0 hash differently")
	}
	if HashFloat64(7, math.Float64frombits(0x7ff8000000000001)) != HashFloat64(7, math.NaN()) {
		t.Error("two NaNs hash differently")
	}
}

// TestHashSpread looks at the low bits, which place keys in tables, and the top ones, which choose the key group, for
// keys as they are in practice: small and consecutive.
func TestHashSpread(t *testing.T) {
	const keys = 1 << 17
	var low, high [KeyGroups]int
	for i := range int64(keys) {
		h := HashInt64(42, i)
		low[h%KeyGroups]++
		high[Group(h)]++
	}
	want := keys / KeyGroups
	for i := range KeyGroups {
		for _, n := range []int{low[i], high[i]} {
			if n < want*8/10 || n > want*12/10 {
				t.Errorf("bucket %d has %d of %d keys", i, n, want)
			}
		}
	}
}

func TestInstance(t *testing.T) {
	for p := 1; p <= KeyGroups; p++ {
		counts := make([]int, p)
		last := 0
		for g := range KeyGroups {
			i := Instance(g, p)
			if i < last || i >= p {
				t.Fatalf("group %d of parallelism %d is at %d after %d", g, p, i, last)
			}
			last = i
			counts[i]++
		}
		for i, n := range counts {
			if n < KeyGroups/p || n > KeyGroups/p+1 {
				t.Errorf("instance %d of %d has %d groups", i, p, n)
			}
		}
	}
}
