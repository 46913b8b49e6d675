package plugin

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/plugin/lint"
)

// group is a run of planned steps that are shown as one word: all iterations that are alike, or a single step.
type group struct {
	step        v1alpha1.PlannedStep
	first, last int32
}

// groupsOf joins iterations that are alike.
func groupsOf(steps []v1alpha1.PlannedStep) []group {
	var groups []group
	for i, step := range steps {
		number := int32(i + 1)
		if last := len(groups) - 1; last >= 0 && step.Kind == v1alpha1.StepIteration && groups[last].step == step {
			groups[last].last = number
			continue
		}
		groups = append(groups, group{step: step, first: number, last: number})
	}
	return groups
}

// word shows a group, in brackets when the rollout is in it: "20%", "[0.2%+mirror 10%]", "[3/10 iterations]", "100% for 1m0s".
func (g group) word(number int32) string {
	inside := g.first <= number && number <= g.last
	var word string
	switch {
	case g.step.Kind == v1alpha1.StepIteration && inside:
		word = fmt.Sprintf("%d/%s", number-g.first+1, lint.Iterations(int(g.last-g.first+1)))
	case g.step.Kind == v1alpha1.StepIteration:
		word = lint.Iterations(int(g.last - g.first + 1))
	case g.step.Kind == v1alpha1.StepHold:
		word = fmt.Sprintf("%v%% for %s", g.step.Weight, g.step.Duration.Duration)
	default:
		word = fmt.Sprintf("%v%%", g.step.Weight)
	}
	if g.step.MirrorWeight > 0 {
		word += fmt.Sprintf("+mirror %v%%", g.step.MirrorWeight)
	}
	if inside {
		return "[" + word + "]"
	}
	return word
}

// present is the step that a rollout is in, nil before the first and where none is planned.
func present(status v1alpha1.CanaryStatus) *v1alpha1.PlannedStep {
	if status.Step < 1 || int(status.Step) > len(status.Steps) {
		return nil
	}
	return &status.Steps[status.Step-1]
}

// besides tells what the canary gets besides its weight.
func besides(step v1alpha1.PlannedStep) string {
	text := ""
	if step.Match {
		text += ", and all matched requests"
	}
	if step.MirrorWeight > 0 {
		text += fmt.Sprintf(", and copies of %v%% of the requests", step.MirrorWeight)
	}
	return text
}

// named is a planned step within a sentence.
func named(steps []v1alpha1.PlannedStep, number int32) string {
	step := steps[number-1]
	switch step.Kind {
	case v1alpha1.StepIteration:
		return fmt.Sprintf("iteration %d", number)
	case v1alpha1.StepHold:
		return fmt.Sprintf("weight %v%%, held for %s", step.Weight, step.Duration.Duration)
	}
	return fmt.Sprintf("weight %v%%", step.Weight)
}
