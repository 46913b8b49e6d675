package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
)

// countPairs writes down what the policy's own counters are, and returns what they count since the last poll, in the policy's order.
func (t tick) countPairs(known *v1alpha1.GuardStatus, samples []analysis.Sample, polled bool) (canary, primary []guard.Pair) {
	var names []string
	for _, pair := range analysis.PairsOf(t.policy) {
		names = append(names, pair.Name)
	}
	known.Pairs, canary, primary = polls.Pairs(known.Pairs, names, samples, polled)
	return canary, primary
}

// pairSettings are what a policy says of its own counters: the margin to the primary is that of errors, the limit is thresholdRange.max.
func (f Facts) pairSettings() []guard.PairSettings {
	var all []guard.PairSettings
	for _, pair := range analysis.PairsOf(f.policy) {
		settings := guard.PairSettings{Name: pair.Name, Rho: f.policy.Guard.Rho, Delta: guard.DefaultDelta}
		if _, most := config.LimitsOf(pair); most != nil {
			settings.Rate = *most / 100
		}
		all = append(all, settings)
	}
	return all
}
