package rollout

import (
	"fmt"

	"sluice.dev/sluice/analysis"
)

// returned gives requests back to a primary that is ready with the candidate: in each interval as many percent as the
// policy says, and all at once where it says nothing or the canary has lost replicas. It reports true once the rest can go
// back.
func (t *tick) returned() bool {
	next := &t.plan.Next
	if t.policy.StepWeightPromotion < finest || next.CanaryWeight == 0 || t.lost() != "" {
		return true
	}
	// No deadline runs: the primary has the candidate, and whatever keeps the gateway keeps all requests served.
	next.WaitingSince = nil
	if next.StepStarted == nil {
		if why := t.notInEffect(); why != "" {
			t.say(fmt.Sprintf("The primary is ready; canary weight %v%% is being put into effect: %s", next.CanaryWeight, why))
			return false
		}
		next.StepStarted = t.stamp()
	}
	ends := next.StepStarted.Add(max(t.policy.Interval, analysis.SettleFor(t.preset())))
	where := fmt.Sprintf("The primary is ready and takes its requests back, the canary still has weight %v%%", next.CanaryWeight)
	switch remaining := hundredths(next.CanaryWeight - t.policy.StepWeightPromotion); {
	case next.Paused != "":
		t.say(where + ": " + next.Paused)
	case t.o.Now.Before(ends):
		t.say(fmt.Sprintf("%s until %s", where, clockTime(ends)))
		t.wakeIn(ends.Sub(t.o.Now))
	case remaining <= 0:
		return true
	default:
		t.event(weightReturned(remaining))
		t.giveWeight(remaining)
		next.StepStarted, next.WaitingSince = nil, nil
		t.say(fmt.Sprintf("The primary is ready; canary weight %v%% is being put into effect", remaining))
	}
	return false
}
