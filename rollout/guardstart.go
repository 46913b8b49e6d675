package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/rollout/events"
)

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
	if lacks := t.rawCounters().Lacking(answer.Series); len(lacks) > 0 && !t.o.DryRun {
		emit(t, events.MetricsMissing(lacks))
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
		known.Ladder = guard.Ladder(before.Rate)
		weights = known.Ladder
	}
	known.Expected = t.expectationOf(before, weights)
	state := guard.Start(t.guardSettings(t.policy.Interval), t.plannedArms(), before.History)
	state.Restarts = int(known.Restarts)
	keepEvidence(known, state)
}

// startGuardOver forgets the evidence about pods that did not run the candidate. A pause stays until a person decides. Each start is a
// further chance to be wrong, so it is counted.
func startGuardOver(t *tick) {
	known := t.plan.Next.Rollout.Guard
	if known == nil || known.Evidence == "" {
		return
	}
	t.plan.Next.Rollout.Guard = &v1alpha1.GuardStatus{Paused: known.Paused, Restarts: known.Restarts + 1}
	emit(t, events.GuardRestarted("its evidence is about an edited canary, not about the candidate", known.Restarts+1))
}
