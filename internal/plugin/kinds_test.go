package plugin

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/constants"
)

const api = "../../api/v1alpha1"

func TestEveryKindOfStepHasItsWords(t *testing.T) {
	for _, kind := range constants.Of[v1alpha1.StepKind](t, api, "StepKind") {
		words, known := wordings[kind]
		if !known || words.group == nil || words.named == nil {
			t.Errorf("steps of kind %s have no words", kind)
		}
	}
}

func TestAKindOfStepThatIsNotKnownIsShownByItsName(t *testing.T) {
	steps := []v1alpha1.PlannedStep{{Kind: "Shadow"}, {Kind: "Shadow"}}
	status := v1alpha1.CanaryStatus{Rollout: &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 2}}, Plan: v1alpha1.PlanStatus{Steps: steps}}
	if line, sentence := stepsLine(status), stepName(steps, 1); line != "2 of 2: Shadow [Shadow]" || sentence != "Shadow" {
		t.Errorf("got %q and %q", line, sentence)
	}
}

func TestEveryPhaseFitsIntoItsColumn(t *testing.T) {
	for _, phase := range constants.Of[v1alpha1.Phase](t, api, "Phase") {
		s := subject{canary: &v1alpha1.Canary{Status: v1alpha1.CanaryStatus{Phase: phase, CanaryStanding: v1alpha1.CanaryStanding{DryRun: true}}}}
		if got := len(s.phase()); got > phaseWidth {
			t.Errorf("%q takes %d columns of %d", s.phase(), got, phaseWidth)
		}
	}
}

func TestEveryTypeOfHookSaysWhatItOpens(t *testing.T) {
	for _, hook := range constants.Of[v1alpha1.HookType](t, api, "HookType") {
		after, known := opens[hook]
		if isGate := strings.HasPrefix(string(hook), "confirm-") || hook == v1alpha1.HookPreRollout; !known || isGate != (after != noGate) {
			t.Errorf("%s opens %q", hook, after)
		}
	}
}
