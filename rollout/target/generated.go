package target

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// WantedService is the Service to generate for the policy; nil if the user has one or the policy asks for none. The problem
// says why it cannot be created.
func WantedService(policy config.Policy, o observed.World) (made *corev1.Service, problem string) {
	if policy.Generated == nil || policy.Generated.Port == nil {
		return nil, ""
	}
	if OwnService(policy, o) != "" {
		return nil, ""
	}
	name, at, isOurs := generatedService(policy, o)
	switch {
	case at >= 0 && !isOurs:
		return nil, fmt.Sprintf("Service %s exists but does not select the pods of Deployment %s and was not created by Sluice: correct its selector, "+
			"or set service.name to another name", name, o.Name)
	case len(validation.IsDNS1035Label(name)) > 0:
		return nil, fmt.Sprintf("no Service can be named %s: set service.name to at most 63 lower-case letters, digits and hyphens that start with a letter", name)
	}
	return workload.MakeService(name, o.Primary, *policy.Generated), ""
}

// generatedService returns the name of the Service to generate, where one of that name is, or -1, and whether Sluice generated it.
func generatedService(policy config.Policy, o observed.World) (name string, at int, isOurs bool) {
	name = cmp.Or(policy.Service, o.Name)
	at = slices.IndexFunc(o.Services, func(s corev1.Service) bool { return s.Name == name })
	return name, at, at >= 0 && workload.GeneratedFor(o.Services[at].Labels, o.Name)
}

// OwnService names the user's Service that selects the primary's pods, beside which none is generated; empty if there is none.
func OwnService(policy config.Policy, o observed.World) string {
	if _, _, isOurs := generatedService(policy, o); isOurs {
		return ""
	}
	for _, s := range workload.ServicesOf(o.Primary, o.Services) {
		if policy.Service == "" || s.Name == policy.Service {
			return s.Name
		}
	}
	return ""
}

// OwnRoute is the first of the user's routes that send to a Service, beside which none is generated; nil if there is none.
func OwnRoute(policy config.Policy, o observed.World, service string) *route.Route {
	found := sendingTo(policy, o, service)
	if service == "" || len(found) == 0 || slices.ContainsFunc(o.Routes, func(r route.Route) bool { return IsGenerated(o, r) }) {
		return nil
	}
	return &found[0]
}

// WantedRoute is the HTTPRoute to generate for a Service; nil if the user has a route or the policy asks for none. The
// problem says why it cannot be created.
func WantedRoute(policy config.Policy, o observed.World, service corev1.Service) (made *gatewayv1.HTTPRoute, problem string) {
	if policy.Generated == nil || len(policy.Generated.GatewayRefs) == 0 {
		return nil, ""
	}
	var port int32
	switch {
	case policy.Generated.Port != nil:
		port = *policy.Generated.Port
	case len(service.Spec.Ports) > 0:
		port = service.Spec.Ports[0].Port
	}
	made, errs := route.Generate(o.Namespace, service.Name, port, *policy.Generated)
	if err := errs.ToAggregate(); err != nil {
		return nil, fmt.Sprintf("no route can be created from the policy: %v", err)
	}
	if OwnRoute(policy, o, service.Name) != nil {
		return nil, ""
	}
	own := route.Key{Kind: route.HTTP, Namespace: o.Namespace, Name: made.Name}
	isOurs := func(r route.Route) bool { return IsGenerated(o, r) }
	if slices.ContainsFunc(o.Routes, func(r route.Route) bool { return r.Key() == own && !isOurs(r) }) {
		return nil, fmt.Sprintf("HTTPRoute %s exists but does not send to Service %s and was not created by Sluice: add the Service to its backendRefs, "+
			"or set service.routeName to another name", made.Name, service.Name)
	}
	return made, ""
}

// IsGenerated reports whether Sluice has generated this route for the Deployment.
func IsGenerated(o observed.World, r route.Route) bool {
	return r.Kind == route.HTTP && r.Namespace == o.Namespace && workload.GeneratedFor(r.Labels, o.Name)
}
