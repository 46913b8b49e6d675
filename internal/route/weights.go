package route

import "math"

// mostWeight is the largest weight that the Gateway API allows.
const mostWeight = 1_000_000

// scales are tried in order until every weight can be shared exactly at any percentage.
var scales = []int64{1, 10, 100, 1_000, 10_000}

// scaleFor returns the smallest scale at which every percentage can be shared exactly in every rule, or else the largest that
// keeps every weight within the Gateway API's limit. It does not depend on the split's weight, so it stays the same
// throughout a rollout: rules that an earlier weight rendered can be un-rendered with the annotation of a later one.
func scaleFor(r Route, split Split) int64 {
	best := int64(1)
	for _, scale := range scales {
		fits, exact := tryScale(r, split, scale)
		if !fits {
			return best
		}
		best = scale
		if exact {
			break
		}
	}
	return best
}

// tryScale reports whether the scale keeps all weights within the limit, and whether all can be shared exactly.
func tryScale(r Route, split Split, scale int64) (fits, exact bool) {
	primary, _ := split.backends(r.Namespace)
	exact = true
	for _, rule := range r.Rules {
		if !sends(asMap(rule), primary, r.Namespace) {
			continue
		}
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			weight := weightOf(asMap(ref))
			if weight > mostWeight/scale {
				return false, false
			}
			exact = exact && (backendOf(asMap(ref), r.Namespace) != primary || weight*scale%split.parts() == 0)
		}
	}
	return true, exact
}

// parts returns the number of smallest shares in a whole: 100 for whole percentages.
func (s Split) parts() int64 {
	hundredths := int64(math.Round(s.Weight * 100))
	switch {
	case s.Decimals > 1 || hundredths%10 != 0:
		return 10_000
	case s.Decimals > 0 || hundredths%100 != 0:
		return 1_000
	}
	return 100
}

// share returns the canary's part of a weight, rounded to the nearest integer. For two parts this equals the largest
// remainder method.
func share(whole int64, percent float64) int64 {
	return int64(math.Round(float64(whole) * percent / 100))
}

func multiplied(weight, scale int64) int64 {
	if weight > mostWeight/scale {
		return mostWeight
	}
	return weight * scale
}

func divided(weight, scale int64) int64 {
	return int64(math.Round(float64(weight) / float64(scale)))
}
