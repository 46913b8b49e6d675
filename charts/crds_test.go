package charts

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/constants"
)

func TestEveryCRDHasOneVersion(t *testing.T) {
	definitions, err := CRDs()
	if err != nil || len(definitions) != 6 {
		t.Fatalf("there are %d CRDs: %v", len(definitions), err)
	}
	for _, definition := range definitions {
		if len(definition.Spec.Versions) != 1 || definition.Spec.Versions[0].Schema == nil {
			t.Errorf("%s has %d versions", definition.Name, len(definition.Spec.Versions))
		}
		content, err := json.Marshal(definition.Spec.Versions[0].Schema.OpenAPIV3Schema)
		served := map[string]any{}
		if err != nil || json.Unmarshal(content, &served) != nil {
			t.Fatal(err)
		}
		if paths := Lacking(definition, served); len(paths) > 0 {
			t.Errorf("%s lacks fields of its own: %v", definition.Name, paths)
		}
	}
}

// TestTheAPIServerTakesEveryWord holds the constants of the status against the words that its schema allows. A status with another
// one is refused as a whole.
func TestTheAPIServerTakesEveryWord(t *testing.T) {
	definitions, err := CRDs()
	if err != nil {
		t.Fatal(err)
	}
	const api = "../api/v1alpha1"
	words := map[string][]string{
		"phase":             texts(constants.Of[v1alpha1.Phase](t, api, "Phase")),
		"blocked.kind":      texts(constants.Of[v1alpha1.BlockedKind](t, api, "BlockedKind")),
		"paused.kind":       texts(constants.Of[v1alpha1.PauseKind](t, api, "PauseKind")),
		"candidate.outcome": texts(constants.Of[v1alpha1.Outcome](t, api, "Outcome")),
	}
	at := slices.IndexFunc(definitions, func(d apiextensionsv1.CustomResourceDefinition) bool { return d.Spec.Names.Kind == "Canary" })
	for path, want := range words {
		schema := definitions[at].Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"]
		for _, key := range strings.Split(path, ".") {
			schema = schema.Properties[key]
		}
		var allowed []string
		for _, value := range schema.Enum {
			allowed = append(allowed, strings.Trim(string(value.Raw), `"`))
		}
		for _, word := range want {
			if len(allowed) > 0 && word != "" && !slices.Contains(allowed, word) {
				t.Errorf("status.%s may be %q, and the CRD allows %v", path, word, allowed)
			}
		}
		if len(schema.Enum) == 0 {
			t.Errorf("status.%s has no list of words", path)
		}
	}
}

func texts[T ~string](values []T) []string {
	all := make([]string, 0, len(values))
	for _, value := range values {
		all = append(all, string(value))
	}
	return all
}

func TestLacking(t *testing.T) {
	schema := func(text string) apiextensionsv1.JSONSchemaProps {
		var props apiextensionsv1.JSONSchemaProps
		if err := json.Unmarshal([]byte(text), &props); err != nil {
			t.Fatal(err)
		}
		return props
	}
	whole := schema(`{"properties": {"metadata": {}, "spec": {"properties": {"a": {}, "steps": {"items": {"properties": {"weight": {}}}}}},
"status": {"properties": {"by": {"additionalProperties": {"properties": {"who": {}}}}}}}}`)
	definition := apiextensionsv1.CustomResourceDefinition{Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &whole}}}}}
	for name, c := range map[string]struct {
		served string
		want   []string
	}{
		"the same": {`{"properties": {"spec": {"properties": {"a": {}, "steps": {"items": {"properties": {"weight": {}}}}}},
"status": {"properties": {"by": {"additionalProperties": {"properties": {"who": {}}}}}}}}`, nil},
		"more than that": {`{"properties": {"spec": {"properties": {"a": {}, "b": {}, "steps": {"items": {"properties": {"weight": {}, "of": {}}}}}},
"status": {"properties": {"by": {"additionalProperties": {"properties": {"who": {}}}}}}}}`, nil},
		"fields at every depth": {`{"properties": {"spec": {"properties": {"steps": {"items": {"properties": {}}}}}, "status": {"properties": {"by": {"additionalProperties": {}}}}}}`,
			[]string{"spec.a", "spec.steps[].weight", "status.by[].who"}},
		"a whole part":                 {`{"properties": {"spec": {"x-kubernetes-preserve-unknown-fields": true}}}`, []string{"status"}},
		"a schema that keeps all":      {`{"properties": {"spec": {"x-kubernetes-preserve-unknown-fields": true}, "status": {"x-kubernetes-preserve-unknown-fields": true}}}`, nil},
		"a kind that nothing is known": {`{}`, []string{"spec", "status"}},
	} {
		t.Run(name, func(t *testing.T) {
			served := map[string]any{}
			if err := json.Unmarshal([]byte(c.served), &served); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, Lacking(definition, served)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
