package admission

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// newer returns a Deployment whose template has a field that this release's types do not have.
func newer(image, value string, annotations map[string]string) map[string]any {
	object := deployment(image, annotations)
	_ = unstructured.SetNestedField(object, value, "spec", "template", "spec", "fromTheFuture", "mode")
	_ = unstructured.SetNestedSlice(object, []any{map[string]any{"name": value}}, "spec", "template", "spec", "fromTheFuture", "items")
	return object
}

// appliedByFlux makes flux own the field.
var appliedByFlux = metav1.ManagedFieldsEntry{
	Manager: "flux", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
	FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:fromTheFuture":{"f:mode":{},"f:items":{}}}}}}`),
}

// TestFieldsNewerThanTheTypes checks that fields of a newer API server can be changed while a candidate is kept, and that the
// candidate keeps its other fields.
func TestFieldsNewerThanTheTypes(t *testing.T) {
	template, err := templateOf(newer("podinfo:v2", "old", nil))
	if err != nil {
		t.Fatal(err)
	}
	held, err := workload.Candidate{Hash: template.Hash(), Template: template, At: someone.Now}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	manifest := func(value string) string {
		return fmt.Sprintf(`{"spec":{"template":{"spec":{"fromTheFuture":{"items":[{"name":%q}],"mode":%q}}}}}`, value, value)
	}
	for manager, lastApplied := range map[string][2]string{
		"kubectl-edit":  {"", ""},
		"flux":          {"", ""},
		clientSideApply: {manifest("old"), manifest("new")},
	} {
		t.Run(manager, func(t *testing.T) {
			annotations := func(applied string) map[string]string {
				notes := map[string]string{config.AnnotationCandidate: held}
				if applied != "" {
					notes[corev1.LastAppliedConfigAnnotation] = applied
				}
				return notes
			}
			request := someone
			request.Manager = manager
			old, updated := newer("podinfo:v1", "old", annotations(lastApplied[0])), newer("podinfo:v1", "new", annotations(lastApplied[1]))
			for _, object := range []map[string]any{old, updated} {
				(&unstructured.Unstructured{Object: object}).SetManagedFields([]metav1.ManagedFieldsEntry{appliedByFlux})
			}
			result, err := Render(old, updated, request)
			if err != nil {
				t.Fatal(err)
			}
			if told := strings.Contains(strings.Join(result.Warnings, "\n"), "treated as a change to the stored template"); told != (manager == "flux") {
				t.Errorf("the warnings are %q", result.Warnings)
			}
			candidate, err := workload.CandidateOf((&unstructured.Unstructured{Object: result.Object}).GetAnnotations())
			want, _ := templateOf(newer("podinfo:v2", "new", nil))
			if err != nil || candidate == nil || !workload.Equal(candidate.Template, want) {
				t.Errorf("held back is %+v (%v), not %v", candidate, err, want)
			}
		})
	}
}
