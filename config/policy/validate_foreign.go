package policy

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
)

// foreign is a field of another tool that Sluice does not support; help says what to do, in the words of the schema.
type foreign struct {
	name string
	set  bool
	help string
}

func (c *checker) reject(path *field.Path, fields []foreign) {
	for _, f := range fields {
		if f.set {
			c.errs = append(c.errs, field.Forbidden(path.Child(f.name), f.help))
		}
	}
}

func (c *checker) foreign(s v1alpha1.PolicySpec) {
	c.reject(specPath, []foreign{
		{"targetRef", s.TargetRef != nil, `targetRef: a policy applies to any number of Deployments; remove it and annotate each Deployment with sluice.dev/canary: "true" and sluice.dev/policy: <name of this policy>`},
		{"provider", s.Provider != nil, "provider: only the Gateway API is supported; remove it"},
		{"metricsServer", s.MetricsServer != nil, "metricsServer: remove it; Prometheus is set for the controller (chart value prometheusUrl) or in a MetricTemplate"},
		{"ingressRef", s.IngressRef != nil, "ingressRef: only for Ingress controllers; remove it and use service.gatewayRefs"},
		{"routeRef", s.RouteRef != nil, "routeRef: only for APISIX; remove it: Sluice finds routes by their backendRefs, or uses those in service.routes"},
		{"upstreamRef", s.UpstreamRef != nil, "upstreamRef: only for Gloo; remove it and use service.gatewayRefs"},
		{"canaryAnalysis", s.CanaryAnalysis != nil, "canaryAnalysis: the old name of analysis; rename it to analysis"},
		{"revertOnDeletion", s.RevertOnDeletion != nil, "revertOnDeletion: remove it; the Deployment stays the primary, so there is nothing to revert"},
	})
}

func (c *checker) foreignService(path *field.Path, s v1alpha1.ServiceSpec) {
	const appMesh = "meshName and backends: only for App Mesh; remove them"
	c.reject(path, []foreign{
		{"gateways", s.Gateways != nil, "gateways: only for Istio's VirtualService; use gatewayRefs"},
		{"trafficPolicy", s.TrafficPolicy != nil, "trafficPolicy: only for Istio's DestinationRule; remove it and attach your gateway's policy to the Services"},
		{"delegation", s.Delegation != nil, "delegation: only for Istio's VirtualService; remove it: Sluice finds routes in other namespaces by their backendRefs"},
		{"meshName", s.MeshName != nil, appMesh},
		{"backends", s.Backends != nil, appMesh},
	})
}

func (c *checker) foreignMatch(path *field.Path, m v1alpha1.HTTPMatch) {
	const (
		sender   = "sourceLabels and sourceNamespace: the Gateway API cannot match the sender of a request; match a header that the sender sets"
		listener = "scheme, authority, port and gateways: in the Gateway API, listeners define these; use service.gatewayRefs with sectionName or port, and service.hosts"
		neither  = "ignoreUriCase and withoutHeaders: the Gateway API supports neither; use an equivalent regex"
	)
	c.reject(path, []foreign{
		{"sourceLabels", m.SourceLabels != nil, sender}, {"sourceNamespace", m.SourceNamespace != nil, sender},
		{"scheme", m.Scheme != nil, listener}, {"authority", m.Authority != nil, listener},
		{"port", m.Port != nil, listener}, {"gateways", m.Gateways != nil, listener},
		{"ignoreUriCase", m.IgnoreURICase != nil, neither}, {"withoutHeaders", m.WithoutHeaders != nil, neither},
	})
}
