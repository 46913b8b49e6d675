package strategy

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
)

// At returns the step of a number, counted from 1; an empty step if there is none.
func At(steps []Step, number int32) Step {
	if number < 1 || int(number) > len(steps) {
		return Step{}
	}
	return steps[number-1]
}

// Share is the percentage of requests that the canary must be able to serve: its weight or, if that is greater, its share
// of mirrored requests.
func Share(step Step) float64 {
	return max(step.Weight, step.MirrorWeight)
}

// Mirrored says which percentage of requests a step mirrors to the canary.
func Mirrored(step Step) string {
	if step.MirrorWeight == 0 {
		return ""
	}
	return fmt.Sprintf(" with %v%% of the requests mirrored", step.MirrorWeight)
}

// Count is the number of planned steps of a kind. Iterations come first, so their numbers are those of their steps.
func Count(steps []Step, kind v1alpha1.StepKind) int {
	count := 0
	for _, step := range steps {
		if step.Kind == kind {
			count++
		}
	}
	return count
}
