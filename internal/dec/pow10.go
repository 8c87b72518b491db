package dec

import "math/bits"

// pow64 holds the powers of ten that fit one word.
var pow64 = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// pow128 holds the powers of ten a decimal may need; 10^38 is still below 2^127.
var pow128 = func() (p [MaxPrecision + 1]u128) {
	p[0] = u128{0, 1}
	for i := 1; i < len(p); i++ {
		hi, lo := bits.Mul64(p[i-1].lo, 10)
		p[i] = u128{p[i-1].hi*10 + hi, lo}
	}
	return p
}()

// Pow10 returns 10^n for n in 0..18.
func Pow10(n int) int64 {
	return int64(pow64[:19][n])
}

// Pow10Wide returns 10^n for n in 0..38. 10^38 itself is one more than a coefficient may be: it is a bound
// to compare with, not a value to store.
func Pow10Wide(n int) Dec {
	p := pow128[n]
	return Dec{Hi: int64(p.hi), Lo: p.lo}
}
