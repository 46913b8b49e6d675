package rule

import "sluice.dev/sluice/internal/simulate/traffic"

// Outcome is how a rollout stands.
type Outcome string

const (
	// Open is a rollout that goes on.
	Open Outcome = ""
	// Promoted is a candidate that gets all requests.
	Promoted Outcome = "promoted"
	// RolledBack is a candidate that gets none any more.
	RolledBack Outcome = "rolled back"
	// Paused is a rollout that waits for a person, with the canary's requests back at the primary.
	Paused Outcome = "paused"
)

// Decision is what a rule decides at the end of a second.
type Decision struct {
	// Share is the canary's share of the requests from now on, 0 to 1.
	Share float64
	// Outcome ends the rollout, unless it is Open.
	Outcome Outcome
	// Why says in a few words what decided.
	Why string
	// Evidence is the e-value against the canary; 0 for a rule without one.
	Evidence float64
}

// Rule decides rollouts.
type Rule interface {
	// Name is short, for tables.
	Name() string
	// Begin starts a rollout.
	Begin(before Before) Run
}

// Before is what is known before a rollout.
type Before struct {
	// History returns what each of the primary's pods counted in each minute of the hour before.
	History func() [][]traffic.Counter
	// Scrape is the time between two scrapes.
	Scrape traffic.Seconds
	// Bounds are the upper bounds of the histogram of durations in seconds; none if durations are not counted.
	Bounds []float64
}

// Run is one rollout under a rule.
type Run interface {
	// Next decides at the end of each second, first at second 0.
	Next(view traffic.View) Decision
}

// Steps returns the weights from a first one up by the same step, as shares from 0 to 1. All are in percent.
func Steps(step, greatest float64) []float64 {
	var shares []float64
	for i := 1.0; step > 0 && i*step < greatest; i++ {
		shares = append(shares, i*step/100)
	}
	return append(shares, greatest/100)
}

// below reports whether the rate of successes is below a percentage. A count without requests has no rate.
func below(counted traffic.Counter, percent float64) bool {
	return float64(counted.Requests-counted.Errors)*100 < percent*float64(counted.Requests)
}

// Sequential is a rule that collects evidence until it is enough.
type Sequential interface {
	Rule
	// Threshold is the evidence that rolls back.
	Threshold() float64
}
