package rollout_test

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

var (
	rolling    = map[string]any{}
	recreating = map[string]any{"type": "Recreate"}
)

// settingWith sets a version and fields around the template in one request.
func settingWith(version string, around workload.Around) func(*world) {
	return func(w *world) {
		w.set(version)
		w.tell("with %v", around.Names())
		w.candidate.Around = around
	}
}

var halved = workload.Around{"replicas": {From: int64(10), To: int64(5)}}

var aroundStories = map[string]story{
	"a version comes with the strategy Recreate": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, settingWith("v2", workload.Around{"strategy": {From: rolling, To: recreating}})}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a version that ends the strategy Recreate does not get ready after promotion": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}},
		prepare:     recreate,
		acts:        []act{{immediately, settingWith("v2", workload.Around{"strategy": {From: recreating, To: rolling}})}},
		phase:       v1alpha1.PhaseFailed, version: "v1",
	},
	"a version comes with half of the replicas": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, settingWith("v2", halved)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a version comes with half of the replicas and fails": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}},
		acts:  []act{{immediately, settingWith("v2", halved)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a version comes with half of the replicas of a primary that an autoscaler scales": {
		annotations: half, behaviours: map[string]behaviour{"v2": good}, prepare: autoscaled,
		acts:  []act{{immediately, settingWith("v2", halved)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

// TestWhatChangesWithTheTemplate holds that the fields around a template change with it, and only if it is promoted.
func TestWhatChangesWithTheTemplate(t *testing.T) {
	for name, want := range map[string]int32{
		"a version comes with half of the replicas":           5,
		"a version comes with half of the replicas and fails": 10,
	} {
		w := play(t, aroundStories[name], nil)
		if got := *w.primary.Spec.Replicas; got != want {
			t.Errorf("%s: the primary has %d replicas, not %d", name, got, want)
		}
	}
	autoscaled := play(t, aroundStories["a version comes with half of the replicas of a primary that an autoscaler scales"], nil)
	if got := *autoscaled.primary.Spec.Replicas; got != autoscaled.load {
		t.Errorf("an autoscaled primary has %d replicas, not %d", got, autoscaled.load)
	}
}
