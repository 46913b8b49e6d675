package guard

import "math"

// Interval is a range of rates that holds a true rate with some confidence, however often it is read and whenever the reading stops.
type Interval struct {
	// Least and Most are its ends, from 0 to 1.
	Least, Most float64
}

// interval returns the rates that events do not disprove at a chance of error of beta. The log likelihoods are multiplied by eta, one
// over the burst factor.
//
// A rate is disproven once the mixture of all rates, with Jeffreys' prior, is 1/beta times likelier (Robbins, "Statistical methods
// related to the law of the iterated logarithm", 1970; for counts: Lindon and Malek, "Anytime-Valid Inference for Multinomial Count
// Data", 2022). By Ville's inequality the true rate is ever disproven with a chance of at most beta. For a rate that drifts, the
// mean rate takes its place at each fixed time.
func interval(events Pair, beta, eta float64) Interval {
	if !(events.Total > 0) {
		return Interval{0, 1}
	}
	bad, good := eta*events.Bad, eta*(events.Total-events.Bad)
	mixed := logBeta(prior+bad, prior+good) - logBeta(prior, prior)
	disproven := func(rate float64) bool {
		return mixed-bad*math.Log(rate)-good*math.Log1p(-rate) >= -math.Log(beta)
	}
	all := Interval{0, 1}
	if bad > 0 {
		all.Least = boundary(0, events.rate(), disproven)
	}
	if good > 0 {
		all.Most = boundary(1, events.rate(), disproven)
	}
	return all
}

// prior is the parameter of Jeffreys' prior of a rate. It favours rates near 0, where error rates are.
const prior = 0.5

// boundary returns where the rates from an outer one, which is disproven, to an inner one end to be. The evidence against a rate
// grows with the distance from the inner one, so the halves of 60 steps are enough.
func boundary(outer, inner float64, disproven func(float64) bool) float64 {
	for range 60 {
		if middle := (outer + inner) / 2; disproven(middle) {
			outer = middle
		} else {
			inner = middle
		}
	}
	return outer
}

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}
