package admission

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// TestTheObjectsOfAnUpdateStayAsTheyAre checks that results may share unchanged parts with the objects of the update: those are
// never written to, for any user and any kind of request.
func TestTheObjectsOfAnUpdateStayAsTheyAre(t *testing.T) {
	manifest := func(image string) string {
		return fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image)
	}
	for name, c := range map[string]struct {
		by         string
		brings     map[string]string
		applies    bool
		reconciler bool
	}{
		"a change of the stored template":          {by: "kubectl-set"},
		"a whole object":                           {by: "kubectl-replace", brings: map[string]string{config.AnnotationCandidate: ""}},
		"a server-side apply":                      {by: "flux", applies: true},
		"a server-side apply of kubectl":           {by: "kubectl", applies: true, brings: map[string]string{corev1.LastAppliedConfigAnnotation: manifest("v1")}},
		"a client-side apply":                      {by: clientSideApply, brings: map[string]string{corev1.LastAppliedConfigAnnotation: manifest("v3")}},
		"a bypass":                                 {by: "kubectl-set", brings: map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}},
		"a direct restart":                         {by: "kubectl-rollout", brings: map[string]string{config.AnnotationRestart: config.RestartDirect}},
		"an abort together with a change":          {by: "kubectl-set", brings: map[string]string{config.AnnotationAbort: "true"}},
		"a change together with opting out":        {by: "kubectl-set", brings: map[string]string{config.AnnotationCanary: "false"}},
		"a promotion":                              {by: config.FieldManager, reconciler: true, brings: map[string]string{config.AnnotationPromote: heldID(t)}},
		"a failure":                                {by: config.FieldManager, reconciler: true, brings: map[string]string{config.AnnotationFail: heldID(t)}},
		"a server-side apply with annotations too": {by: "argocd", applies: true, brings: map[string]string{config.AnnotationInterval: "1m"}},
	} {
		t.Run(name, func(t *testing.T) {
			held := map[string]string{config.AnnotationCandidate: heldText(t)}
			notes := maps.Clone(held)
			maps.Copy(notes, c.brings)
			old, updated := production(t, "v1", held), production(t, "v3", notes)
			if c.reconciler {
				updated = production(t, "v1", notes)
			}
			if c.applies {
				own(t, updated, c.by)
			}
			request := Request{User: "jane", Manager: c.by, Reconciler: c.reconciler, Now: someone.Now}
			before := []map[string]any{copied(old), copied(updated)}
			result, err := Render(old, updated, request)
			if err != nil {
				t.Fatal(err)
			}
			rendered := copied(result.Object)
			_ = Validate(old, result.Object, request) // the result does not matter
			if _, err := Render(result.Object, updated, request); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(before, rendered), []map[string]any{old, updated, result.Object}); diff != "" {
				t.Errorf("an object was changed: %s", diff)
			}
		})
	}
}

// heldText returns the annotation that holds v2 of production.
func heldText(tb testing.TB) string {
	tb.Helper()
	template, err := templateOf(production(tb, "v2", nil))
	if err != nil {
		tb.Fatal(err)
	}
	text, err := workload.Candidate{Hash: template.Hash(), Template: template, At: someone.Now}.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func heldID(t *testing.T) string {
	t.Helper()
	candidate, err := workload.DecodeCandidate(heldText(t))
	if err != nil {
		t.Fatal(err)
	}
	return candidate.ID().String()
}

// own makes a manager own the image and the name, as an apply would.
func own(t *testing.T, object map[string]any, manager string) {
	t.Helper()
	u := &unstructured.Unstructured{Object: object}
	u.SetManagedFields(append(u.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
		// Only a patch of managedFields can create an entry that owns metadata as a whole.
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{},"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`),
	}))
}

func copied(object map[string]any) map[string]any {
	return (&unstructured.Unstructured{Object: object}).DeepCopy().Object
}
