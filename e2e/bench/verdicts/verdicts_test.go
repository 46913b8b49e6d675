package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/simulate"
)

// ofRuns are ten rollouts that ended so, with this many failed requests each.
func ofRuns(how outcome, failed int) []measured {
	all := make([]measured, 10)
	for i := range all {
		all[i] = measured{outcome: how, reason: "because", took: time.Minute, failed: failed}
	}
	return all
}

func TestMissedGoals(t *testing.T) {
	bad, healthy := use{name: "bad", bad: true, most: 10}, use{name: "healthy"}
	mixed := append(ofRuns(rolledBack, 4)[1:], measured{outcome: open})
	for name, c := range map[string]struct {
		use  use
		all  []measured
		want string
	}{
		"few failed requests":                   {bad, ofRuns(rolledBack, 10), ""},
		"too many failed requests":              {bad, ofRuns(rolledBack, 11), "11.0 failed requests were served on average; the goal is at most 10"},
		"a bad version that stays":              {bad, mixed, "1 of 10 bad versions were not rolled back"},
		"a healthy version that is open":        {healthy, ofRuns(open, 1000), ""},
		"a healthy version that is paused":      {healthy, ofRuns(paused, 0), ""},
		"a healthy version that is rolled back": {healthy, append(ofRuns(promoted, 0), ofRuns(rolledBack, 0)[:1]...), "1 of 11 healthy versions were rolled back"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(misses(c.use, c.all), "; "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheTable(t *testing.T) {
	u := use{name: "ERROR_RATE=0.5", rate: 50, bad: true}
	all := append(ofRuns(rolledBack, 4)[1:], measured{outcome: open, reason: "still waiting", failed: 14, took: time.Minute})
	like := simulate.Cell{Summary: simulate.Summary{RolledBack: simulate.Share{Count: 400, Value: 1}, Bad: simulate.Spread{Mean: 4.25}, Seconds: simulate.Spread{Mean: 31}}}
	want := "| ERROR_RATE=0.5 | 50 | 10 | 9 rolled back, 1 open | 5.0 (14) | 4.2, 100.0 % rolled back | 60 s | 31 s |\n"
	if got := row(u, all, like); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var out strings.Builder
	if err := explain(&out, u, all); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "- MISSED ERROR_RATE=0.5: 1 of 10 bad versions were not rolled back\n- still waiting\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestWhatIsMeasuredIsPredicted holds that the simulator, in the same scenarios, says which versions are rolled back.
func TestWhatIsMeasuredIsPredicted(t *testing.T) {
	healthy := 0
	for _, u := range uses(10) {
		if !u.bad && u.disturbance == nil {
			healthy += u.runs
		}
		t.Run(fmt.Sprintf("%s at %g", u.name, u.rate), func(t *testing.T) {
			like := predict(u, 20)
			if like.Healthy == u.bad {
				t.Errorf("the simulator takes it for healthy: %t", like.Healthy)
			}
			if u.bad && like.RolledBack.Count < 18 || !u.bad && like.RolledBack.Count > 1 {
				t.Errorf("%d of 20 are rolled back", like.RolledBack.Count)
			}
			if u.most > 0 && like.Bad.Mean > u.most {
				t.Errorf("%.1f requests fail; the goal is at most %g", like.Bad.Mean, u.most)
			}
		})
	}
	if healthy != 40 {
		t.Errorf("%d healthy versions without a disturbance, not 40", healthy)
	}
}

func TestHowARolloutEnded(t *testing.T) {
	failed := v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseFailed}
	failed.Candidate.Outcome = v1alpha1.OutcomeFailed
	for want, status := range map[outcome]v1alpha1.CanaryStatus{
		rolledBack: failed, promoted: {Phase: v1alpha1.PhaseSucceeded}, open: {Phase: v1alpha1.PhaseProgressing},
		paused: {Phase: v1alpha1.PhaseProgressing, Rollout: &v1alpha1.RolloutStatus{Guard: &v1alpha1.GuardStatus{Paused: &v1alpha1.GuardPause{}}}},
	} {
		if got := ended(status); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
