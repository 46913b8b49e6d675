package guard

// weights are the parts of the tests in the evidence. They add up to 1 and never change during a rollout.
//
// Families share equally: errors, latencies, and the user's own counters. So do the tests of a family; the bounds of a histogram
// are one test.
type weights struct {
	errorRatio, errorRate float64
	// bound is the weight of each bound.
	bound, limit float64
	// pair is the weight of each test of a pair.
	pair float64
}

func (s *State) weights(settings *Settings) weights {
	ratio, rate := s.Planned.Ratio && s.Planned.Requests, s.Planned.Rate && s.Planned.Requests
	errors := count(ratio) + count(rate)
	bounds := count(ratio && s.BoundCount > 0)
	limits := count(rate && s.Limit.Above > 0)
	pairs := 0.0
	for _, pair := range settings.Pairs[:s.PairCount] {
		pairs += count(s.Planned.Ratio && pair.Rho > 0) + count(s.Planned.Rate && pair.Rate > 0)
	}
	families := count(errors > 0) + count(s.Latencies) + count(pairs > 0)
	part := func(of float64, planned bool) float64 {
		if !planned {
			return 0
		}
		return 1 / families / of
	}
	return weights{
		errorRatio: part(errors, ratio), errorRate: part(errors, rate),
		bound: part((bounds+limits)*float64(s.BoundCount), bounds > 0), limit: part(bounds+limits, limits > 0),
		pair: part(pairs, pairs > 0),
	}
}

func count(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
