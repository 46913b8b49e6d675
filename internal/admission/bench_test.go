package admission

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
)

// production returns a Deployment of a size that is usual in production, with an owner of its fields.
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

// BenchmarkHold measures what admission decides about a change of the template while a candidate is in flight.
func BenchmarkHold(b *testing.B) {
	held := map[string]string{config.AnnotationCandidate: heldText(b)}
	old, updated := production(b, "v1", held), production(b, "v3", held)
	for b.Loop() {
		if result, err := Render(old, updated, someone); err != nil || len(result.Warnings) == 0 {
			b.Fatalf("got %+v, %v", result, err)
		}
	}
}

// BenchmarkValidate measures the part of that which the API server's validation takes.
func BenchmarkValidate(b *testing.B) {
	s, err := newSubject(production(b, "v1", nil), production(b, "v3", nil), someone)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.validate(s.requested.Template, nil); err != nil {
			b.Fatal(err)
		}
	}
}
