package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// forgetFuture replaces stamps ahead of the clock by the present time. The clock may have been set back, or another node's
// clock may be behind. Everything timed by such a stamp would take that much longer.
func forgetFuture(t *tick) {
	next := &t.plan.Next
	stamps := append(stampsOf(next.Rollout), next.LastCheckTime)
	for i := range next.Hooks {
		stamps = append(stamps, &next.Hooks[i].Answered)
	}
	for i := range next.Checks {
		stamps = append(stamps, next.Checks[i].Judged)
	}
	for _, stamp := range stamps {
		if stamp != nil && stamp.After(t.o.Now) {
			*stamp = *t.stamp()
		}
	}
}

// stampsOf returns all stamps of a rollout. A test fails if one is missing.
func stampsOf(r *v1alpha1.RolloutStatus) []*metav1.MicroTime {
	if r == nil {
		return nil
	}
	stamps := []*metav1.MicroTime{
		r.Started, r.HeldSince, r.PlaceGivenBack, r.WaitingSince, r.Canary.Ready, r.Canary.Known, r.Canary.TrafficStarted, r.Canary.Edited, r.Step.InEffect,
		r.Promotion.Shifted, r.Promotion.Applied, r.Promotion.GivenWay, r.Promotion.Steady, r.Decided, r.Cleared, r.SplitChanged,
	}
	if r.SessionAffinity != nil {
		stamps = append(stamps, r.SessionAffinity.Expiring)
	}
	if g := r.Guard; g != nil {
		stamps = append(stamps, g.Judged, g.Polled, g.Sampled)
		if g.Paused != nil {
			stamps = append(stamps, g.Paused.Since)
		}
	}
	if p := r.Pods; p != nil {
		stamps = append(stamps, p.Canary.Counted, p.Primary.Counted)
	}
	if c := r.Control; c != nil {
		stamps = append(stamps, c.Ready, c.WaitingSince, c.Cleared)
	}
	return stamps
}
