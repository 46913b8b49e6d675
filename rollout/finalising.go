package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// finalising cleans up: weight 0 first, then, once no gateway sends to the copy any more, the copy goes.
func finalising(t *tick) {
	t.askAtEnd()
	t.plan.Next.CanaryWeight = 0
	if t.takesCookiesBack() {
		return
	}
	t.plan.Split = SplitIntent{Action: SplitRemove}
	t.plan.Finalizer = t.o.Finalizer || len(t.o.splitRoutes()) > 0
	if why := t.notCleared(); why != "" && !t.isAbandoned() {
		t.say("Taking the canary's requests away: " + why)
		return
	}
	if t.plan.Finalizer && !t.settled("All requests go to the primary; letting that settle") {
		return
	}
	if !t.copyGone() {
		t.say("Removing the canary")
		return
	}
	if t.plan.Ask.Key == "" {
		t.end()
	}
}

// copyGone has the copy removed, unless a newer candidate runs in it next, and reports whether that is done.
func (t *tick) copyGone() bool {
	if t.goesOn() {
		return true
	}
	t.plan.Copy = CopyIntent{Action: CopyRemove}
	return t.o.Copy == nil && t.o.CopyService == nil && len(t.o.Made) == 0
}

// askAtEnd has the outcome recorded on the primary, where it survives the loss of the Canary.
func (t *tick) askAtEnd() {
	next := t.plan.Next
	if !t.o.optedIn() {
		return
	}
	if next.Outcome == v1alpha1.OutcomeSucceeded {
		if t.o.promoted(next.Candidate) {
			t.plan.Ask = AskIntent{Key: config.AnnotationSettle, Hash: t.o.Previous.Hash}
		}
		return
	}
	candidate := t.o.inFlight()
	if candidate == nil || candidate.Hash != next.Candidate || candidate.Attempt != next.Attempt {
		return
	}
	t.plan.Ask = t.markFor(next.Outcome)
}

// markFor asks for the mark of a candidate that is still in flight when its rollout ends.
func (t *tick) markFor(outcome v1alpha1.Outcome) AskIntent {
	hash := t.plan.Next.Candidate
	switch {
	case t.asksReset():
		return t.askReset()
	case outcome == v1alpha1.OutcomeAborted && t.asksAbort():
		return AskIntent{Key: config.AnnotationAbort, Hash: hash, By: t.o.Spec.Abort.By}
	case outcome == v1alpha1.OutcomeCancelled:
		// The primary changed under a candidate that nobody took back; it must not replace that change later.
		return AskIntent{Key: config.AnnotationAbort, Hash: hash, By: config.FieldManager}
	case unsuccessful(outcome):
		return AskIntent{Key: config.AnnotationFail, Hash: hash}
	}
	return AskIntent{}
}

func unsuccessful(outcome v1alpha1.Outcome) bool {
	return outcome == v1alpha1.OutcomeFailed || outcome == v1alpha1.OutcomeAborted
}

// end closes the rollout.
func (t *tick) end() {
	next := &t.plan.Next
	if why := t.notCleared(); why != "" {
		t.event(gatewayGone(why))
	}
	t.plan.Finalizer = false
	next.Step = 0
	next.StepStarted, next.TrafficStarted, next.WaitingSince, next.CanaryReady = nil, nil, nil, nil
	if !t.goesOn() {
		next.SessionAffinity = nil
	}
	t.remember()
	switch next.Outcome {
	case v1alpha1.OutcomeSucceeded:
		next.Phase = v1alpha1.PhaseSucceeded
		t.tellEnd()
		t.event(promoted(next.Candidate, t.sinceStart()))
		t.say(t.ending())
	case v1alpha1.OutcomeFailed, v1alpha1.OutcomeAborted:
		next.Phase = v1alpha1.PhaseFailed
		t.tellEnd()
		t.event(rolledBack(next.Candidate, !withoutTraffic(t.policy)))
		t.say(t.ending())
	default:
		t.endWithoutVerdict()
	}
	t.plan.DeleteCanary = !t.o.optedIn()
}

// endWithoutVerdict goes on with a newer candidate at once, or rests.
func (t *tick) endWithoutVerdict() {
	next := &t.plan.Next
	if next.Outcome == v1alpha1.OutcomeCancelled && next.Candidate != "" {
		t.event(cancelled(next.Candidate, next.Reason))
	}
	next.Phase = v1alpha1.PhaseInitialized
	if t.o.optedIn() {
		nextCandidate(t)
	}
}
