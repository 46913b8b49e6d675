package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// progressing takes the candidate through the steps of the policy: step 0 is the start of the canary without traffic.
func progressing(t *tick) {
	next := &t.plan.Next
	next.Step = min(next.Step, int32(len(t.steps)))
	switch {
	case t.o.promoted(next.Candidate):
		next.Phase = v1alpha1.PhasePromoting
		promoting(t)
	case t.problem != "":
		blocked(t)
	case next.Step == 0:
		startCanary(t)
	default:
		judgeStep(t)
	}
}

// blocked takes the traffic away while something that the rollout needs is missing.
func blocked(t *tick) {
	if t.plan.Next.Step > 0 {
		t.event(notReady(t.problem))
		t.toStepZero()
	}
	t.plan.Split = SplitIntent{Action: SplitRemove}
	t.waitFor(t.problem)
}

// toStepZero goes back to before the first step; failed checks stay counted.
func (t *tick) toStepZero() {
	next := &t.plan.Next
	next.Phase = v1alpha1.PhaseProgressing
	next.Step = 0
	next.CanaryWeight = 0
	next.CanaryReplicas = 0
	next.StepStarted = nil
	next.TrafficStarted = nil
	next.Hooks = nil
	next.CanaryReady = nil
	next.WaitingSince = t.stamp()
	t.plan.Split = SplitIntent{Action: SplitRemove}
}

// enterStep states the weight of a step, for which the canary has the replicas.
func (t *tick) enterStep(step int32) {
	next := &t.plan.Next
	next.Step = step
	next.StepStarted = nil
	t.giveLoad()
	t.say(fmt.Sprintf("Step %d of %d: %s is being put into effect", step, len(t.steps), t.aim(step)))
	t.wakeIn(t.untilDeadline())
}

// giveLoad states the weight of the present step, and remembers for how many replicas it was given.
func (t *tick) giveLoad() {
	if withoutTraffic(t.policy) {
		t.giveWeight(0)
		return
	}
	t.giveWeight(t.step().Weight)
}

// giveWeight states a weight, which can be another than that of the step while the primary is changed.
func (t *tick) giveWeight(weight float64) {
	next := &t.plan.Next
	next.CanaryWeight = weight
	next.CanaryReplicas = t.replicasFor(shareOf(t.load()))
	next.WaitingSince = t.stamp()
	t.writeSplit()
}

func judgeStep(t *tick) {
	next := &t.plan.Next
	if why := t.lost(); why != "" {
		t.backToZero(why)
		return
	}
	if why := t.skipsAnalysis(); why != "" && next.Paused == "" {
		t.promote(analysisSkipped(next.Candidate, why), unjudged+why)
		return
	}
	t.writeSplit()
	t.ensureCopy(shareOf(t.load()))
	if next.StepStarted == nil {
		if why := t.notInEffect(); why != "" {
			t.waitFor(fmt.Sprintf("Waiting for %s to take effect: %s", t.aim(next.Step), why))
			return
		}
		t.stepBegins()
	}
	t.takeSamples()
	if next.FailedChecks >= t.policy.Threshold {
		t.rollBack(fmt.Sprintf("%d failed checks: %s", next.FailedChecks, t.explain()))
		return
	}
	advance(t)
}

// advance takes the next step, or promotes early where a user asked for it, once the checks have passed.
func advance(t *tick) {
	early := t.asksPromotion()
	switch {
	case t.plan.Next.Paused != "":
		holdStep(t)
	case early != nil && t.passedSince(t.plan.Next.StepStarted.Time):
		who := whoAndWhy(early.By, early.Reason)
		t.promote(promotionAsked(t.plan.Next.Candidate, who), "promoted without the remaining steps, asked by "+who)
	case t.passedSince(t.stepEnds()):
		nextStep(t)
	default:
		holdStep(t)
	}
}

func (t *tick) stepBegins() {
	next := &t.plan.Next
	next.StepStarted = t.stamp()
	if next.TrafficStarted == nil {
		next.TrafficStarted = t.stamp()
	}
	t.event(t.began())
}

// lost says that the canary has fewer available replicas than its weight was given for; empty when it has them.
func (t *tick) lost() string {
	next := t.plan.Next
	needed := next.CanaryReplicas
	if next.Step > 0 {
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
		return fmt.Sprintf("%d of the %d replicas that it needs are available", available, needed)
	}
	return fmt.Sprintf("%d of the %d replicas that weight %v%% needs are available", available, needed, next.CanaryWeight)
}

func (t *tick) backToZero(why string) {
	next := &t.plan.Next
	next.FailedChecks++
	t.event(canaryNotReady(why, !withoutTraffic(t.policy), next.FailedChecks, t.policy.Threshold))
	if next.FailedChecks >= t.policy.Threshold {
		t.rollBack(fmt.Sprintf("%d failed checks: the canary lost replicas: %s", next.FailedChecks, why))
		return
	}
	t.toStepZero()
	t.waitFor("Waiting for the canary to be ready again: " + why)
}

// promote begins to give the candidate to the primary; why is for the history, where it is not that the analysis has passed.
func (t *tick) promote(event Event, why string) {
	if t.promotesAlone() {
		return
	}
	t.event(event)
	next := &t.plan.Next
	next.Reason = why
	next.Phase = v1alpha1.PhasePromoting
	next.StepStarted = nil
	next.WaitingSince = t.stamp()
	promoting(t)
}

func nextStep(t *tick) {
	next := &t.plan.Next
	if int(next.Step) == len(t.steps) {
		if t.waitsForConfirmation() {
			return
		}
		passed := analysisPassed(next.Candidate, t.sinceStart())
		if !t.judges() {
			passed = nothingToJudge(next.Candidate, t.sinceStart())
		}
		t.promote(passed, "")
		return
	}
	if t.stepsAlone() {
		return
	}
	share, following := shareOf(t.load()), shareOf(stepOf(t.steps, next.Step+1))
	if following > share && t.waitsAt(v1alpha1.HookConfirmTrafficIncrease) {
		t.wakeForChecks()
		return
	}
	// While the next weight is not in effect the present one has to be served.
	replicas := t.ensureCopy(max(share, following))
	if why := t.copyNotReady(replicas); why != "" {
		t.wakeForChecks()
		t.waitFor(fmt.Sprintf("Step %d of %d passed; scaling the canary for %s: %s", next.Step, len(t.steps), t.aim(next.Step+1), why))
		return
	}
	t.enterStep(next.Step + 1)
}

// holdStep stays at the step, until its end or until its checks pass.
func holdStep(t *tick) {
	next := &t.plan.Next
	where := t.where()
	t.wakeForChecks()
	switch {
	case next.Paused != "":
		next.WaitingSince = nil
		t.say(fmt.Sprintf("%s: %s; %s", where, next.Paused, t.explain()))
	case next.Phase == v1alpha1.PhaseWaitingPromotion && t.waitsForConfirmation():
	case t.asksPromotion() != nil:
		t.waitFor(fmt.Sprintf("%s: promotion is asked for and waits for its checks: %s", where, t.explain()))
	case t.stepEndsSoon():
		t.say(fmt.Sprintf("%s until %s: %s", where, clockTime(t.stepEnds()), t.explain()))
	case t.samplesAreLate():
		t.waitFor(fmt.Sprintf("%s is held: its checks are due since %s and not answered yet", where, clockTime(t.nextCheck())))
	default:
		t.waitForHooks(v1alpha1.HookRollout, fmt.Sprintf("%s is held: %s", where, t.explain()))
	}
}
