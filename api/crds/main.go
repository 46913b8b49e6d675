// Command crds takes the descriptions of others out of the CRDs that it is given: those of the Gateway API's types make up
// most of a policy's schema, which kubectl apply then could not keep in an annotation. Ours begin with the name of their
// field, as the API conventions ask for, and stay.
package main

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	for _, path := range os.Args[1:] {
		if err := trim(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

func trim(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var crd struct {
		Spec struct {
			Versions []map[string]any `json:"versions"`
		} `json:"spec"`
	}
	var whole map[string]any
	for _, into := range []any{&crd, &whole} {
		if err := yaml.Unmarshal(content, into); err != nil {
			return err
		}
	}
	for _, version := range crd.Spec.Versions {
		schema, _ := version["schema"].(map[string]any)
		root, _ := schema["openAPIV3Schema"].(map[string]any)
		properties, _ := root["properties"].(map[string]any)
		spec, _ := properties["spec"].(map[string]any)
		trimFields(spec)
	}
	versions := make([]any, len(crd.Spec.Versions))
	for i, version := range crd.Spec.Versions {
		versions[i] = version
	}
	whole["spec"].(map[string]any)["versions"] = versions
	trimmed, err := yaml.Marshal(whole)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte("---\n"), trimmed...), 0o644)
}

// trimFields trims the descriptions of all fields below a schema.
func trimFields(schema map[string]any) {
	fields, _ := schema["properties"].(map[string]any)
	for name, field := range fields {
		field, _ := field.(map[string]any)
		if description, _ := field["description"].(string); !strings.HasPrefix(description, name) {
			delete(field, "description")
		}
		trimFields(field)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[key].(map[string]any); ok {
			delete(inner, "description")
			trimFields(inner)
		}
	}
}
