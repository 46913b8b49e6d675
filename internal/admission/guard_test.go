package admission

import (
	"maps"
	"strings"
	"testing"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

func TestGuard(t *testing.T) {
	held := deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkNone)})
	render := func(old, updated map[string]any, by Request) map[string]any {
		result, err := Render(old, updated, by)
		if err != nil {
			t.Fatal(err)
		}
		return result.Object
	}
	promotion := deployment("v1", map[string]string{config.AnnotationPromote: orderFor("v2")})
	promoted := render(held, promotion, sluice)
	restored := render(promoted, deployment("v2", map[string]string{config.AnnotationRestore: orderFor("v1")}), sluice)
	bypass := map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}
	for name, c := range map[string]struct {
		old, final map[string]any
		by         Request
		wrong      string
	}{
		"the stored template stays":         {held, held, someone, ""},
		"the candidate is promoted":         {held, promoted, sluice, ""},
		"the previous template is restored": {promoted, restored, sluice, ""},
		"a bypass lets a change through":    {held, render(held, deployment("v3", bypass), someone), someone, ""},
		"opting out lets a change through":  {held, render(held, optedOut("v3"), someone), someone, ""},
		"a change of what opts out is refused": {held, withImage(render(held, optedOut("v3"), someone), "v9"), someone,
			"image after Sluice had held the change back"},
		"an opt-in that another webhook removes with a change is refused": {held, lacking(withImage(held, "v9"), config.AnnotationCanary), someone, "image after Sluice had held the change back"},
		"opting in lets a change through":                                 {optedOut("v1"), render(optedOut("v1"), deployment("v2", nil), someone), someone, ""},
		"a change of what opts in is refused":                             {optedOut("v1"), withImage(render(optedOut("v1"), deployment("v1", nil), someone), "v9"), someone, "image after Sluice had held the change back"},
		"anybody else's promotion is refused":                             {held, promoted, someone, "containers"},
		"anybody else's restore is refused":                               {promoted, restored, someone, "containers"},
		"a change after ours is refused":                                  {held, withImage(held, "v9"), someone, `another admission webhook changed spec.template.spec.containers[name="app"].image after`},
		"a change of what is promoted is refused":                         {held, withImage(promoted, "v9"), sluice, "image after Sluice had held the change back"},
		"a change of what is let through is refused":                      {held, withImage(render(held, deployment("v3", bypass), someone), "v9"), someone, "image after Sluice had held the change back"},
		"an earlier direct change allows no further one":                  {withImage(render(held, deployment("v3", bypass), someone), "v1"), render(held, deployment("v3", bypass), someone), someone, "image after Sluice had held the change back"},
		"a failed candidate cannot be promoted": {deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkFailed)}), promoted, sluice,
			"image after Sluice had held the change back"},
	} {
		t.Run(name, func(t *testing.T) {
			err := guard(c.old, c.final, c.by)
			if c.wrong == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

// withImage changes the image as another webhook would.
func withImage(object map[string]any, image string) map[string]any {
	spec := maps.Clone(specOf(object))
	spec["template"] = specOf(deployment(image, nil))["template"]
	return map[string]any{"metadata": object["metadata"], "spec": spec, "status": object["status"]}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		old, updated map[string]any
		wrong        string
	}{
		"a new Deployment that is opted in": {nil, deployment("v1", nil), ""},
		"a new Deployment from a backup":    {nil, deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", "")}), ""},
		"a new Deployment that asks for a promotion": {nil, deployment("v1", map[string]string{config.AnnotationPromote: "7c9e41d2"}),
			"metadata.annotations[sluice.dev/promote]"},
		"a new Deployment with a forged candidate": {nil, deployment("v1", map[string]string{config.AnnotationCandidate: `{"hash":"7c9e41d2","template":{}}`}),
			"hash 7c9e41d2 does not match the template"},
		"a new Deployment with a candidate that no Deployment can have": {nil, deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("", "")}),
			"spec.template.spec.containers[0].image: Required value"},
		"a new Deployment whose candidate cannot be read": {nil, deployment("v1", map[string]string{config.AnnotationCandidate: "gzip:bm8="}), "metadata.annotations[sluice.dev/candidate]"},
		"a bypass without a reason":                       {deployment("v1", nil), deployment("v1", map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z"}), "and a reason"},
		"a bypass of two hours":                           {deployment("v1", nil), deployment("v1", map[string]string{config.AnnotationBypass: "2026-01-01T02:00:00Z; x"}), "must end at most 1h0m0s from now"},
		"a stored mistake blocks nothing else": {deployment("v1", map[string]string{config.AnnotationBypass: "soon"}),
			deployment("v1", map[string]string{config.AnnotationBypass: "soon", "example.com/team": "a"}), ""},
		"a way that does not exist": {deployment("v1", nil), deployment("v1", map[string]string{config.AnnotationRestart: "now"}), "must be one of canary, direct"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validate(c.old, c.updated, someone)
			if c.wrong == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}
