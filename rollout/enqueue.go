package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
)

// queueLook is how often a candidate in the queue updates its place. The candidate that starts next is woken.
const queueLook = 15 * time.Second

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
