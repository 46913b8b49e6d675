package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/plugin/manifest"
	"sluice.dev/sluice/rollout"
)

func strategyOf(object manifest.Object, present rollout.Present) Strategy {
	s := Strategy{Namespace: object.Namespace(), Name: object.Name(), Summary: summary(present.Policy)}
	if present.Status.Name != "" {
		s.Policies = append(s.Policies, present.Status.Name)
	}
	for _, source := range present.Status.Sources {
		if source.From != config.FromBuiltIn && !slices.Contains(s.Policies, source.From) {
			s.Policies = append(s.Policies, source.From)
		}
	}
	if len(s.Policies) == 0 {
		s.Policies = []string{config.FromBuiltIn}
	}
	return s
}

func joined(names []string) string { return strings.Join(names, ", ") }

// summary says which steps a policy takes.
func summary(p config.Policy) string {
	var parts []string
	if p.Iterations > 0 {
		kind := "blue/green"
		switch {
		case len(p.Match) > 0:
			kind = "a/b"
		case p.Mirror:
			kind = "mirroring"
		}
		parts = append(parts, fmt.Sprintf("%s, %d iterations of %s", kind, p.Iterations, p.Interval))
	}
	if weights := weightsOf(p); len(weights) > 0 {
		parts = append(parts, "canary "+strings.Join(weights, ", ")+" every "+p.Interval.String())
	}
	text := strings.Join(parts, ", then ")
	if len(p.Match) > 0 && p.Iterations == 0 {
		text += " with testers"
	}
	if p.Traffic == v1alpha1.TrafficNone {
		text += ", without traffic"
	}
	if p.SkipAnalysis {
		text = "promoted unjudged as soon as the canary is ready"
	}
	if p.Suspend {
		text += ", suspended"
	}
	return text
}

// weightsOf are the weights in order, with their durations where they have any.
func weightsOf(p config.Policy) []string {
	var texts []string
	percent := func(weight float64) string { return strconv.FormatFloat(weight, 'f', -1, 64) + "%" }
	for _, step := range p.ExplicitSteps {
		text := percent(step.Weight)
		if step.Duration > 0 {
			text += " for " + step.Duration.String()
		}
		texts = append(texts, text)
	}
	for _, weight := range p.StepWeights {
		texts = append(texts, percent(weight))
	}
	if p.StepWeight > 0 {
		for weight := p.StepWeight; weight < p.MaxWeight; weight += p.StepWeight {
			texts = append(texts, percent(weight))
		}
		texts = append(texts, percent(p.MaxWeight))
	}
	const most = 10
	if len(texts) > most {
		texts = append(append(texts[:3:3], "…"), texts[len(texts)-1])
	}
	return texts
}
