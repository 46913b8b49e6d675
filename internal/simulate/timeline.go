package simulate

import (
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// Timeline is one rollout under one rule, second by second.
type Timeline struct {
	Rule string
	// Threshold is the evidence that rolls back; 0 for a rule without evidence.
	Threshold float64
	Moments   []Moment
	Played    Played
}

// Timelines plays the first rollout of a scenario under each rule.
func Timelines(plan Plan, scenario traffic.Scenario) []Timeline {
	source := traffic.NewSource(scenario)
	all := make([]Timeline, len(plan.Rules))
	for i, by := range plan.Rules {
		all[i].Rule = by.Name()
		if sequential, ok := by.(rule.Sequential); ok {
			all[i].Threshold = sequential.Threshold()
		}
		all[i].Played = Play(source, by, plan.Seed, 0, func(m Moment) { all[i].Moments = append(all[i].Moments, m) })
	}
	return all
}

// Telling returns the scenario that a timeline shows best: the first whose canary is not healthy, else the first.
func (p Plan) Telling() traffic.Scenario {
	for _, scenario := range p.Scenarios {
		if !p.Margins.Healthy(scenario) {
			return scenario
		}
	}
	return p.Scenarios[0]
}
