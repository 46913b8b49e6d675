package admission

import (
	"maps"
	"testing"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

func TestWanted(t *testing.T) {
	held := candidateOf("v2", workload.MarkNone)
	holding := func(annotations map[string]string) map[string]string {
		all := map[string]string{config.AnnotationCandidate: held}
		maps.Copy(all, annotations)
		return all
	}
	for name, c := range map[string]struct {
		old, new map[string]any
		by       Request
		want     string
	}{
		"a change":                       {deployment("v1", nil), deployment("v2", nil), someone, "v2"},
		"a change and fewer replicas":    {scaled(deployment("v1", nil), 4), scaled(deployment("v2", nil), 2), someone, "v2"},
		"another change":                 {deployment("v1", holding(nil)), deployment("v3", holding(nil)), someone, "v3"},
		"a retry":                        {deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkFailed)}), deployment("v1", map[string]string{config.AnnotationRetry: "true"}), someone, "v2"},
		"a candidate of a backup":        {nil, deployment("v1", holding(nil)), someone, "v2"},
		"nothing":                        {deployment("v1", nil), deployment("v1", nil), someone, ""},
		"nothing new":                    {deployment("v1", holding(nil)), deployment("v1", holding(map[string]string{"note": "a"})), someone, ""},
		"an abort":                       {deployment("v1", holding(nil)), deployment("v1", holding(map[string]string{config.AnnotationAbort: "true"})), someone, ""},
		"a bypass":                       {deployment("v1", nil), deployment("v3", map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}), someone, ""},
		"a Deployment that opts in late": {deployment("v1", map[string]string{config.AnnotationCanary: "false"}), deployment("v2", nil), someone, ""},
		"a promotion":                    {deployment("v1", holding(nil)), deployment("v1", holding(map[string]string{config.AnnotationPromote: orderFor("v2")})), sluice, ""},
		"a retry by the reconciler":      {deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkFailed)}), deployment("v1", map[string]string{config.AnnotationRetry: orderFor("v2") + " jane"}), sluice, ""},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Render(c.old, c.new, c.by)
			if err != nil {
				t.Fatal(err)
			}
			wanted, holds := Wanted(c.old, result.Object, c.by)
			if holds != (c.want != "") {
				t.Fatalf("it holds %v: %v", holds, wanted)
			}
			if !holds {
				return
			}
			if got := imageOf(wanted); got != c.want {
				t.Errorf("wanted is %s", got)
			}
			if replicas, asked := specOf(wanted)["replicas"], specOf(c.new)["replicas"]; replicas != asked {
				t.Errorf("wanted are %v replicas, not %v", replicas, asked)
			}
			for _, key := range config.RecordKeys() {
				if annotationsOf(wanted)[key] != annotationsOf(c.old)[key] {
					t.Errorf("annotation %s is %q", key, annotationsOf(wanted)[key])
				}
			}
		})
	}
}
