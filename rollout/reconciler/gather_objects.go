package reconciler

import (
	"context"
	"fmt"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/workload"
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
	scaled, err := r.optional(ctx, o.Namespace, kindScaledObject)
	if err != nil {
		return err
	}
	o.Autoscalers = others(o, canary, hpas.Items, func(h *autoscalingv2.HorizontalPodAutoscaler) workload.Object { return h })
	o.Budgets = others(o, canary, budgets.Items, func(b *policyv1.PodDisruptionBudget) workload.Object { return b })
	o.NetworkPolicies = others(o, canary, policies.Items, func(p *networkingv1.NetworkPolicy) workload.Object { return p })
	o.ScaledObjects = others(o, canary, scaled, func(s *unstructured.Unstructured) workload.Object { return s })
	for _, kind := range labelPolicies {
		found, err := r.optional(ctx, o.Namespace, kind)
		if err != nil {
			return err
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

// optional lists objects of a kind that the cluster may not know, or that the chart's values do not let us read. They are not
// watched: that would need the permission for as long as the process runs.
func (r *Reconciler) optional(ctx context.Context, namespace string, kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	if r.absent.recently(kind) {
		return nil, nil
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err := r.Live.List(ctx, list, client.InNamespace(namespace))
	if meta.IsNoMatchError(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		r.absent.note(kind)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind.GroupKind(), err)
	}
	return list.Items, nil
}

// absences remembers for a while which kinds could not be read, so that they are not asked for in every tick.
type absences struct {
	mu    sync.Mutex
	noted map[schema.GroupVersionKind]time.Time
}

// absencePeriod is how long a kind that is installed, or that may be read, from now on is not noticed.
const absencePeriod = time.Minute

func (a *absences) recently(kind schema.GroupVersionKind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.noted[kind]) < absencePeriod
}

func (a *absences) note(kind schema.GroupVersionKind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.noted == nil {
		a.noted = map[schema.GroupVersionKind]time.Time{}
	}
	a.noted[kind] = time.Now()
}
