package admission

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// read returns an object as the API server shows it.
func read(object map[string]any) map[string]any {
	shown := &unstructured.Unstructured{Object: copied(object)}
	shown.SetUID(types.UID("7d1c"))
	shown.SetResourceVersion("17")
	return shown.Object
}

// TestWholeObjects checks that a whole object is read for what it says, whoever sends it, and that an object that was read
// and is written back says nothing about the template.
func TestWholeObjects(t *testing.T) {
	held := map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkNone)}
	stored := read(deployment("v1", held))
	labelled := func(object map[string]any) map[string]any {
		(&unstructured.Unstructured{Object: object}).SetLabels(map[string]string{"team": "a"})
		return object
	}
	for name, c := range map[string]struct {
		new     map[string]any
		want    string
		warning string
	}{
		"the manifest of what runs takes back":          {deployment("v1", nil), "v1", "taken back"},
		"the manifest in flight is no change":           {deployment("v2", nil), "v1 holds v2", ""},
		"another manifest is held back":                 {deployment("v3", nil), "v1 holds v3", "this replaces"},
		"an object that was read gets a label":          {labelled(read(deployment("v1", held))), "v1 holds v2", ""},
		"a patch removes only the candidate":            {read(deployment("v1", nil)), "v1 holds v2", ""},
		"an object that was read gets another template": {read(deployment("v3", held)), "v1 holds v3", HeldBack},
		"a manifest that kubectl apply has written": {deployment("v1", map[string]string{corev1.LastAppliedConfigAnnotation: lastApplied("v1")}), "v1",
			"taken back"},
	} {
		for _, manager := range []string{"", "kubectl-replace", "argocd-controller", clientSideApply} {
			t.Run(name+" by "+manager, func(t *testing.T) {
				result, err := Render(stored, c.new, Request{User: "jane", Manager: manager, Now: someone.Now})
				if err != nil {
					t.Fatal(err)
				}
				if got := outcome(t, result); got != c.want {
					t.Errorf("got %s, not %s", got, c.want)
				}
				if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, c.warning) || c.warning == "" && warnings != "" {
					t.Errorf("the warnings are %q", warnings)
				}
			})
		}
	}
}

// TestAManifestOfAnApplierIsWhole checks that a manager that has applied before and now replaces is read as one that replaces.
func TestAManifestOfAnApplierIsWhole(t *testing.T) {
	held := map[string]string{config.AnnotationCandidate: heldText(t)}
	old, updated := read(production(t, "v1", held)), production(t, "v1", nil)
	own(t, old, "argocd-controller")
	own(t, updated, "argocd-controller")
	result, err := Render(old, updated, Request{User: "jane", Manager: "argocd-controller", Now: someone.Now})
	if err != nil {
		t.Fatal(err)
	}
	if kept := maps.Clone(annotationsOf(result.Object))[config.AnnotationCandidate]; kept != "" {
		t.Errorf("the candidate is still held: %s", kept)
	}
}
