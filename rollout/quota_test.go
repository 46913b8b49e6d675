package rollout_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// limit lets the primary keep its old pods while the quota has no room for another one.
func (w *world) limit() {
	version, status := versionOf(w.primary.Spec.Template), &w.primary.Status
	status.Conditions = nil
	pods := *w.primary.Spec.Replicas
	for _, other := range []*world{w, w.beside} {
		if other != nil && other.canary != nil {
			pods += *other.canary.Spec.Replicas
		}
	}
	recreates := w.primary.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	if w.quota == 0 || recreates || w.rolled == "" || w.rolled == version || pods < w.quota {
		w.rolled = version
		return
	}
	status.UpdatedReplicas, status.AvailableReplicas = 0, *w.primary.Spec.Replicas
	status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue,
		Message: `pods "podinfo" is forbidden: exceeded quota: pods`}}
}

// within limits the number of pods.
func within(replicas, quota int32) func(*world) {
	return func(w *world) { w.primary.Spec.Replicas, w.quota = &replicas, quota }
}

var quotaStories = map[string]story{
	"a quota has room for one pod beside the primary": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: within(1, 2), acts: []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a quota has room for a canary of the primary's size": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.Canary.Replicas.Percent = 100 },
		prepare: within(4, 8), acts: []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a quota has room for the canary, and the primary cannot take all requests": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: within(10, 13), acts: []act{{immediately, setting("v2")}, {atStep(3), losing(2)}, {func(w *world) bool { return w.rolled == "v2" }, losing(0)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a quota has room for a canary without traffic": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		policy: noTraffic, prepare: inTurnOf(unserved, within(1, 2)), acts: []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a quota has no room for the primary even without the canary": {
		annotations: minute, behaviours: map[string]behaviour{"v2": good},
		prepare: within(10, 12), acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, func(w *world) {
			w.tell("the quota is lowered")
			w.quota = 1
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a quota has room for a canary that gets all requests": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: inTurnOf(recreate, within(1, 2)), acts: []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

func inTurnOf(all ...func(*world)) func(*world) {
	return func(w *world) {
		for _, one := range all {
			one(w)
		}
	}
}

// TestAnEditedCanaryThatGivesItsPlaceStaysEdited edits the canary before it is scaled down during the promotion.
func TestAnEditedCanaryThatGivesItsPlaceStaysEdited(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	within(4, 6)(w)
	w.policy.Canary.Replicas.Number = 2
	w.tick()
	w.set("v2")
	w.runs(t, func(w *world) bool { return w.previous != nil })
	editingTemplate(w)
	w.runs(t, func(w *world) bool { return w.state.Open().Promotion.GivenWay != nil })
	if w.runs(t, func(w *world) bool { return *w.canary.Spec.Replicas == 0 }); w.written == nil {
		t.Fatal("the canary is not scaled")
	}
	w.tick()
	if w.state.Open().Canary.Edited == nil {
		t.Errorf("an edited template counts as the candidate, because the canary was scaled: %s", w.state.Message)
	}
}

// TestACanaryThatGaveItsPlaceDoesNotTakeItBack lets another Deployment change the route that both share.
func TestACanaryThatGaveItsPlaceDoesNotTakeItBack(t *testing.T) {
	stuck := good
	stuck.primaryNotReady = true
	w := newWorld(t, story{annotations: minute, behaviours: map[string]behaviour{"v2": stuck}})
	within(1, 2)(w)
	w.tick()
	w.set("v2")
	w.runs(t, func(w *world) bool { return w.previous != nil && *w.canary.Spec.Replicas == 0 })
	w.silent = true
	w.route.Generation++
	if p, _ := w.tick(); p.Canary.Replicas != 0 {
		t.Errorf("the canary gets %d replicas again: %s", p.Canary.Replicas, p)
	}
}
