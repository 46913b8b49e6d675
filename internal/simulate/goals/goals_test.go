package goals

import (
	"testing"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// TestTheGuardReachesItsGoals plays a part of what make bench-analysis plays: fewer rollouts, and no more than 1,000 requests a second.
func TestTheGuardReachesItsGoals(t *testing.T) {
	size := Size{Rates: []float64{1, 10, 100, 1000}, Rollouts: 150, Healthy: 60, Seed: 1}
	for _, goal := range Check(Measure(size, 5, Others(size), true)) {
		if t.Logf("%s: %s", goal.Name, goal.Says); !goal.Met {
			t.Errorf("%s is missed: %s", goal.Name, goal.Says)
		}
	}
}

// TestAMissedGoalIsSeen changes what was measured, so that every goal is missed.
func TestAMissedGoalIsSeen(t *testing.T) {
	size := Size{Rates: []float64{10, 100}, Rollouts: 5, Healthy: 2, Seed: 1}
	measured := Measure(size, 5, Others(size), true)
	measured.Size.Rollouts = enough
	bad := func(c *simulate.Cell) {
		c.RolledBack.Value, c.RolledBack.Low, c.Promoted.Value, c.Bad.Mean, c.PromotionSeconds.Mean = .5, .4, .5, 2, 2
	}
	for i := range measured.Headline {
		row := &measured.Headline[i]
		row.Flagger.RolledBack.Value, row.Flagger.Bad.Mean, row.Flagger.PromotionSeconds.Mean = 1, 1, 1
		bad(&row.Same)
		bad(&row.Default)
	}
	for _, cells := range [][]simulate.Cell{measured.Healthy, measured.Disturbed, measured.Bursty} {
		for i := range cells {
			bad(&cells[i])
		}
	}
	for _, goal := range Check(measured) {
		if goal.Met {
			t.Errorf("%s is met: %s", goal.Name, goal.Says)
		}
	}
}

// TestAVersionThatFailsHalfOfItsRequestsFailsFew holds that the default policy lets at most ten of them through at 50 requests a
// second, whether or not the primary fails now and then and latencies are counted.
func TestAVersionThatFailsHalfOfItsRequestsFailsFew(t *testing.T) {
	const rollouts, most = 200, 10
	size := Size{Seed: 1}
	for _, every := range []traffic.Seconds{2, 5} {
		s := traffic.Scenario{Rate: 50, Canary: .5, Scrape: traffic.Scrape{Every: every}}
		failing, timed := s, s
		failing.Base, timed.Latencies = base, true
		for _, cell := range size.play([]traffic.Scenario{s, failing, timed}, rollouts, Default()) {
			if cell.Bad.Mean > most || cell.RolledBack.Count < rollouts {
				t.Errorf("scrapes of %d s, the primary fails %.1f %%: %.1f requests fail; %d of %d are rolled back", every, 100*cell.Scenario.Base, cell.Bad.Mean, cell.RolledBack.Count, rollouts)
			}
		}
	}
}
