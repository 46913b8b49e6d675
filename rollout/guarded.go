package rollout

import (
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/rollout/events"
)

// looksAtLeast is how often the guard looks without new samples: often enough for its time limits.
const looksAtLeast = 5 * time.Second

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

// look asks the guard, and writes down what it says.
func look(t *tick, known *v1alpha1.GuardStatus, poll *guard.Poll, resumed bool) guard.Decision {
	state, lost := t.evidence()
	if lost {
		known.Restarts = int32(state.Restarts)
		emit(t, events.GuardRestarted("its evidence was lost or cannot be read", known.Restarts))
	}
	if t.verdict() == nil {
		// A step that starts again, after its canary was lost, is accepted by its own data only.
		state.Step = 0
	}
	if resumed {
		state, known.Paused = guard.Resumed(state), nil
		t.plan.Next.Rollout.Step.InEffect = t.stamp()
	}
	settings := t.guardSettings(t.step().Duration.Duration)
	settings.Fresh = t.compares()
	state = t.learned(settings, state)
	state, decision := guard.Decide(settings, state, poll, t.moment(known, settings.MaxDwell))
	if poll != nil {
		known.Polled = t.stamp()
	}
	keepEvidence(known, state)
	keepComparison(known, state, settings)
	decision = t.possible(decision)
	decision.Message += failing(known, decision)
	showLimit(t, state, settings)
	tellGuard(t, known, decision)
	known.Judged, known.Action, known.Reason, known.Message = t.stamp(), string(decision.Action), string(decision.Reason), decision.Message
	known.Harm, known.Proof = digits(decision.Evidence), digits(decision.Threshold)
	wakeIn(t, looksAtLeast)
	return decision
}

// failing adds to what is said about errors which requests fail, if the metrics tell.
func failing(known *v1alpha1.GuardStatus, decision guard.Decision) string {
	if decision.Reason != guard.Harm && decision.Reason != guard.Suspicious || len(decision.Blame) == 0 || known.Failing == "" {
		return ""
	}
	if of := decision.Blame[0].Metric; of != guard.ErrorRatio && of != guard.ErrorRate {
		return ""
	}
	return "; most failed requests have " + known.Failing
}

// possible is what this rollout can do of a decision.
func (t tick) possible(decision guard.Decision) guard.Decision {
	switch {
	case t.testsOnly(decision.Reason):
		decision.Action, decision.Message = guard.Hold, leftToTests
	case decision.Action == guard.Return && t.policy.Group != "":
		says, _, _ := strings.Cut(decision.Message, "; ")
		decision.Action, decision.Message = guard.Hold, says+"; the members of a group step together, so the rollout stays at this step"
	}
	return decision
}

// act does what cannot wait: harm is rolled back, also while the rollout is paused.
func act(t *tick, known *v1alpha1.GuardStatus, decision guard.Decision) (decided bool) {
	paused := t.plan.Next.Paused != nil
	switch {
	case decision.Action == guard.RollBack && (!paused || decision.Reason == guard.Harm):
		rollBack(t, decision.Message)
		return true
	case paused:
	case decision.Action == guard.Pause && known.Paused == nil:
		known.Paused = &v1alpha1.GuardPause{Since: t.stamp(), Text: decision.Message}
		t.plan.Next.Paused = t.pauseFor(known.Paused)
		emit(t, events.Paused(t.plan.Next.Paused.Text))
	case decision.Action == guard.Return:
		enterStep(t, t.plan.Next.Rollout.Step.Number-1)
		return true
	}
	return false
}

// tellGuard reports what a user should know of a decision, once for each reason.
func tellGuard(t *tick, known *v1alpha1.GuardStatus, decision guard.Decision) {
	isNew := known.Reason != string(decision.Reason) || known.Action != string(decision.Action)
	number := t.plan.Next.Rollout.Step.Number
	switch {
	case !isNew || t.plan.Next.Paused != nil || decision.Message == leftToTests:
	case decision.Action == guard.Advance:
		emit(t, events.StepJudged(number, decision.Message, decision.Reason == guard.Inconclusive))
	case decision.Action == guard.Return:
		emit(t, events.StepReturned(number, decision.Message))
	case decision.Action == guard.Hold && decision.Reason != guard.Collecting && decision.Reason != guard.NotReady:
		emit(t, events.StepHeld(number, fmt.Sprintf("%s: %s", decision.Reason, decision.Message)))
	}
}
