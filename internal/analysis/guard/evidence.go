package guard

import (
	"cmp"
	"slices"
)

// part is one test's part of the evidence.
type part struct {
	blame    Blame
	weight   float64
	evidence float64
}

// parts calls a function with each test that has a weight.
func (s *State) parts(settings *Settings, each func(part)) {
	w := s.weights(settings)
	tell := func(metric Metric, name string, bound, weight float64, m *Mixture) {
		if weight > 0 {
			each(part{Blame{Metric: metric, Pair: name, Bound: bound}, weight, m.E()})
		}
	}
	tell(ErrorRatio, "", 0, w.errorRatio, &s.Errors.Ratio)
	tell(ErrorRate, "", 0, w.errorRate, &s.Errors.Rate)
	for i := range s.Bounds[:s.BoundCount] {
		tell(Latency, "", s.Bounds[i].Seconds, w.bound, &s.Bounds[i].Ratio)
	}
	tell(LatencyLimit, "", s.Limit.Above, w.limit, &s.Limit.Rate)
	for i := range s.Pairs[:s.PairCount] {
		pair := &settings.Pairs[i]
		tell(PairRatio, pair.Name, 0, w.pair*count(pair.Rho > 0), &s.Pairs[i].Ratio)
		tell(PairRate, pair.Name, 0, w.pair*count(pair.Rate > 0), &s.Pairs[i].Rate)
	}
}

// evidence is the weighted mean of all tests. A mean of e-processes is one, however they depend on each other. It is 1 without any
// test.
func (s *State) evidence(settings *Settings) float64 {
	e, weight := 0.0, 0.0
	s.parts(settings, func(p part) {
		e += p.weight * p.evidence
		weight += p.weight
	})
	return e + max(1-weight, 0)
}

// blame lists what the evidence is about, the largest part first. Tests without evidence of their own are left out.
func (s *State) blame(settings *Settings, evidence float64) []Blame {
	var blames []Blame
	s.parts(settings, func(p part) {
		if p.evidence > 1 {
			p.blame.Share = p.weight * p.evidence / evidence
			blames = append(blames, p.blame)
		}
	})
	slices.SortStableFunc(blames, func(a, b Blame) int { return cmp.Compare(b.Share, a.Share) })
	return blames
}
