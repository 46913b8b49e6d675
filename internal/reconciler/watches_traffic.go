package reconciler

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// ofService maps a Service whose labels or annotations have changed to the Canaries that use it.
func (r *reader) ofService(ctx context.Context, object client.Object) []ctrl.Request {
	return r.canaries(ctx, object.GetNamespace(), func(canary *v1alpha1.Canary) bool {
		return usesService(canary, r.primaryFor(ctx, canary), object)
	})
}

// ofServiceSpec maps a Service whose spec has changed to the Canaries that use it, and to those with a candidate: no other Service
// may select the pods of their canary, whose labels may not be known yet.
func (r *reader) ofServiceSpec(ctx context.Context, object client.Object) []ctrl.Request {
	return r.canaries(ctx, object.GetNamespace(), func(canary *v1alpha1.Canary) bool {
		primary := r.primaryFor(ctx, canary)
		return observed.Active(canary.Status) || r.memory.records.of(primary).candidate.InFlight() || usesService(canary, primary, object)
	})
}

// primaryFor returns the Deployment of a Canary; nil if there is none or it cannot be read.
func (r *reader) primaryFor(ctx context.Context, canary *v1alpha1.Canary) *appsv1.Deployment {
	primary, err := glimpse(ctx, r, client.ObjectKeyFromObject(canary), &appsv1.Deployment{})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "find out whether a Service concerns a Canary", "canary", client.ObjectKeyFromObject(canary))
	}
	return primary
}

// usesService reports whether a Canary has found a Service or still looks for one, or whether the Service selects its primary.
func usesService(canary *v1alpha1.Canary, primary *appsv1.Deployment, object client.Object) bool {
	name, target := object.GetName(), canary.Status.Target
	switch {
	case isLooking(canary), name == target.Service, name == workload.CanaryServiceName(target.Service), workload.GeneratedFor(object.GetLabels(), canary.Name):
		return true
	case slices.ContainsFunc(canary.Status.Cohort, func(member v1alpha1.CohortStatus) bool { return name == member.Service || name == member.Target }):
		return true
	}
	service, is := object.(*corev1.Service)
	return is && primary != nil && len(workload.ServicesOf(primary, []corev1.Service{*service})) > 0
}

// isLooking reports whether a Canary has not found its Service and its routes yet.
func isLooking(canary *v1alpha1.Canary) bool {
	target := canary.Status.Target
	return target == nil || target.Service == "" || len(target.Routes) == 0
}

// ofServing maps a Gateway, a GatewayClass or a ListenerSet to the Canaries that use the routes that attach to it.
func (r *reader) ofServing(ctx context.Context, object client.Object) []ctrl.Request {
	routes, err := r.attachedTo(ctx, object)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "find the routes that a change concerns", "object", client.ObjectKeyFromObject(object))
		return r.everywhere(ctx, object)
	}
	return r.ofUsers(ctx, routes...)
}

// attachedTo returns the routes that attach to a Gateway, a ListenerSet, or a Gateway of a GatewayClass.
func (r *reader) attachedTo(ctx context.Context, object client.Object) ([]route.Route, error) {
	routes, err := r.listRoutes(ctx, metav1.NamespaceAll)
	if err != nil {
		return nil, err
	}
	serving, err := r.readServing(ctx)
	if err != nil {
		return nil, err
	}
	world := observed.World{Gateways: serving.gateways, ListenerSets: serving.listenerSets}
	key := client.ObjectKeyFromObject(object)
	attaches := func(parent route.Parent) bool {
		behind := world.GatewayBehind(parent)
		switch object.(type) {
		case *gatewayv1.Gateway:
			return behind == key
		case *gatewayv1.GatewayClass:
			gateway := world.Gateway(behind)
			return gateway != nil && string(gateway.Spec.GatewayClassName) == key.Name
		}
		return parent.Kind == route.ParentListenerSet && parent.NamespacedName == key
	}
	return slices.DeleteFunc(routes, func(one route.Route) bool { return !slices.ContainsFunc(route.ParentsOf(one), attaches) }), nil
}

// ofUsers maps routes to the Canaries that use one of them or still look for one.
func (r *reader) ofUsers(ctx context.Context, changed ...route.Route) []ctrl.Request {
	var requests []ctrl.Request
	near := map[string][]route.Route{}
	for _, one := range changed {
		requests = append(requests, r.ofSplits(one)...)
		for _, namespace := range route.Namespaces(one) {
			near[namespace] = append(near[namespace], one)
		}
	}
	for namespace, routes := range near {
		requests = append(requests, r.canaries(ctx, namespace, func(canary *v1alpha1.Canary) bool {
			return slices.ContainsFunc(routes, func(one route.Route) bool { return uses(canary, one) })
		})...)
	}
	return requests
}

// uses reports whether a Canary uses a route, for itself or for its cohort, or still looks for one.
func uses(canary *v1alpha1.Canary, changed route.Route) bool {
	target := canary.Status.Target
	sendsTo := func(service string) bool {
		return route.SendsTo(changed, types.NamespacedName{Namespace: canary.Namespace, Name: service})
	}
	if target == nil || len(target.Routes) == 0 || workload.GeneratedFor(changed.Labels, canary.Name) {
		return true
	}
	return slices.Contains(target.Routes, changed.Key().Short(canary.Namespace)) || sendsTo(target.Service) ||
		slices.ContainsFunc(canary.Status.Cohort, func(member v1alpha1.CohortStatus) bool { return sendsTo(member.Service) })
}
