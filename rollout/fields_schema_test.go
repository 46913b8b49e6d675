package rollout_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	apiservercel "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// props is the schema of a value.
type props = apiextensionsv1.JSONSchemaProps

// installed is the schema of the spec of a policy as the chart installs it.
type installed struct {
	props      *props
	structural *schema.Structural
	values     validation.SchemaValidator
	rules      *cel.Validator
}

func installedSchema(t *testing.T, file string) installed {
	t.Helper()
	content, err := os.ReadFile("../charts/sluice/files/crds/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(content, &crd); err != nil {
		t.Fatal(err)
	}
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&spec, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	values, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		t.Fatal(err)
	}
	return installed{&spec, structural, values, cel.NewValidator(structural, false, apiservercel.PerCallLimit)}
}

// refuses says what the API server says against a spec; empty if it accepts it.
func (s installed) refuses(t *testing.T, spec any) string {
	object := jsonOf(t, spec)
	defaulting.Default(object, s.structural)
	errs := validation.ValidateCustomResource(field.NewPath("spec"), object, s.values)
	found, _ := s.rules.Validate(t.Context(), field.NewPath("spec"), s.structural, object, nil, apiservercel.RuntimeCELCostBudget)
	if whole, is := object.(map[string]any); is {
		errs = append(errs, listtype.ValidateListSetsAndMaps(field.NewPath("spec"), s.structural, whole)...)
	}
	if err := append(errs, found...).ToAggregate(); err != nil {
		return err.Error()
	}
	return ""
}

// jsonOf is a value as the API server decodes it.
func jsonOf(t *testing.T, value any) any {
	t.Helper()
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var object any
	if err := utiljson.Unmarshal(content, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// leaf is a value that can be set, or one that is set in a spec: its path there and its path in the schema, which has [] for the
// entries of a list and {} for the values of a map.
type leaf struct {
	at     []any
	path   string
	schema *props
}

// String is the path in the spec.
func (l leaf) String() string {
	var b strings.Builder
	for _, step := range l.at {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		default:
			fmt.Fprintf(&b, ".%s", step)
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}

// leavesOf are the paths of all values in a schema. A value without a schema of its own is one of them.
func leavesOf(s *props, path string) []string {
	switch {
	case len(s.Properties) > 0:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			inner := s.Properties[name]
			all = append(all, leavesOf(&inner, strings.TrimPrefix(path+"."+name, "."))...)
		}
		return all
	case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
		return leavesOf(s.AdditionalProperties.Schema, path+"{}")
	case s.Items != nil && s.Items.Schema != nil:
		return leavesOf(s.Items.Schema, path+"[]")
	}
	return []string{path}
}

// setIn are the leaves that are set in a spec.
func setIn(s *props, value any, path string, at []any) []leaf {
	var all []leaf
	step := func(inner *props, value any, path string, by any) {
		all = append(all, setIn(inner, value, path, append(slices.Clone(at), by))...)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if inner, known := s.Properties[name]; known {
				step(&inner, value[name], strings.TrimPrefix(path+"."+name, "."), name)
			} else if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
				step(s.AdditionalProperties.Schema, value[name], path+"{}", name)
			}
		}
	case []any:
		for i, entry := range value {
			step(s.Items.Schema, entry, path+"[]", i)
		}
	}
	if isLeaf := len(s.Properties) == 0 && (s.AdditionalProperties == nil || s.AdditionalProperties.Schema == nil) && s.Items == nil; isLeaf {
		return []leaf{{at, path, s}}
	}
	return all
}

// changed is a spec in which a value is another one, or is removed if to is nil.
func changed(value any, at []any, to any) any {
	if len(at) == 0 {
		return to
	}
	switch value := value.(type) {
	case map[string]any:
		name := at[0].(string)
		copied := maps.Clone(value)
		if copied[name] = changed(value[name], at[1:], to); copied[name] == nil {
			delete(copied, name)
		}
		return copied
	case []any:
		i := at[0].(int)
		copied := slices.Clone(value)
		if copied[i] = changed(value[i], at[1:], to); copied[i] == nil {
			copied = slices.Delete(copied, i, i+1)
		}
		return copied
	}
	return value
}

// valueAt is the value of a leaf.
func valueAt(value any, at []any) any {
	for _, step := range at {
		switch step := step.(type) {
		case int:
			value = value.([]any)[step]
		case string:
			value = value.(map[string]any)[step]
		}
	}
	return value
}

// others are values that a leaf could have instead. Not all of them are valid.
func others(s *props, value any) []any {
	var all []any
	for _, word := range s.Enum {
		var decoded any
		if json.Unmarshal(word.Raw, &decoded) == nil && decoded != value {
			all = append(all, decoded)
		}
	}
	if len(all) > 0 {
		return all
	}
	switch value := value.(type) {
	case bool:
		return []any{!value}
	case int64:
		return []any{value + 1, value - 1, value * 2, value / 2}
	case float64:
		return []any{value * 2, value / 2, value + 1}
	case string:
		return []any{value + "x", value + "1", "1m7s", "7", "/other", "https://other.example", "other", "HEAD"}
	}
	return nil
}
