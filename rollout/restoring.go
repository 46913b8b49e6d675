package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
)

// beginRestore decides to restore the primary's previous template.
func beginRestore(t *tick, reason string) {
	next := &t.plan.Next
	next.Phase, next.Candidate.Reason = v1alpha1.PhasePromoting, reason
	next.Rollout.Promotion.Restoring, next.Rollout.Promotion.Steady, next.Rollout.WaitingSince = true, nil, t.stamp()
	emit(t, events.PromotionFailed(reason, t.o.Previous.Hash))
	restore(t)
}

// restore restores the previous template after a promotion whose pods did not become ready or whose group was rolled back.
func restore(t *tick) {
	keepShare(t)
	if t.o.Previous != nil {
		if !shiftBack(t) {
			return
		}
		t.plan.Ask = plan.AskIntent{Key: config.AnnotationRestore, Of: t.o.Previous.ID()}
		say(t, "Restoring the previous template: "+t.plan.Next.Candidate.Reason)
		return
	}
	ready := workload.ReadinessOf(t.o.Primary, t.policy.PrimaryReadyThreshold)
	if !ready.Complete {
		t.plan.Next.Rollout.Promotion.Steady = nil
		say(t, "Waiting for the primary to roll back to the previous template: "+ready.Message)
		return
	}
	endWithPrimary(t, v1alpha1.OutcomeFailed, t.plan.Next.Candidate.Reason)
}

// shiftBack first sends all requests to the canary if the primary loses all its pods at once, and returns whether the
// previous template can be restored. It waits until the progress deadline at most, and never for a bad canary.
func shiftBack(t *tick) (done bool) {
	if !t.canShiftBack() {
		return true
	}
	startWaiting(t)
	left := t.untilDeadline()
	if left <= 0 {
		return true
	}
	missing := shiftAll(t)
	wakeIn(t, left)
	if missing != "" {
		say(t, missing)
		return false
	}
	if !letSplitSettle(t) {
		say(t, shiftSettles)
		return false
	}
	return true
}

// canShiftBack reports whether the canary can answer while the primary has no pods.
func (t tick) canShiftBack() bool {
	return workload.LosesAllAtOnce(t.asRestored()) && len(t.target.Routes) > 0 && t.runsPromoted() && !t.isBad()
}

// runsPromoted reports whether the canary has available pods that run the promoted template.
func (t tick) runsPromoted() bool {
	return t.servingCanaryPods() > 0 && t.o.Previous != nil && t.o.Previous.PromotedID().Is(workload.CanaryID(t.o.CanaryDeployment))
}
