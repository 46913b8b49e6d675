package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// restore decides that the primary gets its previous template back.
func (t *tick) restore(reason string) {
	next := &t.plan.Next
	next.Phase, next.Restoring, next.Reason = v1alpha1.PhasePromoting, true, reason
	next.StepStarted, next.WaitingSince = nil, t.stamp()
	t.event(promotionFailed(reason, t.o.Previous.Hash))
	restoring(t)
}

// restoring puts the previous template back after a promotion whose pods did not get ready, or that a group gives up.
func restoring(t *tick) {
	t.keepShare()
	if t.o.Previous != nil {
		if t.shiftsBack() {
			return
		}
		t.plan.Ask = AskIntent{Key: config.AnnotationRestore, Hash: t.o.Previous.Hash}
		t.say("Putting the previous template back: " + t.plan.Next.Reason)
		return
	}
	ready := workload.ReadinessOf(t.o.Primary, t.policy.PrimaryReadyThreshold)
	if !ready.Complete {
		t.plan.Next.StepStarted = nil
		t.say("Waiting for the primary to roll back to the previous template: " + ready.Message)
		return
	}
	t.afterPrimary(v1alpha1.OutcomeFailed, t.plan.Next.Reason)
}

// shiftsBack reports whether a primary that loses all its pods at once has to wait with its previous template until all
// requests go to the canary. It waits for the progress deadline at most, and not for a canary that is bad.
func (t *tick) shiftsBack() bool {
	next := &t.plan.Next
	if !workload.LosesAllAtOnce(t.o.Primary) || len(t.target.Routes) == 0 || !t.runsPromoted() || t.isBad(t.writtenWeight()) {
		return false
	}
	left := t.untilDeadline()
	if left <= 0 {
		return false
	}
	began := next.WaitingSince
	why := t.unshifted()
	next.WaitingSince = began
	t.wakeIn(left)
	switch {
	case why != "":
		t.say(why)
	case !t.splitSettled():
		t.say(shiftSettles)
	default:
		return false
	}
	return true
}

// runsPromoted reports whether the copy has pods that run what the primary was given.
func (t *tick) runsPromoted() bool {
	return t.availableCopies() > 0 && t.o.promoted(workload.TemplateHashOf(t.o.Copy))
}
