package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/strategy"
)

// leaveIfLost takes the canary's requests away if it has lost anything that it needs in a step, and returns whether it did.
func leaveIfLost(t *tick) (left bool) {
	why := t.lost()
	switch {
	case t.isEdited():
		startAnew(t)
	case why != "":
		interruptStep(t, why)
	case t.undercut() != "":
		// Our own last write may have come no further, so this counts for nothing.
		why = t.undercut()
		emit(t, events.StepInterrupted(why, t.plan.Next.Rollout.Step.Number))
		leaveStep(t)
		waitFor(t, "Waiting for the canary to get its requests again: "+why)
	default:
		return false
	}
	return true
}

// interruptStep takes the canary's requests away in mid-step. The step starts again once the canary is ready. Nothing was judged,
// so it is no failed check.
func interruptStep(t *tick, why string) {
	number := t.plan.Next.Rollout.Step.Number
	if !countInterruption(t, why) {
		return
	}
	emit(t, events.CanaryNotReady(why, number, !strategy.WithoutTraffic(t.policy)))
	leaveStep(t)
	waitFor(t, "Waiting for the canary to be ready again: "+why)
}

// startAnew takes the requests of an edited canary away and begins with the first step: what was judged was not the candidate.
func startAnew(t *tick) {
	if !countInterruption(t, "its pod template was changed") {
		return
	}
	goToStepZero(t)
	t.plan.Next.Rollout.Pods = nil
	startGuardOver(t)
	waitFor(t, "Waiting for the canary to run the candidate again: its pod template was changed")
}

// countInterruption counts an interruption and returns whether the rollout may continue. A canary that comes and goes must not
// do so without an end: the count begins again only when the rollout has passed the step, even if it waits there.
func countInterruption(t *tick, why string) (mayContinue bool) {
	count, number := ensureInterrupted(t), t.plan.Next.Rollout.Step.Number
	if number > count.Step {
		count.Step, count.Times = number, 0
	}
	count.Times++
	if count.Times <= t.policy.Threshold {
		return true
	}
	rollBack(t, fmt.Sprintf("step %d was interrupted %d times: %s", count.Step, count.Times, why))
	return false
}

// forgetInterruptions begins the count again once the step has passed. A rollout that then waits for days, as at a gate, sees the
// nodes of its canary drained again and again. A canary that begins with the first step has to come back to the step first.
func forgetInterruptions(t *tick) {
	open := t.plan.Next.Rollout
	if open.Interrupted != nil && open.Step.Number >= open.Interrupted.Step {
		open.Interrupted = nil
	}
}

// leaveStep returns to the state before the first step. From there the rollout returns to the step that it has left.
func leaveStep(t *tick) {
	number := t.plan.Next.Rollout.Step.Number
	goToStepZero(t)
	ensureInterrupted(t).ReturnsTo = number
}

func ensureInterrupted(t *tick) *v1alpha1.InterruptionStatus {
	open := t.plan.Next.Rollout
	if open.Interrupted == nil {
		open.Interrupted = &v1alpha1.InterruptionStatus{}
	}
	return open.Interrupted
}

// returnsTo is the step that starts again once the canary is ready; 0 if the rollout begins with the first step.
func (t tick) returnsTo() int32 {
	if count := t.plan.Next.Open().Interrupted; count != nil {
		return min(count.ReturnsTo, int32(len(t.steps)))
	}
	return 0
}

// takeFirstStep gives a ready canary its first requests, or gives those of the interrupted step back to it.
func takeFirstStep(t *tick) {
	number := t.returnsTo()
	if number == 0 {
		emit(t, events.CanaryReady(t.o.CanaryDeployment.Status.AvailableReplicas))
		if !t.measured() {
			emit(t, events.NotMeasured(unmeasured))
		}
		enterStep(t, 1)
		return
	}
	emit(t, events.CanaryReturns(number, len(t.steps)))
	t.plan.Next.Rollout.Interrupted.ReturnsTo = 0
	enterStep(t, number)
}
