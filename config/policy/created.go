package policy

import (
	"fmt"
	"slices"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
)

// Own names the objects of a Deployment that are the user's, and in whose place Sluice creates none.
type Own struct {
	// Service selects the Deployment's pods, such as Service shop; empty if there is none.
	Service string
	// Route sends to the Service, such as HTTPRoute shop; empty if there is none.
	Route string
}

// part is a field of spec.service.
type part struct {
	name string
	set  bool
}

// names are those of the parts that are set.
func names(parts []part) []string {
	var all []string
	for _, p := range parts {
		if p.set {
			all = append(all, p.name)
		}
	}
	return all
}

// routeParts describe the route that is created.
func routeParts(s v1alpha1.ServiceSpec) []part {
	return []part{
		{"gatewayRefs", len(s.GatewayRefs) > 0}, {"routeName", s.RouteName != nil}, {"hosts", len(s.Hosts) > 0}, {"match", len(s.Match) > 0},
		{"rewrite", s.Rewrite != nil}, {"headers", s.Headers != nil}, {"corsPolicy", s.CorsPolicy != nil}, {"timeout", s.Timeout != nil},
		{"backendTimeout", s.BackendTimeout != nil}, {"retries", s.Retries != nil}, {"mirror", len(s.Mirror) > 0},
		{"primaryBackend.filters", s.PrimaryBackend != nil && len(s.PrimaryBackend.Filters) > 0},
	}
}

// serviceParts describe the Service that is created.
func serviceParts(s v1alpha1.ServiceSpec) []part {
	return []part{
		{"port", s.Port != nil}, {"portName", s.PortName != nil}, {"targetPort", s.TargetPort != nil}, {"appProtocol", s.AppProtocol != nil},
		{"trafficDistribution", s.TrafficDistribution != nil}, {"headless", s.Headless != nil}, {"portDiscovery", s.PortDiscovery != nil},
		{"primary", s.Primary != nil},
	}
}

// splitParts say which requests are split, and how.
func splitParts(s v1alpha1.ServiceSpec) []part {
	return []part{
		{"routes", len(s.Routes) > 0}, {"cohort", len(s.Cohort) > 0}, {"primaryBackend", s.PrimaryBackend != nil}, {"canaryBackend", s.CanaryBackend != nil},
		{"canary", s.Canary != nil},
	}
}

// createdAdvice flags the fields of spec.service that describe a Service or a route which Sluice does not create. A policy alone does
// not show what its Deployments have: own is nil then, and the advice says when the fields have no effect.
func createdAdvice(spec v1alpha1.PolicySpec, own *Own) []Advice {
	s := spec.Service
	if s == nil {
		return nil
	}
	var all []Advice
	say := func(names []string, before, after string, args ...any) {
		if len(names) > 0 {
			all = append(all, Advice{specPath.Child("service").String(), before + listed(names) + ": " + fmt.Sprintf(after, args...)})
		}
	}
	const idle, stays = "no effect of ", "%s is yours and stays as you wrote it; set the same there, or leave it out"
	routed, served := names(routeParts(*s)), names(serviceParts(*s))
	createsRoute, createsService := len(s.GatewayRefs) > 0, s.Port != nil
	switch {
	case own == nil:
		if s.Apex != nil {
			routed, served = append(routed, "apex"), append(served, "apex")
		}
		say(routed, "only a route that Sluice creates follows ", "beside a route of your own, set the same there")
		say(served, "only a Service that Sluice creates follows ", "beside a Service of your own, set the same there")
		return all
	case ptr.Deref(spec.Traffic, v1alpha1.TrafficRoutes) == v1alpha1.TrafficNone:
		say(slices.Concat(names(splitParts(*s)), routed), idle, "with traffic: None no requests are split; leave it out, or set traffic: Routes")
		createsRoute = false
	case own.Route != "":
		say(routed, idle, stays, own.Route)
		createsRoute = false
	case !createsRoute:
		say(routed, idle, "without gatewayRefs Sluice creates no route; set gatewayRefs, or set the same in a route of your own")
	}
	if createsRoute {
		served = slices.DeleteFunc(served, func(name string) bool { return name == "port" })
	}
	switch {
	case own.Service != "":
		say(served, idle, stays, own.Service)
		createsService = false
	case !createsService:
		say(served, idle, "without port Sluice creates no Service; set port, or set the same in a Service of your own")
	}
	if s.Apex != nil && !createsRoute && !createsService {
		say([]string{"apex"}, idle, "Sluice creates no Service and no route here; leave it out")
	}
	return all
}
