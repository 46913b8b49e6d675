package guard

import (
	"math"
	"slices"
	"time"
)

// Pair is a number of events and how many of them were bad, such as orders and failed orders.
type Pair struct {
	Total, Bad float64
}

// Counts is what one arm did since the poll before: increments of counters, never rates and never totals.
//
// They are floats because counters are. Values that cannot be counts (not a number, negative, infinite, more bad events than
// events) drop what they belong to from the poll, and only that.
type Counts struct {
	// Requests is the number of requests answered, and Errors how many of them failed.
	Requests, Errors float64
	// Timed is the number of requests in the histogram of latencies. It may differ from Requests if they come from other series.
	Timed float64
	// Slower is, for each of the bounds of the poll in order, how many of the Timed requests were slower than it: Timed minus the
	// increment of the cumulative bucket. A native histogram is asked for its count above the same bounds. Nil without latencies.
	Slower []float64
	// Pairs are the user's own counters, in the order of Settings.Pairs. Nil without any.
	Pairs []Pair
}

// Poll is one look at the counters. Both arms have a sample that the poll before did not have; a look without is no poll.
type Poll struct {
	// Canary and Primary are the two versions.
	Canary, Primary Counts
	// Baseline is the control of a policy with a fresh baseline: pods of the old template, as many and as young as the
	// canary's. The canary is then compared with it instead of the primary. Zero without one.
	Baseline Counts
	// Bounds are the finite bounds of the histogram in seconds, ascending. They may change during a rollout: a bound that is gone
	// says nothing more. Nil without latencies.
	Bounds []float64
}

// index returns where a bound is in the poll, or -1 if it is not.
func (p *Poll) index(seconds float64) int {
	if seconds > 0 {
		return slices.Index(p.Bounds, seconds)
	}
	return -1
}

// control returns the arm that the canary is compared with.
func (p *Poll) control(fresh bool) *Counts {
	if fresh {
		return &p.Baseline
	}
	return &p.Primary
}

// Pod is what one pod did since the poll before.
type Pod struct {
	// Age is how long the pod had been ready when the poll before was taken.
	Age time.Duration
	Counts
}

// Add adds what a pod did to the counts of its arm, except for the latencies of a pod that is younger than the warm-up: a
// process that has just started is slow in every version. Its errors always count. The slices of the sum must be as long as
// those of the pod; what is longer is not added.
func (c *Counts) Add(pod Pod, warmUp time.Duration) {
	c.Requests += pod.Requests
	c.Errors += pod.Errors
	for i := range min(len(c.Pairs), len(pod.Pairs)) {
		c.Pairs[i].Total += pod.Pairs[i].Total
		c.Pairs[i].Bad += pod.Pairs[i].Bad
	}
	if pod.Age < warmUp {
		return
	}
	c.Timed += pod.Timed
	for i := range min(len(c.Slower), len(pod.Slower)) {
		c.Slower[i] += pod.Slower[i]
	}
}

func (c *Counts) errors() Pair { return sane(Pair{c.Requests, c.Errors}) }

func (c *Counts) slower(bound int) Pair {
	if bound < 0 || bound >= len(c.Slower) {
		return Pair{}
	}
	return sane(Pair{c.Timed, c.Slower[bound]})
}

func (c *Counts) pair(i int) Pair {
	if i >= len(c.Pairs) {
		return Pair{}
	}
	return sane(c.Pairs[i])
}

// sane returns the pair, or nothing if these cannot be counts.
func sane(p Pair) Pair {
	if p.Bad >= 0 && p.Bad <= p.Total && p.Total <= mostEvents {
		return p
	}
	return Pair{}
}

// plus adds events. A sum stops growing at mostInSum.
func plus(a, b Pair) Pair {
	if a.Total+b.Total > mostInSum {
		return a
	}
	return Pair{a.Total + b.Total, a.Bad + b.Bad}
}

// rate is the share of bad events, 0 without any events.
func (p Pair) rate() float64 {
	if p.Total <= 0 {
		return 0
	}
	return p.Bad / p.Total
}

// finite returns the value, or the other one if it is not a number between low and high.
func finite(value, low, high, other float64) float64 {
	if math.IsNaN(value) || value < low || value > high {
		return other
	}
	return value
}
