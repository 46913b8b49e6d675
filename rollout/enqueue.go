package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
)

// enqueue makes a candidate wait until another rollout ends.
func enqueue(t *tick, position int32, why string) {
	next, waited := &t.plan.Next, t.before.Queue
	if !t.knownAsWaiting() {
		waited = nil
	}
	*next = t.asWaiting()
	where := fmt.Sprintf("%s in the queue: %s", ordinal(position), why)
	say(t, where)
	next.Queue = &v1alpha1.QueueStatus{Position: position, Since: *t.stamp()}
	if waited == nil {
		emit(t, events.Queued(t.o.Candidate.Hash, where))
	} else {
		next.Queue.Since = waited.Since
	}
	wakeIn(t, queueLook)
}
