package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/strategy"
)

// progress takes the candidate through the steps of the policy. Step 0 starts the canary without traffic.
func progress(t *tick) {
	next := &t.plan.Next
	next.Rollout.Step.Number = min(next.Rollout.Step.Number, int32(len(t.steps)))
	switch {
	case t.o.Promoted(*next):
		next.Phase = v1alpha1.PhasePromoting
		promote(t)
	case t.problem != "":
		blockRollout(t)
	case next.Rollout.Step.Number == 0:
		startCanary(t)
	default:
		judgeStep(t)
	}
}

func judgeStep(t *tick) {
	next := &t.plan.Next
	if leaveIfLost(t) {
		return
	}
	if why := t.skipsAnalysis(); why != "" && next.Paused == nil {
		// The step has no checks to pass any more, and may wait long for the group.
		forgetInterruptions(t)
		beginPromotion(t, events.AnalysisSkipped(next.Candidate.Hash, why), unjudged+why)
		return
	}
	if !followPlan(t) {
		return
	}
	writeSplit(t)
	ensureCanary(t, strategy.Share(t.load()))
	if next.Rollout.Step.InEffect == nil {
		if why := t.notInEffect(); why != "" {
			waitFor(t, fmt.Sprintf("Waiting for %s to take effect: %s", t.aim(next.Rollout.Step.Number), why))
			return
		}
		beginStep(t)
	}
	judgeSamples(t)
	compareShare(t)
	if why := t.failsTooOften(); why != "" {
		rollBack(t, why+": "+t.explain())
		return
	}
	if judgeByGuard(t) {
		return
	}
	advance(t)
}

// advance takes the next step once the checks have passed. If a user asked for promotion, it promotes instead.
func advance(t *tick) {
	early, passed := t.asksPromotion(), t.passed()
	if passed {
		forgetInterruptions(t)
	}
	switch {
	case t.plan.Next.Paused != nil:
		stayAtStep(t)
	case early != nil && t.passedOnce():
		who := events.Who(early.By, early.Reason)
		beginPromotion(t, events.PromotionAsked(t.plan.Next.Candidate.Hash, who), "promoted without the remaining steps, requested by "+who)
	case passed:
		nextStep(t)
	default:
		stayAtStep(t)
	}
}

func beginStep(t *tick) {
	next := &t.plan.Next
	next.Rollout.Step.InEffect = t.stamp()
	if next.Rollout.Canary.TrafficStarted == nil {
		next.Rollout.Canary.TrafficStarted = t.stamp()
	}
	emit(t, t.began())
}

func nextStep(t *tick) {
	next := &t.plan.Next
	if int(next.Rollout.Step.Number) == len(t.steps) {
		passLastStep(t)
		return
	}
	if !awaitStep(t) {
		return
	}
	share, following := strategy.Share(t.load()), strategy.Share(strategy.At(t.steps, next.Rollout.Step.Number+1))
	if why := t.closedBy(v1alpha1.HookConfirmTrafficIncrease); why != "" && following > share {
		waitAtGate(t, v1alpha1.HookConfirmTrafficIncrease, why)
		wakeForChecks(t)
		return
	}
	// The canary serves the present weight until the next one is in effect.
	replicas := ensureCanary(t, max(share, following))
	if why := t.canaryNotReady(replicas); why != "" {
		wakeForChecks(t)
		waitFor(t, fmt.Sprintf("Step %d of %d passed; scaling the canary for %s: %s", next.Rollout.Step.Number, len(t.steps), t.aim(next.Rollout.Step.Number+1), why))
		return
	}
	if !awaitControl(t, replicas) {
		wakeForChecks(t)
		return
	}
	enterStep(t, next.Rollout.Step.Number+1)
}

// promotedUnmeasured is the reason of a promotion that only time has decided.
const promotedUnmeasured = "nobody measured it: no checks are configured"

// passLastStep promotes the candidate once the promotion is confirmed.
func passLastStep(t *tick) {
	if why := t.closedBy(v1alpha1.HookConfirmPromotion); why != "" {
		waitForConfirmation(t, why)
		return
	}
	passed, why := events.AnalysisPassed(t.plan.Next.Candidate.Hash, t.sinceStart()), t.guardShows()
	if !t.measured() {
		passed, why = events.NothingToJudge(t.plan.Next.Candidate.Hash, t.sinceStart()), promotedUnmeasured
	}
	beginPromotion(t, passed, why)
}

// stayAtStep stays at the step until the step ends or its checks pass.
func stayAtStep(t *tick) {
	next := &t.plan.Next
	where, unconfirmed := t.where(), t.closedBy(v1alpha1.HookConfirmPromotion)
	wakeForChecks(t)
	switch {
	case next.Paused != nil && next.Paused.Kind == v1alpha1.PauseGuard:
		next.Rollout.WaitingSince = nil
		say(t, fmt.Sprintf("%s: %s", where, next.Paused.Text))
	case next.Paused != nil:
		next.Rollout.WaitingSince = nil
		say(t, fmt.Sprintf("%s: %s; %s", where, next.Paused.Text, t.explain()))
	case next.Phase == v1alpha1.PhaseWaitingPromotion && unconfirmed != "":
		waitForConfirmation(t, unconfirmed)
	case t.guarded():
		next.Rollout.WaitingSince = nil
		say(t, fmt.Sprintf("%s: %s", where, t.explain()))
	case t.asksPromotion() != nil:
		waitFor(t, fmt.Sprintf("%s: promotion was requested and waits for a round of checks: %s", where, t.explain()))
	case t.stepEndsSoon():
		say(t, fmt.Sprintf("%s until %s: %s", where, events.ClockTime(t.stepEnds()), t.explain()))
	case t.samplesAreLate():
		waitFor(t, fmt.Sprintf("%s waits: its checks have been due since %s and are not answered yet", where, events.ClockTime(t.seenSince(t.nextCheck()))))
	default:
		waitForHooks(t, v1alpha1.HookRollout, fmt.Sprintf("%s waits: %s", where, t.explain()))
	}
}
