package guard

import (
	"slices"
	"testing"
	"time"
)

func TestTheLadderStartsWhereTrafficAllows(t *testing.T) {
	for _, c := range []struct {
		rps, first float64
	}{{10000, .2}, {1000, .2}, {200, .2}, {199, 1}, {100, 1}, {40, 1}, {39, 5}, {10, 5}, {8, 5}, {7, 10}, {1, 10}, {0, 10}, {-1, 10}} {
		got := Ladder(c.rps)
		if got[0] != c.first || got[len(got)-1] != 50 || !slices.IsSorted(got) {
			t.Errorf("%v rps: %v", c.rps, got)
		}
	}
}

func TestHowLongAHealthyCanaryTakes(t *testing.T) {
	pods := History{Windows: [][]Counts{{{Requests: 1e6, Errors: 1000}, {Requests: 1e6, Errors: 1000}}}}
	for _, c := range []struct {
		rps, rate   float64
		least, most time.Duration
		says        string
	}{
		{1000, .001, 85 * time.Second, 100 * time.Second, "a healthy canary takes about 1m30s"},
		{100, .001, 110 * time.Second, 160 * time.Second, "a healthy canary takes about 2m"},
		{10, .001, 3 * time.Minute, 6 * time.Minute, "a healthy canary takes about "},
		{1, .001, 12 * time.Minute, 32 * time.Minute, "; 2 of its 3 steps get too few requests for proof and end when their time is up"},
		{.1, .001, 32 * time.Minute, 32 * time.Minute, "a healthy canary takes about 32m; 3 of its 3 steps get too few requests for proof and end when their time is up, the last among them: the policy's onInconclusive decides"},
		{100, .05, time.Minute, time.Hour, "5% of the primary's own requests fail, and a rollout is held while that is above the limit"},
	} {
		f := Expect(DefaultSettings(), Ladder(c.rps), c.rps, c.rate, pods)
		if f.Total < c.least || f.Total > c.most || !contains(f.String(), c.says) {
			t.Errorf("%v rps, %v errors: %v, %s", c.rps, c.rate, f.Steps, f)
		}
	}
}

// TestTheForecastComesTrue compares it with simulated rollouts.
func TestTheForecastComesTrue(t *testing.T) {
	for _, rps := range []float64{10, 100, 1000} {
		w := plain(rps, .001, .001)
		pods := History{Windows: [][]Counts{{{Requests: 1e6, Errors: 1000}, {Requests: 1e6, Errors: 1000}}}}
		f := Expect(w.settings, w.steps, rps, .001, pods)
		s := w.times(50, 61)
		if took := s.promotedAfter / s.promoted / f.Total.Seconds(); took < .8 || took > 1.5 {
			t.Errorf("%v rps: forecast %v, took %.2f times as long", rps, f.Total, took)
		}
	}
}
