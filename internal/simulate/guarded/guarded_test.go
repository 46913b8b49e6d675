package guarded

import (
	"testing"
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// outcomes plays rollouts under the default guard and counts how they end.
func outcomes(scenario traffic.Scenario, rollouts uint64) map[rule.Outcome]int {
	source, count := traffic.NewSource(scenario), map[rule.Outcome]int{}
	for repetition := range rollouts {
		count[simulate.Play(source, Rule{Settings: guard.DefaultSettings()}, 1, repetition, nil).Outcome]++
	}
	return count
}

func TestOutcomes(t *testing.T) {
	const rollouts = 40
	for name, c := range map[string]struct {
		scenario traffic.Scenario
		want     rule.Outcome
	}{
		"a healthy version":                  {traffic.Scenario{Rate: 100, Base: .001, Canary: .001}, rule.Promoted},
		"a bad version":                      {traffic.Scenario{Rate: 100, Base: .001, Canary: .05}, rule.RolledBack},
		"a version that gets bad":            {traffic.Scenario{Rate: 100, Base: .001, Canary: .2, Onset: 60}, rule.RolledBack},
		"a slow version":                     {traffic.Scenario{Rate: 100, Base: .001, Canary: .001, Latencies: true, Latency: 2}, rule.RolledBack},
		"a version as slow as the primary":   {traffic.Scenario{Rate: 100, Base: .001, Canary: .001, Latencies: true, Latency: 1}, rule.Promoted},
		"a healthy version in a long outage": {traffic.Scenario{Rate: 100, Base: .001, Canary: .001, Outage: traffic.Outage{From: 40, For: 300, Errors: .3}}, rule.Promoted},
		"restarts and missing scrapes": {traffic.Scenario{Rate: 100, Base: .001, Canary: .001,
			Scrape: traffic.Scrape{Every: 15, Skew: 7, Missing: .1, CanaryReset: 50, PrimaryReset: 70}}, rule.Promoted},
	} {
		t.Run(name, func(t *testing.T) {
			if got := outcomes(c.scenario, rollouts); got[c.want] < rollouts-1 {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestSamplesAreCountedOnce holds that the guard sees each request once, whatever the scrapes are like.
func TestSamplesAreCountedOnce(t *testing.T) {
	for _, scrape := range []traffic.Scrape{{Every: 2}, {Every: 5, Skew: 3}, {Every: 15, Skew: 4, Missing: .3}} {
		source := traffic.NewSource(traffic.Scenario{Rate: 50, Base: .1, Canary: .1, Scrape: scrape})
		requests := source.Rollout(1, 1)
		r := run{settings: guard.DefaultSettings(), shares: []float64{.1}, scrape: 5}
		r.state = guard.Start(r.settings, []guard.Arms{guard.ArmsSplit}, guard.History{})
		var canary, primary float64
		for range 600 {
			view := requests.Next(.1)
			if poll := r.poll(view); poll != nil {
				canary, primary = canary+poll.Canary.Requests, primary+poll.Primary.Requests
			}
			r.Next(view)
		}
		if canary != float64(r.canary.Requests) || primary != float64(r.primary.Requests) || canary == 0 {
			t.Errorf("%+v: %v and %v requests were counted of %v and %v", scrape, canary, primary, r.canary.Requests, r.primary.Requests)
		}
	}
}

// TestStepsOfThePolicyAreKept holds that the guard takes the weights and durations of a policy.
func TestStepsOfThePolicyAreKept(t *testing.T) {
	settings := guard.DefaultSettings()
	settings.Early = false
	by := Rule{Settings: settings, Shares: []float64{.1, .4}, Durations: []time.Duration{2 * time.Minute, 3 * time.Minute}}
	var at []traffic.Seconds
	last := 0.0
	played := simulate.Play(traffic.NewSource(traffic.Scenario{Rate: 200, Base: .001, Canary: .001}), by, 1, 1, func(m simulate.Moment) {
		if m.Share != last {
			at, last = append(at, m.View.At-1), m.Share
		}
	})
	if len(at) != 2 || at[1] != 120 || played.Outcome != rule.Promoted || played.Took != 300 {
		t.Errorf("steps began at %v, and it was %s after %d s", at, played.Outcome, played.Took)
	}
}

// TestAShortStepOfThePolicyIsNoLonger holds that a step of the user's that is shorter than the least time of a step ends in time.
func TestAShortStepOfThePolicyIsNoLonger(t *testing.T) {
	by := Rule{Settings: guard.DefaultSettings(), Shares: []float64{.1, .4}, Durations: []time.Duration{6 * time.Second, time.Minute}}
	second := traffic.Seconds(0)
	scenario := traffic.Scenario{Rate: 200, Base: .001, Canary: .001, Scrape: traffic.Scrape{Every: 2}}
	simulate.Play(traffic.NewSource(scenario), by, 1, 1, func(m simulate.Moment) {
		if m.Share == .4 && second == 0 {
			second = m.View.At - 1
		}
	})
	if second < 6 || second > 8 {
		t.Errorf("the second step began at %d s", second)
	}
}

// TestTheHistoryOfAnAppIsUsed holds that the guard starts with what an app did, where that is known: it chooses the ladder by its rate.
func TestTheHistoryOfAnAppIsUsed(t *testing.T) {
	first := func(history *guard.History) float64 {
		source := traffic.NewSource(traffic.Scenario{Rate: 100})
		run := Rule{Settings: guard.DefaultSettings(), History: history}.Begin(rule.Before{History: func() [][]traffic.Counter { return source.History(1, 1) }, Scrape: 5})
		return run.Next(traffic.View{}).Share
	}
	busy := &guard.History{Windows: [][]guard.Counts{{{Requests: 60 * 1000}}}}
	if simulated, known := first(nil), first(busy); simulated != .01 || known != .002 {
		t.Errorf("the ladder starts at %v and %v", simulated, known)
	}
}

// TestUsersWhoStayAreNotCompared holds that the canary's requests are judged by how they reach it.
func TestUsersWhoStayAreNotCompared(t *testing.T) {
	scenario := traffic.Scenario{Rate: 100, Base: .0001, Canary: .006}
	for sticky, want := range map[bool]rule.Outcome{false: rule.RolledBack, true: rule.Promoted} {
		by := Rule{Settings: guard.DefaultSettings(), Traffic: guard.Traffic{Sticky: sticky}}
		if played := simulate.Play(traffic.NewSource(scenario), by, 1, 1, nil); played.Outcome != want {
			t.Errorf("sticky %v: %s by %s", sticky, played.Outcome, played.Why)
		}
	}
}
