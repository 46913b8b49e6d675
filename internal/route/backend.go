package route

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// Backend is a backend that a route refers to.
type Backend struct {
	// Group and Kind are those of the backend. Without a kind it is a Service.
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind,omitempty"`
	// Namespace is the namespace of the backend. Default: the Deployment's.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// BackendOf returns the backend of a reference. Group and kind default to a Service, the namespace to the Deployment's.
func BackendOf(ref gatewayv1.BackendObjectReference) Backend {
	result := Backend{Name: string(ref.Name)}
	if ref.Group != nil {
		result.Group = string(*ref.Group)
	}
	if ref.Kind != nil && *ref.Kind != "Service" {
		result.Kind = string(*ref.Kind)
	}
	if ref.Namespace != nil {
		result.Namespace = string(*ref.Namespace)
	}
	return result
}

// ServiceBackend returns a Service as a backend, with all fields filled in.
func ServiceBackend(service types.NamespacedName) Backend {
	return Backend{Kind: "Service", Namespace: service.Namespace, Name: service.Name}
}

// FilledIn fills in the defaults for the Deployment's namespace.
func (b Backend) FilledIn(namespace string) Backend {
	full := b.in(namespace)
	return Backend{Group: full.group, Kind: full.kind, Namespace: full.namespace, Name: full.name}
}

// in fills in the defaults for the Deployment's namespace.
func (b Backend) in(namespace string) backend {
	full := backend{group: b.Group, kind: b.Kind, namespace: b.Namespace, name: b.Name}
	if full.kind == "" {
		full.kind = "Service"
	}
	if full.namespace == "" {
		full.namespace = namespace
	}
	return full
}

// SendsToBackend reports whether any rule of the route has the backend, for a Deployment of this namespace.
func SendsToBackend(r Route, to Backend, namespace string) bool {
	for _, rule := range r.Rules {
		if sends(asMap(rule), to.in(namespace), r.Namespace) {
			return true
		}
	}
	return false
}

// ReferenceTo returns the full reference to a backend of a policy, with the defaults of the API filled in, as a split stores
// it.
func ReferenceTo(own v1alpha1.Backend) map[string]any {
	ref := gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: own.BackendRef}, Filters: own.Filters}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&ref)
	if err != nil {
		panic(err) // the types of the Gateway API can always be encoded
	}
	object["group"], object["kind"] = text(object, "group", ""), text(object, "kind", "Service")
	return object
}
