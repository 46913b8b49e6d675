package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// asksReset reports whether the candidate, in flight or failed, is to be forgotten.
func (t *tick) asksReset() bool {
	return t.o.Candidate != nil && Meant(t.o.Spec.Reset, t.o.Candidate)
}

func (t *tick) isAskedToReset() bool {
	return t.undecided() && t.asksReset()
}

// resetInFlight takes the traffic away; admission forgets the candidate at the end.
func resetInFlight(t *tick) {
	t.decideOutcome(v1alpha1.OutcomeCancelled, t.resetBy())
	finalising(t)
}

func (t *tick) resetBy() string {
	return "reset by " + whoAndWhy(t.o.Spec.Reset.By, t.o.Spec.Reset.Reason)
}

// askReset has admission forget the candidate.
func (t *tick) askReset() AskIntent {
	return AskIntent{Key: config.AnnotationReset, Hash: t.o.Candidate.Hash, By: t.o.Spec.Reset.By}
}

// resetKept forgets a candidate that has failed, or that waits, and what was counted for it.
func resetKept(t *tick) {
	t.plan.Ask = t.askReset()
	t.plan.Next = t.fresh(v1alpha1.PhaseInitialized)
	if t.before.Phase != v1alpha1.PhaseInitialized {
		t.event(cancelled(t.o.Candidate.Hash, t.resetBy()))
	}
	t.say("Ready for the next change: the candidate is forgotten, " + t.resetBy())
}
