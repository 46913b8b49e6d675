package workload

import (
	"math"

	"sluice.dev/sluice/config"
)

// CanaryReplicas is how many replicas a canary needs for a weight in percent, where so many replicas of the primary bear
// all requests. It is never less than 1. With all requests it is never less than the primary's, whatever the policy says:
// a number or a percentage is the user's word for a part of the requests, not for all of them.
func CanaryReplicas(policy config.CopyPolicy, primary int32, weight float64) int32 {
	replicas := policy.Replicas.Number
	if replicas == 0 {
		replicas = portion(primary, CanaryShare(policy, weight))
	}
	if weight >= config.FullWeight {
		replicas = max(replicas, primary)
	}
	return max(1, replicas)
}

// CanaryShare is which percentage of the primary the canary is as large as, at a weight in percent.
func CanaryShare(policy config.CopyPolicy, weight float64) float64 {
	switch percent := policy.Replicas.Percent; {
	case weight >= config.FullWeight:
		return config.FullWeight
	case percent > 0:
		return percent
	}
	return weight
}

// portion is a percentage of so many, rounded up. Percentages are no finer than a hundredth, which keeps the product exact.
func portion(of int32, percent float64) int32 {
	hundredths := int64(math.Round(percent * 100))
	const all = config.FullWeight * 100
	return int32((int64(of)*hundredths + all - 1) / all)
}
