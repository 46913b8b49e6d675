package guard

import (
	"slices"
	"sort"
)

// rates are the error rates that may be reported as a bound, descending.
var rates = func() (rates []float64) {
	for _, decade := range []float64{.1, .01, .001, .0001} {
		for _, digit := range []float64{5, 4, 3, 2.5, 2, 1.7, 1.5, 1.4, 1.3, 1.2, 1.1, 1, .9, .8, .7, .6} {
			rates = append(rates, digit*decade)
		}
	}
	return rates
}()

// stakesOf are the stakes of each of the rates. Their logarithms would take most of the time of a report.
var stakesOf = func() (all []struct {
	harm   [harmful]stake
	health [healthy]stake
}) {
	all = slices.Grow(all, len(rates))[:len(rates)]
	for i, rate := range rates {
		all[i].harm, all[i].health = RateTest{Rate: rate}.harmStakes(), RateTest{Rate: rate}.healthStakes()
	}
	return all
}()

// shown returns what the data shows. The bounds hold at any time, however often they are read. They are of all the data since the
// arms last changed their kind, so a canary that gets worse makes them worse.
func (s *State) shown(settings *Settings) Shown {
	if s.Arms == ArmsWork {
		return s.shownOfWork(settings)
	}
	e, harm, health, beta := &s.Errors, 1/s.Bursts.Harm, 1/s.Bursts.Health, settings.Beta
	return Shown{
		Requests: e.Total.Total, Errors: e.Total.Bad, Confidence: 1 - beta,
		Rate: atMost(e.Total, beta, health), RateAbove: above(e.Total, beta, harm),
		Ratio: e.Likelihood.bound(beta, health), RatioAbove: e.Likelihood.above(beta, harm),
	}
}

// shownOfWork returns what the pair shows that has counted least: the others show more.
func (s *State) shownOfWork(settings *Settings) Shown {
	shown := Shown{Confidence: 1 - settings.Beta}
	for i := range s.Pairs[:s.PairCount] {
		if p := &s.Pairs[i]; i == 0 || p.Total.Total < shown.Requests {
			shown.Pair, shown.Requests, shown.Errors = settings.Pairs[i].Name, p.Total.Total, p.Total.Bad
			shown.Rate, shown.RateAbove = atMost(p.Total, settings.Beta, 1/p.Bursts.Health), above(p.Total, settings.Beta, 1/p.Bursts.Harm)
		}
	}
	return shown
}

// atMost returns the smallest rate that events are proven to be below, or 0 if none is. The evidence that a rate is too high grows
// with the rate, so all larger ones are proven, too.
func atMost(events Pair, beta, eta float64) float64 {
	unproven := sort.Search(len(rates), func(i int) bool {
		return acceptedBy(&stakesOf[i].health, events, eta) < 1/beta
	})
	if unproven == 0 {
		return 0
	}
	return rates[unproven-1]
}

// above returns the largest rate that events are proven to be above, or 0 if none is. The evidence that a rate is too low falls with
// the rate.
func above(events Pair, beta, eta float64) float64 {
	proven := sort.Search(len(rates), func(i int) bool {
		return rejectedBy(&stakesOf[i].harm, events, eta) >= 1/beta
	})
	if proven == len(rates) {
		return 0
	}
	return rates[proven]
}
