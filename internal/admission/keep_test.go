package admission

import (
	"maps"
	"strings"
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
		"opting in":                       {optedOut("v1"), plain, someone},
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
	t.Run("a direct change contains what the others make of it", func(t *testing.T) {
		for name, asked := range map[string]map[string]any{"bypassed": deployment("v3", bypass), "opted out": optedOut("v3"), "opted in": deployment("v3", nil)} {
			stored := held
			if name == "opted in" {
				stored = optedOut("v1")
			}
			kept, err := Keep(stored, injected(render(stored, asked, someone)), someone)
			if err != nil {
				t.Fatal(err)
			}
			template, _ := templateOf(kept.Object)
			if want, _ := templateOf(injected(deployment("v3", nil))); !workload.Equal(template, want) {
				t.Errorf("%s: stored is %v", name, template)
			}
			if direct, err := lastDirect(annotationsOf(kept.Object)); err != nil || direct == nil || direct.Hash != template.KnownHash() || direct.By != someone.User {
				t.Errorf("%s: the record is %+v, %v", name, direct, err)
			}
			if err := guard(stored, kept.Object, someone); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("a user is told what is lost", func(t *testing.T) {
		for name, c := range map[string]struct {
			decided map[string]any
			told    bool
		}{
			"it is called for the first time": {held, true},
			"the candidate has it":            {candidate, false},
		} {
			kept, err := Keep(plain, injected(c.decided), someone)
			if err != nil || (len(kept.Warnings) == 1) != c.told {
				t.Errorf("%s: told is %q, %v", name, kept.Warnings, err)
			}
			if c.told && !strings.Contains(kept.Warnings[0], "another admission webhook changed spec.template.metadata.annotations") {
				t.Errorf("%s: told is %q", name, kept.Warnings)
			}
		}
		if kept, err := Keep(held, injected(failed), sluice); err != nil || len(kept.Warnings) > 0 {
			t.Errorf("the reconciler is told %q, %v", kept.Warnings, err)
		}
	})
}

// optedOut is a Deployment that is not opted in.
func optedOut(image string) map[string]any {
	return deployment(image, map[string]string{config.AnnotationCanary: "false"})
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
