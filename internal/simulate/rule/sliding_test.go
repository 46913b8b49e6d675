package rule_test

import (
	"math"
	"testing"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// TestSlidingWindowsRollBackHealthyVersions reproduces the table that made the guard necessary.
func TestSlidingWindowsRollBackHealthyVersions(t *testing.T) {
	const rollouts = 1000
	for _, row := range []struct {
		errors float64
		want   [4]float64
	}{{.001, [4]float64{.18, .07, 0, 0}}, {.005, [4]float64{.32, .50, .12, 0}}, {.009, [4]float64{.44, .79, .77, .43}}} {
		for i, rps := range rates {
			source := traffic.NewSource(traffic.Scenario{Rate: rps, Base: row.errors, Canary: row.errors})
			rolledBack := 0.0
			for repetition := range uint64(rollouts) {
				if p := simulate.Play(source, rule.SlidingDefaults(), 1, repetition, nil); p.Outcome == rule.RolledBack {
					rolledBack++
				}
			}
			if noise := math.Sqrt((row.want[i]*(1-row.want[i]) + .001) / rollouts); math.Abs(rolledBack/rollouts-row.want[i]) > 3*noise {
				t.Errorf("%v %% at %v rps: %.3f are rolled back, not %.2f", row.errors*100, rps, rolledBack/rollouts, row.want[i])
			}
		}
	}
}
