package reconciler

import (
	"context"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// kindScaledObject is KEDA's. The cluster may lack it.
var kindScaledObject = schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}

// surroundings are the objects of the namespace that may concern the canary. The first four lists leave out the objects that
// were created for this canary. made holds those.
type surroundings struct {
	autoscalers     []autoscalingv2.HorizontalPodAutoscaler
	scaledObjects   []unstructured.Unstructured
	budgets         []policyv1.PodDisruptionBudget
	networkPolicies []networkingv1.NetworkPolicy
	made            []workload.Object
}

func (r *reader) readSurroundings(ctx context.Context, canary *v1alpha1.Canary) (s surroundings, err error) {
	var hpas autoscalingv2.HorizontalPodAutoscalerList
	var budgets policyv1.PodDisruptionBudgetList
	var policies networkingv1.NetworkPolicyList
	for _, list := range []client.ObjectList{&hpas, &budgets, &policies} {
		if err := r.share(ctx, list, client.InNamespace(canary.Namespace)); err != nil {
			return s, err
		}
	}
	scaled, err := r.optional(ctx, canary.Namespace, kindScaledObject)
	if err != nil {
		return s, err
	}
	var madeHPAs, madeBudgets, madePolicies, madeScaled []workload.Object
	s.autoscalers, madeHPAs = apart(canary, hpas.Items, func(h *autoscalingv2.HorizontalPodAutoscaler) workload.Object { return h })
	s.budgets, madeBudgets = apart(canary, budgets.Items, func(b *policyv1.PodDisruptionBudget) workload.Object { return b })
	s.networkPolicies, madePolicies = apart(canary, policies.Items, func(p *networkingv1.NetworkPolicy) workload.Object { return p })
	s.scaledObjects, madeScaled = apart(canary, scaled, func(s *unstructured.Unstructured) workload.Object { return s })
	s.made = slices.Concat(madeHPAs, madeBudgets, madePolicies, madeScaled)
	return s, nil
}

// apart separates the objects that were created for this canary from the others.
func apart[T any](canary *v1alpha1.Canary, items []T, as func(*T) workload.Object) (others []T, made []workload.Object) {
	for i := range items {
		if object := as(&items[i]); ours(object, canary) {
			made = append(made, object)
		} else {
			others = append(others, items[i])
		}
	}
	return others, made
}
