package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/observed"
)

// waitFor says what is waited for, and rolls back when that has taken longer than the progress deadline. While the
// rollout is paused, waiting costs nothing.
func waitFor(t *tick, what string) {
	if pause := t.plan.Next.Paused; pause != nil {
		t.plan.Next.Rollout.WaitingSince = nil
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
	if t.plan.Next.Rollout.WaitingSince == nil {
		t.plan.Next.Rollout.WaitingSince = t.stamp()
	}
}

// untilDeadline is what is left of the progress deadline. It counts from the end of the step, when one has begun: a step may
// last longer than the deadline. While the rollout is paused nothing counts, and afterwards it counts anew.
func (t tick) untilDeadline() time.Duration {
	next, since := t.plan.Next, t.o.Now
	if next.Rollout.WaitingSince != nil {
		since = next.Rollout.WaitingSince.Time
	}
	if observed.Judging(next) && next.Rollout.Step.InEffect != nil && t.stepEnds().After(since) {
		since = t.stepEnds()
	}
	return since.Add(t.policy.ProgressDeadline).Sub(t.o.Now)
}

// letSettle waits until a moment of the rollout is as long ago as the settle time, and returns whether it is. A moment without a
// stamp is now.
func letSettle(t *tick, moment **metav1.MicroTime, message string) (done bool) {
	if *moment == nil {
		*moment = t.stamp()
	}
	remaining := (*moment).Add(analysis.Settle).Sub(t.o.Now)
	if remaining <= 0 {
		return true
	}
	say(t, message)
	wakeIn(t, remaining)
	return false
}

// wakeForTemplates looks again at a MetricTemplate that cannot be used: Secrets are not watched.
func wakeForTemplates(t *tick) {
	for _, template := range t.o.Templates {
		if template.Problem != "" {
			wakeIn(t, t.policy.Interval)
		}
	}
}
