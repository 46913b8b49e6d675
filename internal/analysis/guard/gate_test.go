package guard

import (
	"testing"
	"time"
)

// TestAnErrorLongPastIsForgiven has a primary with a request every few polls and a limit of 1 %, so a single error is more than that for
// 100 requests. It closes the gate, and not for ever.
func TestAnErrorLongPastIsForgiven(t *testing.T) {
	const poll = 5 * time.Second
	for name, c := range map[string]struct {
		every  int // polls for each request
		after  time.Duration
		opens  bool
		before Pair
	}{
		"a moment ago":                                 {2, time.Minute, false, Pair{}},
		"half an hour ago, with few requests":          {2, 30 * time.Minute, true, Pair{}},
		"half an hour ago, with hardly any":            {8, 30 * time.Minute, true, Pair{}},
		"half an hour ago, after a clean hour":         {8, 30 * time.Minute, true, Pair{90, 0}},
		"a quarter of an hour ago, with hardly any":    {20, 15 * time.Minute, false, Pair{}},
		"two hours ago, with a request in 100 seconds": {20, 2 * time.Hour, true, Pair{}},
	} {
		t.Run(name, func(t *testing.T) {
			var g Gate
			g.open(.01, c.before, time.Hour)
			g.open(.01, Pair{1, 1}, poll)
			opened := false
			for n := 1; time.Duration(n)*poll <= c.after; n++ {
				var primary Pair
				if n%c.every == 0 {
					primary.Total = 1
				}
				opened = g.open(.01, primary, poll)
			}
			if opened != c.opens || g.keeps(.01) != c.opens {
				t.Errorf("open: %v, keeps the limit: %v, %+v", opened, g.keeps(.01), g)
			}
		})
	}
}

// TestAnOutageIsNotForgotten has a primary with a request in ten seconds, of which one in ten fails.
func TestAnOutageIsNotForgotten(t *testing.T) {
	var g Gate
	for n := range 2000 {
		primary := Pair{Total: float64((n + 1) % 2)}
		if n%20 == 0 {
			primary.Bad = 1
		}
		if g.open(.01, primary, 5*time.Second) {
			t.Fatalf("the gate is open after %d polls: %+v", n, g)
		}
	}
}

// TestAnHourInWhichNobodyLookedHidesNoOutage has a primary that was healthy while Sluice was away for an hour, and fails from then on.
func TestAnHourInWhichNobodyLookedHidesNoOutage(t *testing.T) {
	const poll = 5 * time.Second
	var g Gate
	if !g.open(.01, Pair{360_000, 0}, time.Hour) {
		t.Fatalf("a healthy hour closes the gate: %+v", g)
	}
	for n := range 2 {
		if g.open(.01, Pair{500, 100}, poll) {
			t.Fatalf("the gate is open in poll %d of an outage: %+v", n+1, g)
		}
	}
	if g.keeps(.01) || !g.broken(.01, unknownBursts) {
		t.Errorf("two polls of an outage are not seen: %+v", g)
	}
}

// TestATimeInWhichNobodyLookedShowsNothingAboutTheStep has a canary that was away meanwhile, and is back.
func TestATimeInWhichNobodyLookedShowsNothingAboutTheStep(t *testing.T) {
	settings := DefaultSettings()
	state := Start(settings, []Arms{ArmsSplit}, History{})
	moment := Moment{Step: 1, Last: false, Weight: 10, Next: 25, Arms: ArmsSplit, InStep: 12 * time.Minute, SincePoll: 8 * time.Minute, Scrape: 5 * time.Second}
	state, decision := Decide(settings, state, &Poll{Canary: Counts{Requests: 2}, Primary: Counts{Requests: 48_000}}, moment)
	if decision.Reason == MissingTraffic || decision.Action != Hold || state.StepRoute.Total != 0 || state.Errors.Total.Total != 2 {
		t.Errorf("%s: %s, %s; %+v", decision.Action, decision.Reason, decision.Message, state.StepRoute)
	}
}
