package charts

import (
	"regexp"
	"slices"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"

	"sluice.dev/sluice/api/v1alpha1"
)

// TestAPIServerAcceptsEveryCRD runs the API server's own validation. It does more than check a schema: it compiles every CEL
// rule and refuses one whose estimated cost exceeds the budget of a rule or of a CRD.
func TestAPIServerAcceptsEveryCRD(t *testing.T) {
	definitions, err := CRDs()
	if err != nil || len(definitions) == 0 {
		t.Fatalf("there are %d CRDs: %v", len(definitions), err)
	}
	for _, definition := range definitions {
		t.Run(definition.Spec.Names.Kind, func(t *testing.T) {
			apiextensionsv1.SetDefaults_CustomResourceDefinition(&definition)
			apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&definition.Spec)
			var created apiextensions.CustomResourceDefinition
			err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&definition, &created, nil)
			if err != nil {
				t.Fatal(err)
			}
			// The API server fills this in before it validates a new CRD, and refuses a CRD without it.
			created.Status.StoredVersions = []string{created.Spec.Versions[0].Name}
			for _, refusal := range validation.ValidateCustomResourceDefinition(t.Context(), &created) {
				t.Error(refusal)
			}
		})
	}
}

var (
	allowedValues = regexp.MustCompile(`^self (== '[^']+'|in \['[^']+'(, '[^']+')*\])$`)
	quoted        = regexp.MustCompile(`'([^']+)'`)
)

// TestMetricTemplatesAllowExactlyTheProviderTypes keeps the rule of the CRD, which is a literal in a marker, in step with
// v1alpha1.ProviderTypes.
func TestMetricTemplatesAllowExactlyTheProviderTypes(t *testing.T) {
	definitions, err := CRDs()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(definitions, func(d apiextensionsv1.CustomResourceDefinition) bool { return d.Spec.Names.Kind == "MetricTemplate" })
	if at < 0 {
		t.Fatal("there is no CRD of MetricTemplate")
	}
	spec := definitions[at].Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	rules := spec.Properties["provider"].Properties["type"].XValidations
	if len(rules) != 1 || !allowedValues.MatchString(rules[0].Rule) {
		t.Fatalf("type must have one rule that lists its values: %v", rules)
	}
	var allowed []string
	for _, match := range quoted.FindAllStringSubmatch(rules[0].Rule, -1) {
		allowed = append(allowed, match[1])
	}
	slices.Sort(allowed)
	if types := slices.Sorted(slices.Values(v1alpha1.ProviderTypes)); !slices.Equal(allowed, types) {
		t.Errorf("the CRD allows %v, v1alpha1.ProviderTypes are %v", allowed, types)
	}
}
