package rollout

import (
	"fmt"
	"math"
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/route"
)

// finalising cleans up: weight 0 first, then, once no gateway sends to the copy any more, the copy goes.
func finalising(t *tick) {
	t.askAtEnd()
	t.plan.Next.CanaryWeight = 0
	t.plan.Split = SplitIntent{Action: SplitRemove}
	t.plan.Finalizer = t.o.Finalizer || len(t.o.splitRoutes()) > 0
	if why := t.notCleared(); why != "" {
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
	if t.plan.Next.Outcome == v1alpha1.OutcomeSuperseded && t.starts() {
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

// writtenWeight is the weight that the routes are asked for, 0 without a split.
func (t *tick) writtenWeight() int32 {
	var weight float64
	for _, r := range t.o.splitRoutes() {
		weight = max(weight, route.SplitFor(r, t.o.key()).Weight)
	}
	return int32(math.Ceil(weight))
}

// notCleared says which route still sends to the canary; empty when none does. Without our finalizer no split was ever
// written.
func (t *tick) notCleared() string {
	if left := t.o.splitRoutes(); len(left) > 0 {
		return left[0].Key().From(t.o.Namespace) + " still carries the split"
	}
	if !t.plan.Finalizer {
		return ""
	}
	return t.unprocessed()
}

// unprocessed says which route that this rollout has written to is not in effect as it is; empty when all are.
func (t *tick) unprocessed() string {
	written := t.splitNames()
	for _, r := range t.o.Routes {
		// A route that is gone sends nothing.
		if !slices.Contains(written, r.Key().Short(t.o.Namespace)) {
			continue
		}
		if ok, why := route.Processed(r); !ok {
			return fmt.Sprintf("%s: %s", r.Key().From(t.o.Namespace), why)
		}
	}
	return ""
}

// splitNames are the routes that this rollout has written to.
func (t *tick) splitNames() []string {
	if t.before.Target != nil {
		return t.before.Target.Routes
	}
	return t.target.Status().Routes
}

// writeSplit states the present weight on the routes; without routes there is nothing to write to, and without a weight
// the routes are the user's.
func (t *tick) writeSplit() {
	if t.plan.Next.CanaryWeight == 0 {
		t.plan.Split = SplitIntent{Action: SplitRemove}
		return
	}
	t.stateSplit()
}

// stateSplit states the present weight on the routes, be it 0.
func (t *tick) stateSplit() {
	if len(t.target.Routes) == 0 {
		return
	}
	t.plan.Split = SplitIntent{Action: SplitWrite, Split: t.split()}
	for _, r := range t.target.Routes {
		t.plan.Split.Routes = append(t.plan.Split.Routes, r.Key())
	}
}

// split is how the routes should share requests now.
func (t *tick) split() route.Split {
	return route.Split{
		Deployment: t.o.Name,
		Namespace:  t.o.Namespace,
		Primary:    t.target.Service.Name,
		Canary:     t.target.CanaryService(),
		Weight:     float64(t.plan.Next.CanaryWeight),
	}
}

// notInEffect says why the present weight has not reached every gateway; empty when it has.
func (t *tick) notInEffect() string {
	split := t.split()
	for _, r := range t.target.Routes {
		if status := route.StatusOf(r, split); !status.InEffect {
			return fmt.Sprintf("%s: %s", r.Key().From(t.o.Namespace), status.Reason)
		}
	}
	return ""
}

// end closes the rollout.
func (t *tick) end() {
	next := &t.plan.Next
	t.plan.Finalizer = false
	next.Step = 0
	next.StepStarted, next.TrafficStarted, next.WaitingSince = nil, nil, nil
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
		t.event(rolledBack(next.Candidate))
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
