package traffic

// Seconds count from the first request that the canary may get.
type Seconds = int64

// Scenario is what a rollout meets: its requests, how many of them fail at which version, and how its counters are read.
type Scenario struct {
	// Rate is the mean number of requests in a second, of both versions together.
	Rate float64
	// Base and Canary are the probabilities that a request to the primary and to the canary fails, 0 to 1.
	Base, Canary float64
	// Latency is by what the canary's durations are multiplied; 0 and 1 for none. With Latencies the durations are counted at all.
	Latency float64
	// Latencies counts durations. They cost time, so a scenario without a question about latency leaves them out.
	Latencies bool
	// Onset is when the canary's errors and latency begin; before that it is as the primary.
	Onset Seconds
	// Outage makes requests of both versions fail for a while.
	Outage Outage
	// Burst makes errors come together.
	Burst Burst
	// Scrape is how the counters are read.
	Scrape Scrape
	// Warm is how long the canary's durations are multiplied by WarmLatency because its pods are new.
	Warm        Seconds
	WarmLatency float64
	// Pods is the number of the primary's pods, over which its errors before the rollout spread. 0 means 4.
	Pods int
	// Timed are the primary's durations where a histogram has counted them; its zero value stands for durations of a usual service.
	Timed Timed
}

// Outage is a common cause of errors.
type Outage struct {
	// From is its beginning, For its length; 0 for no outage.
	From, For Seconds
	// Every is the time from one beginning to the next; 0 for a single outage.
	Every Seconds
	// Errors is the probability that a request fails meanwhile, at either version.
	Errors float64
}

// Burst is one cause that makes many errors at one version.
type Burst struct {
	// Size is the mean number of errors of one cause, which varies geometrically; up to 1 for errors that are independent.
	Size float64
	// Over is for how many seconds its errors last, at most 60; 0 means 1. Errors that find no request by then do not happen.
	Over Seconds
}

// Scrape is how the counters of both versions are read.
type Scrape struct {
	// Every is the time between two scrapes; 0 means 5 s.
	Every Seconds
	// Skew is by how much the canary is scraped later than the primary.
	Skew Seconds
	// Missing is the probability that a scrape fails, 0 to 1.
	Missing float64
	// Resets are when the counters of a version begin at 0 again, because its pods were restarted; none if 0.
	CanaryReset, PrimaryReset Seconds
}

// active reports whether the outage is at its height.
func (o Outage) active(at Seconds) bool {
	if o.For <= 0 || at < o.From {
		return false
	}
	since := at - o.From
	if o.Every > 0 {
		since %= o.Every
	}
	return since < o.For
}

// errorsAt returns the probabilities that a request to the canary and to the primary fails in a second.
func (s Scenario) errorsAt(at Seconds) (canary, primary float64) {
	canary, primary = s.Canary, s.Base
	if at < s.Onset {
		canary = s.Base
	}
	if s.Outage.active(at) {
		canary, primary = max(canary, s.Outage.Errors), max(primary, s.Outage.Errors)
	}
	return canary, primary
}

// latencyAt returns by what the canary's durations are multiplied in a second.
func (s Scenario) latencyAt(at Seconds) float64 {
	factor := 1.0
	if s.Latency > 0 && at >= s.Onset {
		factor = s.Latency
	}
	if s.WarmLatency > 0 && at < s.Warm {
		factor *= s.WarmLatency
	}
	return factor
}

// pods is the number of the primary's pods.
func (s Scenario) pods() int {
	if s.Pods <= 0 {
		return 4
	}
	return s.Pods
}

// Every is the time between two scrapes, 5 s if none is set.
func (s Scenario) Every() Seconds {
	if s.Scrape.Every <= 0 {
		return 5
	}
	return s.Scrape.Every
}
