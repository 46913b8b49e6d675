package reconciler

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// watch is a kind whose changes cause ticks.
type watch struct {
	kind client.Object
	on   predicate.Predicate
	// ticks maps a changed object to the Deployments to look at.
	ticks handler.MapFunc
}

var (
	// anyChange includes changes of status.
	anyChange = predicate.Funcs{}
	newSpec   = predicate.GenerationChangedPredicate{}
	newLabels = predicate.LabelChangedPredicate{}
	// A Service has no generation.
	newServiceSpec = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return !sameServiceSpec(e) }}
	oldServiceSpec = predicate.Funcs{UpdateFunc: sameServiceSpec, CreateFunc: never[event.CreateEvent], DeleteFunc: never[event.DeleteEvent]}
)

// owned are the kinds that a Canary owns. A change causes a tick of the owner.
var owned = []watch{
	{kind: &appsv1.Deployment{}, on: anyChange},
	{kind: &corev1.Service{}, on: newLabels},
	{kind: &autoscalingv2.HorizontalPodAutoscaler{}, on: newSpec},
	{kind: &policyv1.PodDisruptionBudget{}, on: newSpec},
	{kind: &networkingv1.NetworkPolicy{}, on: newSpec},
}

// watches are the other kinds that the cluster has.
func (r *reader) watches() []watch {
	all := []watch{
		{&appsv1.Deployment{}, anyChange, primaryOf},
		{&corev1.Service{}, newServiceSpec, r.ofServiceSpec},
		{&corev1.Service{}, oldServiceSpec, r.ofService},
		{&discoveryv1.EndpointSlice{}, anyChange, r.ofEndpoints},
		{&gatewayv1.Gateway{}, newSpec, r.ofServing},
		{&gatewayv1.GatewayClass{}, newSpec, r.ofServing},

		{&v1alpha1.Canary{}, anyChange, r.ofGroup},
		{&v1alpha1.Canary{}, newTerms, r.besideInGroup},
		{&v1alpha1.CanaryPolicy{}, newSpec, r.ofPolicy},
		{&v1alpha1.ClusterCanaryPolicy{}, newSpec, r.ofPolicy},
		{&v1alpha1.MetricTemplate{}, newSpec, r.ofTemplate},
		{&v1alpha1.Freeze{}, newSpec, r.ofFreeze},
	}
	for _, kind := range r.known().routes {
		all = append(all, watch{routeObject(kind), anyChange, r.ofRoute})
	}
	if r.known().listenerSets {
		all = append(all, watch{&gatewayv1.ListenerSet{}, newSpec, r.ofServing})
	}
	if version := r.known().grants; version != "" {
		all = append(all, watch{grantOf(version), anyChange, r.ofGrant})
	}
	return all
}

// watchAll makes changes in the cluster and the process's own wake-ups cause ticks.
func (r *Reconciler) watchAll(b *builder.Builder) {
	for _, w := range owned {
		b.Owns(w.kind, builder.WithPredicates(w.on))
	}
	for _, w := range r.watches() {
		b.Watches(w.kind, handler.EnqueueRequestsFromMapFunc(w.ticks), builder.WithPredicates(w.on))
	}
	b.Watches(&v1alpha1.Canary{}, r.memory.urgency.ofCanary())
	b.Watches(&appsv1.Deployment{}, ofRecords())
	for _, woken := range []chan event.GenericEvent{r.memory.hooks.woken, r.memory.samples.woken, r.memory.counters.woken, r.wake} {
		b.WatchesRawSource(source.Channel(woken, &handler.EnqueueRequestForObject{}))
	}
}

func never[T any](T) bool { return false }

func sameServiceSpec(e event.UpdateEvent) bool {
	before, is := e.ObjectOld.(*corev1.Service)
	after, are := e.ObjectNew.(*corev1.Service)
	return is && are && equality.Semantic.DeepEqual(before.Spec, after.Spec)
}

// primaryOf maps a Deployment that is opted in, or just was, to its Canary.
func primaryOf(_ context.Context, object client.Object) []ctrl.Request {
	if _, mentions := object.GetAnnotations()[config.AnnotationCanary]; !mentions {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKeyFromObject(object)}}
}

// canaries returns requests for the Canaries for which the function returns true.
func (r *reader) canaries(ctx context.Context, namespace string, concerns func(*v1alpha1.Canary) bool) []ctrl.Request {
	found, err := r.canariesIn(ctx, namespace)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "find the Canaries that a change concerns", "namespace", namespace)
		return nil
	}
	var requests []ctrl.Request
	for i := range found {
		if concerns(&found[i]) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&found[i])})
		}
	}
	return requests
}

func all(*v1alpha1.Canary) bool { return true }

func (r *reader) everywhere(ctx context.Context, _ client.Object) []ctrl.Request {
	return r.canaries(ctx, metav1.NamespaceAll, all)
}

// ofTemplate maps a MetricTemplate to the Canaries whose policy names it.
func (r *reader) ofTemplate(ctx context.Context, object client.Object) []ctrl.Request {
	return r.canaries(ctx, metav1.NamespaceAll, func(canary *v1alpha1.Canary) bool { return names(canary, client.ObjectKeyFromObject(object)) })
}

// names reports whether the effective policy of a Canary names a MetricTemplate. No policy is in effect while it cannot be read.
func names(canary *v1alpha1.Canary, template types.NamespacedName) bool {
	if policy := canary.Status.Policy; policy == nil || policy.Spec.Analysis == nil {
		return false
	}
	return slices.ContainsFunc(canary.Status.Policy.Spec.Analysis.Metrics, func(metric v1alpha1.Metric) bool {
		return metric.TemplateRef != nil && observed.TemplateName(*metric.TemplateRef, canary.Namespace) == template
	})
}

// ofEndpoints maps an EndpointSlice, which has the labels of its Service, to the Canary of that Service.
func (r *reader) ofEndpoints(ctx context.Context, object client.Object) []ctrl.Request {
	label := object.GetLabels()[config.LabelPrimary]
	return r.canaries(ctx, object.GetNamespace(), func(canary *v1alpha1.Canary) bool {
		return workload.LabelValue(canary.Name) == label
	})
}

// ofRoute maps a route to the Canaries that use it or still look for one.
func (r *reader) ofRoute(ctx context.Context, object client.Object) []ctrl.Request {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	changed, err := route.FromObject(content.Object)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "read a route", "route", client.ObjectKeyFromObject(object))
		return nil
	}
	return r.ofUsers(ctx, changed)
}
