package admission

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// policy returns the manifest of a CanaryPolicy with this spec.
func policy(spec string) string {
	return "apiVersion: sluice.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: standard}\nspec:\n" + spec
}

// expectedAdvice are the warnings about fields of Flagger that have no effect, or only on created objects.
var expectedAdvice = []string{
	"Warning: standard: spec.analysis.alerts: this release sends no alerts",
	"Warning: standard: spec.service: only a route that Sluice creates follows ",
	"Warning: standard: spec.service: only a Service that Sluice creates follows ",
	"Warning: standard: spec.service.unmanagedMetadata: has no effect",
	"Warning: standard: spec.service.match[0].name: has no effect",
	"muteAlert: has no effect",
}

// surprises are the warnings in an output that are not expected.
func surprises(out string) (found []string) {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "Warning") && !slices.ContainsFunc(expectedAdvice, func(advice string) bool { return strings.Contains(line, advice) }) {
			found = append(found, line)
		}
	}
	return found
}

func TestBodiesOfFlaggerAreAccepted(t *testing.T) {
	bodies, err := filepath.Glob("testdata/flagger-*.yaml")
	if err != nil || len(bodies) == 0 {
		t.Fatalf("no bodies: %v", err)
	}
	c := newCluster(t)
	for _, body := range bodies {
		content, err := os.ReadFile(body)
		if err != nil {
			t.Fatal(err)
		}
		for name, apply := range appliers {
			t.Run(filepath.Base(body)+" "+name, func(t *testing.T) {
				c := c.in(t)
				if found := surprises(c.kubectl(policy(string(content)), append(apply, "--validate=strict")...)); len(found) > 0 {
					t.Error(found)
				}
				c.kubectl("", "delete", "canarypolicy", "standard")
			})
		}
	}
}

func TestTheSchemaOfPolicies(t *testing.T) {
	c := newCluster(t)
	for name, row := range map[string]struct{ spec, says string }{
		"targetRef":                      {"  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}", `annotate each Deployment with sluice.dev/canary: "true" and sluice.dev/policy`},
		"provider":                       {"  provider: istio", "provider: only the Gateway API is supported"},
		"metricsServer":                  {"  metricsServer: http://prometheus:9090", "chart value prometheusUrl"},
		"ingressRef":                     {"  ingressRef: {kind: Ingress, name: podinfo}", "ingressRef: only for Ingress controllers"},
		"routeRef":                       {"  routeRef: {kind: ApisixRoute, name: podinfo}", "routeRef: only for APISIX"},
		"upstreamRef":                    {"  upstreamRef: {kind: Upstream, name: podinfo}", "upstreamRef: only for Gloo"},
		"canaryAnalysis":                 {"  canaryAnalysis: {interval: 1m}", "rename it to analysis"},
		"revertOnDeletion":               {"  revertOnDeletion: true", "there is nothing to revert"},
		"gateways":                       {"  service: {gateways: [mesh]}", "gateways: only for Istio's VirtualService; use gatewayRefs"},
		"trafficPolicy":                  {"  service: {trafficPolicy: {tls: {mode: DISABLE}}}", "trafficPolicy: only for Istio's DestinationRule"},
		"delegation":                     {"  service: {delegation: true}", "delegation: only for Istio's VirtualService"},
		"meshName":                       {"  service: {meshName: global}", "meshName and backends: only for App Mesh"},
		"backends":                       {"  service: {backends: [a]}", "meshName and backends: only for App Mesh"},
		"sourceLabels":                   {"  analysis: {match: [{sourceLabels: {app: a}}]}", "cannot match the sender of a request"},
		"sourceNamespace":                {"  service: {match: [{sourceNamespace: a}]}", "cannot match the sender of a request"},
		"scheme":                         {"  service: {match: [{scheme: {exact: https}}]}", "in the Gateway API, listeners define these"},
		"authority":                      {"  service: {match: [{authority: {exact: a}}]}", "in the Gateway API, listeners define these"},
		"port of a match":                {"  service: {match: [{port: 80}]}", "in the Gateway API, listeners define these"},
		"gateways of a match":            {"  service: {match: [{gateways: [mesh]}]}", "in the Gateway API, listeners define these"},
		"ignoreUriCase":                  {"  service: {match: [{ignoreUriCase: true}]}", "use an equivalent regex"},
		"withoutHeaders":                 {"  service: {match: [{withoutHeaders: {a: {exact: b}}}]}", "use an equivalent regex"},
		"uri in the analysis":            {"  analysis: {match: [{uri: {prefix: /}}]}", "uri: supported only in service.match"},
		"a suffix of the uri":            {"  service: {match: [{uri: {suffix: /}}]}", "uri: the Gateway API does not support suffix"},
		"a method by prefix":             {"  analysis: {match: [{method: {prefix: P}}]}", "method: the Gateway API supports only exact"},
		"two ways to match":              {"  analysis: {match: [{headers: {a: {exact: b, prefix: b}}}]}", "exactly one of exact, prefix, suffix and regex"},
		"two kinds of weights":           {"  analysis: {stepWeight: 10, stepWeights: [1, 5]}", "only one of stepWeight, stepWeights and steps"},
		"steps and maxWeight":            {"  analysis: {steps: [{weight: 5}], maxWeight: 50}", "maxWeight applies only to stepWeight"},
		"weights that fall":              {"  analysis: {stepWeights: [5, 1]}", "must rise from one weight to the next"},
		"steps without end":              {"  analysis: {stepWeight: 0.1, maxWeight: 100}", "stepWeight makes too many steps up to maxWeight, and a rollout has at most 500"},
		"iterations without end":         {"  analysis: {iterations: 501}", "less than or equal to 500"},
		"no mirror":                      {"  analysis: {mirror: false, mirrorWeight: 10}", "mirrorWeight needs mirror: true"},
		"mirroring beside weights alone": {"  analysis: {mirror: true, stepWeights: [5, 10]}", "spec.analysis.mirror: Invalid value: would mirror nothing: set iterations, during which requests are mirrored"},
		"a short interval":               {"  analysis: {interval: 10ms}", "must be a duration of at least 1s"},
		"no interval":                    {"  analysis: {interval: soon}", "spec.analysis.interval"},
		"a negative hold":                {"  analysis: {hold: -1s}", "spec.analysis.hold"},
		"a weight beyond 100":            {"  analysis: {stepWeight: 101}", "less than or equal to 100"},
		"a huge threshold":               {"  analysis: {threshold: 3000000000}", "spec.analysis.threshold"},
		"a huge port":                    {"  service: {targetPort: 3000000000}", "must be a port from 1 to 65535"},
		"the same cookie":                {"  analysis: {sessionAffinity: {cookieName: a, primaryCookieName: a}}", "primaryCookieName must differ"},
		"an unknown traffic":             {"  traffic: Some", `supported values: "Routes", "None"`},
		"an unknown hook":                {"  analysis: {webhooks: [{name: a, url: 'http://a', type: sometimes}]}", "spec.analysis.webhooks[0].type"},
		"a URL of another kind":          {"  analysis: {webhooks: [{name: a, url: 'ftp://a'}]}", "spec.analysis.webhooks[0].url"},
		"a canary of nothing":            {"  canary: {replicas: '0'}", "spec.canary.replicas"},
		"a filter of a wrong type":       {"  service: {primaryBackend: {backendRef: {name: a}, filters: [{type: RequestHeaderModifier, requestHeaderModifier: no}]}}", "requestHeaderModifier"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := c.in(t).run(policy(row.spec), "create", "-f", "-"); err == nil || !strings.Contains(out, row.says) {
				t.Errorf("got %s, which does not say %q", out, row.says)
			}
		})
	}
}

func TestARegularExpressionThatCannotBeReadIsWarnedOf(t *testing.T) {
	c := newCluster(t)
	const warning = `Warning: standard: spec.analysis.match[0].headers[user].regex: "(" cannot be read as RE2`
	if out := c.kubectl(policy("  analysis: {iterations: 3, match: [{headers: {user: {regex: '('}}}]}"), "create", "-f", "-"); !strings.Contains(out, warning) {
		t.Errorf("got %s, which does not say %q", out, warning)
	}
}

func TestExplainReadsWell(t *testing.T) {
	c := newCluster(t)
	for field, says := range map[string]string{
		"canarypolicy.spec.analysis.stepWeights":          "stepWeights are the canary's weights in percent, rising",
		"canarypolicy.spec.analysis.steps":                "mirrorWeight is the percentage of requests that is mirrored",
		"clustercanarypolicy.spec.service.primaryBackend": "filters apply to requests to this backend",
	} {
		if out := strings.Join(strings.Fields(c.kubectl("", "explain", field)), " "); !strings.Contains(out, says) {
			t.Errorf("%s: got %s, which does not say %q", field, out, says)
		}
	}
}

func TestPoliciesThatCouldNotBeUsedAreRejectedWithAllThatIsWrong(t *testing.T) {
	c := newCluster(t)
	for _, kind := range []string{"CanaryPolicy", "ClusterCanaryPolicy"} {
		t.Run(kind, func(t *testing.T) {
			c := c.in(t)
			manifest := strings.Replace(policy("  canary: {template: {spec: {nodeSelektor: {pool: canary}}}}\n  analysis: {stepWeights: [0.015]}"),
				"kind: CanaryPolicy", "kind: "+kind, 1)
			out, err := c.run(manifest, "create", "-f", "-")
			if err == nil {
				t.Fatalf("it was created: %s", out)
			}
			for _, says := range []string{"unknown field", "nodeSelektor", "spec.analysis.stepWeights[0]", "with at most two decimals"} {
				if !strings.Contains(out, says) {
					t.Errorf("got %s, which does not say %q", out, says)
				}
			}
		})
	}
}
