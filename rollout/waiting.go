package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/observed"
)

// waitFor says what the rollout waits for, and rolls back when that exceeds the progress deadline. The deadline does not
// count while the rollout is paused, or another one has to give way first.
func waitFor(t *tick, what string) {
	switch pause := t.plan.Next.Paused; {
	case pause != nil:
		t.plan.Next.Rollout.WaitingSince = nil
		say(t, what+"; "+pause.Text)
		return
	case t.target.Awaits != "":
		t.plan.Next.Rollout.WaitingSince = nil
		say(t, what+"; "+t.target.Awaits)
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

// startWaiting starts the progress deadline unless it already counts.
func startWaiting(t *tick) {
	if t.plan.Next.Rollout.WaitingSince == nil {
		t.plan.Next.Rollout.WaitingSince = t.stamp()
	}
}

// untilDeadline is the rest of the progress deadline. During a step it counts from the end of the step, because a step may
// last longer than the deadline. It does not count while the rollout is paused or nobody looks, and starts anew afterwards.
func (t tick) untilDeadline() time.Duration {
	next, since := t.plan.Next, t.o.Now
	if next.Rollout.WaitingSince != nil {
		since = next.Rollout.WaitingSince.Time
	}
	if observed.Judging(next) && next.Rollout.Step.InEffect != nil && t.stepEnds().After(since) {
		since = t.stepEnds()
	}
	return t.seenSince(since).Add(t.policy.ProgressDeadline).Sub(t.o.Now)
}

// letSettle waits until the settle time has passed since a moment of the rollout, and returns whether it has. A moment
// without a stamp is now.
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

// wakeForTemplates looks again at a MetricTemplate that cannot be used, because Secrets are not watched.
func wakeForTemplates(t *tick) {
	for _, template := range t.o.Templates {
		if template.Problem != "" {
			wakeIn(t, t.policy.Interval)
		}
	}
}
