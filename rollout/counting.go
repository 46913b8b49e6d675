package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

const (
	// historyMayTake is how long the first step waits for the primary's last hour. A rollout without it assumes what is usual.
	historyMayTake = 10 * time.Second
	// historyRetry is how long after an answer that was not kept the next one is asked for.
	historyRetry = 2 * time.Second
)

// uncounted says why no raw counters are read; empty if they are. Without them, the guard cannot judge.
func (f Facts) uncounted() string {
	_, problem := f.target.Counters(f.policy, f.o)
	return problem
}

// countersDue asks for the counters of both versions as often as the metrics server scrapes; nil unless that is due.
func (f Facts) countersDue() *RawQuery {
	if !f.policy.Guard.Enabled || f.problem != "" || !observed.Checked(f.before) || f.o.Now.Before(f.nextPoll(f.o.LastAsked)) {
		return nil
	}
	raw, problem := f.target.Counters(f.policy, f.o)
	if problem != "" {
		return nil
	}
	pairs, problem := f.target.Pairs(f.policy, f.o)
	if problem != "" {
		return nil
	}
	asked := &RawQuery{Round: f.countersRound(), Pairs: pairs}
	if !analysis.CountsWork(f.policy) {
		asked.Query = raw.Query(f.counted().Back(f.o.Now))
	}
	return asked
}

// historyDue asks for the primary's last hour before the first request to the canary; nil once it is known.
func (f Facts) historyDue() *RawQuery {
	if !f.wantsHistory(f.before) || f.problem != "" || analysis.CountsWork(f.policy) {
		return nil
	}
	raw, problem := f.target.Counters(f.policy, f.o)
	round := "history before " + nameOf(f.before)
	if last := f.o.LastAsked; problem != "" || last.Round == round && f.o.Now.Before(last.At.Add(historyRetry)) {
		return nil
	}
	return &RawQuery{Round: round, Query: raw.History()}
}

// wantsHistory reports whether nothing is known of the primary yet, and the canary has had no request.
func (f Facts) wantsHistory(state observed.State) bool {
	open := state.Open()
	return f.policy.Guard.Enabled && f.skipsAnalysis() == "" && state.Phase == v1alpha1.PhaseProgressing && open.Step.Number == 0 &&
		(open.Guard == nil || open.Guard.Evidence == "")
}

// nameOf names a rollout.
func nameOf(state observed.State) string {
	name := checksum(state)
	if started := state.Open().Started; started != nil {
		name += " since " + started.UTC().Format(time.RFC3339Nano)
	}
	return name
}

func (f Facts) countersRound() string { return "counters of " + nameOf(f.before) }

// counted is what the last poll has left.
func (f Facts) counted() counters.State { return f.polled }

// polledIn reads what the last poll has left in a state. Text that cannot be read counts as none.
func polledIn(state observed.State) counters.State {
	guard := state.Open().Guard
	if guard == nil || guard.Counters == "" {
		return counters.State{}
	}
	polled, err := counters.Parse(guard.Counters)
	if err != nil {
		return counters.State{}
	}
	return polled
}

// nextPoll is when counters are due after a round; the zero time if it was not one of this rollout.
func (f Facts) nextPoll(last observed.Asked) time.Time {
	if last.Round != f.countersRound() {
		return time.Time{}
	}
	return last.At.Add(f.counted().Every())
}

// wakeForCounters asks for a tick when counters are due. An answer wakes a tick itself, but a tick that still waits for it looks again
// after the period.
func wakeForCounters(t *tick) {
	if !t.policy.Guard.Enabled || t.problem != "" || !observed.Checked(t.plan.Next) || t.uncounted() != "" {
		return
	}
	last := t.o.LastAsked
	if t.o.Counters != nil {
		last = observed.Asked{Round: t.countersRound(), At: t.o.Counters.Asked}
	}
	wait := t.nextPoll(last).Sub(t.o.Now)
	if wait <= 0 {
		wait = t.counted().Every()
	}
	wakeIn(t, wait)
}

// awaitHistory waits for the primary's last hour, and returns whether the first step may begin: the answer is there, or is late.
func awaitHistory(t *tick) (done bool) {
	until := t.historyUntil()
	if !t.wantsHistory(t.plan.Next) || t.uncounted() != "" || analysis.CountsWork(t.policy) || !t.o.Now.Before(until) {
		return true
	}
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, fmt.Sprintf("The canary is ready; waiting for the metrics of the primary's last hour, until %s at the latest", events.ClockTime(until)))
	wakeIn(t, until.Sub(t.o.Now))
	return false
}

// historyUntil is how long the primary's last hour is waited for.
func (t tick) historyUntil() time.Time {
	began := t.o.Now
	if started := t.plan.Next.Rollout.Started; started != nil {
		began = started.Time
	}
	return t.seenSince(began).Add(historyMayTake)
}
