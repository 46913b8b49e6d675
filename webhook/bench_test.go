package webhook

import (
	"encoding/json"
	"fmt"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/config"
)

// production is a Deployment of the size that they have there, with somebody who owns its fields.
func production(tb testing.TB, image string, annotations map[string]string) map[string]any {
	tb.Helper()
	object := deployment(image, annotations)
	containers, _, _ := unstructured.NestedSlice(object, "spec", "template", "spec", "containers")
	var env []any
	for i := range 30 {
		env = append(env, map[string]any{"name": fmt.Sprintf("V%d", i), "value": "value"})
	}
	container := containers[0].(map[string]any)
	container["env"] = env
	if err := unstructured.SetNestedSlice(object, containers, "spec", "template", "spec", "containers"); err != nil {
		tb.Fatal(err)
	}
	manager, err := fieldManager()
	if err != nil {
		tb.Fatal(err)
	}
	empty := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "podinfo"}}}
	owned, err := manager.Update(empty, &unstructured.Unstructured{Object: object}, "helm")
	if err != nil {
		tb.Fatal(err)
	}
	return owned.(*unstructured.Unstructured).Object
}

// BenchmarkHold is what admission does to a change of the template while a candidate is in flight.
func BenchmarkHold(b *testing.B) {
	held := map[string]string{config.AnnotationCandidate: heldText(b)}
	old, _ := json.Marshal(production(b, "v1", held))
	updated, _ := json.Marshal(production(b, "v3", held))
	options, _ := json.Marshal(metav1.UpdateOptions{FieldManager: "kubectl-set"})
	request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		OldObject: runtime.RawExtension{Raw: old}, Object: runtime.RawExtension{Raw: updated}, Options: runtime.RawExtension{Raw: options},
	}}
	for b.Loop() {
		if response := (handlers{}).mutateDeployment(b.Context(), request); !response.Allowed || len(response.Warnings) == 0 {
			b.Fatalf("got %+v", response)
		}
	}
}
