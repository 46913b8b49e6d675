package rule_test

import (
	"testing"

	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// TestChecksCountFailedIntervals gives each interval of 60 s its errors of 60 requests, and says how the rollout ends, and when.
func TestChecksCountFailedIntervals(t *testing.T) {
	checks := rule.Checks{Interval: 60, Threshold: 2, Shares: rule.Steps(10, 50), Least: 99, Requests: 10, Deadline: 600}
	for name, c := range map[string]struct {
		requests int64
		errors   []int64
		outcome  rule.Outcome
		after    traffic.Seconds
	}{
		"five good intervals pass five steps":                     {1, nil, rule.Promoted, 300},
		"one bad interval of six holds a step for one":            {1, []int64{0, 0, 60}, rule.Promoted, 360},
		"two bad intervals roll back":                             {1, []int64{0, 60, 0, 60}, rule.RolledBack, 240},
		"one error of 60 requests fails one interval only":        {1, []int64{1}, rule.Promoted, 360},
		"without requests the progress deadline ends the rollout": {0, nil, rule.RolledBack, 660},
	} {
		t.Run(name, func(t *testing.T) {
			run, view := checks.Begin(rule.Before{}), traffic.View{}
			decided := run.Next(view)
			for ; decided.Outcome == rule.Open && view.At < 3600; decided = run.Next(view) {
				at := int(view.At / 60)
				view.Canary.Requests += c.requests
				if at < len(c.errors) && view.At%60 < c.errors[at] {
					view.Canary.Errors++
				}
				view.At++
			}
			if decided.Outcome != c.outcome || view.At != c.after {
				t.Errorf("%s after %d s: %s", decided.Outcome, view.At, decided.Why)
			}
		})
	}
}

// TestChecksLookBackFurtherWithFewRequests has four requests in each interval, of which the first three intervals make one check.
func TestChecksLookBackFurtherWithFewRequests(t *testing.T) {
	run := rule.Checks{Interval: 60, Threshold: 1, Shares: []float64{1}, Least: 99, Requests: 10, Deadline: 600}.Begin(rule.Before{})
	for interval := int64(1); interval <= 3; interval++ {
		decided := run.Next(traffic.View{At: 60 * interval, Canary: traffic.Counter{Requests: 4 * interval, Errors: 1}})
		if rolledBack := decided.Outcome == rule.RolledBack; rolledBack != (interval == 3) {
			t.Errorf("after %d intervals: %+v", interval, decided)
		}
	}
}
