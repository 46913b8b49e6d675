package analysis

import (
	"math"
	"time"

	"sluice.dev/sluice/config"
)

// observing is the check of the samples by which the weight is observed: no check of a policy is without a name.
const observing = ""

// ObservingQueries are the questions how many requests a canary and its primary got. An unknown preset has none.
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

// ObservedWeight is the percentage of all requests in the window that the canary got. It is not known without counts of both,
// and with fewer requests than that no share says anything.
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
