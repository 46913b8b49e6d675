package guard_test

import (
	"fmt"
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
)

// A canary at 10 % that fails one request of ten, beside a primary that fails one of a thousand, is rolled back after two polls.
func ExampleDecide() {
	settings := guard.DefaultSettings()
	state := guard.Start(settings, []guard.Arms{guard.ArmsSplit}, guard.History{})
	for i := range 3 {
		poll := guard.Poll{
			Canary:  guard.Counts{Requests: 200, Errors: 20},
			Primary: guard.Counts{Requests: 1800, Errors: 2},
		}
		moment := guard.Moment{Step: 1, Weight: 10, Next: 25, Arms: guard.ArmsSplit,
			InStep: time.Duration(i+1) * 5 * time.Second, Passed: 5 * time.Second, SincePoll: 5 * time.Second, Scrape: 5 * time.Second}
		var decision guard.Decision
		state, decision = guard.Decide(settings, state, &poll, moment)
		fmt.Printf("%s: %s\n", decision.Action, decision.Message)
		if decision.Action == guard.RollBack {
			break
		}
	}
	// Output:
	// hold: the step collects data: error rate at most 20%, at 95% confidence, from 200 canary requests
	// rollback: the canary is worse than it may be: 40 of its 400 requests failed (10%), and 0.111% of the primary's; error rate above 4% and above 7 times the primary's, at 95% confidence, from 400 canary requests
}
