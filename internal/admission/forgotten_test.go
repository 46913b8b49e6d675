package admission

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	deploymentutil "k8s.io/kubernetes/pkg/controller/deployment/util"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// TestADroppedTemplateIsGoneFromReplicaSets has the Deployment controller copy annotations to the current ReplicaSet before and
// after a request that drops a template.
func TestADroppedTemplateIsGoneFromReplicaSets(t *testing.T) {
	const secret = "podinfo:hunter2"
	candidate := map[string]string{config.AnnotationCandidate: candidateOf(secret, workload.MarkAborted)}
	previous := map[string]string{config.AnnotationPrevious: previousOf(t, secret, "podinfo:v1")}
	for name, c := range map[string]struct {
		held  map[string]string
		image string
		asks  map[string]string
		by    Request
	}{
		"a reset":                      {candidate, "podinfo:v1", map[string]string{config.AnnotationReset: "true"}, someone},
		"another candidate":            {candidate, "podinfo:v2", nil, someone},
		"a promotion that has settled": {previous, "podinfo:v1", map[string]string{config.AnnotationSettle: workload.ID{Hash: hashOf(secret)}.String()}, sluice},
		"opting out before it settles": {previous, "podinfo:v1", map[string]string{config.AnnotationCanary: "false"}, someone},
	} {
		t.Run(name, func(t *testing.T) {
			stored, replicaSet := deployment("podinfo:v1", c.held), &appsv1.ReplicaSet{}
			copyTo(t, replicaSet, stored)
			if !strings.Contains(fmt.Sprint(replicaSet.Annotations), secret) {
				t.Fatal("the ReplicaSet has no copy to begin with")
			}
			for _, request := range []map[string]any{deployment(c.image, c.asks), deployment(c.image, nil)} {
				result, err := Render(stored, request, c.by)
				if err != nil {
					t.Fatal(err)
				}
				stored = result.Object
			}
			copyTo(t, replicaSet, stored)
			if kept := fmt.Sprint(replicaSet.Annotations); strings.Contains(kept, secret) {
				t.Errorf("the ReplicaSet has %s", kept)
			}
		})
	}
}

// copyTo does with the current ReplicaSet what the Deployment controller does.
func copyTo(t *testing.T, replicaSet *appsv1.ReplicaSet, object map[string]any) {
	t.Helper()
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &deployment); err != nil {
		t.Fatal(err)
	}
	deploymentutil.SetNewReplicaSetAnnotations(t.Context(), &deployment, replicaSet, "1", true, 2000)
}
