package plugin

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/plugin/lint"
)

// group is a run of planned steps that are shown as one word: equal iterations, or a single step.
type group struct {
	step        v1alpha1.PlannedStep
	first, last int32
}

// wording is how steps of one kind are shown.
type wording struct {
	// joins is true if equal steps are shown as one group.
	joins bool
	// group formats a group for the line of steps; within is the number of the current step in it, 0 if it is not in the
	// group.
	group func(g group, within int32) string
	// named formats a step for a sentence.
	named func(step v1alpha1.PlannedStep, number int32) string
}

// wordings has an entry for every kind of step.
var wordings = map[v1alpha1.StepKind]wording{
	v1alpha1.StepIteration: {joins: true, group: iterationsOf,
		named: func(_ v1alpha1.PlannedStep, number int32) string { return fmt.Sprintf("iteration %d", number) }},
	v1alpha1.StepWeight: {
		group: func(g group, _ int32) string { return fmt.Sprintf("%v%%", g.step.Weight) },
		named: func(step v1alpha1.PlannedStep, _ int32) string { return fmt.Sprintf("weight %v%%", step.Weight) }},
	v1alpha1.StepHold: {
		group: func(g group, _ int32) string {
			return fmt.Sprintf("%v%% for %s", g.step.Weight, g.step.Duration.Duration)
		},
		named: func(step v1alpha1.PlannedStep, _ int32) string {
			return fmt.Sprintf("weight %v%% for %s", step.Weight, step.Duration.Duration)
		}},
}

// wordingOf is the wording of a kind. A newer controller may plan steps of an unknown kind: they are shown by its name.
func wordingOf(kind v1alpha1.StepKind) wording {
	if known, is := wordings[kind]; is {
		return known
	}
	return wording{group: func(group, int32) string { return string(kind) }, named: func(v1alpha1.PlannedStep, int32) string { return string(kind) }}
}

func iterationsOf(g group, within int32) string {
	iterations := lint.Iterations(int(g.last - g.first + 1))
	if within == 0 {
		return iterations
	}
	return fmt.Sprintf("%d/%s", within, iterations)
}

// groupsOf groups planned steps.
func groupsOf(steps []v1alpha1.PlannedStep) []group {
	var groups []group
	for i, step := range steps {
		number := int32(i + 1)
		if last := len(groups) - 1; last >= 0 && wordingOf(step.Kind).joins && groups[last].step == step {
			groups[last].last = number
			continue
		}
		groups = append(groups, group{step: step, first: number, last: number})
	}
	return groups
}

// word shows a group, in brackets if the rollout is in it: "20%", "[0.2%+mirror 10%]", "[3/10 iterations]", "100% for 1m0s".
func (g group) word(number int32) string {
	inside := g.first <= number && number <= g.last
	var within int32
	if inside {
		within = number - g.first + 1
	}
	word := wordingOf(g.step.Kind).group(g, within)
	if g.step.MirrorWeight > 0 {
		word += fmt.Sprintf("+mirror %v%%", g.step.MirrorWeight)
	}
	if inside {
		return "[" + word + "]"
	}
	return word
}

// present is the current step; nil before the first and if none is planned.
func present(status v1alpha1.CanaryStatus) *v1alpha1.PlannedStep {
	if status.Open().Step.Number < 1 || int(status.Open().Step.Number) > len(status.Plan.Steps) {
		return nil
	}
	return &status.Plan.Steps[status.Open().Step.Number-1]
}

// extras says what the canary gets in addition to its weight.
func extras(step v1alpha1.PlannedStep) string {
	text := ""
	if step.Match {
		text += ", plus all matched requests"
	}
	if step.MirrorWeight > 0 {
		text += fmt.Sprintf(", plus %v%% of the requests mirrored", step.MirrorWeight)
	}
	return text
}

// stepName is a planned step in a sentence.
func stepName(steps []v1alpha1.PlannedStep, number int32) string {
	step := steps[number-1]
	return wordingOf(step.Kind).named(step, number)
}
