package rule

import (
	"fmt"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// Flagger is the rule of Flagger: one check in each interval over that interval. No data fails a check, failed checks add up, and the
// rollback comes one interval after the check that was one too many.
type Flagger struct {
	// Interval is the time between two checks.
	Interval traffic.Seconds
	// Threshold is the number of failed checks that rolls back.
	Threshold int
	// Shares are the weights, 0 to 1.
	Shares []float64
	// Least is the least percentage of requests that succeed.
	Least float64
}

// Name is the rule with its settings.
func (f Flagger) Name() string { return fmt.Sprintf("Flagger %dx%ds", f.Threshold, f.Interval) }

// Begin starts a rollout.
func (f Flagger) Begin(Before) Run { return &flaggerRun{Flagger: f} }

type flaggerRun struct {
	Flagger
	step, failed int
	last         traffic.Counter
}

// Next checks once in each interval.
func (r *flaggerRun) Next(view traffic.View) Decision {
	stay := Decision{Share: r.Shares[r.step]}
	if view.At == 0 || view.At%r.Interval != 0 {
		return stay
	}
	if r.failed >= r.Threshold {
		return Decision{Outcome: RolledBack, Why: fmt.Sprintf("%d failed checks", r.failed)}
	}
	counted := view.Canary.Minus(r.last)
	r.last = view.Canary
	if counted.Requests == 0 || below(counted, r.Least) {
		r.failed++
		return stay
	}
	if r.step == len(r.Shares)-1 {
		return Decision{Share: 1, Outcome: Promoted}
	}
	r.step++
	return Decision{Share: r.Shares[r.step]}
}
