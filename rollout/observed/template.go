package observed

import (
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
)

// Template is a MetricTemplate as far as it was read.
type Template struct {
	// Query is its template.
	Query string
	// Server answers it; nil for the controller's Prometheus.
	Server *analysis.Server
	// Problem says why it cannot be used; empty when it can.
	Problem string
}

// TemplateName is the MetricTemplate that a check of a Deployment in this namespace names.
func TemplateName(ref v1alpha1.ObjectRef, namespace string) types.NamespacedName {
	if ref.Namespace != "" {
		namespace = ref.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: ref.Name}
}
