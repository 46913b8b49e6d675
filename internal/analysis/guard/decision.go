package guard

import "time"

// Action is what to do.
type Action string

// The actions.
const (
	// Hold stays at the step.
	Hold Action = "hold"
	// Advance goes to the next step, or promotes after the last.
	Advance Action = "advance"
	// Return goes back one step.
	Return Action = "return"
	// Pause stays at the step until a person decides.
	Pause Action = "pause"
	// RollBack gives all requests to the primary and ends the rollout.
	RollBack Action = "rollback"
)

// Reason says why. Each is one word for events and metrics.
type Reason string

// The reasons.
const (
	// Collecting means that the step has not shown enough yet.
	Collecting Reason = "Collecting"
	// Stale means that counters have not been read, or have not changed their sample times, for too long.
	Stale Reason = "Stale"
	// Harm means that the canary is proven worse.
	Harm Reason = "Harm"
	// NotReady means that something else is waited for.
	NotReady Reason = "NotReady"
	// SharedDamage means that the whole route fails more than before the rollout.
	SharedDamage Reason = "SharedDamage"
	// EnvironmentDegraded means that the primary itself fails more than the SLO allows.
	EnvironmentDegraded Reason = "EnvironmentDegraded"
	// OverLimit means that the latency is beyond its limit, and that the evidence does not prove harm yet, or cannot, because the
	// primary's is, too.
	OverLimit Reason = "OverLimit"
	// MissingTraffic means that the canary gets less than half of its share.
	MissingTraffic Reason = "MissingTraffic"
	// NoRequests means that the canary got too few requests to end the step.
	NoRequests Reason = "NoRequests"
	// Accepted means that the canary is proven healthy enough for the next step.
	Accepted Reason = "Accepted"
	// Inconclusive means that the step ended with data, and proved neither harm nor health.
	Inconclusive Reason = "Inconclusive"
	// Suspicious means that data favours harm without proving it.
	Suspicious Reason = "Suspicious"
)

// Decision is what Decide has decided, as data and in words.
type Decision struct {
	Action Action
	Reason Reason
	// Evidence is how many times likelier the data is if the canary is harmful. Threshold is where it proves harm.
	Evidence, Threshold float64
	// Blame lists what the evidence is about, the largest part first. Empty unless the evidence is above 1.
	Blame []Blame
	// Shown is what the data shows so far.
	Shown Shown
	// Left is how long this reason may still hold the rollout before something else follows. 0 if it is not limited.
	Left time.Duration
	// Message says all this in one sentence, without a full stop.
	Message string
}

// Blame is one test's part of the evidence.
type Blame struct {
	// Metric is what was tested.
	Metric Metric
	// Pair is the name of the user's counters if Metric is PairRatio or PairRate.
	Pair string
	// Bound is the histogram's bound in seconds if Metric is Latency or LatencyLimit.
	Bound float64
	// Evidence is that of the test alone, Share its weighted part of all, from 0 to 1.
	Evidence, Share float64
}

// Metric is what one test is about.
type Metric string

// The metrics.
const (
	// ErrorRatio is the error rate beside the primary's.
	ErrorRatio Metric = "error ratio"
	// ErrorRate is the error rate beside the SLO.
	ErrorRate Metric = "error rate"
	// Latency is the share of requests slower than a bound beside the primary's.
	Latency Metric = "latency"
	// LatencyLimit is the share of requests slower than a limit.
	LatencyLimit Metric = "latency limit"
	// PairRatio is the rate of bad events of the user's own beside the primary's.
	PairRatio Metric = "pair ratio"
	// PairRate is that rate beside its limit.
	PairRate Metric = "pair rate"
)

// Shown is what the data shows, in bounds that hold at any time with the confidence.
type Shown struct {
	// Pair is the name of the user's counters that this is about. Empty for the error rate of requests.
	Pair string
	// Requests is the number of canary requests, or of counted events, that this is from, and Errors how many of them failed.
	Requests, Errors float64
	// Rate is the largest error rate that the canary can have, Ratio how many times the control's it can be at most. 0 if nothing
	// is shown yet.
	Rate, Ratio float64
	// RateAbove and RatioAbove are what they are above. 0 if nothing is shown.
	RateAbove, RatioAbove float64
	// Confidence is the chance that one bound is right, such as 0.95.
	Confidence float64
}
