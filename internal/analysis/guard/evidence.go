package guard

import (
	"cmp"
	"slices"
)

// part is one test's part of the evidence.
type part struct {
	Blame
	weight float64
}

// parts calls a function with each test that has a weight.
func (s *State) parts(settings *Settings, each func(part)) {
	w := s.weights(settings)
	tell := func(metric Metric, name string, bound, weight float64, m *Mixture) {
		if weight > 0 {
			each(part{Blame{Metric: metric, Pair: name, Bound: bound, Evidence: m.E()}, weight})
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
		tell(PairRatio, pair.Name, 0, w.pair*count(s.Planned.Ratio && pair.Rho > 0), &s.Pairs[i].Ratio)
		tell(PairRate, pair.Name, 0, w.pair*count(s.Planned.Rate && pair.Rate > 0), &s.Pairs[i].Rate)
	}
}

// evidence is the weighted mean of all tests. A mean of e-processes is one, however they depend on each other. It is 1 without any
// test.
func (s *State) evidence(settings *Settings) float64 {
	e, weight := 0.0, 0.0
	s.parts(settings, func(p part) {
		e += p.weight * p.Evidence
		weight += p.weight
	})
	return e + max(1-weight, 0)
}

// Tests lists all tests that have a part of the weight, with their evidence.
func (s *State) Tests(settings Settings) []Blame {
	settings = settings.sane()
	fitting := s.fitting(settings)
	return fitting.tests(&settings, func(Blame) bool { return true })
}

func (s *State) tests(settings *Settings, wanted func(Blame) bool) []Blame {
	evidence := s.evidence(settings)
	var tests []Blame
	s.parts(settings, func(p part) {
		p.Share = p.weight * p.Evidence / evidence
		if wanted(p.Blame) {
			tests = append(tests, p.Blame)
		}
	})
	return tests
}

// blame lists what the evidence is about, the largest part first. Tests without evidence of their own are left out.
func (s *State) blame(settings *Settings) []Blame {
	blames := s.tests(settings, func(b Blame) bool { return b.Evidence > 1 })
	slices.SortStableFunc(blames, func(a, b Blame) int { return cmp.Compare(b.Share, a.Share) })
	return blames
}
