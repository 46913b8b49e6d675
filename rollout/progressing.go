package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/analysis"
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/workload"
)

// progressing takes the candidate through the steps of the policy: step 0 is the start of the canary without traffic.
func progressing(t *tick) {
	next := &t.plan.Next
	next.Step = min(next.Step, int32(len(t.policy.Steps())))
	switch {
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
	next.WaitingSince = t.stamp()
	t.plan.Split = SplitIntent{Action: SplitRemove}
}

func startCanary(t *tick) {
	t.plan.Split = SplitIntent{Action: SplitRemove}
	replicas := workload.ShareOf(workload.Replicas(t.o.Primary), t.policy.Steps()[0])
	t.ensureCopy(replicas)
	if why := t.copyNotReady(replicas); why != "" {
		t.waitFor("Waiting for the canary to be ready: " + why)
		return
	}
	t.event(canaryReady(t.o.Copy.Status.AvailableReplicas))
	t.enterStep(1)
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
	next.CanaryReplicas = workload.ShareOf(workload.Replicas(t.o.Primary), weight)
	next.WaitingSince = t.stamp()
	t.writeSplit()
}

func judgeStep(t *tick) {
	next := &t.plan.Next
	if why := t.lost(); why != "" {
		t.backToZero(why)
		return
	}
	t.writeSplit()
	t.ensureCopy(workload.ShareOf(workload.Replicas(t.o.Primary), next.CanaryWeight))
	if next.StepStarted == nil {
		if why := t.notInEffect(); why != "" {
			t.waitFor(fmt.Sprintf("Waiting for weight %d%% to take effect: %s", next.CanaryWeight, why))
			return
		}
		t.stepBegins()
	}
	t.takeSamples()
	if next.FailedChecks >= t.policy.Threshold {
		t.rollBack(fmt.Sprintf("%d failed checks: %s", next.FailedChecks, analysis.Explain(next.Checks)))
		return
	}
	if t.stepPassed() {
		nextStep(t)
		return
	}
	holdStep(t)
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
	needed := min(next.CanaryReplicas, workload.ShareOf(workload.Replicas(t.o.Primary), next.CanaryWeight))
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

// takeSamples judges the samples of this tick, if any were due.
func (t *tick) takeSamples() {
	if t.o.Samples == nil {
		return
	}
	next := &t.plan.Next
	before := analysis.VerdictOf(next.Checks)
	next.Checks = analysis.Judge(t.policy, t.o.Samples)
	next.Iterations++
	next.LastCheckTime = t.stamp()
	switch analysis.VerdictOf(next.Checks) {
	case v1alpha1.VerdictFail:
		next.FailedChecks++
		t.event(checkFailed(analysis.Explain(next.Checks), next.FailedChecks, t.policy.Threshold))
	case v1alpha1.VerdictInconclusive:
		if t.holdsFirst(before) {
			t.event(checkInconclusive(analysis.Explain(next.Checks)))
		}
	}
}

// holdsFirst reports whether this is the first round of checks that holds a step which would otherwise be over.
func (t *tick) holdsFirst(before v1alpha1.Verdict) bool {
	last := t.before.LastCheckTime
	return !t.o.Now.Before(t.stepEnds()) &&
		(before != v1alpha1.VerdictInconclusive || last == nil || last.Time.Before(t.stepEnds()))
}

func (t *tick) stepEnds() time.Time {
	return t.plan.Next.StepStarted.Add(t.policy.Interval)
}

// stepPassed reports whether the step lasted its interval and the checks at its end passed.
func (t *tick) stepPassed() bool {
	next := t.plan.Next
	return next.LastCheckTime != nil && !next.LastCheckTime.Time.Before(t.stepEnds()) &&
		analysis.VerdictOf(next.Checks) == v1alpha1.VerdictPass && !t.o.Primary.Spec.Paused
}

func nextStep(t *tick) {
	next := &t.plan.Next
	steps := t.policy.Steps()
	if int(next.Step) == len(steps) {
		t.event(analysisPassed(next.Candidate, t.sinceStart()))
		next.Phase = v1alpha1.PhasePromoting
		next.StepStarted = nil
		next.WaitingSince = t.stamp()
		promoting(t)
		return
	}
	replicas := workload.ShareOf(workload.Replicas(t.o.Primary), steps[next.Step])
	t.ensureCopy(replicas)
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
	case t.o.Primary.Spec.Paused:
		next.WaitingSince = nil
		t.say(where + ": paused by spec.paused of the Deployment; kubectl rollout resume goes on")
	case t.o.Now.Before(t.stepEnds()):
		t.say(fmt.Sprintf("%s until %s: %s", where, t.stepEnds().UTC().Format(time.TimeOnly), explain(next.Checks)))
	default:
		t.waitFor(fmt.Sprintf("%s is held: %s", where, explain(next.Checks)))
	}
}

func explain(checks []v1alpha1.CheckStatus) string {
	if len(checks) == 0 {
		return "no checks yet"
	}
	return analysis.Explain(checks)
}

// waitFor says what is waited for, and rolls back when that has taken longer than the progress deadline.
func (t *tick) waitFor(what string) {
	remaining := t.untilDeadline()
	if remaining <= 0 {
		t.rollBack(fmt.Sprintf("progress deadline of %s exceeded: %s", t.policy.ProgressDeadline, what))
		return
	}
	t.say(what)
	t.wakeIn(remaining)
}

// untilDeadline counts from the end of the step, when one has begun: a step may last longer than the deadline. While the
// Deployment is paused nothing counts, and afterwards it counts anew.
func (t *tick) untilDeadline() time.Duration {
	next := &t.plan.Next
	if next.WaitingSince == nil {
		next.WaitingSince = t.stamp()
	}
	since := next.WaitingSince.Time
	if next.Phase == v1alpha1.PhaseProgressing && next.StepStarted != nil && t.stepEnds().After(since) {
		since = t.stepEnds()
	}
	return since.Add(t.policy.ProgressDeadline).Sub(t.o.Now)
}

func (t *tick) wakeForChecks() {
	t.wakeIn(nextCheck(t.policy.CheckPeriod(), t.policy.Interval, t.plan.Next.StepStarted, t.plan.Next.LastCheckTime).Sub(t.o.Now))
}

// nextCheck is when checks are next due: every period from the start of the step, and at its end.
func nextCheck(period, interval time.Duration, stepStarted, last *metav1.MicroTime) time.Time {
	from := stepStarted.Time
	if last != nil && last.After(from) {
		from = last.Time
	}
	due := from.Add(period)
	if end := stepStarted.Add(interval); from.Before(end) && due.After(end) {
		return end
	}
	return due
}
