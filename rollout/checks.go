package rollout

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/analysis"
	"sluice.dev/sluice/api/v1alpha1"
)

// takeSamples judges the samples of this tick, if any were due.
func (t *tick) takeSamples() {
	t.countNos(v1alpha1.HookRollout)
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

// passedSince reports whether the last checks ran no earlier than at this moment, and passed.
func (t *tick) passedSince(moment time.Time) bool {
	next := t.plan.Next
	return next.LastCheckTime != nil && !next.LastCheckTime.Time.Before(moment) &&
		analysis.VerdictOf(next.Checks) == v1alpha1.VerdictPass && t.hooksFailing() == ""
}

// explain tells what decided the last round of checks, and which hook did not say yes.
func (t *tick) explain() string {
	why := "no checks yet"
	if checks := t.plan.Next.Checks; len(checks) > 0 {
		why = analysis.Explain(checks)
	}
	if hooks := t.hooksFailing(); hooks != "" {
		why += "; " + hooks
	}
	return why
}

func (t *tick) wakeForChecks() {
	t.wakeIn(nextCheck(t.policy.CheckPeriod(), t.policy.Interval, t.plan.Next.StepStarted, t.plan.Next.LastCheckTime).Sub(t.o.Now))
	t.wakeForHooks(v1alpha1.HookRollout, t.policy.Interval)
	t.wakeForHooks(v1alpha1.HookRollback, t.policy.CheckPeriod())
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
