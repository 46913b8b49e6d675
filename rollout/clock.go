package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// forgetFuture takes stamps that lie ahead of the clock for those of this moment: after the clock was set back, or on
// another node whose clock is behind, what is timed by them would last that much longer.
func (t *tick) forgetFuture() {
	next := &t.plan.Next
	for _, stamp := range []*metav1.MicroTime{next.Started, next.StepStarted, next.TrafficStarted, next.WaitingSince, next.Promoted, next.LastCheckTime, next.SplitChanged} {
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
