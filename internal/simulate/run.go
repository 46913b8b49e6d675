package simulate

import (
	"runtime"
	"sync"

	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// Cell is one scenario under one rule.
type Cell struct {
	Scenario traffic.Scenario
	// Rule is the name of the rule.
	Rule string
	// Healthy is whether the canary should be promoted.
	Healthy bool
	Summary
}

// Plan is what to play.
type Plan struct {
	Scenarios []traffic.Scenario
	Rules     []rule.Rule
	Margins   Margins
	// Seed and Rollouts are the seed and the number of rollouts of each cell, at least 1.
	Seed     uint64
	Rollouts int
}

// Run plays all scenarios under all rules, on all cores. The cells are in the order of the scenarios, and within one in that of the
// rules.
func Run(plan Plan) []Cell {
	cells := make([]Cell, len(plan.Scenarios)*len(plan.Rules))
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var playing sync.WaitGroup
	for i := range cells {
		places <- struct{}{}
		playing.Go(func() {
			cells[i] = plan.cell(plan.Scenarios[i/len(plan.Rules)], plan.Rules[i%len(plan.Rules)])
			<-places
		})
	}
	playing.Wait()
	return cells
}

func (p Plan) cell(scenario traffic.Scenario, by rule.Rule) Cell {
	source := traffic.NewSource(scenario)
	all := make([]Played, p.Rollouts)
	for i := range all {
		all[i] = Play(source, by, p.Seed, uint64(i), nil)
	}
	healthy := p.Margins.Healthy(scenario)
	return Cell{Scenario: scenario, Rule: by.Name(), Healthy: healthy, Summary: summarize(scenario, healthy, all)}
}
