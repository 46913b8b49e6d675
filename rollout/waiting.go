package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// waitFor says what is waited for, and rolls back when that has taken longer than the progress deadline. While the
// rollout is paused, waiting costs nothing.
func waitFor(t *tick, what string) {
	if pause := t.plan.Next.Paused; pause != nil {
		t.plan.Next.WaitingSince = nil
		say(t, what+"; "+pause.Text)
		return
	}
	startWaiting(t)
	remaining := t.untilDeadline()
	if remaining <= 0 {
		rollBack(t, fmt.Sprintf("progress deadline of %s exceeded: %s", t.policy.ProgressDeadline, what))
		return
	}
	say(t, what)
	wakeIn(t, remaining)
}

// startWaiting has the progress deadline count, unless it does already.
func startWaiting(t *tick) {
	if t.plan.Next.WaitingSince == nil {
		t.plan.Next.WaitingSince = t.stamp()
	}
}

// untilDeadline is what is left of the progress deadline. It counts from the end of the step, when one has begun: a step may
// last longer than the deadline. While the rollout is paused nothing counts, and afterwards it counts anew.
func (t tick) untilDeadline() time.Duration {
	next, since := t.plan.Next, t.o.Now
	if next.WaitingSince != nil {
		since = next.WaitingSince.Time
	}
	if judging(next) && next.StepStarted != nil && t.stepEnds().After(since) {
		since = t.stepEnds()
	}
	return since.Add(t.policy.ProgressDeadline).Sub(t.o.Now)
}

// letSettle waits until the present moment of the rollout has lasted for the settle time, and returns whether it has. The
// time begins to count with the first call.
func letSettle(t *tick, message string) (done bool) {
	next := &t.plan.Next
	if next.StepStarted == nil {
		next.StepStarted = t.stamp()
	}
	remaining := next.StepStarted.Add(analysis.Settle).Sub(t.o.Now)
	if remaining <= 0 {
		return true
	}
	say(t, message)
	wakeIn(t, remaining)
	return false
}
