package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/workload"
)

// promoting gives the candidate to the primary and waits for its pods; the canary keeps its share meanwhile.
func promoting(t *tick) {
	switch {
	case t.plan.Next.Restoring:
		restoring(t)
	case t.o.promoted(t.plan.Next.Candidate):
		followPrimary(t)
	case t.problem != "":
		blocked(t)
	default:
		askPromotion(t)
	}
}

func askPromotion(t *tick) {
	if why := t.lost(); why != "" {
		t.backToZero(why)
		return
	}
	if t.plan.Next.Paused != "" {
		t.backToJudging()
		return
	}
	t.writeSplit()
	if workload.LosesAllAtOnce(t.o.Primary) && !withoutTraffic(t.policy) && !t.shifted() {
		return
	}
	t.plan.Ask = AskIntent{Key: config.AnnotationPromote, Hash: t.plan.Next.Candidate}
	t.waitFor("Giving the candidate to the primary")
}

// backToJudging takes back a promotion that has not reached the primary, so that a paused canary goes on being checked in
// the step that it was promoted from.
func (t *tick) backToJudging() {
	next := &t.plan.Next
	step := min(next.Step, int32(len(t.steps)))
	if step == 0 || stepOf(t.steps, step).Weight > next.CanaryWeight && !withoutTraffic(t.policy) {
		t.toStepZero()
		t.waitFor("The canary waits to be promoted")
		return
	}
	next.Phase = v1alpha1.PhaseProgressing
	t.enterStep(step)
}

// shifted first sends all requests to a canary of the primary's size, for a primary that loses all its pods at once. It
// reports true when that is in effect and settled.
func (t *tick) shifted() bool {
	if why := t.unshifted(); why != "" {
		t.waitFor(why)
		return false
	}
	return t.settled(shiftSettles)
}

const (
	fullWeight   = config.FullWeight
	shiftSettles = "All requests go to the canary; letting that settle"
)

// unshifted has all requests sent to a canary of the primary's size, and says what is missing until they are; empty when
// they are.
func (t *tick) unshifted() string {
	if why := t.copyNotReady(t.ensureCopy(fullWeight)); why != "" {
		return "Scaling the canary to the primary's size: " + why
	}
	if t.plan.Next.CanaryWeight != fullWeight {
		t.event(trafficShifted("the primary loses all its pods at once"))
		t.giveWeight(fullWeight)
	}
	if why := t.notInEffect(); why != "" {
		return "Sending all requests to the canary: " + why
	}
	return ""
}

// settled reports whether the present moment of the rollout has lasted for the settle time; it begins to count when it
// is first asked.
func (t *tick) settled(message string) bool {
	next := &t.plan.Next
	if next.StepStarted == nil {
		next.StepStarted = t.stamp()
	}
	remaining := next.StepStarted.Add(analysis.Settle).Sub(t.o.Now)
	if remaining <= 0 {
		return true
	}
	t.say(message)
	t.wakeIn(remaining)
	return false
}

func followPrimary(t *tick) {
	next := &t.plan.Next
	if next.Promoted == nil {
		next.Promoted = t.stamp()
		next.StepStarted = nil
		next.WaitingSince = t.stamp()
		t.event(primaryUpdated(next.Candidate))
	}
	t.keepShare()
	ready := workload.ReadinessOf(t.o.Primary, t.policy.PrimaryReadyThreshold)
	if ready.Complete || t.isComplete() {
		if !t.settlesAlone() && t.returned() {
			t.afterPrimary(v1alpha1.OutcomeSucceeded, t.plan.Next.Reason)
		}
		return
	}
	next.StepStarted = nil
	if t.o.Primary.Spec.Paused {
		t.say("The primary has the candidate and is paused by spec.paused of the Deployment; kubectl rollout resume goes on")
		next.WaitingSince = nil
		return
	}
	if t.untilDeadline() <= 0 {
		t.restore(fmt.Sprintf("the primary was not ready within %s after promotion: %s", t.policy.ProgressDeadline, ready.Message))
		return
	}
	t.say("Waiting for the primary to roll out the candidate: " + ready.Message)
	t.wakeIn(t.untilDeadline())
}

// keepShare leaves the canary its weight while the primary's pods are replaced, unless it has nothing to serve it with.
func (t *tick) keepShare() {
	t.writeSplit()
	if t.o.Primary.Status.AvailableReplicas > 0 && (t.o.Copy == nil || t.o.Copy.Status.AvailableReplicas == 0) {
		t.plan.Next.CanaryWeight = 0
		t.plan.Split = SplitIntent{Action: SplitRemove}
	}
}

// afterPrimary ends the rollout once the primary is complete. Where the primary had no requests meanwhile, its pods are
// given the settle time to be known at the gateway. Users who stay at their version must meet none of the pods that have just
// gone, which the gateway may still know.
func (t *tick) afterPrimary(outcome v1alpha1.Outcome, reason string) {
	unknown := t.plan.Next.CanaryWeight == fullWeight || t.plan.Next.SessionAffinity != nil
	if unknown && !t.settled("The primary is ready; letting that settle") {
		return
	}
	t.decideOutcome(outcome, reason)
	finalising(t)
}
