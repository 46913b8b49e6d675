package guard

// tolerable is the error rate that must be disproven before the next weight, in percent, gets a limit. The harm that it could
// do there, rate times weight, is the same at each step of a ladder: half of what the limit allows the whole route.
func tolerable(limit, next float64) float64 {
	next = finite(next, 0.01, 100, 100)
	return max(limit, min(loosest, limit*harmBudget/(next/100)))
}

// accepted reports whether the data of this step alone proves that every metric is healthy enough for the next. No correction for
// their number is needed, as all of them must be.
//
// Latencies need proof in the last step only: a slow answer is less harm than none, so steps before go on unless data speaks
// against it. To wait for the proof that rare slow requests did not double would make each step half as long again.
func (s *State) accepted(settings *Settings, m *Moment) bool {
	acts := m.Arms.Acts()
	if !acts.Ratio && !acts.Rate {
		return false
	}
	if acts.Requests && !proven(settings.Beta, acts.Ratio, &s.Errors.Acceptance, tolerable(settings.SLO, m.Next), s.Errors.Step, s.Bursts) {
		return false
	}
	if acts.Requests && acts.Ratio && m.Last && !s.latenciesAccepted(settings) {
		return false
	}
	for i := range s.Pairs[:s.PairCount] {
		if !s.Pairs[i].accepted(settings, settings.Pairs[i], acts, m.Next) {
			return false
		}
	}
	return true
}

// latenciesAccepted reports whether every bound is accepted. While none is chosen, none is.
func (s *State) latenciesAccepted(settings *Settings) bool {
	for i := range s.Bounds[:s.BoundCount] {
		if !s.Bounds[i].accepted(settings.Beta) {
			return false
		}
	}
	return !s.Learning
}

// accepted reports whether requests slower than the bound are proven to be no more than about twice as many as the primary's, or
// few.
func (b *BoundState) accepted(beta float64) bool {
	few := min(max(fewSlow, acceptRho*b.Before), highest)
	return proven(beta, true, &b.Acceptance, few, b.Step, b.Bursts)
}

// accepted reports whether a pair is healthy enough. One with neither a limit nor an arm to compare with cannot say no. Where one without
// a limit is compared, the SLO of errors is few enough, too: of two versions without any bad event, neither has a rate to compare.
func (p *PairState) accepted(settings *Settings, pair PairSettings, acts Acts, next float64) bool {
	compared, limited := acts.Ratio && pair.Rho > 0, acts.Rate && pair.Rate > 0
	if !limited && !compared {
		return true
	}
	limit := settings.SLO
	if limited {
		limit = pair.Rate
	}
	return proven(settings.Beta, compared, &p.Acceptance, tolerable(limit, next), p.Step, p.Bursts)
}

// proven reports whether events are rarer than a rate or than about twice the control's: half of the evidence is for each. Where
// the arms cannot be compared, the rate has all of it.
func proven(beta float64, compared bool, ratio *Acceptance, rate float64, events Pair, bursts Bursts) bool {
	e := RateTest{Rate: rate}.accepted(events, 1/bursts.Health)
	if compared {
		e = (e + ratio.E()) / 2
	}
	return e >= 1/beta
}
