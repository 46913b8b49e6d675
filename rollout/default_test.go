package rollout_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// defaultStories have nothing but the opt-in: the guard judges, on its ladder, by the metrics of the gateway.
var defaultStories = map[string]story{
	"by default, a good version is promoted": {
		behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"by default, a version that fails half of its requests is rolled back": {
		behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .5),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"by default, a newer version replaces the one in flight": {
		behaviours: map[string]behaviour{"v2": good, "v3": good}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"by default, the rollout is aborted": {
		behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(1), func(w *world) { aborting("v2", 0)(w) }}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"by default, a version without any requests is paused, and promoted once somebody says so": {
		behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(0, 0, 0),
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Paused != nil }, func(w *world) {
			promoting("v2", true)(w)
			w.tell("jane lets it go on")
			w.spec.Resume = &v1alpha1.Request{Candidate: "v2", Stamp: v1alpha1.Stamp{By: "jane", At: &metav1.Time{Time: w.now.Add(time.Second)}}}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"by default, the built-in steps and checks are there where no counters can be read": {
		behaviours: map[string]behaviour{"v2": good}, prepare: measureless,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"by default, the built-in checks roll back where no counters can be read": {
		behaviours: map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}}, prepare: measureless,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"by default, a check of the user's rolls back beside the guard": {
		annotations: map[string]string{config.AnnotationMinSuccessRate: "99"},
		behaviours:  map[string]behaviour{"v2": {successRate: 95, p99: 20, requests: 100}}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}
