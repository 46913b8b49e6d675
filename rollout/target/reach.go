package target

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// MayReach reports whether a route may send to a backend: to one of its own namespace, or to one for which the backend's namespace
// has a ReferenceGrant. It decides for every namespace that a policy, a route or an annotation names.
func MayReach(o observed.World, from route.Key, to route.Backend) bool {
	return from.Namespace == to.Namespace || route.Granted(o.Grants, from, to)
}

// mayName reports whether policies of the Deployment's namespace may name a backend. A policy is used by routes of both kinds,
// so a grant for either is enough. A dry run counts the grants that would be made.
func mayName(o observed.World, to route.Backend) bool {
	isMade := o.DryRun && !o.NoGrants && (len(o.Watched) == 0 || slices.Contains(o.Watched, to.Namespace))
	return isMade || MayReach(o, route.Key{Kind: route.HTTP, Namespace: o.Namespace}, to) || MayReach(o, route.Key{Kind: route.GRPC, Namespace: o.Namespace}, to)
}

// Named is a backend that a policy names, with all fields filled in, and the field that names it.
type Named struct {
	Field   string
	Backend route.Backend
}

// NamedBackends are the backends that a policy names for Deployments of a namespace, those of filters included. A backend without
// a namespace is in the Deployment's.
func NamedBackends(policy config.Policy, namespace string) []Named {
	if policy.Generated == nil {
		return nil
	}
	var found []Named
	add := func(field string, ref gatewayv1.BackendObjectReference) {
		found = append(found, Named{Field: field, Backend: route.BackendOf(ref).FilledIn(namespace)})
	}
	backend := func(field string, own *v1alpha1.Backend) {
		if own == nil {
			return
		}
		add(field+".backendRef", own.BackendRef)
		for i, filter := range own.Filters {
			if filter.RequestMirror != nil {
				add(fmt.Sprintf("%s.filters[%d].requestMirror.backendRef", field, i), filter.RequestMirror.BackendRef)
			}
			if filter.ExternalAuth != nil {
				add(fmt.Sprintf("%s.filters[%d].externalAuth.backendRef", field, i), filter.ExternalAuth.BackendRef)
			}
		}
	}
	backend("service.primaryBackend", policy.Generated.PrimaryBackend)
	backend("service.canaryBackend", policy.Generated.CanaryBackend)
	for i, mirror := range policy.Generated.Mirror {
		add(fmt.Sprintf("service.mirror[%d].backendRef", i), mirror.BackendRef)
	}
	return found
}

// findReach finds a backend of another namespace that the policy names and may not. Whoever writes a policy reaches with it what
// the owners of other namespaces have granted to routes of the policy's namespace, and nothing else.
func findReach(_ *Target, policy config.Policy, o observed.World) string {
	for _, named := range NamedBackends(policy, o.Namespace) {
		if to := named.Backend; !mayName(o, to) {
			return fmt.Sprintf("%s names %s %s/%s, and no ReferenceGrant in namespace %s lets HTTPRoutes of namespace %s send to it: "+
				"ask the owner of that namespace for one, or name a backend in namespace %s",
				named.Field, to.Kind, to.Namespace, to.Name, to.Namespace, o.Namespace, o.Namespace)
		}
	}
	return ""
}

// primaryOf is the backend of the routes that stands for the primary, with all fields filled in.
func primaryOf(policy config.Policy, o observed.World, service string) route.Backend {
	if backend := PrimaryBackend(policy, o.Namespace, service); backend != nil {
		return backend.FilledIn(o.Namespace)
	}
	return route.ServiceBackend(types.NamespacedName{Namespace: o.Namespace, Name: service})
}

// PrimaryOf is the backend that stands for the primary of a target, with all fields filled in.
func (t Target) PrimaryOf(policy config.Policy, o observed.World) route.Backend {
	return primaryOf(policy, o, t.Service.Name)
}

// routesTo returns the routes that send to a backend and that this rollout may write: those of the Deployment's namespace, and
// those of others that send to a backend of that namespace and are granted it. A backend of another namespace, which a policy
// can name, gives no right to the routes of its owner.
func routesTo(o observed.World, backend route.Backend) []route.Route {
	return slices.DeleteFunc(slices.Clone(o.Routes), func(r route.Route) bool {
		isOurs := r.Namespace == o.Namespace || backend.Namespace == o.Namespace && MayReach(o, r.Key(), backend)
		return !isOurs || !route.SendsToBackend(r, backend, o.Namespace)
	})
}

// localFilters names the filters of canaryBackend that refer to an object of the route's namespace; empty when there is none. On a
// route of another namespace that object would be somebody else's.
func localFilters(policy config.Policy) string {
	if policy.Generated == nil || policy.Generated.CanaryBackend == nil {
		return ""
	}
	var found []string
	for i, filter := range policy.Generated.CanaryBackend.Filters {
		if filter.ExtensionRef != nil {
			found = append(found, fmt.Sprintf("service.canaryBackend.filters[%d].extensionRef", i))
		}
	}
	return strings.Join(found, ", ")
}
