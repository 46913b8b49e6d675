package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/queue"
)

// queueLook is how often a candidate in the queue updates its place. The candidate that starts next is woken.
const queueLook = 15 * time.Second

// noticePlace lets a rollout that has given its place back go on only once it has one again. Until then it stays paused: its
// checks go on, and it is rolled back as before. At a gate it counts again when the gate opens.
func noticePlace(t *tick) {
	next := &t.plan.Next
	if next.Open().PlaceGivenBack == nil || next.Paused != nil || t.before.Gate != nil || !observed.Judging(t.before) {
		return
	}
	position, why := queue.Place(t.before, t.o, t.policy.Group)
	if why == "" {
		return
	}
	where := fmt.Sprintf("it was held for so long that it has given its place back, and is %s in the queue: %s", ordinal(position), why)
	next.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseQueue, Text: where}
	next.Queue = &v1alpha1.QueueStatus{Position: position, Since: *t.stamp()}
	if waited := t.before.Queue; waited != nil {
		next.Queue.Since = waited.Since
	} else {
		emit(t, events.PlaceAwaited(where))
	}
	wakeIn(t, queueLook)
}

// keepPlace notes since when the rollout is held. It gives its place back when that has lasted, and takes one again when it
// goes on.
func keepPlace(t *tick) {
	rollout := t.plan.Next.Rollout
	if rollout == nil {
		return
	}
	if !t.isHeld() {
		if rollout.PlaceGivenBack != nil && observed.Judging(t.plan.Next) {
			emit(t, events.PlaceTaken())
		}
		rollout.HeldSince, rollout.PlaceGivenBack = nil, nil
		return
	}
	if rollout.HeldSince == nil {
		rollout.HeldSince = t.stamp()
	}
	switch left := rollout.HeldSince.Add(t.o.Limits.HeldFor).Sub(t.o.Now); {
	case rollout.PlaceGivenBack != nil:
	case left > 0:
		wakeIn(t, left)
		return
	default:
		rollout.PlaceGivenBack = t.stamp()
		emit(t, events.PlaceGivenBack(t.o.Limits.HeldFor))
	}
	if t.plan.Next.Queue == nil {
		say(t, t.plan.Next.Message+"; it has given its place in the queue back")
	}
}

// isHeld reports whether the rollout waits for somebody, and must not keep others waiting without an end.
func (t tick) isHeld() bool {
	next := t.plan.Next
	return t.o.Limits.Any() && t.o.Limits.HeldFor > 0 && observed.Judging(next) && (next.Paused != nil || next.Gate != nil)
}

func ordinal(n int32) string {
	ending := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			ending = "st"
		case 2:
			ending = "nd"
		case 3:
			ending = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, ending)
}
