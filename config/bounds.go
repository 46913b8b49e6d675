package config

import (
	"math"
	"time"
)

// FullWeight is the weight, in percent, at which the canary gets all requests.
const FullWeight = 100

// Finest is the smallest weight, in percent, and the least by which two differ.
const Finest = 0.01

// Bounds of values, which annotations, policies and the schema of policies have.
const (
	// MostSteps is how many steps, iterations included, a rollout has at most: all of them are in the status of its Canary, which
	// the API server refuses beyond about a megabyte.
	MostSteps = 500
	// MostFailures is the greatest threshold.
	MostFailures = 1000000
	// MostRequests is the greatest minRequests.
	MostRequests = 1000000000
	// LeastUnavailable is the shortest time, in seconds, that a primary must have been unavailable before a change goes to it
	// without a canary. Those who may change the Deployment choose the time, so it must be one that proves something.
	LeastUnavailable = 30
	// MostDeadline is the longest progress deadline, in seconds.
	MostDeadline = 31536000
	// LongestHook is the longest time limit of one attempt to call a hook. It takes a connection all the time.
	LongestHook = 10 * time.Minute
	// MostMetadata is how many bytes the metadata of a hook has at most, which every call of it sends.
	MostMetadata = 16 << 10
	// ShortestStep is how long a step lasts at least.
	ShortestStep = time.Second
)

// Values of canary.autoscaler.
const (
	AutoscalerCopy = "Copy"
	AutoscalerNone = "None"
)

// IsFine reports whether a percentage is a whole number of hundredths.
func IsFine(percent float64) bool {
	const rounding = 1e-6
	return math.Abs(percent*100-math.Round(percent*100)) < rounding
}
