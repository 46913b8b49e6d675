package admission

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

func TestRenderFreeze(t *testing.T) {
	spec := func(reason string, stamp v1alpha1.Stamp) v1alpha1.Freeze {
		return v1alpha1.Freeze{Spec: v1alpha1.FreezeSpec{Reason: reason, Stamp: stamp}}
	}
	for name, c := range map[string]struct {
		old, updated v1alpha1.Freeze
		by           string
	}{
		"a new one is stamped":            {v1alpha1.Freeze{}, spec("outage", v1alpha1.Stamp{}), "jane"},
		"a forged stamp is replaced":      {v1alpha1.Freeze{}, spec("outage", stampBy("boss", -9)), "jane"},
		"an unchanged one keeps its own":  {spec("outage", stampBy("otto", -1)), spec("outage", stampBy("boss", -9)), "otto"},
		"a change is by who has made it":  {spec("outage", stampBy("otto", -1)), spec("lunch", stampBy("otto", -1)), "jane"},
		"one that nobody stamped is mine": {spec("outage", v1alpha1.Stamp{}), spec("outage", v1alpha1.Stamp{}), "jane"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := RenderFreeze(c.old, c.updated, someone)
			if err != nil || got.By != c.by || got.Reason != c.updated.Spec.Reason || got.At == nil {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wrong := spec("x", v1alpha1.Stamp{})
	wrong.Spec.Schedule, wrong.Spec.Duration, wrong.Spec.TimeZone = "0 0 * * *", &metav1.Duration{Duration: time.Hour}, "Mars/Base"
	if _, err := RenderFreeze(v1alpha1.Freeze{}, wrong, someone); err == nil || !strings.Contains(err.Error(), "spec.timeZone") {
		t.Errorf("a zone that is none: %v", err)
	}
}

func TestAnnotationsOfACanaryAskOnce(t *testing.T) {
	for name, c := range map[string]struct {
		annotation, value string
		status            v1alpha1.CanaryStatus
		reset, skip       bool
		warning, wrong    string
	}{
		"a reset in flight":         {annotation: config.AnnotationReset, value: "true", status: statusIn("Progressing", ""), reset: true},
		"a reset of what failed":    {annotation: config.AnnotationReset, value: "true", status: statusIn("Failed", "Failed"), reset: true},
		"a reset of what is live":   {annotation: config.AnnotationReset, value: "true", status: statusIn("Succeeded", "Succeeded"), wrong: "there is nothing to reset: it was promoted"},
		"a skip in flight":          {annotation: config.AnnotationSkipAnalysis, value: "true", status: statusIn("Progressing", ""), skip: true},
		"a skip of what is over":    {annotation: config.AnnotationSkipAnalysis, value: "true", status: statusIn("Failed", "Failed"), wrong: "this candidate is not in flight"},
		"no candidate":              {annotation: config.AnnotationReset, value: "true", warning: "there is no candidate, so this has no effect"},
		"a value that says nothing": {annotation: config.AnnotationSkipAnalysis, value: "yes", status: statusIn("Progressing", ""), wrong: `must be "true"`},
	} {
		t.Run(name, func(t *testing.T) {
			updated := v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{c.annotation: c.value}}}
			got, warnings, err := RenderCanary(v1alpha1.Canary{Status: c.status}, updated, someone)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (got.Reset != nil) != c.reset || (got.Promote != nil && got.Promote.SkipAnalysis) != c.skip || !strings.Contains(strings.Join(warnings, " "), c.warning) {
				t.Errorf("got %+v, %v", got, warnings)
			}
			if c.reset && (got.Reset.By != "jane" || got.Reset.Candidate != hash || *got.Reset.Attempt != 1) {
				t.Errorf("the request is %+v", got.Reset)
			}
		})
	}
}

func TestResetForgetsTheCandidate(t *testing.T) {
	for name, c := range map[string]struct {
		mark    workload.Mark
		value   string
		by      Request
		kept    bool
		warning string
	}{
		"in flight":   {workload.MarkNone, "true", someone, false, "is forgotten"},
		"failed":      {workload.MarkFailed, "true", someone, false, "is forgotten"},
		"by its hash": {workload.MarkAborted, hashOf("podinfo:v2"), someone, false, "is forgotten"},
		"by Sluice":   {workload.MarkAborted, orderFor("podinfo:v2") + " jane", sluice, false, "is forgotten"},
		"another one": {workload.MarkFailed, orderFor("podinfo:v3") + " jane", sluice, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			kept := map[string]string{config.AnnotationCandidate: candidateOf("podinfo:v2", c.mark)}
			asked := map[string]string{config.AnnotationCandidate: kept[config.AnnotationCandidate], config.AnnotationReset: c.value}
			result, err := Render(deployment("podinfo:v1", kept), deployment("podinfo:v1", asked), c.by)
			if err != nil {
				t.Fatal(err)
			}
			annotations := annotationsOf(result.Object)
			candidate := annotations[config.AnnotationCandidate] != ""
			_, stored := annotations[config.AnnotationReset]
			if candidate != c.kept || stored || !strings.Contains(strings.Join(result.Warnings, " "), c.warning) || imageOf(result.Object) != "podinfo:v1" {
				t.Errorf("got %v and %v", annotations, result.Warnings)
			}
		})
	}
}

func TestADryRunLetsEverythingThrough(t *testing.T) {
	for name, c := range map[string]struct {
		updated map[string]any
		warning string
	}{
		"a change of the template": {deployment("podinfo:v2", nil), "dry run: this change would have been " + HeldBack + " " + workload.Short(hashOf("podinfo:v2"))},
		"a label":                  {deployment("podinfo:v1", map[string]string{"team": "a"}), ""},
		"what is reserved":         {deployment("podinfo:v1", map[string]string{config.AnnotationPromote: "7c9e41d2"}), "would have been rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			told := strings.Join(DryRun(deployment("podinfo:v1", nil), c.updated, someone).Warnings, " ")
			if (c.warning == "") != (told == "") || !strings.Contains(told, c.warning) {
				t.Errorf("the warnings are %q", told)
			}
		})
	}
	brought := map[string]string{config.AnnotationCandidate: candidateOf("podinfo:v2", ""), "team": "a"}
	let := annotationsOf(DryRun(deployment("podinfo:v1", nil), deployment("podinfo:v2", brought), someone).Object)
	if _, forged := let[config.AnnotationCandidate]; forged || let["team"] != "a" {
		t.Errorf("a record is let through: %v", let)
	}
	wrong := DryRunSettings(nil, deployment("podinfo:v1", map[string]string{config.AnnotationInterval: "soon"}), someone)
	if !strings.Contains(strings.Join(wrong, " "), "would have been rejected") {
		t.Errorf("the warnings are %q", wrong)
	}
}
