package strategy

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
)

// At is the step of a number, counted from 1; a step without anything where there is none.
func At(steps []Step, number int32) Step {
	if number < 1 || int(number) > len(steps) {
		return Step{}
	}
	return steps[number-1]
}

// Share is of how many percent of the requests the canary must be able to serve: its share of them or, where that is more,
// of their copies.
func Share(step Step) float64 {
	return max(step.Weight, step.MirrorWeight)
}

// Mirrored tells of how many requests the canary gets copies.
func Mirrored(step Step) string {
	if step.MirrorWeight == 0 {
		return ""
	}
	return fmt.Sprintf(" with %v%% of the requests mirrored", step.MirrorWeight)
}

// Count is how many steps of a kind are planned. Iterations come first, so that their numbers are those of their steps.
func Count(steps []Step, kind v1alpha1.StepKind) int {
	count := 0
	for _, step := range steps {
		if step.Kind == kind {
			count++
		}
	}
	return count
}
