package guard

import (
	"math"
	"slices"
	"testing"
)

// masses are the probabilities of 0 to n events.
func masses(n int, p float64) []float64 {
	all := make([]float64, n+1)
	for k := range all {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		all[k] = math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	}
	return all
}

// TestNoPollIsExpectedToGrowEvidenceOfTheHealthy enumerates all outcomes of a poll: whatever the rate, the expected factor of each
// alternative is at most 1 for a canary on the boundary or on its good side. That makes evidence an e-process, and so every
// guarantee of this package.
func TestNoPollIsExpectedToGrowEvidenceOfTheHealthy(t *testing.T) {
	const tolerance = 1 + 1e-9
	for _, sizes := range [][2]int{{1, 1}, {3, 20}, {20, 3}, {12, 12}, {40, 60}} {
		for _, delta := range []float64{0, .0005, .02} {
			for _, rho := range []float64{1, 1.25, 2} {
				for _, p := range []float64{.0005, .002, .01, .05, .2, .4, .6, .92} {
					test := RatioTest{Rho: rho, Delta: delta}
					if q := rho*p + delta; q < 1 {
						harm, health := expectedRatio(test, sizes, q, p)
						if harm > tolerance || health > tolerance {
							t.Errorf("sizes %v, %+v, p %v, on the boundary: harm %v, health %v", sizes, test, p, harm, health)
						}
						if harm, _ := expectedRatio(test, sizes, q*.7, p); harm > tolerance {
							t.Errorf("sizes %v, %+v, p %v, a better canary: harm %v", sizes, test, p, harm)
						}
						if _, health := expectedRatio(test, sizes, min(q*1.4, .999), p); health > tolerance {
							t.Errorf("sizes %v, %+v, p %v, a worse canary: health %v", sizes, test, p, health)
						}
					}
				}
			}
		}
	}
}

// expectedRatio returns the largest expected factor of any alternative.
func expectedRatio(test RatioTest, sizes [2]int, q, p float64) (harm, health float64) {
	canary, primary := masses(sizes[0], q), masses(sizes[1], p)
	var harms [harmful]float64
	var healths [healthy]float64
	for ec, pc := range canary {
		for ep, pp := range primary {
			a, b := Pair{float64(sizes[0]), float64(ec)}, Pair{float64(sizes[1]), float64(ep)}
			for j, lr := range test.harm(a, b) {
				harms[j] += pc * pp * math.Exp(lr)
			}
			for j, lr := range test.health(a, b) {
				healths[j] += pc * pp * math.Exp(lr)
			}
		}
	}
	return slices.Max(harms[:]), slices.Max(healths[:])
}

func TestNoPollIsExpectedToGrowEvidenceOnTheGoodSideOfARate(t *testing.T) {
	const tolerance = 1 + 1e-9
	for _, n := range []int{1, 10, 200} {
		for _, rate := range []float64{.001, .01, .1, .5, .89, .95} {
			test := RateTest{Rate: rate}
			for _, part := range []float64{1, .8, .3} {
				harm, health := expectedRate(test, n, rate*part)
				if harm > tolerance {
					t.Errorf("n %d, limit %v, rate %v: harm %v", n, rate, rate*part, harm)
				}
				if part == 1 && health > tolerance {
					t.Errorf("n %d, limit %v: health %v", n, rate, health)
				}
			}
			if _, health := expectedRate(test, n, min(rate*1.3, .999)); health > tolerance {
				t.Errorf("n %d, limit %v, a worse canary: health %v", n, rate, health)
			}
		}
	}
}

func expectedRate(test RateTest, n int, p float64) (harm, health float64) {
	var harms [harmful]float64
	var healths [healthy]float64
	for e, mass := range masses(n, p) {
		for j, lr := range test.harm(Pair{float64(n), float64(e)}) {
			harms[j] += mass * math.Exp(lr)
		}
		for j, lr := range test.health(Pair{float64(n), float64(e)}) {
			healths[j] += mass * math.Exp(lr)
		}
	}
	return slices.Max(harms[:]), slices.Max(healths[:])
}

// TestMixedRequestsKeepTheGuarantee enumerates requests of two kinds, of which one fails often: only their mean counts.
func TestMixedRequestsKeepTheGuarantee(t *testing.T) {
	often, seldom := masses(8, .5), masses(24, .01)
	mean := (8*.5 + 24*.01) / 32
	var harms [harmful]float64
	for a, pa := range often {
		for b, pb := range seldom {
			for ep, pp := range masses(60, mean/1.25) {
				for j, lr := range (RatioTest{Rho: 1.25}).harm(Pair{32, float64(a + b)}, Pair{60, float64(ep)}) {
					harms[j] += pa * pb * pp * math.Exp(lr)
				}
			}
		}
	}
	for j, e := range harms {
		if e > 1+1e-9 {
			t.Errorf("alternative %d: %v", j, e)
		}
	}
}

// TestTemperedPollsKeepTheGuarantee takes the whole update through all outcomes: reserve, tempering and cap.
func TestTemperedPollsKeepTheGuarantee(t *testing.T) {
	for _, eta := range []float64{1, .5, 1.0 / 40} {
		for _, top := range []float64{math.Log(20), steepest} {
			m := NewMixture()
			expected := 0.0
			for ec, pc := range masses(30, .125) {
				for ep, pp := range masses(50, .1) {
					next := m
					lr := RatioTest{Rho: 1.25}.harm(Pair{30, float64(ec)}, Pair{50, float64(ep)})
					next.update(&lr, eta, top)
					expected += pc * pp * next.E()
				}
			}
			if expected > 1+1e-9 {
				t.Errorf("eta %v, cap %v: evidence is expected to grow to %v", eta, top, expected)
			}
		}
	}
}
