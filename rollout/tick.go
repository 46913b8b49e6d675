package rollout

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
)

// tick is the plan in the making with the facts that it is made from. Methods have value receivers and look; functions that
// act take a *tick.
type tick struct {
	Facts
	plan plan.Plan
	// wanted is how the phase wants requests shared. returns is set when the phase returns some to a primary that is ready.
	wanted  plan.SplitIntent
	returns bool
	// loses is set when the phase takes requests away from a canary that has lost what serves them.
	loses bool
	// vacant is set once no rollout is open, so that a waiting candidate may start in the same tick.
	vacant bool
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// seenSince is the moment from which something that began at another moment counts: nothing could be done about it while
// Sluice or the API server was away.
func (f Facts) seenSince(began time.Time) time.Time {
	return later(began, f.o.SeenSince)
}

func emit(t *tick, event events.Event) {
	t.plan.Events = append(t.plan.Events, event)
}

// say sets the message that says where the rollout stands.
func say(t *tick, message string) {
	t.plan.Next.Message = t.spoken(message)
}

// wakeIn asks for a tick after this time at the latest.
func wakeIn(t *tick, d time.Duration) {
	d = max(d, time.Millisecond)
	if t.plan.Wait == 0 || d < t.plan.Wait {
		t.plan.Wait = d
	}
}

// spoken is a message for users. In a dry run it says so.
func (f Facts) spoken(message string) string {
	if f.o.DryRun {
		return dryPrefix + message
	}
	return message
}

func (f Facts) stamp() *metav1.MicroTime {
	return stampOf(f.o.Now)
}

func stampOf(at time.Time) *metav1.MicroTime {
	stamp := metav1.NewMicroTime(at)
	return &stamp
}

func (t tick) sinceStart() time.Duration {
	started := t.plan.Next.Open().Started
	if started == nil {
		return 0
	}
	return t.o.Now.Sub(started.Time)
}
