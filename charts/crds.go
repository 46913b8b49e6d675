// Package charts has what the chart installs, as far as the controller itself needs to know it.
package charts

import (
	"embed"
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const crdFolder = "sluice/files/crds"

//go:embed sluice/files/crds/*.yaml
var crds embed.FS

// CRDs are the definitions of Sluice's kinds that this release installs.
func CRDs() ([]apiextensionsv1.CustomResourceDefinition, error) {
	entries, err := crds.ReadDir(crdFolder)
	if err != nil {
		return nil, fmt.Errorf("list the CRDs: %w", err)
	}
	definitions := make([]apiextensionsv1.CustomResourceDefinition, len(entries))
	for i, entry := range entries {
		content, err := crds.ReadFile(crdFolder + "/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", entry.Name(), err)
		}
		if err := yaml.Unmarshal(content, &definitions[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return definitions, nil
}

// Lacking returns the paths of the fields in spec and status that a definition has in its only version and that the served
// schema of the kind, as JSON, lacks. The API server would drop these fields from every write.
func Lacking(definition apiextensionsv1.CustomResourceDefinition, served map[string]any) []string {
	wanted := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
	var paths []string
	for _, part := range []string{"spec", "status"} {
		if schema, has := wanted[part]; has {
			paths = append(paths, lackingField(schema, served, part, part)...)
		}
	}
	return paths
}

// lackingField looks for a field with its name among the properties that are served, and below it.
func lackingField(wanted apiextensionsv1.JSONSchemaProps, served map[string]any, name, path string) []string {
	properties, _ := served["properties"].(map[string]any)
	field, has := properties[name].(map[string]any)
	if !has {
		return []string{path}
	}
	return lackingBelow(wanted, field, path)
}

func lackingBelow(wanted apiextensionsv1.JSONSchemaProps, served map[string]any, path string) []string {
	if keeps, _ := served["x-kubernetes-preserve-unknown-fields"].(bool); keeps {
		return nil
	}
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(wanted.Properties)) {
		paths = append(paths, lackingField(wanted.Properties[name], served, name, path+"."+name)...)
	}
	if wanted.Items != nil && wanted.Items.Schema != nil {
		items, _ := served["items"].(map[string]any)
		paths = append(paths, lackingBelow(*wanted.Items.Schema, items, path+"[]")...)
	}
	if wanted.AdditionalProperties != nil && wanted.AdditionalProperties.Schema != nil {
		values, _ := served["additionalProperties"].(map[string]any)
		paths = append(paths, lackingBelow(*wanted.AdditionalProperties.Schema, values, path+"[]")...)
	}
	return paths
}
