package generate

// Prices are 10^(6u)·100 rounded, for u even in [0, 1): as many between 1 and 10 as between 100,000 and 1,000,000, in cents.
// The power is read from a table with straight lines between its points, 1.4 % apart, which is within 0.01 % of the curve
// and, unlike math.Pow, the same on every machine: each product is rounded by itself, never fused with a sum.

const priceSteps = 1024

// priceStep is 10^(6/1024).
const priceStep = 1.0135831333340658

var prices = func() (t [priceSteps + 1]float64) {
	t[0] = 100
	for i := range priceSteps {
		t[i+1] = float64(t[i] * priceStep)
	}
	return t
}()

// price is a price, in cents, that follows from the bits r.
func price(r uint64) int64 {
	i, rest := split(r, priceSteps)
	low, high := prices[i], prices[i+1]
	return int64(low + float64((high-low)*unit(rest)) + 0.5)
}
