package rule_test

import (
	"math"
	"testing"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// rolledBack is the share of rollouts that a rule rolls back, and their mean number of bad requests.
func rolledBack(by rule.Rule, scenario traffic.Scenario, rollouts uint64) (share, bad float64) {
	source := traffic.NewSource(scenario)
	for repetition := range rollouts {
		if played := simulate.Play(source, by, 1, repetition, nil); played.Outcome == rule.RolledBack {
			share++
			bad += float64(played.Bad)
		}
	}
	return share / float64(rollouts), bad / share
}

// TestArgoAbortsAtOneTooMany compares the emulator with theory: with a limit of 0, all five measurements must pass.
func TestArgoAbortsAtOneTooMany(t *testing.T) {
	const rollouts = 1000
	argo := rule.Argo{Interval: 60, Shares: rule.Steps(10, 50), Least: 99}
	for _, rps := range []float64{10, 100} {
		want := 1.0
		for _, share := range argo.Shares {
			fails, _, _ := randomCounts(rps*share*60, .008)
			want *= 1 - fails
		}
		want = 1 - want
		got, _ := rolledBack(argo, traffic.Scenario{Rate: rps, Base: .001, Canary: .008}, rollouts)
		if math.Abs(got-want) > 3*math.Sqrt(want*(1-want)/rollouts) {
			t.Errorf("%v rps: %.3f are rolled back, not %.3f", rps, got, want)
		}
	}
	argo.FailureLimit = 5
	if got, _ := rolledBack(argo, traffic.Scenario{Rate: 100, Canary: 1}, 10); got != 0 {
		t.Errorf("five failed measurements are borne, but %.1f are rolled back", got)
	}
}

// TestKayentaIsBlindToSparseErrors reproduces published numbers: errors that most points do not have are hardly seen, and nothing is
// seen before the fifth point.
func TestKayentaIsBlindToSparseErrors(t *testing.T) {
	kayenta := rule.Kayenta{Interval: 60, Points: 30, Share: .1}
	for _, c := range []struct{ rps, canary, least, most float64 }{{10, .01, 0, .08}, {1, .05, 0, .02}, {100, .001, 0, .035}, {100, .5, 1, 1}} {
		got, bad := rolledBack(kayenta, traffic.Scenario{Rate: c.rps, Base: .001, Canary: c.canary}, 400)
		t.Logf("%v %% at %v rps: %.3f, %.0f bad", 100*c.canary, c.rps, got, bad)
		if got < c.least || got > c.most {
			t.Errorf("%v %% at %v rps: %.3f are rolled back", 100*c.canary, c.rps, got)
		}
		if c.canary == .5 && math.Abs(bad-1525) > 10 {
			t.Errorf("%.0f requests are bad, not 305 s of 5 a second", bad)
		}
	}
}
