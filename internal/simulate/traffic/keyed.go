package traffic

import "math"

// key is a place in the tree of random numbers. Each key has 2^64 children, and is itself a random number.
type key uint64

// golden is 2^64 divided by the golden ratio: it spreads consecutive numbers over all 64 bits.
const golden = 0x9e3779b97f4a7c15

// at returns a child of the key, by the output function of SplitMix64.
func (k key) at(n uint64) key {
	x := uint64(k) + (n+1)*golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return key(x ^ x>>31)
}

// fraction is a probability in units of 2^-64. 1 becomes the greatest fraction: one in 2^64 draws differs.
type fraction uint64

// fractionOf returns a probability as a fraction; values outside of 0 to 1 are cut.
func fractionOf(p float64) fraction {
	switch {
	case !(p > 0):
		return 0
	case p >= 1:
		return math.MaxUint64
	}
	return fraction(math.Ldexp(p, 64))
}

// value is the probability as a number.
func (f fraction) value() float64 { return math.Ldexp(float64(f), -64) }

// lanes are up to 64 requests, one for each bit.
type lanes uint64

// firstLanes returns the first n lanes; all for 64 and more.
func firstLanes(n int64) lanes {
	if n >= 64 {
		return math.MaxUint64
	}
	return lanes(1)<<n - 1
}

// below draws a uniform number for each live lane and returns the lanes whose number is below a probability: inside for the lanes
// in it, outside for the others. It draws the bits of all numbers from the highest, until each number is known to be below or
// not, so 64 draws take about 8 hashes. The same key draws the same numbers.
func (k key) below(live, in lanes, inside, outside fraction) lanes {
	var found lanes
	for bit := 63; live != 0 && bit >= 0; bit-- {
		drawn := lanes(k.at(uint64(bit)))
		limit := in&spread(inside, bit) | ^in&spread(outside, bit)
		found |= live & limit &^ drawn
		live &^= limit ^ drawn
	}
	return found
}

// spread returns all lanes if a bit of the fraction is set, else none.
func spread(f fraction, bit int) lanes { return -lanes(f >> bit & 1) }

// chance draws one number and reports whether it is below a probability.
func (k key) chance(p fraction) bool { return uint64(k.at(0)) < uint64(p) }
