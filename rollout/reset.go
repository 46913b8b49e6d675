package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
)

func (t tick) isAskedToReset() bool {
	return t.undecided() && t.asksReset()
}

// resetInFlight takes the canary's requests away. Admission forgets the candidate at the end.
func resetInFlight(t *tick) {
	decideOutcome(t, v1alpha1.OutcomeCancelled, t.resetBy())
	finalise(t)
}

func (f Facts) resetBy() string {
	return "reset by " + events.Who(f.o.Spec.Reset.By, f.o.Spec.Reset.Reason)
}

// askReset asks admission to forget the candidate.
func (f Facts) askReset() plan.AskIntent {
	return plan.AskIntent{Key: config.AnnotationReset, Of: f.o.Candidate.ID(), By: f.o.Spec.Reset.By}
}

// resetKept forgets a failed or waiting candidate, and its counters.
func resetKept(t *tick) {
	t.plan.Ask = t.askReset()
	t.plan.Next = t.fresh(v1alpha1.PhaseInitialized)
	if t.before.Phase != v1alpha1.PhaseInitialized {
		emit(t, events.Cancelled(t.o.Candidate.Hash, t.resetBy()))
	}
	say(t, "Ready for the next change: the candidate was forgotten, "+t.resetBy())
}
