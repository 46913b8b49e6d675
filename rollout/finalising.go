package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// finalise cleans up: first weight 0, then, once no gateway sends requests to the canary, it deletes the canary.
func finalise(t *tick) {
	if t.plan.Next.Rollout.Decided == nil {
		t.plan.Next.Rollout.Decided = t.stamp()
	}
	askAtEnd(t)
	t.plan.Next.CanaryWeight = 0
	if !takeCookiesBack(t) {
		return
	}
	withdrawSplit(t)
	t.plan.Finalizer = t.o.Finalizer || len(t.splits) > 0
	if why := t.notCleared(); why != "" && !giveUpGateway(t) {
		say(t, "Sending all requests to the primary: "+why+t.untilGivenUp())
		return
	}
	if t.plan.Finalizer && !letSettle(t, &t.plan.Next.Rollout.Cleared, "All requests go to the primary; waiting for that to settle") {
		return
	}
	if !removeCanary(t) {
		say(t, "Removing the canary")
		return
	}
	if t.plan.Ask.Key == "" {
		endRollout(t)
	}
}

// removeCanary deletes the canary unless it runs a newer candidate next, and returns whether that is done.
func removeCanary(t *tick) (done bool) {
	if t.goesOn() {
		return true
	}
	t.plan.Canary = plan.CanaryIntent{Action: plan.CanaryRemove}
	return t.o.CanaryDeployment == nil && t.o.CanaryService == nil && len(t.o.Made) == 0
}

// askAtEnd asks admission to record the outcome on the primary, where it survives the loss of the Canary.
func askAtEnd(t *tick) {
	next := t.plan.Next
	if !t.o.OptedIn() {
		return
	}
	if next.Candidate.Outcome == v1alpha1.OutcomeSucceeded {
		if t.o.Promoted(next) {
			t.plan.Ask = plan.AskIntent{Key: config.AnnotationSettle, Of: t.o.Previous.ID()}
		}
		return
	}
	candidate := t.o.InFlight()
	if candidate == nil || !observed.Describes(next, candidate) {
		return
	}
	t.plan.Ask = t.markFor(next.Candidate.Outcome)
}

// markFor asks to mark a candidate that is still in flight when its rollout ends.
func (t tick) markFor(outcome v1alpha1.Outcome) plan.AskIntent {
	id := observed.IDOf(t.plan.Next)
	switch {
	case t.asksReset():
		return t.askReset()
	case outcome == v1alpha1.OutcomeAborted && t.asksAbort():
		return plan.AskIntent{Key: config.AnnotationAbort, Of: id, By: t.o.Spec.Abort.By}
	case outcome == v1alpha1.OutcomeCancelled:
		// The primary changed under a candidate that nobody took back. The candidate must not replace that change later.
		return plan.AskIntent{Key: config.AnnotationAbort, Of: id, By: config.FieldManager}
	case observed.Unsuccessful(outcome):
		return plan.AskIntent{Key: config.AnnotationFail, Of: id}
	}
	return plan.AskIntent{}
}

// endRollout closes the rollout.
func endRollout(t *tick) {
	next := &t.plan.Next
	if why := t.notCleared(); why != "" {
		tellGivenUp(t, why)
	}
	t.plan.Finalizer = false
	remember(t)
	tellComparison(t)
	lasted := t.sinceStart()
	next.Rollout = nil
	switch next.Candidate.Outcome {
	case v1alpha1.OutcomeSucceeded:
		next.Phase = v1alpha1.PhaseSucceeded
		tellEnd(t)
		emit(t, events.Promoted(next.Candidate.Hash, lasted))
		say(t, t.ending())
	case v1alpha1.OutcomeFailed, v1alpha1.OutcomeAborted:
		next.Phase = v1alpha1.PhaseFailed
		tellEnd(t)
		emit(t, events.RolledBack(next.Candidate.Hash, !strategy.WithoutTraffic(t.policy)))
		say(t, t.ending())
	default:
		endWithoutVerdict(t)
	}
	if !t.o.OptedIn() {
		restOptedOut(t)
	}
}

// endWithoutVerdict lets a newer candidate start at once, or rests.
func endWithoutVerdict(t *tick) {
	next := &t.plan.Next
	if next.Candidate.Outcome == v1alpha1.OutcomeCancelled && next.Candidate.Hash != "" {
		emit(t, events.Cancelled(next.Candidate.Hash, next.Candidate.Reason))
	}
	next.Phase = v1alpha1.PhaseInitialized
	t.vacant = t.o.OptedIn()
}
