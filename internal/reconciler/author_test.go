package reconciler

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
)

// TestACanaryNamesItsAuthorAgain holds that the next write of the reconciler undoes a forged name before the policies of the cluster
// see it, also while no replica of admission has refused the forgery.
func TestACanaryNamesItsAuthorAgain(t *testing.T) {
	named := func(by string) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
			config.AnnotationTemplateHash: "7c9e41d2 0 2026-01-02T03:04:05Z", config.AnnotationRequestedBy: by, "note": "a"}}}
	}
	forged := named("root")
	got := mergedDeployment(forged, named("pat"), false).Annotations
	if got[config.AnnotationRequestedBy] != "pat" || got["note"] != "a" {
		t.Errorf("it has %v", got)
	}
	if forged.Annotations[config.AnnotationRequestedBy] != "root" {
		t.Error("the cached object was changed")
	}
}
