package counters

import (
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// Arm is a version whose requests are counted.
type Arm analysis.Arm

const (
	// Both is the arm of a gateway, which counts the requests of both versions.
	Both = Arm(analysis.ArmNone)
	// Canary runs the candidate.
	Canary = Arm(analysis.ArmCanary)
	// Primary is the user's Deployment.
	Primary = Arm(analysis.ArmPrimary)
	// Control runs the primary's template beside the canary.
	Control = Arm(analysis.ArmControl)
)

// Kind says what a series counts.
type Kind uint8

const (
	// Scrapes counts nothing: it shows that a pod was scraped.
	Scrapes Kind = iota
	// Requests counts answers with one status code.
	Requests
	// Bucket counts requests that took no longer than a bound.
	Bucket
)

// Series is one counter with the samples that a poll got.
type Series struct {
	// ID stands for all labels, Target for those of the pod or gateway that was scraped, and Family, of a bucket, for the histogram
	// that it is of. They are hashes of 40 bits.
	ID, Target, Family uint64
	// Arm is where the requests went to: Canary, Primary or Control.
	Arm  Arm
	Kind Kind
	// Pod is the pod that counts its own requests. Empty if a gateway counts them.
	Pod string
	// Class is the first digit of the status code, unless the policy says that it failed, or that it did not. 0 if there is no code.
	Class uint8
	// Failing is the kind of the failed requests. Zero for other series.
	Failing Failures
	// Bound is the bound of a bucket in milliseconds. It is infinite for the last one.
	Bound float64
	// Samples are the oldest first.
	Samples []analysis.Point
}

// failed is the class of requests that failed, and answered that of others with a status which would have it.
const failed, answered = 5, 4

// Poll is one look at the counters.
type Poll struct {
	// Now is the time of the controller's clock.
	Now time.Time
	// Began is when the rollout began.
	Began time.Time
	// Created is when each pod was created. Of a pod that is missing, what it counted before its first sample is not known to
	// be of this rollout, and is not counted.
	Created map[string]time.Time
	// Series are what the metrics server answered.
	Series []Series
	// Controlled means that there is a control, so that a poll counts only with a new sample of it, too.
	Controlled bool
}

// identity is how many bits of a hash are kept. Among a thousand series two are the same by chance once in two million times.
const identity = 1<<40 - 1

// hashed returns the hash of one label. Hashes of labels are added, so their order does not matter.
func hashed(name, value string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	sum := uint64(offset)
	for i := range len(name) {
		sum = (sum ^ uint64(name[i])) * prime
	}
	sum = (sum ^ 0xff) * prime
	for i := range len(value) {
		sum = (sum ^ uint64(value[i])) * prime
	}
	// FNV leaves the high bits of short text alike. The finalizer of SplitMix64 spreads them.
	sum = (sum ^ sum>>30) * 0xbf58476d1ce4e5b9
	sum = (sum ^ sum>>27) * 0x94d049bb133111eb
	return sum ^ sum>>31
}
