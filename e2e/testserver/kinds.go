//go:build !windows

package testserver

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// optionalKinds are the kinds of other projects that Sluice reads where they are installed, by resource.
var optionalKinds = map[string]schema.GroupVersionKind{
	"scaledobjects":         {Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"},
	"authorizationpolicies": {Group: "security.istio.io", Version: "v1", Kind: "AuthorizationPolicy"},
	"peerauthentications":   {Group: "security.istio.io", Version: "v1", Kind: "PeerAuthentication"},
	"ciliumnetworkpolicies": {Group: "cilium.io", Version: "v2", Kind: "CiliumNetworkPolicy"},
}

// WithOptionalKinds installs the kinds of other projects, with arbitrary specs.
func WithOptionalKinds(environment *envtest.Environment) {
	for resource, kind := range optionalKinds {
		definition := &apiextensionsv1.CustomResourceDefinition{}
		definition.Name = resource + "." + kind.Group
		definition.Spec = apiextensionsv1.CustomResourceDefinitionSpec{
			Group: kind.Group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind.Kind, ListKind: kind.Kind + "List", Plural: resource},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: kind.Version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: ptr.To(true)}}}},
		}
		environment.CRDs = append(environment.CRDs, definition)
	}
}
