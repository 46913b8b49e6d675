package rule_test

import (
	"testing"

	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// TestChecksOfStepsAndLatencies gives both checks and steps of other lengths sixty requests in each interval, of which some are slow.
func TestChecksOfStepsAndLatencies(t *testing.T) {
	for name, c := range map[string]struct {
		checks  rule.Checks
		bounds  []float64
		slow    int64
		outcome rule.Outcome
		at      traffic.Seconds
	}{
		"steps last as long as they say":               {rule.Checks{Durations: []traffic.Seconds{120, 90}}, nil, 0, rule.Promoted, 210},
		"a slow version is rolled back":                {rule.Checks{Limit: .5}, []float64{.25, .5, 1}, 1, rule.RolledBack, 120},
		"one slow request of a hundred is none":        {rule.Checks{Limit: .5}, []float64{.25, .5, 1}, 0, rule.Promoted, 120},
		"without a bound for the limit nobody can say": {rule.Checks{Limit: 2}, []float64{.25, .5, 1}, 60, rule.Promoted, 120},
		"without a limit nothing is too slow":          {rule.Checks{}, []float64{.25, .5, 1}, 60, rule.Promoted, 120},
	} {
		t.Run(name, func(t *testing.T) {
			checks := c.checks
			checks.Interval, checks.Threshold, checks.Shares, checks.Least, checks.Requests, checks.Deadline = 60, 2, []float64{.1, .5}, 99, 10, 600
			run := checks.Begin(rule.Before{Bounds: c.bounds})
			var view traffic.View
			for view.At = 0; view.At <= 1000; view.At++ {
				if view.At > 0 {
					view.Canary.Requests, view.Canary.Timed = view.At, view.At
					view.Canary.Slow[1] = view.At / 60 * c.slow
				}
				if decision := run.Next(view); decision.Outcome != rule.Open {
					if decision.Outcome != c.outcome || view.At != c.at {
						t.Errorf("it is %s after %d s, not %s after %d s", decision.Outcome, view.At, c.outcome, c.at)
					}
					return
				}
			}
			t.Error("it is still open")
		})
	}
}
