package rollout_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/admission"
)

// besideOwn are the fields of spec.service that count beside a Service and a route of the user's own: they say what is split, and how.
// The policies in testdata/fields whose names begin with own or canary show that they do.
var besideOwn = []string{"name", "routes", "cohort", "cohortHeader", "primaryBackend", "canaryBackend", "canary"}

// ownObjects are a Deployment, its Service and a route, as the world of the stories has them.
const ownObjects = `---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: podinfo, namespace: test, annotations: {sluice.dev/canary: "true"}}, spec: {template: {metadata: {labels: {app: podinfo}}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: podinfo, namespace: test}, spec: {selector: {app: podinfo}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: podinfo, namespace: test}, spec: {rules: [{backendRefs: [{name: podinfo, port: 80}]}]}}
`

// TestEveryFieldOfServiceBesideOwnObjectsActsOrIsTold sets each field of spec.service for a Deployment whose Service and route are the
// user's. Those stay as they are; so what would describe others has no effect, and admission, lint and the status say so.
func TestEveryFieldOfServiceBesideOwnObjectsActsOrIsTold(t *testing.T) {
	schema := installedSchema(t, "sluice.dev_canarypolicies.yaml").props.Properties["service"]
	content, err := os.ReadFile("testdata/fields/generated.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var generated struct{ Service map[string]any }
	if err := yaml.Unmarshal(content, &generated); err != nil {
		t.Fatal(err)
	}
	generated.Service["primaryBackend"] = map[string]any{"backendRef": map[string]any{"name": "podinfo"}, "filters": []any{
		map[string]any{"type": "RequestHeaderModifier", "requestHeaderModifier": map[string]any{"remove": []any{"x-a"}}}}}
	s := sceneOf("usual")
	s.prepare = granted
	s.looks = append(s.looks, unchanged)
	plain, _ := s.of(t, v1alpha1.ClusterPolicySpec{})
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		value, known := generated.Service[name]
		_, isRefused := under(refused, "service."+name)
		part := name
		switch {
		case isRefused:
			continue
		case name == "primaryBackend":
			part = "primaryBackend.filters"
		case slices.Contains(besideOwn, name):
			continue
		case !known:
			t.Errorf("service.%s is in no list: does it do anything beside a route of the user's own?", name)
			continue
		}
		text, err := yaml.Marshal(map[string]any{"service": map[string]any{name: value}})
		if err != nil {
			t.Fatal(err)
		}
		spec := specOf(t, string(text))
		seen, usable := s.of(t, spec)
		if !usable || name != "primaryBackend" && plain.differs(seen) {
			t.Errorf("service.%s changes something beside a Service and a route of the user's own, or cannot be used", name)
		}
		warnings, err := admission.ValidatePolicy(nil, "standard", spec)
		for who, says := range map[string]string{"the status": seen.told, "lint": linted(t, ownManifest(t, spec)), "admission": strings.Join(warnings, "\n")} {
			if err != nil || !strings.Contains(says, part) {
				t.Errorf("service.%s: %s says %q, %v", name, who, says, err)
			}
			if who == "admission" || name == "unmanagedMetadata" || name == "apex" {
				continue
			}
			if !strings.Contains(says, "no effect of "+part+": HTTPRoute podinfo is yours") && !strings.Contains(says, "no effect of "+part+": Service podinfo is yours") {
				t.Errorf("service.%s: %s does not name what is the user's own: %q", name, who, says)
			}
		}
	}
}

// ownManifest is a default policy beside objects of the user's own.
func ownManifest(t *testing.T, spec v1alpha1.ClusterPolicySpec) string {
	t.Helper()
	content, err := yaml.Marshal(map[string]any{"apiVersion": "sluice.dev/v1alpha1", "kind": "ClusterCanaryPolicy",
		"metadata": map[string]any{"name": "default"}, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	return string(content) + ownObjects
}
