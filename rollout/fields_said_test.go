package rollout_test

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/admission"
	"sluice.dev/sluice/internal/plugin/lint"
	"sluice.dev/sluice/internal/plugin/manifest"
)

// refused are fields that are in the schema only so that the refusal can say what to do.
var refused = map[string]said{
	"targetRef":        {"targetRef: {name: podinfo}", "annotate each Deployment"},
	"provider":         {"provider: istio", "only the Gateway API is supported"},
	"metricsServer":    {"metricsServer: http://prometheus", "chart value prometheusUrl"},
	"ingressRef":       {"ingressRef: {name: podinfo}", "use service.gatewayRefs"},
	"routeRef":         {"routeRef: {name: podinfo}", "only for APISIX"},
	"upstreamRef":      {"upstreamRef: {name: podinfo}", "only for Gloo"},
	"canaryAnalysis":   {"canaryAnalysis: {interval: 1m}", "rename it to analysis"},
	"revertOnDeletion": {"revertOnDeletion: true", "nothing to revert"},

	"autoscalerRef.apiVersion": {"autoscalerRef: {apiVersion: keda.sh/v1alpha1, kind: HorizontalPodAutoscaler, name: podinfo}", "is not the API of a HorizontalPodAutoscaler"},

	"service.gateways":                         {"service: {gateways: [mesh]}", "use gatewayRefs"},
	"service.trafficPolicy":                    {"service: {trafficPolicy: {}}", "attach your gateway's policy"},
	"service.delegation":                       {"service: {delegation: true}", "finds routes in other namespaces"},
	"service.meshName":                         {"service: {meshName: global}", "only for App Mesh"},
	"service.backends":                         {"service: {backends: [other]}", "only for App Mesh"},
	"service.corsPolicy.allowOrigins[].prefix": {"service: {corsPolicy: {allowOrigins: [{prefix: https}]}}", "supports only whole origins"},
	"service.corsPolicy.allowOrigins[].suffix": {"service: {corsPolicy: {allowOrigins: [{suffix: example.com}]}}", "supports only whole origins"},
	"service.corsPolicy.allowOrigins[].regex":  {"service: {corsPolicy: {allowOrigins: [{regex: a}]}}", "supports only whole origins"},

	"service.match[].uri.suffix":      {"service: {match: [{uri: {suffix: .html}}]}", "use exact, prefix or regex"},
	"service.match[].method.prefix":   {"service: {match: [{method: {prefix: P}}]}", "supports only exact"},
	"service.match[].method.suffix":   {"service: {match: [{method: {suffix: T}}]}", "supports only exact"},
	"service.match[].method.regex":    {"service: {match: [{method: {regex: P}}]}", "supports only exact"},
	"service.match[].sourceLabels":    {"service: {match: [{sourceLabels: {app: web}}]}", "cannot match the sender"},
	"service.match[].sourceNamespace": {"service: {match: [{sourceNamespace: web}]}", "cannot match the sender"},
	"service.match[].scheme":          {"service: {match: [{scheme: {exact: http}}]}", "listeners define these"},
	"service.match[].authority":       {"service: {match: [{authority: {exact: a}}]}", "listeners define these"},
	"service.match[].port":            {"service: {match: [{port: 80}]}", "listeners define these"},
	"service.match[].gateways":        {"service: {match: [{gateways: [mesh]}]}", "listeners define these"},
	"service.match[].ignoreUriCase":   {"service: {match: [{ignoreUriCase: true}]}", "use an equivalent regex"},
	"service.match[].withoutHeaders":  {"service: {match: [{withoutHeaders: {a: {exact: b}}}]}", "use an equivalent regex"},

	"service.canaryBackend.filters[].externalAuth":  {"service: {canaryBackend: {backendRef: {name: a, port: 80}, filters: [" + authenticated + "]}}", "externalAuth: Forbidden: only in the experimental channel"},
	"service.primaryBackend.filters[].externalAuth": {"service: {primaryBackend: {backendRef: {name: a, port: 80}, filters: [" + authenticated + "]}}", "externalAuth: Forbidden: only in the experimental channel"},

	"analysis.match[].uri":             {"analysis: {match: [{uri: {exact: /}}]}", "supported only in service.match"},
	"analysis.match[].method.prefix":   {"analysis: {match: [{method: {prefix: P}}]}", "supports only exact"},
	"analysis.match[].method.suffix":   {"analysis: {match: [{method: {suffix: T}}]}", "supports only exact"},
	"analysis.match[].method.regex":    {"analysis: {match: [{method: {regex: P}}]}", "supports only exact"},
	"analysis.match[].sourceLabels":    {"analysis: {match: [{sourceLabels: {app: web}}]}", "cannot match the sender"},
	"analysis.match[].sourceNamespace": {"analysis: {match: [{sourceNamespace: web}]}", "cannot match the sender"},
	"analysis.match[].scheme":          {"analysis: {match: [{scheme: {exact: http}}]}", "listeners define these"},
	"analysis.match[].authority":       {"analysis: {match: [{authority: {exact: a}}]}", "listeners define these"},
	"analysis.match[].port":            {"analysis: {match: [{port: 80}]}", "listeners define these"},
	"analysis.match[].gateways":        {"analysis: {match: [{gateways: [mesh]}]}", "listeners define these"},
	"analysis.match[].ignoreUriCase":   {"analysis: {match: [{ignoreUriCase: true}]}", "use an equivalent regex"},
	"analysis.match[].withoutHeaders":  {"analysis: {match: [{withoutHeaders: {a: {exact: b}}}]}", "use an equivalent regex"},
}

// authenticated is a filter with a part of which the schema says nothing.
const authenticated = "{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}, externalAuth: {protocol: HTTP, backendRef: {name: b, port: 80}, http: {path: /}}}"

// told are fields that are accepted so that policies of Flagger can be pasted, with a word that they do nothing.
var told = map[string]said{
	"analysis.alerts":               {"analysis: {alerts: [{name: team, providerRef: {name: slack}}]}", "spec.analysis.alerts: this release sends no alerts (team)"},
	"analysis.webhooks[].muteAlert": {"analysis: {webhooks: [{name: load, url: 'http://load.test/', muteAlert: true}]}", "spec.analysis.webhooks[0].muteAlert: has no effect"},
	"analysis.match[].name":         {"analysis: {match: [{name: team, method: {exact: GET}}]}", "spec.analysis.match[0].name: has no effect"},
	"service.match[].name":          {"service: {gatewayRefs: [{name: gateway}], match: [{name: team, method: {exact: GET}}]}", "spec.service.match[0].name: has no effect"},
	"service.unmanagedMetadata":     {"service: {unmanagedMetadata: {labels: [a]}}", "spec.service.unmanagedMetadata: has no effect"},
}

func specOf(t *testing.T, text string) v1alpha1.ClusterPolicySpec {
	t.Helper()
	var spec v1alpha1.ClusterPolicySpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return spec
}

// linted is what kubectl sluice lint says of manifests.
func linted(t *testing.T, text string) string {
	t.Helper()
	objects, err := manifest.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, finding := range lint.Lint(objects, time.Now()).Findings {
		all = append(all, finding.String())
	}
	return strings.Join(all, "\n")
}

// TestWhatIsRefusedIsRefusedWithAWord holds for admission and for lint.
func TestWhatIsRefusedIsRefusedWithAWord(t *testing.T) {
	for path, c := range refused {
		if _, err := admission.ValidatePolicy(nil, v1alpha1.DefaultPolicyName, specOf(t, c.spec)); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: admission says %v, not %q", path, err, c.word)
		}
		if says := linted(t, policyFile(c.spec)); !strings.Contains(says, c.word) {
			t.Errorf("%s: lint says %q, not %q", path, says, c.word)
		}
	}
}

// TestWhatDoesNothingIsAcceptedWithAWord holds for admission, for lint and for the status of a Canary.
func TestWhatDoesNothingIsAcceptedWithAWord(t *testing.T) {
	for path, c := range told {
		spec := specOf(t, c.spec)
		warnings, err := admission.ValidatePolicy(nil, v1alpha1.DefaultPolicyName, spec)
		if err != nil || !strings.Contains(strings.Join(warnings, "\n"), c.word) {
			t.Errorf("%s: admission says %q, %v, not %q", path, warnings, err, c.word)
		}
		if says := linted(t, policyFile(c.spec)); !strings.Contains(says, c.word) {
			t.Errorf("%s: lint says %q, not %q", path, says, c.word)
		}
		s := sceneOf("usual")
		s.looks = append(s.looks, unchanged)
		if seen, _ := s.of(t, spec); !strings.Contains(seen.told, c.word) {
			t.Errorf("%s: the status says %q, not %q", path, seen.told, c.word)
		}
	}
}

// policyFile is a manifest of a policy.
func policyFile(spec string) string {
	return "{apiVersion: sluice.dev/v1alpha1, kind: ClusterCanaryPolicy, metadata: {name: default}, spec: {" + spec + "}}"
}
