package admission

import (
	"fmt"
	"testing"

	"sluice.dev/sluice/config"
)

// TestDefaultsOfSettingsThatAdmissionReads checks that the documented default is what happens without the annotation, and that
// the documented example differs.
func TestDefaultsOfSettingsThatAdmissionReads(t *testing.T) {
	down := func(object map[string]any) map[string]any {
		object["status"] = map[string]any{}
		return object
	}
	as := func(object map[string]any) map[string]any { return object }
	for key, state := range map[string]func(map[string]any) map[string]any{
		config.AnnotationWhenUnavailable: down,
		config.AnnotationRestart:         as,
	} {
		for _, annotation := range config.Annotations() {
			if annotation.Key != key {
				continue
			}
			change := func(annotations map[string]string) string {
				updated := deployment("podinfo:v2", annotations)
				if key == config.AnnotationRestart {
					updated = restart(deployment("podinfo:v1", annotations))
				}
				result, err := Render(state(deployment("podinfo:v1", annotations)), updated, someone)
				if err != nil {
					t.Fatal(err)
				}
				return outcome(t, result) + fmt.Sprint(result.Warnings)
			}
			without := change(nil)
			if got := change(map[string]string{key: annotation.Default}); got != without {
				t.Errorf("%s: %s gives %s, and its absence %s", key, annotation.Default, got, without)
			}
			if got := change(map[string]string{key: annotation.Example}); got == without {
				t.Errorf("%s: the example %s gives %s like its absence", key, annotation.Example, got)
			}
		}
	}
}
