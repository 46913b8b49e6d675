package workload

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
)

// MarkGrant names a grant that is generated for a primary of another namespace, and makes it known as such. No owner can be in
// another namespace, so that an annotation names the primary.
func MarkGrant(grant metav1.Object, primary types.NamespacedName) {
	// A namespace has no dots in its name, so that two primaries never share a name.
	grant.SetName("sluice." + primary.Namespace + "." + LabelValue(primary.Name))
	grant.SetLabels(map[string]string{config.LabelRole: config.RoleGenerated, config.LabelPrimary: LabelValue(primary.Name)})
	grant.SetAnnotations(map[string]string{config.AnnotationGeneratedFor: primary.String()})
}

// GrantFor is the primary that a grant was generated for, and false for a grant of anybody else's.
func GrantFor(grant metav1.Object) (types.NamespacedName, bool) {
	var primary types.NamespacedName
	if grant.GetLabels()[config.LabelRole] != config.RoleGenerated {
		return primary, false
	}
	namespace, name, found := strings.Cut(grant.GetAnnotations()[config.AnnotationGeneratedFor], "/")
	return types.NamespacedName{Namespace: namespace, Name: name}, found
}
