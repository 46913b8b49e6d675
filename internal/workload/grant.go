package workload

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
)

// MarkGrant names and labels a grant that is generated for a primary of another namespace. An owner cannot be in another
// namespace, so an annotation names the primary instead.
func MarkGrant(grant metav1.Object, primary types.NamespacedName) {
	// Namespaces have no dots in their names, so two primaries never share a name.
	grant.SetName("sluice." + primary.Namespace + "." + LabelValue(primary.Name))
	grant.SetLabels(labelsFor(config.RoleGenerated, primary.Name))
	grant.SetAnnotations(map[string]string{config.AnnotationGeneratedFor: primary.String()})
}

// GrantFor returns the primary that a grant was generated for, or false for a grant that Sluice did not generate.
func GrantFor(grant metav1.Object) (types.NamespacedName, bool) {
	var primary types.NamespacedName
	if grant.GetLabels()[config.LabelRole] != config.RoleGenerated {
		return primary, false
	}
	namespace, name, found := strings.Cut(grant.GetAnnotations()[config.AnnotationGeneratedFor], "/")
	return types.NamespacedName{Namespace: namespace, Name: name}, found
}
