package admission

import (
	"testing"

	"sluice.dev/sluice/config"
)

// TestTheSameManifestIsNoDifferenceAtAnyMoment goes through the whole life of a candidate. At each moment the last applied
// manifest differs in nothing and needs no force, and its manager owns the same fields as at the start.
func TestTheSameManifestIsNoDifferenceAtAnyMoment(t *testing.T) {
	apply := []string{"apply", "--server-side", "--field-manager=flux", "-f", "-"}
	v1, v2, v3 := manifest("podinfo:v1", "A=1"), manifest("podinfo:v2", "A=1"), manifest("podinfo:v3", "A=1")
	c := running(t, apply, "A=1")
	owned := c.owners()
	annotate := func(value string) func() {
		return func() { c.kubectl("", "annotate", "deployment", "podinfo", value) }
	}
	ask := func(key string, id func() string) func() {
		return func() {
			if err := c.ask(key, id()); err != nil {
				t.Fatal(err)
			}
		}
	}
	candidate := func() string { return c.Candidate().ID().String() }
	previous := func() string { return idOf(t, c.Deployment().Annotations[config.AnnotationPrevious]) }
	for _, moment := range []struct {
		name, manifest string
		happens        func()
		primary, held  string
	}{
		{"idle", v1, func() {}, "podinfo:v1 A=1", ""},
		{"held", v2, func() { c.kubectl(v2, apply...) }, "podinfo:v1 A=1", "podinfo:v2 A=1"},
		{"failed", v2, ask(config.AnnotationFail, candidate), "podinfo:v1 A=1", "podinfo:v2 A=1 failed"},
		{"retried", v2, annotate("sluice.dev/retry=true"), "podinfo:v1 A=1", "podinfo:v2 A=1"},
		{"aborted", v2, annotate("sluice.dev/abort=true"), "podinfo:v1 A=1", "podinfo:v2 A=1 aborted"},
		{"superseded", v3, func() { c.kubectl(v3, apply...) }, "podinfo:v1 A=1", "podinfo:v3 A=1"},
		{"promoted", v3, ask(config.AnnotationPromote, candidate), "podinfo:v3 A=1", ""},
		{"restored", v3, ask(config.AnnotationRestore, previous), "podinfo:v1 A=1", "podinfo:v3 A=1 failed"},
		{"tried again", v3, annotate("sluice.dev/retry=true"), "podinfo:v1 A=1", "podinfo:v3 A=1"},
		{"promoted again", v3, ask(config.AnnotationPromote, candidate), "podinfo:v3 A=1", ""},
		{"settled", v3, ask(config.AnnotationSettle, previous), "podinfo:v3 A=1", ""},
	} {
		moment.happens()
		c.expect(moment.name, moment.primary, moment.held)
		if diff, err := c.run(moment.manifest, "diff", "--server-side", "--field-manager=flux", "-f", "-"); err != nil {
			t.Errorf("%s: kubectl diff: %v\n%s", moment.name, err, diff)
		}
		c.kubectl(moment.manifest, apply...)
		c.expect(moment.name+", applied again", moment.primary, moment.held)
		if got := c.owners(); got != owned {
			t.Errorf("%s: flux owns %s\nand owned %s", moment.name, got, owned)
		}
	}
}
