package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// tiered gives all pods a second label.
func tiered(w *world) {
	w.primary.Spec.Template.Labels = map[string]string{"app": "podinfo", "tier": "web"}
}

// toCanary acts on the canary's objects if there are any.
func toCanary(what string, do func(*world)) func(*world) {
	return func(w *world) {
		if w.canary == nil || w.canaryService == nil {
			return
		}
		w.tell("%s", what)
		do(w)
	}
}

var (
	killing = toCanary("somebody kills the canary's pods", func(w *world) {
		w.canary.Status.AvailableReplicas, w.endpoints = 0, 0
	})
	killingOne = toCanary("somebody kills a pod of the canary", func(w *world) {
		w.canary.Status.AvailableReplicas = max(0, w.canary.Status.AvailableReplicas-1)
		w.endpoints = min(w.endpoints, w.canary.Status.AvailableReplicas)
	})
	deletingDeployment = toCanary("somebody deletes the canary", func(w *world) { w.canary, w.endpoints = nil, 0 })
	deletingService    = toCanary("somebody deletes the canary's Service", func(w *world) { w.canaryService, w.endpoints = nil, 0 })
	editingService     = toCanary("somebody edits a port of the canary's Service", func(w *world) {
		w.canaryService = w.canaryService.DeepCopy()
		w.canaryService.Spec.Ports[0].TargetPort = intstr.FromInt32(1)
	})
	editingSelector = toCanary("somebody edits the selector of the Service of the canary", func(w *world) {
		w.canaryService = w.canaryService.DeepCopy()
		w.canaryService.Spec.Selector, w.endpoints = map[string]string{"app": "podinfo"}, 10
	})
	editingTemplate = toCanary("somebody edits the canary's template", func(w *world) {
		w.canary = w.canary.DeepCopy()
		w.canary.Spec.Template.Spec.Containers[0].Image = "podinfo:v0"
		w.canary.Generation++
	})
)

// scalingCanary raises the canary's generation as an autoscaler does.
var scalingCanary = toCanary("an autoscaler scales the canary", func(w *world) {
	w.canary = w.canary.DeepCopy()
	w.canary.Generation++
})

func addingService(w *world) {
	w.tell("somebody adds a Service for the whole tier")
	w.others = []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "web-metrics"},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"tier": "web"}, Ports: []corev1.ServicePort{{Port: 9797}}}}}
}

func removingService(w *world) {
	w.tell("the Service for the whole tier is gone")
	w.others = nil
}

// movingPort gives the Service another port and moves the route to it. A route of several worlds stays as it is, because it
// has references of the others.
func movingPort(port int32) func(*world) {
	return func(w *world) {
		if w.shares {
			return
		}
		w.tell("the Service gets port %d instead, and the route goes to it", port)
		w.service.Spec.Ports = []corev1.ServicePort{{Port: port, TargetPort: intstr.FromInt32(8080)}}
		for _, r := range []*route.Route{&w.route, &w.userRoute} {
			moved := *r
			moved.Rules = withPort(r.Rules, int64(port)).([]any)
			*r = moved
		}
		w.route.Generation++
		w.rejects = ""
	}
}

// withPort returns decoded JSON in which each reference has this port.
func withPort(value any, port int64) any {
	switch v := value.(type) {
	case []any:
		items := slices.Clone(v)
		for i := range items {
			items[i] = withPort(items[i], port)
		}
		return items
	case map[string]any:
		fields := map[string]any{}
		for key, field := range v {
			if fields[key] = withPort(field, port); key == "port" {
				fields[key] = port
			}
		}
		return fields
	}
	return value
}

func rejecting(why string) func(*world) {
	return func(w *world) {
		w.tell("the gateway says of the route: %q", why)
		w.rejects = why
	}
}

func relabelling(keys string) func(*world) {
	return func(w *world) {
		w.tell("the identity labels are now %s", keys)
		w.policy.IdentityLabels = strings.Split(keys, ",")
	}
}

// then sets v2 and acts once step 2 is in effect, and again once its requests are taken away.
func then(acts ...func(*world)) []act {
	all := []act{{immediately, setting("v2")}}
	for i, do := range acts {
		when := atStep(2)
		if i > 0 {
			when = func(w *world) bool { return w.state.Open().Step.Number == 0 }
		}
		all = append(all, act{when, do})
	}
	return all
}

// flapping crashes whenever step 2 is in effect.
func flapping() []act { return disturbed(atStep(2), crashing, recovering) }

// disturbed sets v2, then disturbs it more often than the failure threshold allows in a row, and recovers once the canary is
// without requests.
func disturbed(when func(*world) bool, disturbs, recovers func(*world)) []act {
	acts := []act{{immediately, setting("v2")}}
	for range 6 {
		acts = append(acts, act{when, disturbs}, act{func(w *world) bool { return w.state.Open().Step.Number == 0 }, recovers})
	}
	return acts
}

var interruptedStories = map[string]story{
	"a killed canary pod costs no check and no step": interruptedStory(killing),
	"a canary that comes and goes is rolled back":    {annotations: quick, behaviours: map[string]behaviour{"v2": good}, acts: flapping(), phase: v1alpha1.PhaseFailed, version: "v1"},
	"a canary that is drained now and then waits at a gate": {annotations: twoSteps, behaviours: map[string]behaviour{"v2": good},
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmPromotion: after(240 * time.Second)}),
		acts:    disturbed(atPhase(v1alpha1.PhaseWaitingPromotion), crashing, recovering), phase: v1alpha1.PhaseSucceeded, version: "v2"},
	"a canary that is edited in the same step again and again is rolled back": {annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: disturbed(atStep(2), editingTemplate, func(*world) {}), phase: v1alpha1.PhaseFailed, version: "v1"},
	"somebody deletes the canary under traffic":                interruptedStory(deletingDeployment),
	"somebody deletes the Service of the canary under traffic": interruptedStory(deletingService),
	"somebody edits a port of the Service of the canary":       interruptedStory(editingService),
	"somebody edits the selector of the Service of the canary": interruptedStory(editingSelector),
	"somebody edits the template of the canary":                interruptedStory(editingTemplate),
	"an autoscaler changes the generation of the canary":       interruptedStory(scalingCanary),
	"a Service for the pods of the canary comes under traffic": interruptedStory(addingService),
	"a Service for the pods of the canary comes and goes":      interruptedStory(addingService, removingService),
	"the identity labels change under traffic":                 interruptedStory(relabelling("app,tier")),
	"the Service gets another port under traffic":              interruptedStory(movingPort(81)),
	"the gateway loses a backend and finds it again":           interruptedStory(rejecting("BackendNotFound"), rejecting("")),
	"the gateway loses a backend for good": {annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationProgressDeadline: "60s"},
		behaviours: map[string]behaviour{"v2": good}, acts: then(rejecting("BackendNotFound")), phase: v1alpha1.PhaseFailed, version: "v1"},
	"somebody edits the template of the canary during promotion": {annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, editingTemplate}},
		phase: v1alpha1.PhaseSucceeded, version: "v2"},
	"nobody gives a canary its weight back at once": {annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: then(losingSplit), phase: v1alpha1.PhaseSucceeded, version: "v2"},
}

// TestAMemberWithoutAnalysisForgetsItsInterruptions waits for the group at a step that has no checks any more.
func TestAMemberWithoutAnalysisForgetsItsInterruptions(t *testing.T) {
	w := newWorld(t, story{annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationGroup: "checkout"}, behaviours: map[string]behaviour{"v2": good}})
	w.peers = func() []observed.Peer {
		waits := observed.State{Phase: v1alpha1.PhaseWaiting, Paused: &v1alpha1.PauseCause{Text: "paused"}}
		return []observed.Peer{{Namespace: "test", Name: "shop", Group: "checkout", Held: true, State: waits}}
	}
	w.tick()
	w.set("v2")
	w.runs(t, atStep(1))
	killing(w)
	w.runs(t, func(w *world) bool { return w.state.Open().Interrupted != nil && w.state.Open().Interrupted.Times == 1 })
	w.runs(t, atStep(1))
	w.policy.SkipAnalysis = true
	if w.tick(); w.state.Open().Interrupted != nil || w.state.Phase != v1alpha1.PhaseProgressing {
		t.Errorf("it stands at %s, interrupted %+v", w.state.Phase, w.state.Open().Interrupted)
	}
}

func losingSplit(w *world) {
	w.tell("the split is lost")
	lost := w.userRoute
	lost.Generation = w.route.Generation + 1
	w.route = lost
}

func interruptedStory(acts ...func(*world)) story {
	return story{annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: tiered, acts: then(acts...),
		phase: v1alpha1.PhaseSucceeded, version: "v2"}
}

// disturbing are acts of others on what belongs to a rollout.
var disturbing = []func(*world){killing, killingOne, shrinking(1), shrinking(2), shrinking(0), deletingDeployment, deletingService, editingService, editingSelector, editingTemplate, scalingCanary,
	addingService, removingService, movingPort(80), movingPort(81), rejecting("BackendNotFound"), rejecting(""), relabelling("app,tier"), relabelling("app")}
