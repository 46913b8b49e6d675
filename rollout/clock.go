package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// forgetFuture takes stamps that lie ahead of the clock for those of this moment: after the clock was set back, or on
// another node whose clock is behind, what is timed by them would last that much longer.
func forgetFuture(t *tick) {
	next := &t.plan.Next
	stamps := append(stampsOf(next.Rollout), next.LastCheckTime)
	for i := range next.Hooks {
		stamps = append(stamps, &next.Hooks[i].Answered)
	}
	for _, stamp := range stamps {
		if stamp != nil && stamp.After(t.o.Now) {
			*stamp = *t.stamp()
		}
	}
}

// stampsOf are all stamps of a rollout; a test holds that none is left out.
func stampsOf(r *v1alpha1.RolloutStatus) []*metav1.MicroTime {
	if r == nil {
		return nil
	}
	stamps := []*metav1.MicroTime{
		r.Started, r.WaitingSince, r.Canary.Ready, r.Canary.Known, r.Canary.TrafficStarted, r.Step.InEffect,
		r.Promotion.Shifted, r.Promotion.Applied, r.Promotion.Steady, r.Decided, r.Cleared, r.SplitChanged,
	}
	if r.SessionAffinity != nil {
		stamps = append(stamps, r.SessionAffinity.Expiring)
	}
	return stamps
}
