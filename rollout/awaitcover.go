package rollout

import (
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// coverageLook is how often to look again for policies that would miss the canary. They are not watched.
const coverageLook = 10 * time.Second

// awaitCoverage makes a candidate wait until no policy would miss its canary, or somebody has looked.
func awaitCoverage(t *tick) {
	if t.o.Coverage == nil {
		t.plan.Next = t.asWaiting()
		say(t, "Looking for policies that would miss the canary")
		wakeIn(t, 0)
		return
	}
	blockCandidate(t, v1alpha1.BlockedUnprotected, t.uncovered(t.holdingMisses()))
	wakeIn(t, coverageLook)
}
