package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// noticeFreeze reports once when a Freeze starts to hold the rollout and once when none does any more. It wakes at the next
// change.
func noticeFreeze(t *tick) {
	next := &t.plan.Next
	next.Frozen = ""
	if !t.canFreeze() {
		return
	}
	next.Frozen = t.frozen.Start
	if observed.Active(t.before) {
		next.Frozen = t.frozen.Pause
		if next.Paused == nil && t.frozen.Pause != "" {
			next.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseFreeze, Text: t.frozen.Pause}
		}
	}
	if !t.frozen.Change.IsZero() {
		wakeIn(t, t.frozen.Change.Sub(t.o.Now))
	}
	switch next.Frozen {
	case t.before.Frozen:
	case "":
		emit(t, events.Unfrozen())
	default:
		emit(t, events.Frozen(next.Frozen))
	}
}

// pausedBefore says why the rollout was paused at the last tick, apart from a Freeze and the queue; nil when it was not.
func (f Facts) pausedBefore() *v1alpha1.PauseCause {
	if paused := f.before.Paused; paused != nil && paused.Kind != v1alpha1.PauseFreeze && paused.Kind != v1alpha1.PauseQueue {
		return paused
	}
	return nil
}
