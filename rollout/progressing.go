package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// progressing takes the candidate through the steps of the policy: step 0 is the start of the canary without traffic.
func progressing(t *tick) {
	next := &t.plan.Next
	next.Step = min(next.Step, int32(len(t.policy.Steps())))
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
	next.WaitingSince = t.stamp()
	t.plan.Split = SplitIntent{Action: SplitRemove}
}

func startCanary(t *tick) {
	t.plan.Split = SplitIntent{Action: SplitRemove}
	t.plan.Next.CanaryWeight = 0
	replicas := t.ensureCopy(float64(t.policy.Steps()[0]))
	if why := t.copyNotReady(replicas); why != "" {
		t.plan.Next.StepStarted = nil
		t.waitFor("Waiting for the canary to be ready: " + why)
		return
	}
	if t.plan.Next.Paused != "" {
		t.plan.Next.StepStarted = nil
		t.waitFor("The canary is ready and gets no requests yet")
		return
	}
	if why := t.skipsAnalysis(); why != "" {
		if t.promotesAlone() {
			return
		}
		t.event(canaryReady(t.o.Copy.Status.AvailableReplicas))
		t.plan.Next.CanaryReplicas = replicas
		t.promote(analysisSkipped(t.plan.Next.Candidate, why))
		return
	}
	if t.testsFail() || t.waitsAt(v1alpha1.HookConfirmTrafficIncrease) {
		t.plan.Next.StepStarted = nil
		return
	}
	if t.knownAtGateway() {
		t.event(canaryReady(t.o.Copy.Status.AvailableReplicas))
		t.enterStep(1)
	}
}

// knownAtGateway first names the canary on the routes without a weight: a gateway that learns of a weight before it has
// learned of the pods answers with errors. It reports true when that is in effect and settled.
func (t *tick) knownAtGateway() bool {
	t.stateSplit()
	if why := t.notInEffect(); why != "" {
		t.plan.Next.StepStarted = nil
		t.waitFor("The canary is ready and becomes known at the gateway: " + why)
		return false
	}
	return t.settled("The canary is ready and known at the gateway; letting that settle")
}

// enterStep states the weight of a step, for which the canary has the replicas.
func (t *tick) enterStep(step int32) {
	next := &t.plan.Next
	next.Step = step
	next.StepStarted = nil
	t.giveWeight(t.policy.Steps()[step-1])
	t.say(fmt.Sprintf("Step %d of %d: weight %d%% is being put into effect", step, len(t.policy.Steps()), next.CanaryWeight))
	t.wakeIn(t.untilDeadline())
}

// giveWeight states a weight and remembers for how many replicas it was given.
func (t *tick) giveWeight(weight int32) {
	next := &t.plan.Next
	next.CanaryWeight = weight
	next.CanaryReplicas = t.replicasFor(float64(weight))
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
		t.promote(analysisSkipped(next.Candidate, why))
		return
	}
	t.writeSplit()
	t.ensureCopy(float64(next.CanaryWeight))
	if next.StepStarted == nil {
		if why := t.notInEffect(); why != "" {
			t.waitFor(fmt.Sprintf("Waiting for weight %d%% to take effect: %s", next.CanaryWeight, why))
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
		t.promote(promotionAsked(t.plan.Next.Candidate, whoAndWhy(early.By, early.Reason)))
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
	t.event(weightAdvanced(next.CanaryWeight, next.Step, len(t.policy.Steps())))
}

// lost says that the canary has fewer available replicas than its weight was given for; empty when it has them.
func (t *tick) lost() string {
	next := t.plan.Next
	needed := next.CanaryReplicas
	if next.CanaryWeight > 0 {
		needed = min(needed, t.replicasFor(float64(next.CanaryWeight)))
	}
	var available int32
	if t.o.Copy != nil {
		available = t.o.Copy.Status.AvailableReplicas
	}
	if available >= needed {
		return ""
	}
	return fmt.Sprintf("%d of the %d replicas that weight %d%% needs are available", available, needed, next.CanaryWeight)
}

func (t *tick) backToZero(why string) {
	next := &t.plan.Next
	next.FailedChecks++
	t.event(canaryNotReady(why, next.FailedChecks, t.policy.Threshold))
	if next.FailedChecks >= t.policy.Threshold {
		t.rollBack(fmt.Sprintf("%d failed checks: the canary lost replicas: %s", next.FailedChecks, why))
		return
	}
	t.toStepZero()
	t.waitFor("Waiting for the canary to be ready again: " + why)
}

func (t *tick) stepEnds() time.Time {
	return t.plan.Next.StepStarted.Add(t.policy.Interval)
}

// promote begins to give the candidate to the primary.
func (t *tick) promote(event Event) {
	if t.promotesAlone() {
		return
	}
	t.event(event)
	next := &t.plan.Next
	next.Phase = v1alpha1.PhasePromoting
	next.StepStarted = nil
	next.WaitingSince = t.stamp()
	promoting(t)
}

func nextStep(t *tick) {
	next := &t.plan.Next
	steps := t.policy.Steps()
	if int(next.Step) == len(steps) {
		if t.waitsForConfirmation() {
			return
		}
		t.promote(analysisPassed(next.Candidate, t.sinceStart()))
		return
	}
	if t.stepsAlone() {
		return
	}
	if t.waitsAt(v1alpha1.HookConfirmTrafficIncrease) {
		t.wakeForChecks()
		return
	}
	replicas := t.ensureCopy(float64(steps[next.Step]))
	if why := t.copyNotReady(replicas); why != "" {
		t.waitFor(fmt.Sprintf("Step %d of %d passed; scaling the canary for weight %d%%: %s", next.Step, len(steps), steps[next.Step], why))
		t.wakeForChecks()
		return
	}
	t.enterStep(next.Step + 1)
}

// holdStep stays at the step, until its end or until its checks pass.
func holdStep(t *tick) {
	next := &t.plan.Next
	where := fmt.Sprintf("Step %d of %d at weight %d%%", next.Step, len(t.policy.Steps()), next.CanaryWeight)
	t.wakeForChecks()
	switch {
	case next.Paused != "":
		next.WaitingSince = nil
		t.say(fmt.Sprintf("%s: %s; %s", where, next.Paused, t.explain()))
	case next.Phase == v1alpha1.PhaseWaitingPromotion && t.waitsForConfirmation():
	case t.asksPromotion() != nil:
		t.waitFor(fmt.Sprintf("%s: promotion is asked for and waits for its checks: %s", where, t.explain()))
	case t.o.Now.Before(t.stepEnds()):
		t.say(fmt.Sprintf("%s until %s: %s", where, t.stepEnds().UTC().Format(time.TimeOnly), t.explain()))
	default:
		t.waitFor(fmt.Sprintf("%s is held: %s", where, t.explain()))
	}
}

// waitFor says what is waited for, and rolls back when that has taken longer than the progress deadline. While the
// rollout is paused, waiting costs nothing.
func (t *tick) waitFor(what string) {
	if why := t.plan.Next.Paused; why != "" {
		t.plan.Next.WaitingSince = nil
		t.say(what + "; " + why)
		return
	}
	remaining := t.untilDeadline()
	if remaining <= 0 {
		t.rollBack(fmt.Sprintf("progress deadline of %s exceeded: %s", t.policy.ProgressDeadline, what))
		return
	}
	t.say(what)
	t.wakeIn(remaining)
}

// untilDeadline counts from the end of the step, when one has begun: a step may last longer than the deadline. While the
// rollout is paused nothing counts, and afterwards it counts anew.
func (t *tick) untilDeadline() time.Duration {
	next := &t.plan.Next
	if next.WaitingSince == nil {
		next.WaitingSince = t.stamp()
	}
	since := next.WaitingSince.Time
	if judging(*next) && next.StepStarted != nil && t.stepEnds().After(since) {
		since = t.stepEnds()
	}
	return since.Add(t.policy.ProgressDeadline).Sub(t.o.Now)
}
