package target

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// PrimaryBackend is the backend of the routes that stands for the primary; nil when that is its Service.
func PrimaryBackend(policy config.Policy, namespace, service string) *route.Backend {
	if policy.Generated == nil || policy.Generated.PrimaryBackend == nil {
		return nil
	}
	backend := route.BackendOf(policy.Generated.PrimaryBackend.BackendRef)
	if backend.Namespace == namespace {
		backend.Namespace = ""
	}
	if backend == (route.Backend{Name: service}) {
		return nil
	}
	return &backend
}

// sendingTo returns the routes that share the requests for a Service: those that the policy names, otherwise all.
func sendingTo(policy config.Policy, o observed.World, service string) []route.Route {
	found := routesTo(o, primaryOf(policy, o, service))
	if len(policy.Routes) == 0 {
		return found
	}
	return slices.DeleteFunc(found, func(r route.Route) bool { return !slices.Contains(namedRoutes(policy, o), r.Key()) })
}

// namedRoutes are the routes that the policy names.
func namedRoutes(policy config.Policy, o observed.World) []route.Key {
	var keys []route.Key
	for _, ref := range policy.Routes {
		ref.Namespace = cmp.Or(ref.Namespace, o.Namespace)
		keys = append(keys, route.Key(ref))
	}
	return keys
}

// notSending says which route that the policy names does not send to the Service; empty when all do.
func notSending(policy config.Policy, o observed.World, service string) string {
	found := sendingTo(policy, o, service)
	for _, key := range namedRoutes(policy, o) {
		if !slices.ContainsFunc(found, func(r route.Route) bool { return r.Key() == key }) {
			return fmt.Sprintf("%s, named by service.routes or the annotation %s, does not exist, does not send to Service %s, "+
				"or is in another namespace without a ReferenceGrant: correct one of them",
				key.From(o.Namespace), config.AnnotationRoutes, service)
		}
	}
	if backend := PrimaryBackend(policy, o.Namespace, service); backend != nil && policy.Generated.CanaryBackend == nil {
		return fmt.Sprintf("service.primaryBackend is not Service %s, so the canary's backend is unknown: also set service.canaryBackend", service)
	}
	return ""
}

// flaggersPrimary says that the policy names the Service of Flagger's copy of the primary; empty if it does not, or if there is one.
func flaggersPrimary(policy config.Policy, o observed.World, service string) string {
	backend, copied := PrimaryBackend(policy, o.Namespace, service), service+"-primary"
	if backend == nil || *backend != (route.Backend{Name: copied}) || slices.ContainsFunc(o.Services, func(s corev1.Service) bool { return s.Name == copied }) {
		return ""
	}
	return fmt.Sprintf("service.primaryBackend: Service %s does not exist: Flagger makes it for its copy, and here the Deployment itself is the primary: "+
		"name Service %s instead, or leave primaryBackend and canaryBackend out", copied, service)
}

// unfit says why the requests for a Service cannot be split; empty when they can.
func unfit(o observed.World, name string) string {
	at := slices.IndexFunc(o.Services, func(s corev1.Service) bool { return s.Name == name })
	if at == -1 {
		return ""
	}
	switch service := o.Services[at]; {
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		return fmt.Sprintf("Service %s is of type ExternalName and has no pods: name a Service that selects the pods of Deployment %s", name, o.Name)
	case len(service.Spec.Selector) == 0:
		return fmt.Sprintf("Service %s has no selector, so no Service for the canary's pods can be created from it: "+
			"give it a selector that matches the pods of Deployment %s", name, o.Name)
	}
	return ""
}
