package reconciler

import (
	"context"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
)

// kindScaledObject is KEDA's, and labelPolicies are the policies that select pods by labels besides NetworkPolicy. Any of them
// may be unknown to the cluster.
var (
	kindScaledObject = schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}
	labelPolicies    = []schema.GroupVersionKind{
		{Group: "security.istio.io", Version: "v1", Kind: "AuthorizationPolicy"},
		{Group: "security.istio.io", Version: "v1", Kind: "PeerAuthentication"},
		{Group: "cilium.io", Version: "v2", Kind: "CiliumNetworkPolicy"},
	}
)

// readObjects reads what the canary gets copies of, and these copies. Without a rollout nobody asks for them.
func (r *Reconciler) readObjects(ctx context.Context, canary *v1alpha1.Canary, o *rollout.Observation) error {
	if rests(canary, *o) {
		return nil
	}
	var hpas autoscalingv2.HorizontalPodAutoscalerList
	var budgets policyv1.PodDisruptionBudgetList
	var policies networkingv1.NetworkPolicyList
	for _, list := range []client.ObjectList{&hpas, &budgets, &policies} {
		if err := r.Client.List(ctx, list, client.InNamespace(o.Namespace)); err != nil {
			return fmt.Errorf("list %T: %w", list, err)
		}
	}
	scaled, _, err := r.optional(ctx, o.Namespace, kindScaledObject, scalerPatience)
	if err != nil {
		return err
	}
	o.Autoscalers = others(o, canary, hpas.Items, func(h *autoscalingv2.HorizontalPodAutoscaler) workload.Object { return h })
	o.Budgets = others(o, canary, budgets.Items, func(b *policyv1.PodDisruptionBudget) workload.Object { return b })
	o.NetworkPolicies = others(o, canary, policies.Items, func(p *networkingv1.NetworkPolicy) workload.Object { return p })
	o.ScaledObjects = others(o, canary, scaled, func(s *unstructured.Unstructured) workload.Object { return s })
	for _, kind := range labelPolicies {
		found, failing, err := r.optional(ctx, o.Namespace, kind, 0)
		if err != nil {
			return err
		}
		if failing {
			o.Unread = append(o.Unread, kind.Kind)
		}
		o.LabelPolicies = append(o.LabelPolicies, found...)
	}
	return nil
}

// rests reports whether no rollout is open, and none is about to begin or has left anything.
func rests(canary *v1alpha1.Canary, o rollout.Observation) bool {
	return o.Candidate == nil && o.Previous == nil && o.Copy == nil && o.CopyService == nil && !o.Finalizer && !rollout.Active(canary.Status)
}

// others are the objects that were not made for this canary; those that were are noted.
func others[T any](o *rollout.Observation, canary *v1alpha1.Canary, items []T, as func(*T) workload.Object) []T {
	var found []T
	for i := range items {
		if object := as(&items[i]); ours(object, canary) {
			o.Made = append(o.Made, object)
		} else {
			found = append(found, items[i])
		}
	}
	return found
}
