package rollout

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/rollout/strategy"
)

// readPoll takes new samples into account; nil unless both versions have some.
func readPoll(t *tick, known *v1alpha1.GuardStatus) *guard.Poll {
	answer := t.o.Counters
	if answer == nil || answer.Err != "" {
		return nil
	}
	if analysis.CountsWork(t.policy) {
		return readWork(t, known)
	}
	look := polls.Look{Raw: t.rawCounters(), Answer: answer.Series, Now: t.o.Now, Began: t.plan.Next.Rollout.Canary.TrafficStarted.Time, Alone: t.o.DryRun,
		Controlled: t.compares()}
	next, result := counters.Advance(t.counted(), look.Poll())
	known.Counters = next.Text()
	if result.Interval > 0 {
		known.Every = &metav1.Duration{Duration: next.Every()}
	}
	canary, primary := t.countPairs(known, answer.Pairs, result.Counted)
	if !result.Counted {
		return nil
	}
	age := t.sincePoll(known)
	if ready := t.plan.Next.Rollout.Canary.Ready; ready != nil {
		age = t.o.Now.Sub(ready.Time) - t.sincePoll(known)
	}
	if result.Canary.Errors > 0 {
		known.Failing = result.Canary.MostFailed()
	}
	poll := polls.Of(result, age, guard.DefaultWarmUp)
	poll.Canary.Pairs, poll.Primary.Pairs = canary, primary
	older := result.Canary.Newest
	if result.Primary.Newest.Before(older) {
		older = result.Primary.Newest
	}
	if control := result.Control.Newest; t.compares() && control.Before(older) {
		older = control
	}
	known.Sampled = stampOf(older)
	return &poll
}

// readWork takes into account what the policy's own counters have counted of a workload without requests; nil unless they have counted
// anything. That they were read is a sample, also if they stand still: a queue may be empty.
func readWork(t *tick, known *v1alpha1.GuardStatus) *guard.Poll {
	canary, primary := t.countPairs(known, t.o.Counters.Pairs, true)
	if slices.ContainsFunc(known.Pairs, func(p v1alpha1.PairCounters) bool { return p.Missing == "" }) {
		known.Sampled = stampOf(t.o.Counters.Asked)
	}
	events := 0.0
	for i := range canary {
		events += canary[i].Total + primary[i].Total
	}
	if events == 0 {
		return nil
	}
	return &guard.Poll{Canary: guard.Counts{Pairs: canary}, Primary: guard.Counts{Pairs: primary}}
}

// learned is the state after a look at all that the primary's counters have seen. A rollout that began without a history learns from
// them which latencies to compare.
func (t tick) learned(settings guard.Settings, state guard.State) guard.State {
	answer := t.o.Counters
	if !state.Learning || answer == nil || answer.Err != "" {
		return state
	}
	return guard.Learn(settings, state, polls.SoFar(t.rawCounters(), answer.Series, t.o.Now, t.o.DryRun))
}

// sincePoll is the time since the last poll that counted, or since the canary got its first requests.
func (t tick) sincePoll(known *v1alpha1.GuardStatus) time.Duration {
	since := t.plan.Next.Rollout.Canary.TrafficStarted.Time
	if known.Polled != nil {
		since = later(since, known.Polled.Time)
	}
	return max(t.o.Now.Sub(since), 0)
}

// moment is where the rollout is. While nobody looks a step may end, but it is not held: what it waits for may have been there.
func (t tick) moment(known *v1alpha1.GuardStatus, lasts time.Duration) guard.Moment {
	open, step := t.plan.Next.Rollout, t.step()
	inEffect := open.Step.InEffect.Time
	m := guard.Moment{
		Step: int(open.Step.Number), Last: int(open.Step.Number) == len(t.steps), Weight: step.Weight, Next: 100, Arms: t.arms(step),
		InStep: min(t.o.Now.Sub(inEffect), lasts+t.o.Now.Sub(t.seenSince(inEffect))), SincePoll: t.sincePoll(known), NotReady: t.hooksFailing(v1alpha1.HookRollout),
	}
	if !m.Last {
		m.Next = strategy.At(t.steps, open.Step.Number+1).Weight
	}
	if known.Judged != nil {
		m.Passed = max(t.o.Now.Sub(later(known.Judged.Time, t.o.SeenSince)), 0)
	}
	if known.Every != nil {
		m.Scrape = known.Every.Duration
	}
	sampled := t.seenSince(inEffect)
	if known.Sampled != nil {
		sampled = later(sampled, known.Sampled.Time)
	}
	m.Stale = max(t.o.Now.Sub(sampled), 0)
	switch pause := t.plan.Next.Paused; {
	case known.Paused != nil:
		m.NotReady = known.Paused.Text
	case pause != nil:
		m.NotReady = pause.Text
	}
	return m
}
