package admission

import (
	"strings"
	"testing"

	"sluice.dev/sluice/config"
)

func TestSettingsAreJudgedWhenTheyChange(t *testing.T) {
	for name, c := range map[string]struct {
		before, after map[string]string
		wrong         string
	}{
		"a value that cannot be read":            {nil, map[string]string{config.AnnotationInterval: "soon"}, "metadata.annotations[sluice.dev/interval]"},
		"one that was stored before is left":     {map[string]string{config.AnnotationInterval: "soon"}, map[string]string{config.AnnotationInterval: "soon", config.AnnotationThreshold: "3"}, ""},
		"two that do not go together":            {map[string]string{config.AnnotationMaxWeight: "50"}, map[string]string{config.AnnotationMaxWeight: "50", config.AnnotationStepWeights: "1,5@1m"}, "metadata.annotations[sluice.dev/max-weight]"},
		"two ways to say the weights":            {nil, map[string]string{config.AnnotationStepWeight: "5", config.AnnotationStepWeights: "1,5"}, "only one of stepWeight, stepWeights and steps"},
		"those that were stored before are left": {map[string]string{config.AnnotationMaxWeight: "50", config.AnnotationStepWeights: "1,5@1m"}, map[string]string{config.AnnotationMaxWeight: "50", config.AnnotationStepWeights: "1,5@1m", "example.com/a": "b"}, ""},
		"copies, for whose time a policy says":   {nil, map[string]string{config.AnnotationMirror: "true", config.AnnotationStepWeight: "5", config.AnnotationPolicy: "standard"}, ""},
		"what may go together with a policy":     {nil, map[string]string{config.AnnotationMirrorWeight: "5", config.AnnotationPolicy: "standard"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validate(annotated(c.before), annotated(c.after), someone)
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("got %v, which does not say %q", err, c.wrong)
			}
		})
	}
}

func TestSettingsByWhichNoRolloutCouldStartAreWarnedOfWhenTheyAreMade(t *testing.T) {
	noStep := map[string]string{config.AnnotationStepWeight: "0"}
	for name, c := range map[string]struct {
		before, after map[string]string
		warning       string
	}{
		"no step": {nil, noStep,
			"podinfo: no rollout can start unless ClusterCanaryPolicy/default adds what is missing: metadata.annotations[sluice.dev/step-weight]: Invalid value: 0: the rollout would have no steps: set stepWeight above 0, stepWeights, steps or iterations"},
		"no step on one that is opted in just now": {map[string]string{config.AnnotationCanary: "false"}, noStep, "podinfo: no rollout can start"},
		"no step, which was stored before":         {noStep, map[string]string{config.AnnotationStepWeight: "0", config.AnnotationThreshold: "3"}, ""},
		"no step, and nothing has changed":         {noStep, noStep, ""},
		"no step but what a named policy may have": {nil, map[string]string{config.AnnotationStepWeight: "0", config.AnnotationPolicy: "standard"}, ""},
		"no step but iterations":                   {nil, map[string]string{config.AnnotationStepWeight: "0", config.AnnotationIterations: "3"}, ""},
		"not opted in":                             {nil, map[string]string{config.AnnotationStepWeight: "0", config.AnnotationCanary: "false"}, ""},
		"copies at no time":                        {nil, map[string]string{config.AnnotationMirror: "true"}, "podinfo: no rollout can start"},
		"the opt-in alone":                         {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(SettingsWarnings(annotated(c.before), annotated(c.after)), "; ")
			if !strings.HasPrefix(got, c.warning) || (got == "") != (c.warning == "") {
				t.Errorf("got %q, not %q", got, c.warning)
			}
		})
	}
}

// annotated returns an opted-in Deployment with more annotations.
func annotated(more map[string]string) map[string]any {
	annotations := map[string]any{config.AnnotationCanary: "true"}
	for key, value := range more {
		annotations[key] = value
	}
	return map[string]any{"metadata": map[string]any{"name": "podinfo", "annotations": annotations},
		"spec": map[string]any{"template": map[string]any{}}}
}
