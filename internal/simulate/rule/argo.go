package rule

import (
	"fmt"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// Argo is the rule of Argo Rollouts with a background analysis: the weights rise by the clock, and the measurement that fails once too
// often aborts at once. A measurement without data is an error; five in a row abort.
type Argo struct {
	// Interval is the time between two measurements, and the length of each step.
	Interval traffic.Seconds
	// FailureLimit is the number of failed measurements that is borne.
	FailureLimit int
	// Shares are the weights, 0 to 1.
	Shares []float64
	// Least is the least percentage of requests that succeed.
	Least float64
}

// mostErrors is Argo's consecutiveErrorLimit.
const mostErrors = 4

// Name is the rule with its settings.
func (a Argo) Name() string { return fmt.Sprintf("Argo limit %d, %ds", a.FailureLimit, a.Interval) }

// Begin starts a rollout.
func (a Argo) Begin(Before) Run { return &argoRun{Argo: a} }

type argoRun struct {
	Argo
	step, failed, errors int
	last                 traffic.Counter
}

// Next measures once in each interval, and takes the next step whatever was measured before.
func (r *argoRun) Next(view traffic.View) Decision {
	if view.At == 0 || view.At%r.Interval != 0 {
		return Decision{Share: r.Shares[r.step]}
	}
	counted := view.Canary.Minus(r.last)
	r.last = view.Canary
	switch {
	case counted.Requests == 0:
		r.errors++
	case below(counted, r.Least):
		r.failed, r.errors = r.failed+1, 0
	default:
		r.errors = 0
	}
	switch {
	case r.failed > r.FailureLimit:
		return Decision{Outcome: RolledBack, Why: fmt.Sprintf("%d failed measurements", r.failed)}
	case r.errors > mostErrors:
		return Decision{Outcome: RolledBack, Why: fmt.Sprintf("%d measurements without data", r.errors)}
	case r.step == len(r.Shares)-1:
		return Decision{Share: 1, Outcome: Promoted}
	}
	r.step++
	return Decision{Share: r.Shares[r.step]}
}
