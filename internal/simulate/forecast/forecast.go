package forecast

import (
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// Question is what is asked.
type Question struct {
	Policy config.Policy
	App    App
	// Runs is the number of rollouts of each kind of canary, at least 1, and Seed that of their traffic.
	Runs int
	Seed uint64
}

// Result is what rollouts of one policy are like.
type Result struct {
	// Healthy are rollouts of a version like the primary.
	Healthy simulate.Summary `json:"healthy"`
	// Regressions are those of versions that do harm, in the order of Parts.
	Regressions []Regression `json:"regressions"`
}

// Regression is what rollouts of a version are like that does some harm.
type Regression struct {
	// Part is the share of its requests that fails in addition, 0 to 1.
	Part float64 `json:"part"`
	simulate.Summary
	// Hit is how many requests the regression hits, until the rollout ends or pauses.
	Hit simulate.Spread `json:"hit"`
}

// Parts are the shares of requests that regressions hit.
var Parts = []float64{.01, .05, .5}

// Play plays rollouts of all kinds. The policy must be playable.
func (q Question) Play() Result {
	return q.play([]variant{{q.Policy, q.App}})[0]
}

// Slow plays rollouts of a version that takes twice as long for each request. It is nil if nothing tells durations apart.
func (q Question) Slow() *simulate.Summary {
	const twice = 2
	scenario := q.App.scenario(settingsOf(q.Policy), 0, twice)
	if !scenario.Latencies {
		return nil
	}
	return &q.cells([]traffic.Scenario{scenario}, []rule.Rule{ruleOf(q.Policy, q.App)})[0].Summary
}

// variant is a policy of an app as it could be.
type variant struct {
	policy config.Policy
	app    App
}

// play plays rollouts of several policies on the same traffic. Those of an app with the same scrapes are played together.
func (q Question) play(variants []variant) []Result {
	results := make([]Result, len(variants))
	for i, v := range variants {
		scenarios := v.scenarios()
		cells := q.cells(scenarios, []rule.Rule{ruleOf(v.policy, v.app)})
		results[i].Healthy = cells[0].Summary
		for at, cell := range cells[1:] {
			results[i].Regressions = append(results[i].Regressions, Regression{Parts[at], cell.Summary, hit(cell, v.app.Before.Rate)})
		}
	}
	return results
}

// cells play scenarios. Their order is that of the scenarios, and within one that of the rules.
func (q Question) cells(scenarios []traffic.Scenario, rules []rule.Rule) []simulate.Cell {
	settings := settingsOf(q.Policy)
	return simulate.Run(simulate.Plan{Scenarios: scenarios, Rules: rules, Seed: q.Seed, Rollouts: q.Runs,
		Margins: simulate.Margins{Rho: settings.Rho, Delta: settings.Delta, SLO: settings.SLO}})
}

// scenarios are a healthy version, and one for each of Parts.
func (v variant) scenarios() []traffic.Scenario {
	settings := settingsOf(v.policy)
	scenarios := []traffic.Scenario{v.app.scenario(settings, 0, 1)}
	for _, part := range Parts {
		scenarios = append(scenarios, v.app.scenario(settings, part, 1))
	}
	return scenarios
}

// hit are the failed requests without those that would have failed anyway, for so many requests a second.
func hit(cell simulate.Cell, rate float64) simulate.Spread {
	part := (cell.Scenario.Canary - cell.Scenario.Base) / cell.Scenario.Canary * max(1, rate/mostRate)
	return simulate.Spread{Mean: cell.Failed.Mean * part, Error: cell.Failed.Error * part, P95: cell.Failed.P95 * part}
}
