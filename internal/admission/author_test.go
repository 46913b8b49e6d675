package admission

import (
	"testing"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// TestWhatSluicePutsInNamesItsAuthor plays the requests of the reconciler. Each of them comes with a name that somebody has forged.
func TestWhatSluicePutsInNamesItsAuthor(t *testing.T) {
	const author = "pat"
	template, _ := templateOf(deployment("v2", nil))
	candidate, err := workload.Candidate{Hash: template.Hash(), Template: template, By: author, At: someone.Now}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	forged := func(annotations map[string]string) map[string]string {
		annotations[config.AnnotationRequestedBy] = "root"
		return annotations
	}
	ask := func(old map[string]any, by Request, key, value string) map[string]any {
		t.Helper()
		annotations := map[string]string{}
		for k, v := range annotationsOf(old) {
			annotations[k] = v
		}
		if key != "" {
			annotations[key] = value
		}
		result, err := Render(old, withAnnotations(old, forged(annotations)), by)
		if err != nil {
			t.Fatal(err)
		}
		return result.Object
	}
	names := func(moment string, object map[string]any, want string) {
		t.Helper()
		if got, named := annotationsOf(object)[config.AnnotationRequestedBy]; got != want || named != (want != "") {
			t.Errorf("%s: it is requested by %q", moment, got)
		}
	}
	holding := ask(deployment("v1", forged(map[string]string{config.AnnotationCandidate: candidate})), someone, "", "")
	names("held back", holding, "")
	promoted := ask(holding, sluice, config.AnnotationPromote, orderFor("v2"))
	names("promoted", promoted, author)
	names("touched by another user", ask(promoted, someone, "note", "a"), author)
	names("settled", ask(promoted, sluice, config.AnnotationSettle, orderFor("v1")), "")
	names("restored", ask(promoted, sluice, config.AnnotationRestore, orderFor("v1")), "")
	through := ask(holding, sluice, config.AnnotationLetThrough, orderFor("v2"))
	names("let through", through, author)
	names("told", ask(through, sluice, config.AnnotationSettle, workload.ID{Hash: template.KnownHash(), At: someone.Now}.String()), "")
	bypass := map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}
	direct, err := Render(deployment("v1", nil), deployment("v3", forged(bypass)), someone)
	if err != nil {
		t.Fatal(err)
	}
	names("bypassed", direct.Object, "")
}
