package target

import (
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
	name := policy.Service
	if name == "" {
		name = o.Name
	}
	at := slices.IndexFunc(o.Services, func(s corev1.Service) bool { return s.Name == name })
	isOurs := at >= 0 && workload.GeneratedFor(o.Services[at].Labels, o.Name)
	fits := func(s corev1.Service) bool { return policy.Service == "" || s.Name == policy.Service }
	if !isOurs && slices.ContainsFunc(workload.ServicesOf(o.Primary, o.Services), fits) {
		return nil, ""
	}
	switch {
	case at >= 0 && !isOurs:
		return nil, fmt.Sprintf("Service %s exists but does not select the pods of Deployment %s and was not created by Sluice: correct its selector, "+
			"or set service.name to another name", name, o.Name)
	case len(validation.IsDNS1035Label(name)) > 0:
		return nil, fmt.Sprintf("no Service can be named %s: set service.name to at most 63 lower-case letters, digits and hyphens that start with a letter", name)
	}
	return workload.MakeService(name, o.Primary, *policy.Generated), ""
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
	own := route.Key{Kind: route.HTTP, Namespace: o.Namespace, Name: made.Name}
	isOurs := func(r route.Route) bool { return IsGenerated(o, r) }
	if len(sendingTo(policy, o, service.Name)) > 0 && !slices.ContainsFunc(o.Routes, isOurs) {
		return nil, ""
	}
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
