package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	apiservercel "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// schemaOf returns the installed schema of the spec of CanaryPolicies.
func schemaOf(t *testing.T) *schema.Structural {
	t.Helper()
	content, err := os.ReadFile("../../charts/sluice/files/crds/sluice.dev_canarypolicies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(content, &crd); err != nil {
		t.Fatal(err)
	}
	var props apiextensions.JSONSchemaProps
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&spec, &props, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		t.Fatal(err)
	}
	return structural
}

// celErrors returns the messages of the schema's rules about a spec.
func celErrors(t *testing.T, structural *schema.Structural, rules *cel.Validator, spec string) []string {
	t.Helper()
	content, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := utiljson.Unmarshal(content, &object); err != nil {
		t.Fatal(err)
	}
	errs, _ := rules.Validate(t.Context(), field.NewPath("spec"), structural, object, nil, apiservercel.RuntimeCELCostBudget)
	return sentences(errs)
}

func sentences(errs field.ErrorList) []string {
	var found []string
	for _, err := range errs {
		found = append(found, err.Detail)
	}
	slices.Sort(found)
	return found
}

// TestPoliciesAreJudgedAsTheSchemaDoes compares the rules of the schema with the validation, for every combination of weights
// and mirrors, of what a check is judged by, and for the max ages of CORS.
func TestPoliciesAreJudgedAsTheSchemaDoes(t *testing.T) {
	structural := schemaOf(t)
	rules := cel.NewValidator(structural, false, apiservercel.PerCallLimit)
	text, err := json.Marshal(structural.ToKubeOpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	for name, specs := range map[string][]string{"weights and mirrors": combinations(), "ages": ages(), "checks": checks()} {
		refused := 0
		for _, spec := range specs {
			var policy v1alpha1.PolicySpec
			if err := yaml.UnmarshalStrict([]byte(spec), &policy); err != nil {
				t.Fatal(err)
			}
			ours := slices.DeleteFunc(Validate(policy), func(err *field.Error) bool { return !strings.Contains(string(text), err.Detail) })
			says, want := sentences(ours), celErrors(t, structural, rules, spec)
			if !slices.Equal(says, want) {
				t.Errorf("%s: the validation says %q, the schema %q", spec, says, want)
			}
			if len(want) > 0 {
				refused++
			}
		}
		if refused == 0 || refused == len(specs) {
			t.Errorf("%s: the schema refuses %d of %d", name, refused, len(specs))
		}
	}
}

// TestEveryRuleIsOneSentence breaks each rule of the schema and expects that the validation says the same sentence. An error of
// the validation may leave out the name of the field, which its path has.
func TestEveryRuleIsOneSentence(t *testing.T) {
	structural := schemaOf(t)
	rules := cel.NewValidator(structural, false, apiservercel.PerCallLimit)
	said := map[string]bool{}
	for _, spec := range brokenRules {
		var policy v1alpha1.PolicySpec
		if err := yaml.UnmarshalStrict([]byte(spec), &policy); err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		_, together := Parse(policy)
		ours := sentences(slices.Concat(Validate(policy), together))
		for _, message := range celErrors(t, structural, rules, spec) {
			said[message] = true
			if !slices.Contains(ours, message) && !slices.Contains(ours, fieldName.ReplaceAllString(message, "")) {
				t.Errorf("%s: the schema says %q, the validation %q", spec, message, ours)
			}
		}
	}
	for _, message := range messagesOf(structural) {
		if !said[message] {
			t.Errorf("no spec breaks the rule %q", message)
		}
	}
}

var fieldName = regexp.MustCompile(`^\w+: `)

// brokenRules are specs that together break every rule of the schema.
var brokenRules = []string{
	"{targetRef: {}, provider: istio, metricsServer: a, ingressRef: {}, routeRef: {}, upstreamRef: {}, canaryAnalysis: {}, revertOnDeletion: true}",
	"service: {gateways: [a], trafficPolicy: {}, delegation: true, meshName: a, backends: [a], targetPort: 70000, corsPolicy: {maxAge: soon}}",
	"service: {match: [{sourceLabels: {a: b}, scheme: {exact: http}, ignoreUriCase: true, method: {prefix: G}, uri: {suffix: a}}]}",
	"service: {match: [{headers: {a: {exact: b, regex: c}}}]}",
	"analysis: {match: [{uri: {prefix: /}}]}",
	"analysis: {interval: 0s, stepWeight: 5, steps: [{weight: 5}], maxWeight: 50, mirror: false, mirrorWeight: 5}",
	"analysis: {mirror: true, stepWeights: [5, 1]}",
	"analysis: {ladder: auto, stepWeight: 5, guard: {enabled: false, minDwell: 2s, maxDwell: 1s}}",
	"analysis: {guard: {minDwell: 1ms, maxDwell: 0s}}",
	"analysis: {stepWeight: 0.01, maxWeight: 50}",
	"analysis: {sessionAffinity: {cookieName: a, primaryCookieName: a}}",
	"analysis: {metrics: [{name: a, bad: '{{ target }}'}, {name: b, total: '{{ target }}'}, {name: c, bad: '{{ target }}', total: '{{ target }}', query: up, thresholdRange: {max: 1}}]}",
	"analysis: {metrics: [{name: a}, {name: b, query: up, templateRef: {name: b}}]}",
	"analysis: {metrics: [{name: c, query: up, thresholdRange: {}}, {name: d, query: up, thresholdRange: {min: 2, max: 1}}]}",
	"analysis: {metrics: [{name: a, query: up, ratioRange: {}}, {name: b, query: up, compareTo: primary, ratioRange: {min: 2, max: 1}}, {name: c, query: '{{ target }}', compareTo: primary, ratioRange: {min: -1}}, {name: request-duration, compareTo: primary}]}",
}

// gatewayFields have types of the Gateway API, whose rules only the API server checks.
var gatewayFields = []string{"primaryBackend", "canaryBackend", "mirror"}

// messagesOf returns the messages of Sluice's own rules in a schema.
func messagesOf(s *schema.Structural) []string {
	var found []string
	for _, rule := range s.XValidations {
		found = append(found, rule.Message)
	}
	if s.Items != nil {
		found = append(found, messagesOf(s.Items)...)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		found = append(found, messagesOf(s.AdditionalProperties.Structural)...)
	}
	for name, property := range s.Properties {
		if !slices.Contains(gatewayFields, name) {
			found = append(found, messagesOf(&property)...)
		}
	}
	return found
}

// ages returns policies with max ages that routes can have, and with some that they cannot.
func ages() []string {
	var specs []string
	for _, age := range []string{"", "24h", "1d", "9999d", "239976h", "1h30m", "1m2s", "1.5h", "1s", "1.5d", "-1h", "500ms", "1500ms", "0s", "0d", "1h1d", "10000d",
		"239977h", "999999h999999h9999h", "86400", "soon", "h"} {
		specs = append(specs, fmt.Sprintf("service: {corsPolicy: {maxAge: %q}}", age))
	}
	return specs
}

// checks returns policies with every combination of what a check is judged by.
func checks() []string {
	specs := combined([][]string{
		{"name: own", "name: request-duration"},
		{"", "query: up", "query: '{{ target }}'"},
		{"", "templateRef: {name: own}"},
		{"", "thresholdRange: {max: 1}"},
		{"", "compareTo: primary"},
		{"", "ratioRange: {max: 1.2}", "ratioRange: {}"},
		{"", "condition: value < 1"},
	})
	for i := range specs {
		specs[i] = "analysis: {metrics: [{" + specs[i] + "}]}"
	}
	return specs
}

// combinations returns policies with every combination of these settings.
func combinations() []string {
	specs := combined([][]string{
		{"", "mirror: false", "mirror: true"},
		{"", "mirrorWeight: 5"},
		{"", "iterations: 0", "iterations: 3"},
		{"", "stepWeight: 0", "stepWeight: 10"},
		{"", "stepWeights: [1, 5]"},
		{"", "steps: [{weight: 5}]", "steps: [{weight: 5, mirrorWeight: 0}]", "steps: [{weight: 0, mirrorWeight: 10}, {weight: 5}]"},
		{"", "maxWeight: 80"},
		{"", "ladder: auto", "ladder: auto, guard: {enabled: false}", "guard: {enabled: true}"},
	})
	for i := range specs {
		specs[i] = "analysis: {" + specs[i] + "}"
	}
	return specs
}

// combined joins one of each of these ways, in every combination.
func combined(all [][]string) []string {
	specs := []string{""}
	for _, ways := range all {
		var more []string
		for _, spec := range specs {
			for _, way := range ways {
				more = append(more, strings.Trim(spec+", "+way, ", "))
			}
		}
		specs = more
	}
	return specs
}

// TestTablesHaveWhatTheSchemaAllows checks that no hook type and no preset is missing in its table.
func TestTablesHaveWhatTheSchemaAllows(t *testing.T) {
	analysis := schemaOf(t).Properties["analysis"].Properties
	allowed := func(enum []schema.JSON) []string {
		var values []string
		for _, value := range enum {
			if text := value.Object.(string); text != "" {
				values = append(values, text)
			}
		}
		slices.Sort(values)
		return values
	}
	for name, c := range map[string]struct {
		enum  []schema.JSON
		table string
	}{
		"presets":                                {analysis["preset"].ValueValidation.Enum, inOrder(config.Presets)},
		"what follows a last step without proof": {analysis["guard"].Properties["onInconclusive"].ValueValidation.Enum, inOrder(config.AfterInconclusive)},
		"what follows suspicion":                 {analysis["guard"].Properties["onSuspicious"].ValueValidation.Enum, inOrder(config.AfterSuspicion)},
		"hook types":                             {analysis["webhooks"].Items.Properties["type"].ValueValidation.Enum, inOrder(config.HookTypes)},
	} {
		if want := strings.Join(allowed(c.enum), " "); want == "" || want != c.table {
			t.Errorf("the table of %s has %s, the schema %s", name, c.table, want)
		}
	}
}

func inOrder[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}
