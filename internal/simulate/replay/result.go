package replay

import (
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
)

// Result is what the guard would have done.
type Result struct {
	// Start is when the rollout began, and Length how long the record is.
	Start  time.Time
	Length time.Duration
	// Scrape is how often the counters were scraped, 0 if that is unknown.
	Scrape time.Duration
	// Minutes is for how many minutes before the rollout the primary was recorded.
	Minutes int
	// Steps are the steps of the recorded rollout, in order.
	Steps []Step
	// Verdict ends the rollout: a rollback, a pause, or the end of the last step. Nil if the guard would still be waiting at the end of
	// the record.
	Verdict *Verdict
	// Last is what the guard said last.
	Last guard.Decision
	// Canary are the canary's requests of the whole record.
	Canary guard.Pair
	// Polls are those that have new samples of both versions.
	Polls []Poll
	// Problems say what could not be counted, and why.
	Problems []string
}

// Step is one step of the recorded rollout.
type Step struct {
	// Weight is the canary's share in percent.
	Weight float64
	// Began is the time from the start, and Lasted how long the step was in effect.
	Began, Lasted time.Duration
	// Canary and Primary are the requests of the step.
	Canary, Primary guard.Pair
	// Verdict is how the guard would have ended the step. Nil if it would not have.
	Verdict *Verdict
}

// Verdict is a decision that ends something.
type Verdict struct {
	guard.Decision
	// At is the time from the start, InStep that from the beginning of the step.
	At, InStep time.Duration
	// Weight is the canary's share in percent.
	Weight float64
	// Canary are its requests until then.
	Canary guard.Pair
}

// Poll is what both versions did from one poll to the next, and what the guard makes of it.
type Poll struct {
	// At is the time from the start.
	At time.Duration
	// Step counts from 1, and Weight is its share in percent.
	Step   int
	Weight float64
	// Canary and Primary are the requests since the poll before.
	Canary, Primary guard.Pair
	// Action and what follows are the guard's decision. They are empty after its verdict.
	Action              guard.Action
	Reason              guard.Reason
	Evidence, Threshold float64
	// Tests are what the evidence is made of: each test's weight times its evidence.
	Tests map[guard.Metric]float64
}
