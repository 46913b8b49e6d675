package rollout_test

import (
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// jumping changes the clock of the node.
func jumping(by time.Duration) func(*world) {
	return func(w *world) {
		w.tell("the clock jumps by %s", by)
		w.now = w.now.Add(by)
	}
}

var clockStories = map[string]story{
	"a clock that goes back an hour lengthens a step by no more than an interval": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), jumping(-time.Hour)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a clock that goes back while the canary starts lengthens the wait by no more than the deadline": {
		annotations: map[string]string{"sluice.dev/progress-deadline": "60s"}, behaviours: map[string]behaviour{"v2": {neverReady: true}},
		acts:  []act{{immediately, setting("v2")}, {func(w *world) bool { return w.canary != nil }, jumping(-time.Hour)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a clock that goes forward an hour passes no step without a check": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), jumping(time.Hour)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}
