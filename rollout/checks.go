package rollout

import (
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// judgeSamples judges the samples of this tick, if any have arrived. They count for the moment when they were asked for.
func judgeSamples(t *tick) {
	countNos(t, v1alpha1.HookRollout)
	if t.o.Samples == nil {
		return
	}
	next := &t.plan.Next
	before := analysis.VerdictOf(next.Checks)
	results := analysis.Judge(t.policy, t.o.Samples)
	if !t.expectsRequests() {
		results = analysis.WithoutRequests(t.policy, results, t.o.Samples)
	}
	limit := t.limitShown()
	next.Checks = analysis.Tally(next.Checks, results, *stampOf(t.o.Sampled))
	next.Iterations++
	next.LastCheckTime = stampOf(t.o.Sampled)
	switch analysis.VerdictOf(next.Checks) {
	case v1alpha1.VerdictFail:
		own := analysis.OwnFailures(t.policy, next.Checks)
		if analysis.CountsForThreshold(t.policy, next.Checks) {
			next.FailedChecks++
			own = slices.Insert(own, 0, events.OfThreshold(next.FailedChecks, t.policy.Threshold))
		}
		emit(t, events.CheckFailed(analysis.Explain(next.Checks), own...))
	case v1alpha1.VerdictInconclusive:
		if t.isFirstInconclusive(before) {
			emit(t, events.CheckInconclusive(analysis.Explain(next.Checks)))
		}
	}
	next.Checks = append(next.Checks, limit...)
}

// failsTooOften says that the checks have failed as often as one of their limits, so that the rollout rolls back; empty if they have not.
func (t tick) failsTooOften() string {
	next := t.plan.Next
	if next.FailedChecks >= t.policy.Threshold {
		return fmt.Sprintf("%d failed checks", next.FailedChecks)
	}
	return analysis.Exceeded(t.policy, next.Checks)
}

// isFirstInconclusive reports whether this is the first round of checks that keeps a step from ending.
func (t tick) isFirstInconclusive(before v1alpha1.Verdict) bool {
	last := t.before.LastCheckTime
	return analysis.Standing(t.plan.Next.Checks, t.stepEnds()) != v1alpha1.VerdictPass && !t.plan.Next.LastCheckTime.Time.Before(t.stepEnds()) &&
		(before != v1alpha1.VerdictInconclusive || last == nil || last.Time.Before(t.stepEnds()))
}

// passedSince reports whether checks ran at or after a moment and have passed since. A step that then waits, for its group, a hook or
// the canary's pods, stays passed while its checks lack data: only a round that fails takes that back.
func (t tick) passedSince(moment time.Time) bool {
	if !t.judges() {
		return !t.o.Now.Before(moment) && t.hooksFailing(v1alpha1.HookRollout) == ""
	}
	next := t.plan.Next
	return next.LastCheckTime != nil && !next.LastCheckTime.Time.Before(moment) &&
		analysis.Standing(next.Checks, moment) == v1alpha1.VerdictPass && t.hooksFailing(v1alpha1.HookRollout) == ""
}

// judges reports whether there are checks to judge the candidate by. A workload without traffic has no requests: without
// checks of its own, only the readiness of its pods counts.
func (f Facts) judges() bool {
	return len(analysis.ChecksOf(f.policy)) > 0
}

// wakeForChecks asks for a tick when checks are due; none are after the rollout was given up. However long that is, a rollout looks around
// every few seconds: a changed disruption budget or NetworkPolicy of the primary wakes no tick, and samples may be late.
func wakeForChecks(t *tick) {
	wakeForCounters(t)
	if !observed.Checked(t.plan.Next) {
		return
	}
	if wait := t.nextCheck().Sub(t.o.Now); wait > 0 || t.o.Samples != nil {
		wakeIn(t, wait)
	}
	wakeIn(t, t.policy.LookPeriod())
	wakeForHooks(t, v1alpha1.HookRollout, t.policy.Interval)
	wakeForHooks(t, v1alpha1.HookRollback, t.policy.LookPeriod())
}

// answersMayTake is how long samples may take before the rollout says that it waits for them.
const answersMayTake = 10 * time.Second

// samplesAreLate reports whether samples have taken longer than they should.
func (t tick) samplesAreLate() bool {
	return t.judges() && t.o.Samples == nil && !t.o.Now.Before(t.seenSince(t.nextCheck()).Add(answersMayTake))
}

// stepEndsSoon reports whether the step is not over, or only waits for samples that are not late yet.
func (t tick) stepEndsSoon() bool {
	last, ends := t.plan.Next.LastCheckTime, t.stepEnds()
	decided := !t.judges() || last != nil && !last.Time.Before(ends)
	return t.o.Now.Before(ends) || !decided && !t.samplesAreLate()
}

// nextCheck is when checks are next due. Without checks it is the end of the step.
func (t tick) nextCheck() time.Time {
	if !t.judges() {
		return t.stepEnds()
	}
	return t.nextRound(t.plan.Next)
}

// nextRound is when checks are next due: once each interval from the moment when the step is in effect, and at its end.
func (f Facts) nextRound(state observed.State) time.Time {
	step, last := state.Open().Step, state.LastCheckTime
	from, end := step.InEffect.Time, step.InEffect.Add(strategy.At(f.steps, step.Number).Duration.Duration)
	if last != nil && last.After(from) {
		from = last.Time
	}
	if lacks := analysis.VerdictOf(state.Checks) == v1alpha1.VerdictInconclusive; lacks && !from.Before(end) && analysis.Standing(state.Checks, end) != v1alpha1.VerdictPass {
		return from.Add(f.policy.RetryPeriod())
	}
	due := from.Add(f.policy.Interval)
	if from.Before(end) && due.After(end) {
		return end
	}
	return due
}
