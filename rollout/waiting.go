package rollout

import (
	"fmt"
	"time"
)

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
