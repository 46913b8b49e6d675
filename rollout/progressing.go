package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// progress takes the candidate through the steps of the policy: step 0 is the start of the canary without traffic.
func progress(t *tick) {
	next := &t.plan.Next
	next.Rollout.Step.Number = min(next.Rollout.Step.Number, int32(len(t.steps)))
	switch {
	case t.o.promoted(next.Candidate.Hash):
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

// blockRollout takes the traffic away while something that the rollout needs is missing.
func blockRollout(t *tick) {
	if t.plan.Next.Rollout.Step.Number > 0 {
		emit(t, notReady(t.problem))
		goToStepZero(t)
	}
	withdrawSplit(t)
	waitFor(t, t.problem)
}

// goToStepZero goes back to before the first step; failed checks stay counted.
func goToStepZero(t *tick) {
	next := &t.plan.Next
	next.Phase = v1alpha1.PhaseProgressing
	next.CanaryWeight, next.Hooks = 0, nil
	*next.Rollout = t.toStepZero()
	withdrawSplit(t)
}

// toStepZero is the open rollout before its first step: it keeps what does not belong to the canary's run.
func (t tick) toStepZero() v1alpha1.RolloutStatus {
	open := t.plan.Next.Open()
	open.Canary, open.Step, open.Promotion, open.WaitingSince = v1alpha1.CanaryRun{}, v1alpha1.StepStatus{}, v1alpha1.PromotionStatus{}, t.stamp()
	return open
}

// enterStep states the weight of a step, for which the canary has the replicas.
func enterStep(t *tick, number int32) {
	next := &t.plan.Next
	next.Rollout.Step, next.Rollout.WaitingSince = v1alpha1.StepStatus{Number: number}, t.stamp()
	step := t.step()
	weight := step.Weight
	if withoutTraffic(t.policy) {
		weight = 0
	}
	giveWeight(t, weight, t.replicasFor(shareOf(step)))
	say(t, fmt.Sprintf("Step %d of %d: applying %s", number, len(t.steps), t.aim(number)))
	wakeIn(t, t.untilDeadline())
}

// giveWeight states a weight, which can be another than that of the step while the primary is changed, and remembers for how
// many replicas it was given.
func giveWeight(t *tick, weight float64, replicas int32) {
	t.plan.Next.CanaryWeight, t.plan.Next.Rollout.Canary.Replicas = weight, replicas
	writeSplit(t)
}

func judgeStep(t *tick) {
	next := &t.plan.Next
	if why := t.lost(); why != "" {
		fallBackToZero(t, why)
		return
	}
	if why := t.skipsAnalysis(); why != "" && next.Paused == nil {
		beginPromotion(t, analysisSkipped(next.Candidate.Hash, why), unjudged+why)
		return
	}
	writeSplit(t)
	ensureCopy(t, shareOf(t.load()))
	if next.Rollout.Step.InEffect == nil {
		if why := t.notInEffect(); why != "" {
			waitFor(t, fmt.Sprintf("Waiting for %s to take effect: %s", t.aim(next.Rollout.Step.Number), why))
			return
		}
		beginStep(t)
	}
	judgeSamples(t)
	if next.FailedChecks >= t.policy.Threshold {
		rollBack(t, fmt.Sprintf("%d failed checks: %s", next.FailedChecks, t.explain()))
		return
	}
	advance(t)
}

// advance takes the next step, or promotes early where a user asked for it, once the checks have passed.
func advance(t *tick) {
	early := t.asksPromotion()
	switch {
	case t.plan.Next.Paused != nil:
		stayAtStep(t)
	case early != nil && t.passedSince(t.plan.Next.Rollout.Step.InEffect.Time):
		who := whoAndWhy(early.By, early.Reason)
		beginPromotion(t, promotionAsked(t.plan.Next.Candidate.Hash, who), "promoted without the remaining steps, requested by "+who)
	case t.passedSince(t.stepEnds()):
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

// lost says that the canary has fewer available replicas than its weight was given for; empty when it has them.
func (t tick) lost() string {
	next := t.plan.Next
	needed := next.Rollout.Canary.Replicas
	if next.Rollout.Step.Number > 0 {
		needed = min(needed, t.replicasFor(shareOf(t.load())))
	}
	needed = workload.Enough(needed, t.policy.CanaryReadyThreshold)
	var available int32
	if t.o.Copy != nil {
		available = t.o.Copy.Status.AvailableReplicas
	}
	if available >= needed {
		return ""
	}
	if t.load().Weight == 0 || withoutTraffic(t.policy) {
		return fmt.Sprintf("%d of the %d replicas needed are available", available, needed)
	}
	return fmt.Sprintf("%d of the %d replicas needed for weight %v%% are available", available, needed, next.CanaryWeight)
}

func fallBackToZero(t *tick, why string) {
	next := &t.plan.Next
	next.FailedChecks++
	emit(t, canaryNotReady(why, !withoutTraffic(t.policy), next.FailedChecks, t.policy.Threshold))
	if next.FailedChecks >= t.policy.Threshold {
		rollBack(t, fmt.Sprintf("%d failed checks: the canary lost replicas: %s", next.FailedChecks, why))
		return
	}
	goToStepZero(t)
	waitFor(t, "Waiting for the canary to be ready again: "+why)
}

// beginPromotion begins to give the candidate to the primary; why is for the history, where it is not that the analysis has passed.
func beginPromotion(t *tick, event Event, why string) {
	if !awaitGroup(t) {
		return
	}
	emit(t, event)
	next := &t.plan.Next
	next.Candidate.Reason = why
	next.Phase = v1alpha1.PhasePromoting
	next.Rollout.Promotion, next.Rollout.WaitingSince = v1alpha1.PromotionStatus{}, t.stamp()
	promote(t)
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
	share, following := shareOf(t.load()), shareOf(stepOf(t.steps, next.Rollout.Step.Number+1))
	if why := t.closedBy(v1alpha1.HookConfirmTrafficIncrease); why != "" && following > share {
		waitAtGate(t, v1alpha1.HookConfirmTrafficIncrease, why)
		wakeForChecks(t)
		return
	}
	// While the next weight is not in effect the present one has to be served.
	replicas := ensureCopy(t, max(share, following))
	if why := t.copyNotReady(replicas); why != "" {
		wakeForChecks(t)
		waitFor(t, fmt.Sprintf("Step %d of %d passed; scaling the canary for %s: %s", next.Rollout.Step.Number, len(t.steps), t.aim(next.Rollout.Step.Number+1), why))
		return
	}
	enterStep(t, next.Rollout.Step.Number+1)
}

// passLastStep promotes the candidate once that is confirmed.
func passLastStep(t *tick) {
	if why := t.closedBy(v1alpha1.HookConfirmPromotion); why != "" {
		waitForConfirmation(t, why)
		return
	}
	passed := analysisPassed(t.plan.Next.Candidate.Hash, t.sinceStart())
	if !t.judges() {
		passed = nothingToJudge(t.plan.Next.Candidate.Hash, t.sinceStart())
	}
	beginPromotion(t, passed, "")
}

// stayAtStep stays at the step, until its end or until its checks pass.
func stayAtStep(t *tick) {
	next := &t.plan.Next
	where, unconfirmed := t.where(), t.closedBy(v1alpha1.HookConfirmPromotion)
	wakeForChecks(t)
	switch {
	case next.Paused != nil:
		next.Rollout.WaitingSince = nil
		say(t, fmt.Sprintf("%s: %s; %s", where, next.Paused.Text, t.explain()))
	case next.Phase == v1alpha1.PhaseWaitingPromotion && unconfirmed != "":
		waitForConfirmation(t, unconfirmed)
	case t.asksPromotion() != nil:
		waitFor(t, fmt.Sprintf("%s: promotion was requested and waits for a round of checks: %s", where, t.explain()))
	case t.stepEndsSoon():
		say(t, fmt.Sprintf("%s until %s: %s", where, clockTime(t.stepEnds()), t.explain()))
	case t.samplesAreLate():
		waitFor(t, fmt.Sprintf("%s waits: its checks have been due since %s and are not answered yet", where, clockTime(t.nextCheck())))
	default:
		waitForHooks(t, v1alpha1.HookRollout, fmt.Sprintf("%s waits: %s", where, t.explain()))
	}
}
