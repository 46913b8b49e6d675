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

// wording is how steps of one kind are shown.
type wording struct {
	// joins tells that steps which are alike are shown as one group.
	joins bool
	// group is a group of them in the line of steps; within is the number of the present one, 0 outside the group.
	group func(g group, within int32) string
	// named is a step within a sentence.
	named func(step v1alpha1.PlannedStep, number int32) string
}

// wordings has every kind of step.
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

// wordingOf is how steps of a kind are shown. A newer controller may plan steps of a kind that is not known here: they are
// shown by its name.
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

// groupsOf joins steps that are alike, where their kind is shown so.
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

// word shows a group, in brackets when the rollout is in it: "20%", "[0.2%+mirror 10%]", "[3/10 iterations]", "100% for 1m0s".
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
		text += ", plus all matched requests"
	}
	if step.MirrorWeight > 0 {
		text += fmt.Sprintf(", plus %v%% of the requests mirrored", step.MirrorWeight)
	}
	return text
}

// named is a planned step within a sentence.
func named(steps []v1alpha1.PlannedStep, number int32) string {
	step := steps[number-1]
	return wordingOf(step.Kind).named(step, number)
}
