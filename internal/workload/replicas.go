package workload

import (
	"math"
	"strconv"
	"strings"

	"sluice.dev/sluice/config"
)

// Full is the weight in percent at which the canary gets all requests.
const Full = 100

// CanaryReplicas is how many replicas a canary needs for a weight in percent, where so many replicas of the primary bear
// all requests. It is never less than 1. With all requests it is never less than the primary's, whatever the policy says:
// a number or a percentage is the user's word for a part of the requests, not for all of them.
func CanaryReplicas(policy config.CopyPolicy, primary int32, weight float64) int32 {
	replicas := portion(primary, weight)
	switch number, err := strconv.ParseInt(policy.Replicas, 10, 32); {
	case policy.Replicas == config.ReplicasPrimary || percentage(policy.Replicas) > 0:
		replicas = portion(primary, CanaryShare(policy, weight))
	case err == nil:
		replicas = int32(number)
	}
	if weight >= Full {
		replicas = max(replicas, primary)
	}
	return max(1, replicas)
}

// CanaryShare is which percentage of the primary the canary is as large as, at a weight in percent.
func CanaryShare(policy config.CopyPolicy, weight float64) float64 {
	switch percent := percentage(policy.Replicas); {
	case weight >= Full || policy.Replicas == config.ReplicasPrimary:
		return Full
	case percent > 0:
		return percent
	}
	return weight
}

// percentage reads a value such as 30%, and is 0 for anything else.
func percentage(value string) float64 {
	number, has := strings.CutSuffix(value, "%")
	percent, err := strconv.ParseUint(number, 10, 7)
	if !has || err != nil {
		return 0
	}
	return float64(min(percent, Full))
}

// portion is a percentage of so many, rounded up. Percentages are no finer than a hundredth, which keeps the product exact.
func portion(of int32, percent float64) int32 {
	hundredths := int64(math.Round(percent * 100))
	return int32((int64(of)*hundredths + Full*100 - 1) / (Full * 100))
}
