package admission

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// injected adds an annotation to the template, as a webhook does that is called again.
func injected(object map[string]any) map[string]any {
	copied := (&unstructured.Unstructured{Object: object}).DeepCopy().Object
	_ = unstructured.SetNestedField(copied, "later", "spec", "template", "metadata", "annotations", "injected")
	return copied
}

// asking returns an update of a Deployment with another annotation.
func asking(object map[string]any, key, value string) map[string]any {
	copied := (&unstructured.Unstructured{Object: object}).DeepCopy()
	annotations := map[string]string{}
	maps.Copy(annotations, copied.GetAnnotations())
	annotations[key] = value
	copied.SetAnnotations(annotations)
	return copied.Object
}

// TestWhatIsDecidedIsKept renders an update, changes its template as those do who are called again, and holds that what is
// stored is what was decided.
func TestWhatIsDecidedIsKept(t *testing.T) {
	render := func(old, updated map[string]any, by Request) map[string]any {
		t.Helper()
		result, err := Render(old, updated, by)
		if err != nil {
			t.Fatal(err)
		}
		return result.Object
	}
	plain := deployment("v1", nil)
	held := render(plain, deployment("v2", nil), someone)
	failed := render(held, asking(held, config.AnnotationFail, orderFor("v2")), sluice)
	// What is promoted already has what is injected, and the template before it has not.
	candidate := render(plain, injected(deployment("v2", nil)), someone)
	template, _ := templateOf(injected(deployment("v2", nil)))
	promoted := render(candidate, asking(candidate, config.AnnotationPromote, workload.ID{Hash: template.Hash(), At: someone.Now}.String()), sluice)
	newer := render(promoted, asking(withImage(promoted, "v3"), "example.com/team", "a"), someone)
	bypass := map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}
	for name, c := range map[string]struct {
		old, updated map[string]any
		by           Request
	}{
		"a change that is held back":      {plain, deployment("v2", nil), someone},
		"another one":                     {held, asking(withImage(held, "v3"), "example.com/team", "a"), someone},
		"a label":                         {held, asking(held, "example.com/team", "a"), someone},
		"a failure":                       {held, asking(held, config.AnnotationFail, orderFor("v2")), sluice},
		"a retry":                         {failed, asking(failed, config.AnnotationRetry, orderFor("v2")), sluice},
		"a promotion":                     {held, asking(held, config.AnnotationPromote, orderFor("v2")), sluice},
		"a restore":                       {promoted, asking(promoted, config.AnnotationRestore, orderFor("v1")), sluice},
		"a candidate that is let through": {held, asking(held, config.AnnotationLetThrough, orderFor("v2")), sluice},
		"a restore with a new candidate":  {newer, asking(newer, config.AnnotationRestore, orderFor("v1")), sluice},
		"the end of a promotion":          {promoted, asking(promoted, config.AnnotationSettle, orderFor("v1")), sluice},
		"the end with a new candidate":    {newer, asking(newer, config.AnnotationSettle, orderFor("v1")), sluice},
	} {
		t.Run(name, func(t *testing.T) {
			// The first time it may already have been injected into what was requested.
			for _, requested := range []map[string]any{c.updated, injected(c.updated)} {
				decided := render(c.old, requested, c.by)
				kept, err := Keep(c.old, injected(decided), c.by)
				if err != nil {
					t.Fatal(err)
				}
				want, _ := templateOf(decided)
				if got, _ := templateOf(kept.Object); !workload.Equal(got, want) {
					t.Errorf("kept is %v, decided was %v", got, want)
				}
				if err := guard(c.old, kept.Object, c.by); err != nil {
					t.Error(err)
				}
			}
		})
	}
	t.Run("a direct change is left to the guard", func(t *testing.T) {
		decided := injected(render(held, deployment("v3", bypass), someone))
		kept, err := Keep(held, decided, someone)
		if err != nil || guard(held, kept.Object, someone) == nil {
			t.Errorf("kept is %v, %v", kept.Object, err)
		}
	})
}

// TestTheReconcilerChangesNoTemplate sends its requests with what another webhook has added to the template.
func TestTheReconcilerChangesNoTemplate(t *testing.T) {
	held := deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkNone)})
	for _, key := range []string{config.AnnotationFail, config.AnnotationAbort, config.AnnotationReset, config.AnnotationSettle} {
		result, err := Render(held, injected(asking(held, key, hashOf("v2"))), sluice)
		if err != nil {
			t.Fatal(err)
		}
		template, _ := templateOf(result.Object)
		if live, _ := templateOf(held); !workload.Equal(template, live) {
			t.Errorf("%s stores %v", key, template)
		}
		if candidate, _ := workload.CandidateOf(annotationsOf(result.Object)); candidate != nil && candidate.Hash != hashOf("v2") {
			t.Errorf("%s holds %s back", key, candidate.Hash)
		}
	}
}
