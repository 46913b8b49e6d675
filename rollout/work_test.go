package rollout_test

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// byWork opts a consumer in, with steps of its own: nothing sends requests to it, and its counters judge.
var byWork = map[string]string{config.AnnotationGuard: "true", config.AnnotationStepWeights: "20,50", config.AnnotationInterval: "1m"}

// working judges a workload without requests by what its counters say of its work.
func working(most float64) func(*config.Policy) {
	return func(p *config.Policy) {
		noTraffic(p)
		ordering(most)(p)
	}
}

// consuming has a primary and a canary that take work, of which shares fail.
func consuming(primary, canary float64) func(*world) {
	return inTurnOf(unserved, ordered(primary, canary))
}

// workStories are about workloads that get no requests.
var workStories = map[string]story{
	"a consumer that handles its work as before is promoted by its own counters": {
		annotations: byWork, behaviours: map[string]behaviour{"v2": good}, policy: working(5), prepare: consuming(.01, .01),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a consumer that fails work is rolled back by its own counters": {
		annotations: byWork, behaviours: map[string]behaviour{"v2": good}, policy: working(0), prepare: consuming(.01, .2),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a consumer without work to do pauses until a person decides": {
		annotations: byWork, behaviours: map[string]behaviour{"v2": good}, policy: working(5),
		prepare: inTurnOf(unserved, countedBy(100, .001, .001)),
		acts:    []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Paused != nil }, aborting("v2", 0)}},
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
}
