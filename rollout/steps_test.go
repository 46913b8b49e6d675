package rollout

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/constants"
)

func TestEveryKindOfStepHasItsWords(t *testing.T) {
	for _, kind := range constants.Of[v1alpha1.StepKind](t, "../api/v1alpha1", "StepKind") {
		if words := stepKinds[kind]; words.aim == nil || words.where == nil || words.began == nil {
			t.Errorf("steps of kind %s have no words", kind)
		}
	}
}
