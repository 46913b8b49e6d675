//go:build !windows

package testserver

import (
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"sluice.dev/sluice/internal/coverage"
)

// WithOptionalKinds installs the kinds of other projects that Sluice reads where they are installed, with arbitrary specs.
func WithOptionalKinds(environment *envtest.Environment) {
	scaled := schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}
	environment.CRDs = append(environment.CRDs, DefinitionOf(scaled, "scaledobjects", apiextensionsv1.NamespaceScoped))
	for _, kind := range coverage.Kinds() {
		if definition := DefinitionFor(kind); definition != nil {
			environment.CRDs = append(environment.CRDs, definition)
		}
	}
}

// DefinitionFor defines a kind that rollouts look for. It is nil if every server of these tests has it.
func DefinitionFor(kind coverage.Kind) *apiextensionsv1.CustomResourceDefinition {
	if kind.Group == admissionregistrationv1.GroupName || kind.Kind == "BackendTLSPolicy" {
		return nil
	}
	scope := apiextensionsv1.NamespaceScoped
	if kind.Scope == coverage.Cluster {
		scope = apiextensionsv1.ClusterScoped
	}
	if kind.Kind == coverage.Any {
		kind.Kind, kind.Resource = "K8sRequiredProbes", "k8srequiredprobes"
	}
	return DefinitionOf(schema.GroupVersionKind{Group: kind.Group, Version: "v1", Kind: kind.Kind}, kind.Resource, scope)
}

// DefinitionOf defines a kind whose objects have arbitrary content.
func DefinitionOf(kind schema.GroupVersionKind, resource string, scope apiextensionsv1.ResourceScope) *apiextensionsv1.CustomResourceDefinition {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	definition.Name = resource + "." + kind.Group
	if strings.HasSuffix(kind.Group, ".k8s.io") {
		definition.Annotations = map[string]string{apiextensionsv1.KubeAPIApprovedAnnotation: "unapproved, for tests"}
	}
	definition.Spec = apiextensionsv1.CustomResourceDefinitionSpec{
		Group: kind.Group, Scope: scope,
		Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind.Kind, ListKind: kind.Kind + "List", Plural: resource},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: kind.Version, Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
				Type: "object", XPreserveUnknownFields: ptr.To(true)}}}},
	}
	return definition
}
