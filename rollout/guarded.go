package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/strategy"
)

// looksAtLeast is how often the guard looks without new samples: often enough for its time limits.
const looksAtLeast = 5 * time.Second

// noteHistory starts the guard with the primary's last hour once that is known. Why it is not is kept until the first step may begin.
func noteHistory(t *tick) {
	answer := t.o.History
	switch {
	case answer == nil || !t.wantsHistory(t.plan.Next):
		return
	case answer.Err != "":
		ensureGuard(t).Message = answer.Err
		return
	}
	beginGuard(t, polls.HistoryOf(t.rawCounters(), answer.Series, answer.Asked, t.o.DryRun))
}

// startGuard starts the guard before the first request, unless it has started, and returns whether the first step may begin. If no
// counters can be read, the checks judge.
func startGuard(t *tick) (done bool) {
	if !t.wantsHistory(t.plan.Next) {
		return true
	}
	why := t.uncounted()
	if known := ensureGuard(t); why == "" {
		why, known.Message = known.Message, ""
	}
	if why == "" {
		beginGuard(t, polls.Before{})
	} else {
		ensureGuard(t).Off = why
		emit(t, events.GuardOff(why))
	}
	// The steps follow from what was found.
	say(t, "The canary is ready for its first step")
	wakeIn(t, 0)
	return false
}

// beginGuard starts the guard, and the ladder at the first weight that gets enough requests to learn from.
func beginGuard(t *tick, before polls.Before) {
	known := ensureGuard(t)
	known.Message = ""
	weights := make([]float64, 0, len(t.steps))
	for _, step := range t.steps {
		weights = append(weights, step.Weight)
	}
	if t.policy.Guard.Ladder {
		known.Ladder = guard.Ladder(before.Rate, t.counted().Every())
		weights = known.Ladder
	}
	known.Expected = t.expectationOf(before, weights)
	keepEvidence(known, guard.Start(GuardSettings(t.policy.Guard, t.policy.Interval), t.plannedArms(), before.History))
}

// judgeByGuard lets the guard look at what is new and does what it decides at once. It returns whether the tick has decided.
func judgeByGuard(t *tick) (decided bool) {
	if !t.guarded() {
		return false
	}
	known := ensureGuard(t)
	poll := readPoll(t, known)
	if resumed := t.resumed(); resumed || poll != nil || t.verdict() == nil || t.o.Now.Sub(known.Judged.Time) >= looksAtLeast {
		decision := look(t, known, poll, resumed)
		return act(t, known, decision)
	}
	wakeIn(t, known.Judged.Add(looksAtLeast).Sub(t.o.Now))
	return false
}

// readPoll takes new samples into account; nil unless both versions have some.
func readPoll(t *tick, known *v1alpha1.GuardStatus) *guard.Poll {
	answer := t.o.Counters
	if answer == nil || answer.Err != "" {
		return nil
	}
	look := polls.Look{Raw: t.rawCounters(), Answer: answer.Series, Now: t.o.Now, Began: t.plan.Next.Rollout.Canary.TrafficStarted.Time, Alone: t.o.DryRun}
	next, result := counters.Advance(t.counted(), look.Poll())
	known.Counters = next.Text()
	if result.Interval > 0 {
		known.Every = &metav1.Duration{Duration: next.Every()}
	}
	if !result.Counted {
		return nil
	}
	age := t.sincePoll(known)
	if ready := t.plan.Next.Rollout.Canary.Ready; ready != nil {
		age = t.o.Now.Sub(ready.Time) - t.sincePoll(known)
	}
	poll := polls.Of(result, age, guard.DefaultWarmUp)
	older := result.Canary.Newest
	if result.Primary.Newest.Before(older) {
		older = result.Primary.Newest
	}
	known.Sampled = stampOf(older)
	return &poll
}

// sincePoll is the time since the last poll that counted, or since the canary got its first requests.
func (t tick) sincePoll(known *v1alpha1.GuardStatus) time.Duration {
	since := t.plan.Next.Rollout.Canary.TrafficStarted.Time
	if known.Polled != nil {
		since = later(since, known.Polled.Time)
	}
	return max(t.o.Now.Sub(since), 0)
}

// look asks the guard, and writes down what it says.
func look(t *tick, known *v1alpha1.GuardStatus, poll *guard.Poll, resumed bool) guard.Decision {
	state, lost := t.evidence()
	if lost {
		known.Restarts = int32(state.Restarts)
		emit(t, events.GuardRestarted(known.Restarts))
	}
	if t.verdict() == nil {
		// A step that starts again, after its canary was lost, is accepted by its own data only.
		state.Step = 0
	}
	if resumed {
		state, known.Paused = guard.Resumed(state), nil
		t.plan.Next.Rollout.Step.InEffect = t.stamp()
	}
	settings := GuardSettings(t.policy.Guard, t.step().Duration.Duration)
	state, decision := guard.Decide(settings, state, poll, t.moment(known, settings.MaxDwell))
	if poll != nil {
		known.Polled = t.stamp()
	}
	keepEvidence(known, state)
	tellGuard(t, known, decision)
	known.Judged, known.Action, known.Reason, known.Message = t.stamp(), string(decision.Action), string(decision.Reason), decision.Message
	known.Harm, known.Proof = digits(decision.Evidence), digits(decision.Threshold)
	wakeIn(t, looksAtLeast)
	return decision
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
	if pause := t.plan.Next.Paused; pause != nil {
		m.NotReady = pause.Text
	}
	return m
}

// act does what cannot wait: harm is rolled back, also while the rollout is paused.
func act(t *tick, known *v1alpha1.GuardStatus, decision guard.Decision) (decided bool) {
	paused := t.plan.Next.Paused != nil
	switch {
	case decision.Action == guard.RollBack && (!paused || decision.Reason == guard.Harm):
		rollBack(t, decision.Message)
		return true
	case paused || t.testsOnly(known):
	case decision.Action == guard.Pause && known.Paused == nil:
		known.Paused = &v1alpha1.GuardPause{Since: t.stamp(), Text: decision.Message}
		t.plan.Next.Paused = t.pauseFor(known.Paused)
		emit(t, events.Paused(t.plan.Next.Paused.Text))
	case decision.Action == guard.Return && t.plan.Next.Rollout.Step.Number > 1 && t.policy.Group == "":
		enterStep(t, t.plan.Next.Rollout.Step.Number-1)
		return true
	}
	return false
}

// testsOnly reports whether the step gets no requests that are counted, and the guard waits for some. Then the time, the checks and
// the hooks end the step, as without the guard: its tests reach the canary past the gateway.
func (t tick) testsOnly(known *v1alpha1.GuardStatus) bool {
	return !t.expectsRequests() && (known.Reason == string(guard.NoRequests) || known.Reason == string(guard.Stale))
}

// verdict is what the guard has said in this step; nil before its first look.
func (t tick) verdict() *v1alpha1.GuardStatus {
	open := t.plan.Next.Open()
	if !t.guarded() || open.Guard == nil || open.Guard.Judged == nil || open.Step.InEffect == nil || open.Guard.Judged.Time.Before(open.Step.InEffect.Time) {
		return nil
	}
	return open.Guard
}

// passed reports whether the step has passed: by the guard if it judges, and by the user's checks and hooks in any case.
func (t tick) passed() bool {
	known := t.verdict()
	if !t.guarded() || known != nil && t.testsOnly(known) {
		return t.passedSince(t.stepEnds())
	}
	return known != nil && known.Action == string(guard.Advance) && t.nothingFails()
}

// passedOnce reports whether the step has had one look that does not speak against the canary.
func (t tick) passedOnce() bool {
	inEffect, known := t.plan.Next.Rollout.Step.InEffect, t.verdict()
	if !t.guarded() {
		return t.passedSince(inEffect.Time)
	}
	if known == nil {
		return false
	}
	calm := known.Reason != string(guard.Suspicious) && known.Reason != string(guard.SharedDamage)
	return known.Polled != nil && known.Polled.Time.After(inEffect.Time) && calm && t.nothingFails()
}

// nothingFails reports whether neither a check of the user's nor a hook speaks against the canary.
func (t tick) nothingFails() bool {
	return analysis.VerdictOf(t.plan.Next.Checks) != v1alpha1.VerdictFail && t.hooksFailing(v1alpha1.HookRollout) == ""
}

// guardSays is the guard's last word on this step.
func (t tick) guardSays() string {
	known := t.verdict()
	if known == nil {
		return "the guard waits for the first samples of both versions"
	}
	said := known.Message
	if len(t.plan.Next.Checks) > 0 {
		said += "; " + analysis.Explain(t.plan.Next.Checks)
	}
	return said
}

// guardShows is what a promotion by the guard says in the history; empty without it.
func (t tick) guardShows() string {
	if known := t.verdict(); known != nil {
		return known.Message
	}
	return ""
}

// pausedByGuard is the pause of the guard; nil without one, and once a user lets the rollout go on.
func (f Facts) pausedByGuard() *v1alpha1.PauseCause {
	if known := f.before.Open().Guard; known != nil && known.Paused != nil && !f.resumed() {
		return f.pauseFor(known.Paused)
	}
	return nil
}

func (f Facts) pauseFor(pause *v1alpha1.GuardPause) *v1alpha1.PauseCause {
	return pausedAs(v1alpha1.PauseGuard, "paused by the guard: %s; to go on: kubectl sluice resume %s; to roll back: kubectl sluice abort %s", pause.Text, f.o.Name, f.o.Name)
}

// resumed reports whether a user has let a rollout go on since the guard paused it. Requests have no fractions of seconds.
func (f Facts) resumed() bool {
	known := f.before.Open().Guard
	return known != nil && known.Paused != nil && f.asksResume() && f.o.Spec.Resume.At != nil &&
		!f.o.Spec.Resume.At.Time.Before(known.Paused.Since.Truncate(time.Second))
}

// tellGuard reports what a user should know of a decision, once for each reason.
func tellGuard(t *tick, known *v1alpha1.GuardStatus, decision guard.Decision) {
	isNew := known.Reason != string(decision.Reason) || known.Action != string(decision.Action)
	number := t.plan.Next.Rollout.Step.Number
	switch {
	case !isNew || t.plan.Next.Paused != nil:
	case decision.Action == guard.Advance:
		emit(t, events.StepJudged(number, decision.Message, decision.Reason == guard.Inconclusive))
	case decision.Action == guard.Return:
		emit(t, events.StepReturned(number, decision.Message))
	case decision.Action == guard.Hold && decision.Reason != guard.Collecting && decision.Reason != guard.NotReady:
		emit(t, events.StepHeld(number, fmt.Sprintf("%s: %s", decision.Reason, decision.Message)))
	}
}
