package guard

// rates are the error rates that may be reported as a bound, descending.
var rates = func() (rates []float64) {
	for _, decade := range []float64{.1, .01, .001, .0001} {
		for _, digit := range []float64{5, 4, 3, 2.5, 2, 1.7, 1.5, 1.4, 1.3, 1.2, 1.1, 1, .9, .8, .7, .6} {
			rates = append(rates, digit*decade)
		}
	}
	return rates
}()

// shown returns what the data shows. The bounds hold at any time, however often they are read. They are of all the data since the
// arms last changed their kind, so a canary that gets worse makes them worse.
func (s *State) shown(settings *Settings) Shown {
	eta := 1 / s.Bursts
	return Shown{
		Requests: s.Errors.Total.Total, Errors: s.Errors.Total.Bad, Confidence: 1 - settings.Beta,
		Rate:  atMost(s.Errors.Total, settings.Beta, eta),
		Ratio: s.Errors.Likelihood.bound(settings.Beta, eta),
	}
}

// atMost returns the smallest rate that events are proven to be below, or 0 if none is. As with ratios, all larger ones must be
// proven, too.
func atMost(events Pair, beta, eta float64) float64 {
	bound := 0.0
	for _, rate := range rates {
		if (RateTest{Rate: rate}).accepted(events, eta) < 1/beta {
			break
		}
		bound = rate
	}
	return bound
}
