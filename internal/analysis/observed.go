package analysis

import (
	"math"
	"time"

	"sluice.dev/sluice/config"
)

// observing is the check name in samples that measure the observed weight. No check of a policy has an empty name.
const observing = ""

// ObservingQueries returns the queries that count the requests of a canary and its primary. An unknown preset has none.
func ObservingQueries(presetName config.Preset, target Target, window time.Duration) []Query {
	p, exists := known[presetName]
	if !exists {
		return nil
	}
	return []Query{
		{Check: observing, Metric: RequestCount, Expression: p.expression(RequestCount, target, window)},
		{Check: observing, Metric: PrimaryCount, Expression: p.expression(RequestCount, target.primary(), window)},
	}
}

// ObservedWeight returns the canary's percentage of all requests in the window. It is unknown unless both counts are known
// and there are at least minRequests requests.
func ObservedWeight(samples []Sample, minRequests float64) (percent float64, known bool) {
	canary, all, known := counted(samples)
	if !known || all < minRequests {
		return 0, false
	}
	return 100 * canary / all, true
}

const (
	// chance is how many standard deviations a share may differ from its weight by chance.
	chance = 4
	// coarse is the part of a weight, or of the rest, that a share may differ by: counts of two Services are not of exactly
	// the same time.
	coarse = 0.25
	// finest is the least difference, in percent, that is one.
	finest = 1
)

// Unequal reports whether the canary's percentage of all requests in the window differs from its weight by more than chance and
// coarse counts explain. It returns the percentage and the number of requests. A few requests never differ.
func Unequal(samples []Sample, weight float64) (percent, requests float64, differs bool) {
	canary, all, known := counted(samples)
	if !known {
		return 0, 0, false
	}
	percent = 100 * canary / all
	deviation := math.Sqrt(weight * (100 - weight) / all)
	tolerance := max(finest, chance*deviation, coarse*min(weight, 100-weight))
	return percent, all, math.Abs(percent-weight) > tolerance
}

// counted returns the requests to the canary and to both. They are unknown if there are none.
func counted(samples []Sample) (canary, all float64, known bool) {
	counts := map[Metric]float64{}
	for _, sample := range samples {
		if sample.Check == observing && !sample.Missing && sample.Err == "" && sample.Value >= 0 && !math.IsInf(sample.Value, 0) {
			counts[sample.Metric] = sample.Value
		}
	}
	canary, knowsCanary := counts[RequestCount]
	primary, knowsPrimary := counts[PrimaryCount]
	all = canary + primary
	return canary, all, knowsCanary && knowsPrimary && all > 0
}
