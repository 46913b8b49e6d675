package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// ending says how the last rollout ended.
func (t tick) ending() string {
	next := t.plan.Next
	if next.Phase == v1alpha1.PhaseFailed {
		return fmt.Sprintf("%s was rolled back: %s", workload.Short(next.Candidate.Hash), next.Candidate.Reason)
	}
	return fmt.Sprintf("%s was promoted", workload.Short(next.Candidate.Hash))
}

// undecided reports whether the candidate is still being judged: it has no outcome and the primary has not changed.
func (t tick) undecided() bool {
	next := t.plan.Next
	return observed.Active(next) && next.Candidate.Outcome == "" && !next.Rollout.Promotion.Restoring && !t.o.Promoted(next)
}

// decideOutcome ends the judging, even if the state knows of no rollout. Only the clean-up remains.
func decideOutcome(t *tick, outcome v1alpha1.Outcome, reason string) {
	next := &t.plan.Next
	if next.Rollout == nil {
		next.Rollout = &v1alpha1.RolloutStatus{}
	}
	next.Phase = v1alpha1.PhaseFinalising
	next.Candidate.Outcome = outcome
	next.Candidate.Reason = reason
	if outcome != v1alpha1.OutcomeFailed {
		next.Candidate.GroupFailure = nil
	}
	next.CanaryWeight = 0
	next.Rollout.Cleared, next.Rollout.WaitingSince, next.Rollout.Decided = nil, nil, t.stamp()
}

// rollBack fails the candidate and starts at once to take its requests away.
func rollBack(t *tick, reason string) {
	rollBackAs(t, v1alpha1.OutcomeFailed, reason)
}

func rollBackAs(t *tick, outcome v1alpha1.Outcome, reason string) {
	emit(t, events.RollingBack(t.plan.Next.Candidate.Hash, reason))
	decideOutcome(t, outcome, reason)
	finalise(t)
}
