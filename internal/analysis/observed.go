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
	p, known := presets[presetName]
	if !known {
		return nil
	}
	primary := target
	primary.Service, primary.Workload = target.PrimaryService, target.Primary
	return []Query{
		{Check: observing, Metric: RequestCount, Expression: p.expression(RequestCount, target, window)},
		{Check: observing, Metric: PrimaryCount, Expression: p.expression(RequestCount, primary, window)},
	}
}

// ObservedWeight returns the canary's percentage of all requests in the window. It is unknown unless both counts are known
// and there are at least minRequests requests.
func ObservedWeight(samples []Sample, minRequests float64) (percent float64, known bool) {
	counts := map[Metric]float64{}
	for _, sample := range samples {
		if sample.Check == observing && !sample.Missing && sample.Err == "" && sample.Value >= 0 && !math.IsInf(sample.Value, 0) {
			counts[sample.Metric] = sample.Value
		}
	}
	canary, counted := counts[RequestCount]
	primary, compared := counts[PrimaryCount]
	if !counted || !compared {
		return 0, false
	}
	all := canary + primary
	if all <= 0 || all < minRequests {
		return 0, false
	}
	return 100 * canary / all, true
}
