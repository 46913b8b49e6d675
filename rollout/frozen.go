package rollout

import (
	"sluice.dev/sluice/internal/freeze"
)

// noticeFreeze looks at the Freezes where there is something to freeze, tells once when one begins to hold it and once
// when none does any more, and wakes at the next change.
func (t *tick) noticeFreeze() {
	next := &t.plan.Next
	next.Frozen = ""
	if !t.o.optedIn() || !Active(t.before) && t.o.inFlight() == nil {
		return
	}
	t.frozen = freeze.InForce(t.o.Freezes, freeze.Subject{Namespace: t.o.Namespace, Labels: t.o.Primary.Labels}, t.o.Now)
	next.Frozen = t.frozen.Start
	if Active(t.before) {
		next.Frozen = t.frozen.Pause
		if next.Paused == "" {
			next.Paused = t.frozen.Pause
		}
	}
	if !t.frozen.Change.IsZero() {
		t.wakeIn(t.frozen.Change.Sub(t.o.Now))
	}
	switch next.Frozen {
	case t.before.Frozen:
	case "":
		t.event(unfrozen())
	default:
		t.event(frozen(next.Frozen))
	}
}

// pausedBefore is why the rollout was paused at the last tick, other than by a Freeze.
func (t *tick) pausedBefore() string {
	if t.before.Paused == t.before.Frozen {
		return ""
	}
	return t.before.Paused
}
