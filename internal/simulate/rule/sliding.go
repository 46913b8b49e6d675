package rule

import (
	"fmt"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// Sliding is the rule that Checks replaced, and the baseline beside the guard: checks several times in each step over the last minute, of
// which the failed ones add up. A step ends with a check that passes.
type Sliding struct {
	// Interval is the least length of a step.
	Interval traffic.Seconds
	// Every is the time between two checks.
	Every traffic.Seconds
	// Window is how far back a check looks.
	Window traffic.Seconds
	// Threshold is the number of failed checks that rolls back.
	Threshold int
	// Shares are the weights, 0 to 1.
	Shares []float64
	// Least is the least percentage of requests that succeed.
	Least float64
	// Requests is how many a check needs to say anything.
	Requests int64
	// Deadline is how long after the end of a step a check may say nothing.
	Deadline traffic.Seconds
}

// Name is the rule with its settings.
func (s Sliding) Name() string {
	return fmt.Sprintf("sliding window %dx%ds", s.Threshold, s.Every)
}

// Begin starts a rollout.
func (s Sliding) Begin(Before) Run {
	return &slidingRun{Sliding: s, past: make([]traffic.Counter, s.Window+1)}
}

type slidingRun struct {
	Sliding
	step, failed int
	began        traffic.Seconds
	// past are the counters of the last window, by second.
	past []traffic.Counter
}

// Next checks each time that a check is due.
func (r *slidingRun) Next(view traffic.View) Decision {
	size := int64(len(r.past))
	r.past[view.At%size] = view.Canary
	stay := Decision{Share: r.Shares[r.step]}
	inStep := view.At - r.began
	if inStep == 0 || inStep%r.Every != 0 {
		return stay
	}
	counted := view.Canary.Minus(r.past[max(0, view.At-r.Window)%size])
	silent := counted.Requests < r.Requests
	if !silent && below(counted, r.Least) {
		r.failed++
		if r.failed >= r.Threshold {
			return Decision{Outcome: RolledBack, Why: fmt.Sprintf("%d failed checks", r.failed)}
		}
		return stay
	}
	switch {
	case silent && inStep >= r.Interval+r.Deadline:
		return Decision{Outcome: RolledBack, Why: "progress deadline exceeded"}
	case silent || inStep < r.Interval:
		return stay
	case r.step == len(r.Shares)-1:
		return Decision{Share: 1, Outcome: Promoted}
	}
	r.step, r.began = r.step+1, view.At
	return Decision{Share: r.Shares[r.step]}
}

// SlidingDefaults is the rule with the settings that were built in.
func SlidingDefaults() Sliding {
	return Sliding{Interval: 30, Every: 5, Window: 60, Threshold: 5, Shares: Steps(10, 50), Least: 99, Requests: 10, Deadline: 600}
}
