package rollout_test

import (
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

func (w *world) applyCanary(intent plan.CanaryIntent) {
	switch intent.Action {
	case plan.CanaryRemove:
		if split := w.split(); split.Weight > 0 || split.Mirror > 0 || len(split.Match) > 0 {
			w.t.Errorf("the canary is removed while the route has the split %s", split.Encode())
		}
		w.canary, w.canaryService, w.endpoints, w.made, w.written = nil, nil, 0, nil, nil
		w.removeControl()
	case plan.CanaryEnsure, plan.CanaryScale:
		w.ensureCanary(intent)
	}
}

// ensureCanary makes the canary and its Service, changes them, or deletes them so that the next tick makes them anew.
func (w *world) ensureCanary(intent plan.CanaryIntent) {
	made := w.makeObjects(intent)
	if w.refused = w.behaviours[versionOf(made.Spec.Template)].refused; w.refused != "" {
		w.refusedAt = w.candidate
		return
	}
	if w.canary != nil && !maps.Equal(w.canary.Spec.Selector.MatchLabels, made.Spec.Selector.MatchLabels) {
		w.deleteCanary(intent)
		return
	}
	w.ensureDeployment(intent, made)
	if intent.Service != "" {
		w.ensureService(intent)
	}
}

func (w *world) ensureDeployment(intent plan.CanaryIntent, made *appsv1.Deployment) {
	switch {
	case w.canary == nil:
		w.uids++
		made.UID, made.Generation = types.UID(fmt.Sprint(w.uids)), 1
		w.canary = made
	case intent.Rewrite || !workload.CanaryID(w.canary).Is(workload.CanaryID(made)) || *w.canary.Spec.Replicas != *made.Spec.Replicas:
		// Only a template that is written is taken over. A scaled canary keeps the one that it has.
		if !intent.Rewrite && workload.CanaryID(w.canary).Is(workload.CanaryID(made)) {
			made.Spec.Template = w.canary.Spec.Template
		}
		made.UID, made.Generation, made.Status = w.canary.UID, w.canary.Generation+1, w.canary.Status
		w.canary = made
	default:
		return
	}
	w.written = observed.WrittenTo(w.canary, w.now)
}

func (w *world) ensureService(intent plan.CanaryIntent) {
	made := workload.MakeCanaryService(&w.service, w.primary, w.canary, metav1.OwnerReference{Name: "podinfo"})
	workload.KeepPorts(made, w.canaryService, route.PortsTo(w.route, types.NamespacedName{Namespace: "test", Name: made.Name}))
	workload.SealPorts(made)
	if w.canaryService != nil && w.canaryService.Name == made.Name {
		made = workload.FollowService(w.canaryService, made)
	} else if w.canaryService != nil && !intent.Replace {
		return
	}
	w.canaryService = made
}

func (w *world) deleteCanary(intent plan.CanaryIntent) {
	if !intent.Replace {
		w.t.Error("the canary would be made anew, and the plan does not say so")
	}
	if sends := w.sends(); sends != "" {
		w.t.Errorf("the canary is made anew while the route has %s", sends)
	}
	w.tell("the canary is deleted to be made anew")
	w.canary, w.endpoints, w.written = nil, 0, nil
}

// sends says what the route sends to the canary; empty when it sends nothing. A route that only takes cookies back sends
// nothing.
func (w *world) sends() string {
	var parts []string
	split := w.split()
	if weight := w.weight(); weight > 0 {
		parts = append(parts, fmt.Sprintf("weight %v", weight))
	}
	if split.Mirror > 0 {
		parts = append(parts, "copies")
	}
	if len(split.Match) > 0 {
		parts = append(parts, "matches")
	}
	return strings.Join(parts, ", ")
}

// broken says why the canary cannot answer what the route sends to it; empty when it can.
func (w *world) broken() string {
	switch {
	case w.canary == nil:
		return "no Deployment"
	case w.canaryService == nil:
		return "no Service"
	case !maps.Equal(w.canaryService.Spec.Selector, w.canary.Spec.Selector.MatchLabels):
		return "a Service without the canary's pods"
	case versionOf(w.canary.Spec.Template) != workload.CanaryID(w.canary).Hash:
		return "another template than the candidate's"
	case w.canary.Status.AvailableReplicas == 0 || w.endpoints == 0:
		return "no ready pod"
	case w.primary.Status.AvailableReplicas > 0 && !w.gone && isRefused(w.route):
		return "a route that the gateway refuses"
	}
	for _, s := range w.others {
		// A primary that runs the same template answers no worse.
		if w.previous == nil && s.Spec.Selector != nil && selects(s, w.canary.Spec.Template.Labels) {
			return "Service " + s.Name + " that sends past the split"
		}
	}
	for _, port := range route.PortsTo(w.route, types.NamespacedName{Namespace: "test", Name: w.canaryService.Name}) {
		have, want := workload.PortOf(w.canaryService, port), workload.PortOf(&w.service, port)
		if have == nil || want != nil && workload.ArePortsEdited(w.canaryService) && have.TargetPort != want.TargetPort {
			return fmt.Sprintf("no port %d", port)
		}
	}
	return ""
}

// isRefused reports whether the gateway does not find a backend of the present route. Others may share the route.
func isRefused(r route.Route) bool {
	if len(r.Parents) == 0 {
		return false
	}
	found := r.Parents[0].Conditions[1]
	return found.ObservedGeneration >= r.Generation && found.Status == metav1.ConditionFalse
}

func selects(s corev1.Service, pod map[string]string) bool {
	for key, value := range s.Spec.Selector {
		if pod[key] != value {
			return false
		}
	}
	return true
}

// checkRule fails if the controller writes anything else before it has taken away what a canary cannot answer. While the
// primary changes, that is no more than the primary can answer instead.
func (w *world) checkRule(p plan.Plan) {
	var broken string
	switch w.planned.Phase {
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion:
		broken = w.broken()
	case v1alpha1.PhasePromoting:
		if broken = w.broken(); w.primary.Status.AvailableReplicas == 0 {
			broken = ""
		} else if broken == "" {
			broken = w.overloaded()
		}
	}
	if sends := w.sends(); sends != "" && broken != "" && w.served {
		w.t.Errorf("the route has %s, the canary has %s, and something else is written first: %s", sends, broken, p)
	}
}

// overloaded says that a pod of the canary gets more of the requests than it got when the weight rose, and more than a pod of the
// primary; empty if none does. While the canary has all requests, pods of the primary with the previous template may get none.
func (w *world) overloaded() string {
	serving, primary, status := min(w.canary.Status.AvailableReplicas, w.endpoints), *w.primary, w.primary.Status
	old := status.Replicas - status.UpdatedReplicas
	if w.weight() == 100 && (old > 0 || status.ObservedGeneration < primary.Generation) {
		return ""
	}
	each, planned := w.weight()/float64(serving), w.perPod
	if each <= planned || each <= (100-w.weight())/float64(status.AvailableReplicas) || serving >= w.enough(w.weight()) {
		return ""
	}
	return fmt.Sprintf("%d pods, of which each has %.1f%%", serving, each)
}

// enough is how many pods of the canary are enough for a weight.
func (w *world) enough(weight float64) int32 {
	return workload.Enough(workload.CanaryReplicas(w.policy.Canary, max(*w.primary.Spec.Replicas, w.load), weight), w.policy.CanaryReadyThreshold)
}
