package observed

import (
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
)

// Template is a MetricTemplate as it was read.
type Template struct {
	// Query is its query, a template itself.
	Query string
	// Server answers the query; nil for the controller's Prometheus.
	Server *analysis.Server
	// Problem says why it cannot be used; empty when it can.
	Problem string
}

// TemplateName returns the name of the MetricTemplate that a check of a Deployment in this namespace refers to.
func TemplateName(ref v1alpha1.ObjectRef, namespace string) types.NamespacedName {
	if ref.Namespace != "" {
		namespace = ref.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: ref.Name}
}
