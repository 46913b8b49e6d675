package rollout_test

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// mayRestore reports whether a primary with requests may get its previous template back at once: the canary is bad, or the
// progress deadline has passed without all requests going to it.
func (w *world) mayRestore() bool {
	waited := w.state.Open().WaitingSince != nil && w.now.Sub(w.state.Open().WaitingSince.Time) >= w.policy.ProgressDeadline
	return w.state.Open().Promotion.Restoring && (w.canary == nil || w.canary.Status.AvailableReplicas == 0 || w.isBad(w.weight()) || waited)
}

// returning returns requests in parts to a primary that loses all its pods at once.
func returning(p *config.Policy) { p.StepWeightPromotion = 25 }

// failingAsPrimary removes the primary's pods with v2 after some requests have returned to them.
func failingAsPrimary(canary behaviour) act {
	return act{func(w *world) bool { return w.previous != nil && w.weight() == 50 }, func(w *world) {
		w.tell("the primary's pods fail")
		canary.primaryNotReady = true
		w.behaviours = map[string]behaviour{"v2": canary}
	}}
}

func goingSilent(w *world) {
	w.tell("the gateway reports nothing any more")
	w.silent = true
}

func goingAway(w *world) {
	w.tell("the Gateway is deleted")
	w.gone = true
}

var restoringStories = map[string]story{
	"a primary with strategy Recreate fails while it takes its requests back": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: returning, prepare: recreate,
		acts:  []act{{immediately, setting("v2")}, failingAsPrimary(good)},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a primary with strategy Recreate and its canary fail while requests go back": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: returning, prepare: recreate,
		acts:  []act{{immediately, setting("v2")}, failingAsPrimary(behaviour{neverReady: true})},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a primary with strategy Recreate fails and its canary has too few pods": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: returning, prepare: recreate,
		acts:  []act{{immediately, setting("v2")}, failingAsPrimary(behaviour{successRate: 100, p99: 20, requests: 100, most: 3})},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a primary with strategy Recreate fails while the gateway reports nothing": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: returning, prepare: recreate,
		acts: []act{{immediately, setting("v2")}, failingAsPrimary(good), {immediately, goingSilent},
			{func(w *world) bool { return w.state.Open().Promotion.Restoring && w.previous == nil }, func(w *world) {
				w.tell("the gateway reports again")
				w.silent = false
			}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a newer version comes while a primary with strategy Recreate fails": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good, "v3": good}, policy: returning, prepare: recreate,
		acts: []act{{immediately, setting("v2")}, failingAsPrimary(good), {func(w *world) bool { return w.state.Open().Promotion.Restoring }, func(w *world) {
			w.behaviours["v3"] = good
			w.set("v3")
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a canary loses pods while requests go back bit by bit": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.StepWeightPromotion = 5 },
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil && w.weight() == 15 }, func(w *world) {
			w.tell("only one pod of the canary is left")
			w.behaviours = map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, most: 1}}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a canary that cannot be scaled for the next step fails at the progress deadline": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationStepWeight: "25", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, most: 3}},
		acts:        []act{{immediately, setting("v2")}},
		phase:       v1alpha1.PhaseFailed, version: "v1",
	},
	"the Gateway is deleted while the canary has requests": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), goingAway}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// withWeight is a world whose canary has a weight that is in effect.
func withWeight(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, story{annotations: patient, behaviours: map[string]behaviour{"v2": good}})
	w.tick()
	w.set("v2")
	w.runs(t, atStep(1))
	return w
}

// runs continues ticks and reactions until a condition holds.
func (w *world) runs(t *testing.T, until func(*world) bool) {
	t.Helper()
	for range 1000 {
		if until(w) {
			return
		}
		w.tick()
		w.react()
		w.now = w.now.Add(100 * time.Millisecond)
	}
	t.Fatalf("it does not come to that; it stands at %s: %s", w.state.Phase, w.state.Message)
}

func TestAPreviousTemplateIsPutBackWithoutACanary(t *testing.T) {
	w := newWorld(t, story{annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: returning})
	recreate(w)
	w.tick()
	w.set("v2")
	w.runs(t, func(w *world) bool { return w.previous != nil && w.weight() == 50 })
	w.canary, w.canaryService, w.endpoints, w.route = nil, nil, 0, w.userRoute
	w.react()
	w.state.Rollout.Promotion.Restoring, w.state.CanaryWeight, w.state.Rollout.Canary.Replicas = true, 0, 0
	if plan := planFor(w.policy, w.state, w.observe()); plan.Ask.Key != config.AnnotationRestore {
		t.Errorf("nothing is waited for that is not there: %s", plan)
	}
}

func TestAGatewayWhoseControllerIsAwayIsWaitedFor(t *testing.T) {
	w := withWeight(t)
	w.silent = true
	w.set("v1")
	began := w.now
	for w.now.Sub(began) < w.policy.ProgressDeadline-10*time.Second {
		w.tick()
		w.react()
		w.now = w.now.Add(time.Second)
	}
	if w.state.Phase != v1alpha1.PhaseFinalising || w.canary == nil {
		t.Fatalf("the canary is gone although the gateway may send to it: %s: %s", w.state.Phase, w.state.Message)
	}
	if !strings.Contains(w.state.Message, "the canary is deleted at 12:01:") {
		t.Errorf("does not say when it gives up: %s", w.state.Message)
	}
	w.silent = false
	w.runs(t, inPhase(v1alpha1.PhaseInitialized))
}

func TestHowToGoOnWithoutAPrimary(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		says   string
	}{
		"scaled to 0":               {scaling(0), "kubectl scale deployment podinfo --replicas=N"},
		"none of its pods is ready": {losing(10), "kubectl describe deployment podinfo"},
	} {
		t.Run(name, func(t *testing.T) {
			w := withWeight(t)
			c.change(w)
			w.react()
			w.set("v1")
			w.tick()
			for _, says := range []string{c.says, "kubectl delete canaries.sluice.dev podinfo"} {
				if !strings.Contains(w.state.Message, says) {
					t.Errorf("the message does not say %q: %s", says, w.state.Message)
				}
			}
			if w.weight() == 0 {
				t.Error("nobody answers any more")
			}
		})
	}
}
