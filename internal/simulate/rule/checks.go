package rule

import (
	"fmt"

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
}

// Name is the rule with its settings.
func (c Checks) Name() string { return fmt.Sprintf("checks %dx%ds", c.Threshold, c.Interval) }

// Begin starts a rollout.
func (c Checks) Begin(Before) Run { return &checksRun{Checks: c} }

type checksRun struct {
	Checks
	step, failed int
	began        traffic.Seconds
	// judged is what was counted until the last check that said something.
	judged traffic.Counter
}

// Next checks once in each interval of the step.
func (r *checksRun) Next(view traffic.View) Decision {
	stay, inStep := Decision{Share: r.Shares[r.step]}, view.At-r.began
	if inStep == 0 || inStep%r.Interval != 0 {
		return stay
	}
	counted := view.Canary.Minus(r.judged)
	if counted.Requests < r.Requests {
		if inStep >= r.Interval+r.Deadline {
			return Decision{Outcome: RolledBack, Why: "progress deadline exceeded"}
		}
		return stay
	}
	r.judged = view.Canary
	if below(counted, r.Least) {
		r.failed++
		if r.failed >= r.Threshold {
			return Decision{Outcome: RolledBack, Why: fmt.Sprintf("%d failed checks", r.failed)}
		}
		return stay
	}
	if r.step == len(r.Shares)-1 {
		return Decision{Share: 1, Outcome: Promoted}
	}
	r.step, r.began = r.step+1, view.At
	return Decision{Share: r.Shares[r.step]}
}
