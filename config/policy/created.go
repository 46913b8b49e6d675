package policy

import (
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
	if spec.Service == nil {
		return nil
	}
	if own == nil {
		return appliesOnly(*spec.Service)
	}
	routed, why, createsRoute := idleRoute(spec, own.Route)
	all := adviceOn(routed, "no effect of ", why)
	served, why, createsService := idleService(*spec.Service, own.Service, createsRoute)
	all = append(all, adviceOn(served, "no effect of ", why)...)
	if spec.Service.Apex != nil && !createsRoute && !createsService {
		all = append(all, adviceOn([]string{"apex"}, "no effect of ", "Sluice creates no Service and no route here; leave it out")...)
	}
	return all
}

// adviceOn is the advice on some fields of spec.service; none if there are none, or nothing is to be said.
func adviceOn(names []string, before, after string) []Advice {
	if len(names) == 0 || after == "" {
		return nil
	}
	return []Advice{{specPath.Child("service").String(), before + listed(names) + ": " + after}}
}

// appliesOnly says of a policy alone what applies only to created objects.
func appliesOnly(s v1alpha1.ServiceSpec) []Advice {
	routed, served := names(routeParts(s)), names(serviceParts(s))
	if s.Apex != nil {
		routed, served = append(routed, "apex"), append(served, "apex")
	}
	return append(adviceOn(routed, "only a route that Sluice creates follows ", "beside a route of your own, set the same there"),
		adviceOn(served, "only a Service that Sluice creates follows ", "beside a Service of your own, set the same there")...)
}

// stays says that an object is the user's.
func stays(own string) string {
	return own + " is yours and stays as you wrote it; set the same there, or leave it out"
}

// idleRoute returns the fields about a route that have no effect, why, and whether a route is created.
func idleRoute(spec v1alpha1.PolicySpec, own string) (fields []string, why string, creates bool) {
	s := *spec.Service
	switch fields = names(routeParts(s)); {
	case hasNoTraffic(spec):
		return slices.Concat(names(splitParts(s)), fields), "with traffic: None no requests are split; leave it out, or set traffic: Routes", false
	case own != "":
		return fields, stays(own), false
	case len(s.GatewayRefs) == 0:
		return fields, "without gatewayRefs Sluice creates no route; set gatewayRefs, or set the same in a route of your own", false
	}
	return nil, "", true
}

// idleService returns the fields about a Service that have no effect, why, and whether a Service is created. The port is also that of
// the backends of a created route.
func idleService(s v1alpha1.ServiceSpec, own string, createsRoute bool) (fields []string, why string, creates bool) {
	fields = slices.DeleteFunc(names(serviceParts(s)), func(name string) bool { return createsRoute && name == "port" })
	switch {
	case own != "":
		return fields, stays(own), false
	case s.Port == nil:
		return fields, "without port Sluice creates no Service; set port, or set the same in a Service of your own", false
	}
	return nil, "", true
}

func hasNoTraffic(spec v1alpha1.PolicySpec) bool {
	return ptr.Deref(spec.Traffic, v1alpha1.TrafficRoutes) == v1alpha1.TrafficNone
}
