package rollout

import (
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// pausedByGuard is the pause of the guard; nil without one, and once a user lets the rollout go on.
func (f Facts) pausedByGuard() *v1alpha1.PauseCause {
	if known := f.before.Open().Guard; known != nil && known.Paused != nil && !f.resumed() {
		return f.pauseFor(known.Paused)
	}
	return nil
}

func (f Facts) pauseFor(pause *v1alpha1.GuardPause) *v1alpha1.PauseCause {
	return pausedAs(v1alpha1.PauseGuard, "paused by the guard: %s; to go on: kubectl sluice resume %s; to roll back: kubectl sluice abort %s", pause.Text, f.o.Name, f.o.Name)
}

// resumed reports whether a user has let a rollout go on since the guard paused it. Requests have no fractions of seconds.
func (f Facts) resumed() bool {
	known := f.before.Open().Guard
	return known != nil && known.Paused != nil && f.asksResume() && f.o.Spec.Resume.At != nil &&
		!f.o.Spec.Resume.At.Time.Before(known.Paused.Since.Truncate(time.Second))
}
