package workload

import (
	"math"

	"sluice.dev/sluice/config"
)

// CanaryReplicas returns how many replicas a canary needs for a weight in percent. primary is the number of the primary's
// replicas that carry all requests. The result is at least 1. At weight 100 it is at least the primary's, regardless of the
// policy: a number or a percentage there is meant for a part of the requests.
func CanaryReplicas(policy config.CanaryOverrides, primary int32, weight float64) int32 {
	replicas := policy.Replicas.Number
	if replicas == 0 {
		replicas = portion(primary, CanaryShare(policy, weight))
	}
	if weight >= config.FullWeight {
		replicas = max(replicas, primary)
	}
	return max(1, replicas)
}

// CanaryShare returns the canary's size as a percentage of the primary's, at a weight in percent.
func CanaryShare(policy config.CanaryOverrides, weight float64) float64 {
	switch percent := policy.Replicas.Percent; {
	case weight >= config.FullWeight:
		return config.FullWeight
	case percent > 0:
		return percent
	}
	return weight
}

// portion returns a percentage of a number, rounded up. Percentages are no finer than a hundredth, which keeps the product
// exact.
func portion(of int32, percent float64) int32 {
	hundredths := int64(math.Round(percent * 100))
	const all = config.FullWeight * 100
	return int32((int64(of)*hundredths + all - 1) / all)
}
