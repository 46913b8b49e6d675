package admission

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsNotHeldWithATemplateIsWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		stored, asked map[string]any
		image         string
		want          []string
	}{
		"nothing else": {image: "v2"},
		"fewer replicas": {stored: map[string]any{"replicas": int64(10)}, asked: map[string]any{"replicas": int64(5)}, image: "v2", want: []string{
			"podinfo: spec.replicas is not held back: the old template now has 5 of its 10 replicas for all requests; to undo that: kubectl scale deployment podinfo -n test --replicas=10"}},
		"more replicas": {stored: map[string]any{"replicas": int64(5)}, asked: map[string]any{"replicas": int64(10)}, image: "v2"},
		"no replicas are the default": {stored: map[string]any{"replicas": int64(2)}, asked: map[string]any{"replicas": nil}, image: "v2", want: []string{
			"podinfo: spec.replicas is not held back: the old template now has 1 of its 2 replicas for all requests; to undo that: kubectl scale deployment podinfo -n test --replicas=2"}},
		"other fields": {stored: map[string]any{"strategy": map[string]any{"type": "RollingUpdate"}}, asked: map[string]any{"strategy": map[string]any{"type": "Recreate"}, "minReadySeconds": int64(5)},
			image: "v2", want: []string{"podinfo: only the template is held back; in effect at once: spec.minReadySeconds, spec.strategy"}},
		"fields without a template": {stored: map[string]any{"replicas": int64(10)}, asked: map[string]any{"replicas": int64(5)}, image: "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			old, updated := deployment("v1", nil), deployment(c.image, nil)
			for object, fields := range map[*map[string]any]map[string]any{&old: c.stored, &updated: c.asked} {
				for field, value := range fields {
					(*object)["spec"].(map[string]any)[field] = value
					if value == nil {
						delete((*object)["spec"].(map[string]any), field)
					}
				}
			}
			result, err := Render(old, updated, someone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, warning := range result.Warnings {
				if !strings.Contains(warning, HeldBack) && !strings.Contains(warning, "stop it with") {
					got = append(got, warning)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTheCommandThatStopsACandidateIsNeverCut holds that a long name costs the alternative, not the command.
func TestTheCommandThatStopsACandidateIsNeverCut(t *testing.T) {
	long := strings.Repeat("n", 63)
	old, updated := deployment("v1", nil), deployment("v2", nil)
	for _, object := range []map[string]any{old, updated} {
		object["metadata"].(map[string]any)["name"], object["metadata"].(map[string]any)["namespace"] = long, long
	}
	result, err := Render(old, updated, someone)
	if err != nil {
		t.Fatal(err)
	}
	want := "kubectl sluice abort " + long + " -n " + long + " (setting"
	if warning := result.Warnings[1]; !strings.Contains(warning, want) || len(warning) > 256 {
		t.Errorf("the warning of %d bytes is %s", len(warning), warning)
	}
}
