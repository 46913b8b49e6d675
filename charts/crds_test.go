package charts

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
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
