package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// forgetFuture takes stamps that lie ahead of the clock for those of this moment: after the clock was set back, or on
// another node whose clock is behind, what is timed by them would last that much longer.
func forgetFuture(t *tick) {
	next := &t.plan.Next
	stamps := []*metav1.MicroTime{next.Started, next.StepStarted, next.TrafficStarted, next.WaitingSince, next.CanaryReady, next.Promoted, next.LastCheckTime, next.SplitChanged}
	if next.SessionAffinity != nil {
		stamps = append(stamps, next.SessionAffinity.Expiring)
	}
	for _, stamp := range stamps {
		if stamp != nil && stamp.After(t.o.Now) {
			*stamp = *t.stamp()
		}
	}
	for i := range next.Hooks {
		if next.Hooks[i].Answered.After(t.o.Now) {
			next.Hooks[i].Answered = *t.stamp()
		}
	}
}
