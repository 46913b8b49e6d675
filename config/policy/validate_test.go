package policy

import (
	"os"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

// wrongParts are policies with one wrong layer: the path of the error and a part of its message.
var wrongParts = map[string]struct{ spec, at, says string }{
	"a weight that is too fine":          {"analysis: {stepWeight: 0.015}", "spec.analysis.stepWeight", "with at most two decimals"},
	"a baseline that is none":            {"analysis: {guard: {baseline: old}}", "spec.analysis.guard.baseline", "must be one of primary"},
	"weights that fall":                  {"analysis: {stepWeights: [5, 1]}", "spec.analysis.stepWeights[1]", "must rise"},
	"steps that fall":                    {"analysis: {steps: [{weight: 5}, {weight: 1}]}", "spec.analysis.steps[1].weight", "must not be less"},
	"a moment of unavailability":         {"{unavailableAfterSeconds: 29}", "spec.unavailableAfterSeconds", "from 30 to"},
	"a step without a time":              {"analysis: {steps: [{weight: 5, duration: 0s}]}", "spec.analysis.steps[0].duration", "at least 1s"},
	"mirroring beside weights alone":     {"analysis: {mirror: true, stepWeight: 5}", "spec.analysis.mirror", "set iterations, during which requests are mirrored"},
	"two ways to say the weights":        {"analysis: {stepWeight: 5, steps: [{weight: 5}]}", "spec.analysis", "only one of stepWeight, stepWeights and steps"},
	"a threshold of 0":                   {"analysis: {threshold: 0}", "spec.analysis.threshold", "from 1 to"},
	"iterations without end":             {"analysis: {iterations: 501}", "spec.analysis.iterations", "from 0 to 500"},
	"a negative hold":                    {"analysis: {hold: -1s}", "spec.analysis.hold", "at least 0s"},
	"a match of everything":              {"analysis: {match: [{}]}", "spec.analysis.match[0]", "matches every request"},
	"a match by path":                    {"analysis: {match: [{uri: {prefix: /}}]}", "spec.analysis.match[0].uri", "only in service.match"},
	"a match in two ways":                {"analysis: {match: [{headers: {a: {exact: b, regex: c}}}]}", "spec.analysis.match[0].headers[a]", "exactly one of"},
	"a header that is none":              {"analysis: {match: [{headers: {'a b': {exact: b}}}]}", "spec.analysis.match[0].headers[a b]", "without spaces"},
	"a cookie that is none":              {"analysis: {sessionAffinity: {cookieName: 'a b'}}", "spec.analysis.sessionAffinity.cookieName", "without spaces"},
	"the same cookie twice":              {"analysis: {sessionAffinity: {cookieName: a, primaryCookieName: a}}", "spec.analysis.sessionAffinity.primaryCookieName", "must differ"},
	"a path that is none":                {"analysis: {sessionAffinity: {cookieName: a, path: a}}", "spec.analysis.sessionAffinity.path", "must begin with /"},
	"a range that is none":               {"analysis: {metrics: [{name: a, query: b, thresholdRange: {min: 2, max: 1}}]}", "spec.analysis.metrics[0].thresholdRange", "min must not be greater"},
	"a metric without a query":           {"analysis: {metrics: [{name: a, thresholdRange: {max: 1}}]}", "spec.analysis.metrics[0]", "must have query or templateRef"},
	"a metric that cannot fail":          {"analysis: {metrics: [{name: a, query: b}]}", "spec.analysis.metrics[0].thresholdRange", "must have thresholdRange, ratioRange or condition"},
	"a rate beyond 100":                  {"analysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 101}}]}", "spec.analysis.metrics[0].thresholdRange", "from 0 to 100"},
	"a metric twice":                     {"analysis: {metrics: [{name: request-duration}, {name: request-duration}]}", "spec.analysis.metrics[1].name", "Duplicate"},
	"a ratio to nothing":                 {"analysis: {metrics: [{name: a, query: b, ratioRange: {max: 1.2}}]}", "spec.analysis.metrics[0].ratioRange", "ratioRange needs compareTo: primary"},
	"a ratio without ends":               {"analysis: {metrics: [{name: a, query: '{{ target }}', compareTo: primary, ratioRange: {}}]}", "spec.analysis.metrics[0].ratioRange", "must have min, max or both"},
	"a ratio that is none":               {"analysis: {metrics: [{name: a, query: '{{ target }}', compareTo: primary, ratioRange: {min: 2, max: 1}}]}", "spec.analysis.metrics[0].ratioRange", "min must not be greater"},
	"a negative ratio":                   {"analysis: {metrics: [{name: a, query: '{{ target }}', compareTo: primary, ratioRange: {max: -1}}]}", "spec.analysis.metrics[0].ratioRange", "multiples of the primary's value from 0"},
	"a comparison without a limit":       {"analysis: {metrics: [{name: request-duration, compareTo: primary}]}", "spec.analysis.metrics[0].compareTo", "needs ratioRange, or a condition with primary"},
	"a comparison to somebody else":      {"analysis: {metrics: [{name: request-duration, compareTo: canary, ratioRange: {max: 1}}]}", "spec.analysis.metrics[0].compareTo", "must be one of primary"},
	"the same query for both":            {"analysis: {metrics: [{name: a, query: up, compareTo: primary, ratioRange: {max: 1}}]}", "spec.analysis.metrics[0].query", "must use {{ target }}"},
	"a failure limit of 0":               {"analysis: {metrics: [{name: request-duration, failureLimit: 0}]}", "spec.analysis.metrics[0].failureLimit", "from 1 to"},
	"a limit in a row of 0":              {"analysis: {metrics: [{name: request-duration, consecutiveLimit: 0}]}", "spec.analysis.metrics[0].consecutiveLimit", "from 1 to"},
	"no such thing as no data":           {"analysis: {metrics: [{name: request-duration, noData: ignore}]}", "spec.analysis.metrics[0].noData", "must be one of fail, skip, inconclusive"},
	"half of a pair":                     {"analysis: {metrics: [{name: a, bad: '{{ target }}'}]}", "spec.analysis.metrics[0]", "must have both bad and total, or neither"},
	"the other half of a pair":           {"analysis: {metrics: [{name: a, total: '{{ target }}'}]}", "spec.analysis.metrics[0]", "must have both bad and total, or neither"},
	"a pair with a query":                {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', query: up}]}", "spec.analysis.metrics[0]", "must have either bad and total, or query"},
	"a pair with a template":             {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', templateRef: {name: a}}]}", "spec.analysis.metrics[0]", "must have either bad and total, or query"},
	"a pair with a condition":            {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', condition: value < 1}]}", "spec.analysis.metrics[0]", "must have either bad and total, or query"},
	"a pair with a ratio":                {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', ratioRange: {max: 2}}]}", "spec.analysis.metrics[0]", "must have either bad and total, or query"},
	"a pair that looks back":             {"analysis: {metrics: [{name: a, bad: 'increase(x{a=\"{{ target }}\"}[{{ interval }}])', total: '{{ target }}'}]}", "spec.analysis.metrics[0].bad", "must not use {{ interval }}"},
	"a pair of the primary":              {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: up}]}", "spec.analysis.metrics[0].total", "must use {{ target }}"},
	"a pair that is too long":            {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}" + strings.Repeat("x", 16384) + "'}]}", "spec.analysis.metrics[0].total", "at most 16384 bytes"},
	"a pair with a window":               {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', interval: 1m}]}", "spec.analysis.metrics[0].interval", "remove interval"},
	"a pair that may fail":               {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', failureLimit: 3}]}", "spec.analysis.metrics[0].failureLimit", "remove failureLimit"},
	"a pair with the old threshold":      {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', threshold: 1}]}", "spec.analysis.metrics[0].threshold", "remove threshold"},
	"a pair with a least value":          {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', thresholdRange: {min: 1}}]}", "spec.analysis.metrics[0].thresholdRange", "must have only max"},
	"a pair of which all may be bad":     {"analysis: {metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}', thresholdRange: {max: 51}}]}", "spec.analysis.metrics[0].thresholdRange", "above 0 and at most 50"},
	"a condition that is none":           {"analysis: {metrics: [{name: request-duration, condition: value <}]}", "spec.analysis.metrics[0].condition", "is not a CEL expression that can be used"},
	"a condition of what is not asked":   {"analysis: {metrics: [{name: request-duration, condition: value < primary}]}", "spec.analysis.metrics[0].condition", "primary needs compareTo: primary"},
	"a condition that is too long":       {"analysis: {metrics: [{name: request-duration, condition: 'value < 1.0" + strings.Repeat(" ", 1024) + "'}]}", "spec.analysis.metrics[0].condition", "at most 1024 bytes"},
	"a hook without a host":              {"analysis: {webhooks: [{name: a, url: 'http://'}]}", "spec.analysis.webhooks[0].url", "must be a URL"},
	"a hook that may take for days":      {"analysis: {webhooks: [{name: a, url: 'http://a', timeout: 8760h}]}", "spec.analysis.webhooks[0].timeout", "at most 10m0s"},
	"a hook with too much metadata":      {"analysis: {webhooks: [{name: a, url: 'http://a', metadata: {k: " + strings.Repeat("x", 16<<10) + "}}]}", "spec.analysis.webhooks[0].metadata", "at most 16384 bytes"},
	"a hook of an unknown type":          {"analysis: {webhooks: [{name: a, url: 'http://a', type: b}]}", "spec.analysis.webhooks[0].type", "must be one of"},
	"an alert to nobody":                 {"analysis: {alerts: [{name: a, providerRef: {name: ''}}]}", "spec.analysis.alerts[0].providerRef.name", "name an AlertProvider"},
	"an unknown preset":                  {"analysis: {preset: datadog}", "spec.analysis.preset", "must be one of app"},
	"a gateway without a name":           {"service: {gatewayRefs: [{namespace: a}]}", "spec.service.gatewayRefs[0].name", "name a Gateway"},
	"a host that is none":                {"service: {hosts: ['a_b']}", "spec.service.hosts[0]", "must be a host name"},
	"a timeout that routes lack":         {"service: {timeout: 1.5s}", "spec.service.timeout", "that HTTPRoutes allow"},
	"a maximal age that is none":         {"service: {corsPolicy: {maxAge: 1y}}", "spec.service.corsPolicy.maxAge", "such as 24h or 1d"},
	"a method that no route knows":       {"analysis: {match: [{method: {exact: FETCH}}]}", "spec.analysis.match[0].method.exact", "must be one of GET"},
	"a header twice":                     {"analysis: {match: [{headers: {a: {exact: b}, A: {exact: b}}}]}", "spec.analysis.match[0].headers[a]", "match each header once"},
	"two cookies in one match":           {"service: {match: [{cookies: {a: {exact: b}, c: {exact: d}}}]}", "spec.service.match[0].cookies[c]", "match each header once"},
	"a header with a line break":         {`analysis: {match: [{headers: {a: {exact: "b\nc"}}}]}`, "spec.analysis.match[0].headers[a]", "visible ASCII"},
	"a parameter that is too long":       {"service: {match: [{queryParams: {a: {exact: " + strings.Repeat("a", 1025) + "}}}]}", "spec.service.match[0].queryParams[a]", "at most 1024 bytes"},
	"a prefix that is too long as regex": {"service: {match: [{queryParams: {a: {prefix: " + strings.Repeat(".", 600) + "}}}]}", "spec.service.match[0].queryParams[a]", "at most 1024 bytes"},
	"a path without a slash":             {"service: {match: [{uri: {prefix: shop}}]}", "spec.service.match[0].uri", "begins with /"},
	"a path that goes up":                {"service: {match: [{uri: {exact: /a/../b}}]}", "spec.service.match[0].uri", "has none of"},
	"a backend that may take longer":     {"service: {timeout: 1s, backendTimeout: 2s}", "spec.service.backendTimeout", "must not be longer than timeout, which is 1s"},
	"an attempt that may take longer":    {"service: {timeout: 1s, retries: {perTryTimeout: 2s}}", "spec.service.retries.perTryTimeout", "must not be longer than timeout"},
	"the same parent twice":              {"service: {gatewayRefs: [{name: a, sectionName: b}, {name: a}]}", "spec.service.gatewayRefs[1]", "its own sectionName or port"},
	"a prefix of several matches":        {"service: {match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], rewrite: {uri: /, type: ReplacePrefixMatch}}", "spec.service.rewrite.type", "exactly one match"},
	"a rewrite of nothing":               {"service: {rewrite: {}}", "spec.service.rewrite", "rewrites nothing"},
	"a rewrite to a port":                {"service: {rewrite: {authority: 'shop:80'}}", "spec.service.rewrite.authority", "without a port"},
	"a header name with a space":         {"service: {headers: {request: {set: {a b: c}}}}", "spec.service.headers.request.set[a b]", "without spaces"},
	"an empty header":                    {"service: {headers: {response: {add: {a: ''}}}}", "spec.service.headers.response.add[a]", "visible ASCII"},
	"a header removed twice":             {"service: {headers: {request: {remove: [a, a]}}}", "spec.service.headers.request.remove[1]", "Duplicate"},
	"an origin with a path":              {"service: {corsPolicy: {allowOrigin: ['https://a.example/b']}}", "spec.service.corsPolicy.allowOrigin[0]", "an origin such as"},
	"all origins and one":                {"service: {corsPolicy: {allowOrigin: ['*'], allowOrigins: [{exact: 'https://a'}]}}", "spec.service.corsPolicy.allowOrigin[0]", "must stand alone"},
	"a method of CORS":                   {"service: {corsPolicy: {allowMethods: [get]}}", "spec.service.corsPolicy.allowMethods[0]", "must be one of GET"},
	"mirrored in two ways":               {"service: {mirror: [{backendRef: {name: a, port: 80}, percent: 1, fraction: {numerator: 1}}]}", "spec.service.mirror[0]", "only one of both"},
	"the same filter twice":              {"service: {canaryBackend: {backendRef: {name: a, port: 80}, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}, {type: RequestHeaderModifier, requestHeaderModifier: {remove: [b]}}]}}", "spec.service.canaryBackend.filters[1].type", "is there already"},
	"the name of a port":                 {"service: {portName: WEB}", "spec.service.portName", "lower-case letters"},
	"a protocol with a space":            {"service: {appProtocol: http 2}", "spec.service.appProtocol", "such as http"},
	"a condition of Envoy alone":         {"service: {retries: {retryOn: '5xx, cancelled'}}", "spec.service.retries.retryOn", "cancelled does not exist in the Gateway API"},
	"a code that is no error":            {"service: {retries: {retryOn: '200'}}", "spec.service.retries.retryOn", "200 does not exist"},
	"an autoscaler of another API":       {"autoscalerRef: {apiVersion: keda.sh/v1alpha1, kind: HorizontalPodAutoscaler, name: a}", "spec.autoscalerRef.apiVersion", "which is autoscaling"},
	"authentication at a backend": {"service: {canaryBackend: {backendRef: {name: a, port: 80}, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}, externalAuth: {protocol: HTTP, backendRef: {name: b, port: 80}, http: {path: /}}}]}}",
		"spec.service.canaryBackend.filters[0].externalAuth", "attach your gateway's policy"},
	"an origin by regex":              {"service: {corsPolicy: {allowOrigins: [{regex: a}]}}", "spec.service.corsPolicy.allowOrigins[0]", "only whole origins"},
	"an origin by its prefix":         {"service: {corsPolicy: {allowOrigins: [{prefix: a}]}}", "spec.service.corsPolicy.allowOrigins[0]", "only whole origins"},
	"a label of ours":                 {"service: {canary: {labels: {sluice.dev/role: a}}}", "spec.service.canary.labels[sluice.dev/role]", "not Sluice's own"},
	"a port beyond all":               {"service: {targetPort: 70000}", "spec.service.targetPort", "from 1 to 65535"},
	"a template of another kind":      {"canary: {template: [a]}", "spec.canary.template", "must be an object"},
	"a template with a mistyped key":  {"canary: {template: {spec: {nodeSelektor: {}}}}", "spec.canary.template", "nodeSelektor"},
	"a template with a wrong type":    {"canary: {template: {spec: {nodeSelector: a}}}", "spec.canary.template", "strategic merge patch"},
	"a template of too many values":   {"canary: {template: {spec: {tolerations: [" + strings.Repeat("{},", 20000) + "]}}}", "spec.canary.template", "more than 20000 values"},
	"a template that names the pods":  {"canary: {template: {metadata: {name: a}}}", "spec.canary.template", "must not set name"},
	"a template with a label of ours": {"canary: {template: {metadata: {labels: {sluice.dev/role: primary}}}}", "spec.canary.template", "Sluice's own"},
	"replicas of nothing":             {"canary: {replicas: '0'}", "spec.canary.replicas", "must be Proportional"},
	"an autoscaler of another kind":   {"autoscalerRef: {kind: VerticalPodAutoscaler, name: a}", "spec.autoscalerRef.kind", "must be one of"},
}

func pairNamed(name string) string {
	return "{name: " + name + ", bad: '{{ target }}', total: '{{ target }}'}"
}

func TestValidatePolicy(t *testing.T) {
	for name, c := range wrongParts {
		t.Run(name, func(t *testing.T) {
			errs := Validate(specOf(t, c.spec))
			if len(errs) != 1 || errs[0].Field != c.at || !strings.Contains(errs[0].Error(), c.says) {
				t.Errorf("got %v, which does not say %q at %s", errs, c.says, c.at)
			}
		})
	}
	if errs := Validate(specOf(t, "{analysis: {mirrorWeight: 5, hold: 0s}, canary: {template: {spec: {nodeSelector: {a: b}, containers: [{name: web, resources: {limits: {cpu: 1}}}]}}}}")); len(errs) > 0 {
		t.Errorf("a part of a policy: %v", errs)
	}
}

func TestPolicyOfChecksWhatGoesTogether(t *testing.T) {
	for name, c := range map[string]struct{ spec, at, says string }{
		"a pair without the guard": {"analysis: {guard: {enabled: false}, metrics: [{name: a, bad: '{{ target }}', total: '{{ target }}'}]}", "spec.analysis.metrics[0]", "only the guard can test bad and total"},
		"too many pairs": {"analysis: {guard: {enabled: true}, metrics: [" + strings.Join([]string{pairNamed("a"), pairNamed("b"), pairNamed("c"), pairNamed("d"), pairNamed("e"), pairNamed("f"), pairNamed("g"), pairNamed("h"), pairNamed("i")}, ", ") + "]}",
			"spec.analysis.metrics", "at most 8 metrics with bad and total"},
		"mirroring at no time":             {"analysis: {mirror: true}", "spec.analysis.mirror", "set iterations"},
		"a share of mirroring that is off": {"analysis: {iterations: 3, mirrorWeight: 5}", "spec.analysis.mirrorWeight", "needs mirror: true"},
		"a control beside testers":         {"analysis: {guard: {enabled: true, baseline: fresh}, match: [{headers: {a: {exact: b}}}]}", "spec.analysis.guard.baseline", "remove match, or set baseline: primary"},
		"a control of iterations":          {"analysis: {iterations: 3, guard: {enabled: true, baseline: fresh}}", "spec.analysis.guard.baseline", "remove iterations"},
		"a control of sticky users":        {"analysis: {guard: {enabled: true, baseline: fresh}, sessionAffinity: {cookieName: a}}", "spec.analysis.guard.baseline", "remove sessionAffinity"},
		"a control without traffic":        {"{traffic: None, analysis: {guard: {enabled: true, baseline: fresh}}}", "spec.analysis.guard.baseline", "remove traffic: None"},
		"a control beside copies":          {"analysis: {steps: [{weight: 0, mirrorWeight: 5}, {weight: 5}], guard: {enabled: true, baseline: fresh}}", "spec.analysis.guard.baseline", "remove mirror"},
		"a control beside own backends":    {"{service: {canaryBackend: {backendRef: {name: a}}}, analysis: {guard: {enabled: true, baseline: fresh}}}", "spec.analysis.guard.baseline", "remove service.primaryBackend and canaryBackend"},
		"a control that gets too much":     {"analysis: {stepWeights: [10, 51], guard: {enabled: true, baseline: fresh}}", "spec.analysis.guard.baseline", "no weight may be above 50"},
		"a control that rises too far":     {"analysis: {stepWeight: 10, maxWeight: 60, guard: {enabled: true, baseline: fresh}}", "spec.analysis.guard.baseline", "no weight may be above 50"},
		"no step at all":                   {"analysis: {stepWeight: 0}", "spec.analysis.stepWeight", "the rollout would have no steps"},
		"affinity to nothing":              {"analysis: {iterations: 3, sessionAffinity: {cookieName: a}}", "spec.analysis.sessionAffinity", "has no effect without"},
		"requests to match, without any":   {"{traffic: None, analysis: {match: [{headers: {a: {exact: b}}}]}}", "spec.analysis.match", "traffic: None"},
		"cookies without requests":         {"{traffic: None, analysis: {sessionAffinity: {cookieName: a}}}", "spec.analysis.sessionAffinity", "traffic: None"},
		"steps without end":                {"analysis: {stepWeight: 0.01}", "spec.analysis.stepWeight", "stepWeight makes too many steps up to maxWeight"},
		"steps and iterations":             {"analysis: {stepWeight: 0.2, maxWeight: 60, iterations: 201}", "spec.analysis.stepWeight", "would make 501 steps"},
		"iterations and steps":             {"analysis: {stepWeights: [1, 2], iterations: 499}", "spec.analysis.iterations", "would make 501 steps"},
		"as many steps as there may be":    {"analysis: {stepWeight: 0.07, maxWeight: 35}", "", ""},
		"both as many as there may be":     {"analysis: {stepWeight: 0.2, maxWeight: 60, iterations: 200}", "", ""},
		"weights without traffic are fine": {"{traffic: None, analysis: {stepWeight: 20}}", "", ""},
		"mirroring with steps is fine":     {"analysis: {steps: [{weight: 0, mirrorWeight: 10}, {weight: 10}]}", "", ""},
		"without analysis, no step":        {"{skipAnalysis: true, analysis: {stepWeight: 0}}", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := Parse(specOf(t, c.spec))
			if c.at == "" {
				if len(errs) > 0 {
					t.Error(errs)
				}
				return
			}
			if len(errs) != 1 || errs[0].Field != c.at || !strings.Contains(errs[0].Error(), c.says) {
				t.Errorf("got %v, which does not say %q at %s", errs, c.says, c.at)
			}
		})
	}
}

func TestForeignFieldsAreRejectedAsTheSchemaDoes(t *testing.T) {
	content, err := os.ReadFile("../../charts/sluice/files/crds/sluice.dev_canarypolicies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	schema := strings.Join(strings.Fields(string(content)), " ")
	const all = `{targetRef: {a: b}, provider: a, metricsServer: a, ingressRef: {a: b}, routeRef: {a: b}, upstreamRef: {a: b}, canaryAnalysis: {a: b}, revertOnDeletion: true,
service: {gateways: [a], trafficPolicy: {a: b}, delegation: true, meshName: a, backends: [a],
match: [{name: a, sourceLabels: {a: b}, sourceNamespace: a, scheme: {a: b}, authority: {a: b}, port: 80, gateways: [a], ignoreUriCase: true, withoutHeaders: {a: b}}]}}`
	errs := Validate(specOf(t, all))
	if len(errs) != 21 {
		t.Errorf("got %d errors: %v", len(errs), errs)
	}
	for _, err := range errs {
		// A single quote is doubled where YAML has the message in single quotes.
		if !strings.Contains(schema, err.Detail) && !strings.Contains(schema, strings.ReplaceAll(err.Detail, "'", "''")) {
			t.Errorf("%s: the schema does not say %q", err.Field, err.Detail)
		}
	}
}

// FuzzPolicyOf checks that no policy, however odd, causes a panic or passes with errors.
func FuzzPolicyOf(f *testing.F) {
	for _, c := range wrongParts {
		f.Add(c.spec)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var spec v1alpha1.PolicySpec
		if err := unmarshal(text, &spec); err != nil {
			return
		}
		policy, errs := Parse(spec)
		if len(errs) == 0 && (policy.Interval <= 0 || policy.MaxWeight <= 0) {
			t.Errorf("got %+v", policy)
		}
	})
}
