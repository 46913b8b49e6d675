package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// promote gives the candidate to the primary and waits for its pods. The canary keeps its share meanwhile.
func promote(t *tick) {
	switch {
	case t.plan.Next.Rollout.Promotion.Restoring:
		restore(t)
	case t.o.Promoted(t.plan.Next):
		followPrimary(t)
	case t.problem != "":
		blockRollout(t)
	default:
		askPromotion(t)
	}
}

func askPromotion(t *tick) {
	if leaveIfLost(t) {
		return
	}
	if t.plan.Next.Paused != nil {
		goBackToJudging(t)
		return
	}
	writeSplit(t)
	if !letControlGo(t) {
		return
	}
	if workload.LosesAllAtOnce(t.asPromoted()) && !strategy.WithoutTraffic(t.policy) && !shiftToCanary(t) {
		return
	}
	t.plan.Ask = plan.AskIntent{Key: config.AnnotationPromote, Of: observed.IDOf(t.plan.Next), Keep: t.keeps()}
	waitFor(t, "Applying the candidate to the primary")
}

// goBackToJudging takes back a promotion that has not reached the primary. A paused canary is then checked again in the
// step that it was promoted from.
func goBackToJudging(t *tick) {
	next := &t.plan.Next
	step := min(next.Rollout.Step.Number, int32(len(t.steps)))
	if step == 0 || strategy.At(t.steps, step).Weight > next.CanaryWeight && !strategy.WithoutTraffic(t.policy) {
		goToStepZero(t)
		waitFor(t, "The candidate waits for promotion")
		return
	}
	next.Phase, next.Rollout.Promotion = v1alpha1.PhaseProgressing, v1alpha1.PromotionStatus{}
	enterStep(t, step)
}

const (
	fullWeight   = config.FullWeight
	shiftSettles = "All requests go to the canary; waiting for that to settle"
)

// shiftToCanary sends all requests to a canary of the primary's size before a primary loses all its pods at once. It
// returns whether that is in effect and settled.
func shiftToCanary(t *tick) (done bool) {
	given := t.plan.Next.CanaryWeight
	missing := shiftAll(t)
	if t.plan.Next.CanaryWeight != given {
		t.plan.Next.Rollout.WaitingSince = t.stamp()
	}
	if missing != "" {
		waitFor(t, missing)
		return false
	}
	return letSettle(t, &t.plan.Next.Rollout.Promotion.Shifted, shiftSettles)
}

// shiftAll sends all requests to a canary of the primary's size. It returns what is missing for that; empty when nothing
// is.
func shiftAll(t *tick) (missing string) {
	if why := t.canaryNotReady(ensureCanary(t, fullWeight)); why != "" {
		return "Scaling the canary to the primary's size: " + why
	}
	if t.plan.Next.CanaryWeight != fullWeight {
		emit(t, events.TrafficShifted("the primary loses all its pods at once"))
		giveWeight(t, fullWeight, t.replicasFor(fullWeight))
	}
	if why := t.notInEffect(); why != "" {
		return "Sending all requests to the canary: " + why
	}
	return ""
}

func followPrimary(t *tick) {
	next := &t.plan.Next
	if next.Rollout.Promotion.Applied == nil {
		next.Rollout.Promotion.Applied, next.Rollout.WaitingSince = t.stamp(), t.stamp()
		emit(t, events.PrimaryUpdated(next.Candidate.Hash))
	}
	keepShare(t)
	giveWay(t)
	ready := workload.ReadinessOf(t.o.Primary, t.policy.PrimaryReadyThreshold)
	if ready.Complete || t.isComplete() {
		if awaitPrimaries(t) && returnRequests(t) {
			endWithPrimary(t, v1alpha1.OutcomeSucceeded, t.plan.Next.Candidate.Reason)
		}
		return
	}
	next.Rollout.Promotion.Steady = nil
	if t.o.Primary.Spec.Paused {
		say(t, "The primary has the candidate but is paused by spec.paused of the Deployment; to resume: kubectl rollout resume")
		next.Rollout.WaitingSince = nil
		return
	}
	startWaiting(t)
	if t.untilDeadline() <= 0 {
		beginRestore(t, fmt.Sprintf("the primary was not ready within %s after promotion: %s", t.policy.ProgressDeadline, ready.Message))
		return
	}
	say(t, "Waiting for the primary to roll out the candidate: "+ready.Message)
	wakeIn(t, t.untilDeadline())
}

// endWithPrimary ends the rollout once the primary is complete. If the primary had no requests meanwhile, it first waits
// for the settle time, so that the gateway knows the primary's pods. With session affinity it waits too: users who stay at
// their version must not reach pods that have just gone and that the gateway may still know.
func endWithPrimary(t *tick, outcome v1alpha1.Outcome, reason string) {
	unknown := t.plan.Next.CanaryWeight == fullWeight || t.plan.Next.Rollout.SessionAffinity != nil
	if unknown && !letSettle(t, &t.plan.Next.Rollout.Promotion.Steady, "The primary is ready; waiting for that to settle") {
		return
	}
	decideOutcome(t, outcome, reason)
	finalise(t)
}

// beginPromotion starts to give the candidate to the primary. The history shows why; empty if the analysis has passed.
func beginPromotion(t *tick, event events.Event, why string) {
	if !awaitGroup(t) {
		return
	}
	emit(t, event)
	endControl(t)
	next := &t.plan.Next
	next.Candidate.Reason = why
	next.Phase = v1alpha1.PhasePromoting
	next.Rollout.Promotion, next.Rollout.WaitingSince = v1alpha1.PromotionStatus{}, t.stamp()
	promote(t)
}
