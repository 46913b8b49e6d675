package rule

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// Checks is the rule of Sluice's thresholds: one check in each interval over what is new since the last that said something. With too few
// requests a check says nothing, and the next looks back further. Failed checks add up. A step ends with a check that passes.
type Checks struct {
	// Interval is the time between two checks, and the least length of a step.
	Interval traffic.Seconds
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
	// Durations are how long the steps last in place of Interval; none if all last as long.
	Durations []traffic.Seconds
	// Limit is the longest 99th percentile of durations in seconds; 0 for none.
	Limit float64
}

// Name is the rule with its settings.
func (c Checks) Name() string { return fmt.Sprintf("checks %dx%ds", c.Threshold, c.Interval) }

// Begin starts a rollout.
func (c Checks) Begin(before Before) Run {
	r := &checksRun{Checks: c, bound: -1}
	if c.Limit > 0 {
		r.bound = slices.IndexFunc(before.Bounds, func(bound float64) bool { return bound >= c.Limit })
	}
	return r
}

type checksRun struct {
	Checks
	step, failed int
	began        traffic.Seconds
	// judged is what was counted until the last check that said something.
	judged traffic.Counter
	// bound is the index of the first bound of the histogram at the limit or above it; -1 without any.
	bound int
}

// Next checks once in each interval of the step.
func (r *checksRun) Next(view traffic.View) Decision {
	stay, inStep, lasts := Decision{Share: r.Shares[r.step]}, view.At-r.began, r.lasts()
	if inStep == 0 || inStep%r.Interval != 0 && inStep != lasts {
		return stay
	}
	counted := view.Canary.Minus(r.judged)
	if counted.Requests < r.Requests {
		if inStep >= lasts+r.Deadline {
			return Decision{Outcome: RolledBack, Why: "progress deadline exceeded"}
		}
		return stay
	}
	r.judged = view.Canary
	if below(counted, r.Least) || r.slow(counted) {
		r.failed++
		if r.failed >= r.Threshold {
			return Decision{Outcome: RolledBack, Why: fmt.Sprintf("%d failed checks", r.failed)}
		}
		return stay
	}
	switch {
	case inStep < lasts:
		return stay
	case r.step == len(r.Shares)-1:
		return Decision{Share: 1, Outcome: Promoted}
	}
	r.step, r.began = r.step+1, view.At
	return Decision{Share: r.Shares[r.step]}
}

// lasts is the least length of the step.
func (r *checksRun) lasts() traffic.Seconds {
	if r.step < len(r.Durations) {
		return r.Durations[r.step]
	}
	return r.Interval
}

// slow reports whether the 99th percentile is beyond the limit for certain: beyond the first bound at it or above it.
func (r *checksRun) slow(counted traffic.Counter) bool {
	return r.bound >= 0 && counted.Slow[r.bound]*100 > counted.Timed
}
