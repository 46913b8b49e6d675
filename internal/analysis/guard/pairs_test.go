package guard

import (
	"math"
	"strings"
	"testing"
	"time"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// ordered takes polls with the user's own counters: orders, and failed orders.
func ordered(t *testing.T, pair PairSettings, polls int, canary, primary Pair) (Settings, State, Decision) {
	t.Helper()
	settings := DefaultSettings()
	settings.Latency = false
	settings.Pairs = []PairSettings{pair}
	state := Start(settings, []Arms{ArmsSplit}, History{})
	var decision Decision
	for i := range polls {
		poll := Poll{Canary: Counts{Requests: 500, Pairs: []Pair{canary}}, Primary: Counts{Requests: 4500, Pairs: []Pair{primary}}}
		state, decision = Decide(settings, state, &poll, Moment{Step: 1, Arms: ArmsSplit, Weight: 10, Next: 100, InStep: time.Duration(i+1) * 5 * time.Second, SincePoll: 5 * time.Second})
		if decision.Action == RollBack {
			break
		}
	}
	return settings, state, decision
}

func TestTheUsersCountersGetTheSameTests(t *testing.T) {
	for _, c := range []struct {
		name            string
		pair            PairSettings
		polls           int
		canary, primary Pair
		action          Action
		metric          Metric
		says            string
	}{
		{"worse than the primary", PairSettings{Name: "failed orders", Rho: 1.25, Delta: .001}, 20, Pair{50, 20}, Pair{450, 9}, RollBack, PairRatio, "failed orders is 40%, the primary's 2%"},
		{"above its limit", PairSettings{Name: "failed orders", Rate: .05}, 20, Pair{50, 20}, Pair{450, 9}, RollBack, PairRate, "failed orders is 40%; its limit is 5%"},
		{"both", PairSettings{Name: "failed orders", Rate: .05, Rho: 1.25, Delta: .001}, 20, Pair{50, 20}, Pair{450, 9}, RollBack, PairRatio, ""},
		{"alike", PairSettings{Name: "failed orders", Rate: .05, Rho: 1.25, Delta: .001}, 20, Pair{200, 4}, Pair{1800, 36}, Advance, "", "healthy enough"},
		{"the primary breaks the limit, too", PairSettings{Name: "failed orders", Rate: .05}, 20, Pair{50, 20}, Pair{450, 180}, Advance, "", "inconclusive"},
		{"too few to tell", PairSettings{Name: "failed orders", Rate: .05}, 11, Pair{1, 0}, Pair{9, 0}, Hold, "", "collects data"},
		{"nothing asked", PairSettings{Name: "failed orders"}, 20, Pair{50, 20}, Pair{450, 9}, Advance, "", "healthy enough"},
	} {
		_, _, d := ordered(t, c.pair, c.polls, c.canary, c.primary)
		if d.Action != c.action || !contains(d.Message, c.says) || c.metric != "" && (d.Blame[0].Metric != c.metric || d.Blame[0].Pair != "failed orders") {
			t.Errorf("%s: %s, %s: %s; %+v", c.name, d.Action, d.Reason, d.Message, d.Blame)
		}
	}
}

// TestPairsAreComparedWithThePrimaryBesideAControl has a control that the user's counters know nothing of.
func TestPairsAreComparedWithThePrimaryBesideAControl(t *testing.T) {
	settings := DefaultSettings()
	settings.Latency, settings.Fresh = false, true
	settings.Pairs = []PairSettings{{Name: "failed orders", Rho: 1.25, Delta: .001}}
	for name, c := range map[string]struct {
		bad    float64
		action Action
	}{"worse than the primary": {20, RollBack}, "as good": {1, Advance}} {
		state := Start(settings, []Arms{ArmsSplit}, History{})
		var d Decision
		for i := range 20 {
			poll := Poll{Canary: Counts{Requests: 500, Pairs: []Pair{{50, c.bad}}}, Baseline: Counts{Requests: 500}, Primary: Counts{Requests: 4000, Pairs: []Pair{{450, 9}}}}
			state, d = Decide(settings, state, &poll, Moment{Step: 1, Arms: ArmsSplit, Weight: 10, Next: 100, InStep: time.Duration(i+1) * 5 * time.Second, SincePoll: 5 * time.Second})
			if d.Action == RollBack {
				break
			}
		}
		if d.Action != c.action || c.action == Advance && state.Pairs[0].Control.Total == 0 {
			t.Errorf("%s: %s, %s: %s", name, d.Action, d.Reason, d.Message)
		}
	}
}

// TestTheWeightsAreOne has all combinations of families and tests.
func TestTheWeightsAreOne(t *testing.T) {
	for _, plan := range [][]Arms{{ArmsSplit}, {ArmsMatched}, {ArmsMatched, ArmsSplit}} {
		for _, latency := range []bool{false, true} {
			for _, limit := range []*Limit{nil, {.99, .3}} {
				for pairs := range MaxPairs + 1 {
					w := slow(100, 1, 0)
					settings := DefaultSettings()
					settings.Latency, settings.Limit = latency, limit
					for i := range pairs {
						settings.Pairs = append(settings.Pairs, PairSettings{Name: "x", Rate: float64(i%3) / 10, Rho: float64(i % 2)})
					}
					settings = settings.sane()
					s := Start(settings, plan, w.history)
					all := 0.0
					s.parts(&settings, func(p part) { all += p.weight })
					if math.Abs(all-1) > 1e-9 || math.Abs(s.evidence(&settings)-1) > 1e-9 {
						t.Errorf("%v, latency %v, limit %v, %d pairs: %v", plan, latency, limit, pairs, all)
					}
					if len(s.Tests(settings)) == 0 {
						t.Errorf("%v: no tests", plan)
					}
				}
			}
		}
	}
	w := slow(100, 1, 0)
	settings := DefaultSettings()
	s := Start(settings, []Arms{ArmsSplit}, w.history)
	if got := s.weights(&settings); got.errorRatio != .25 || got.errorRate != .25 || !near(got.bound*float64(s.BoundCount), .5) {
		t.Errorf("half for errors, half for latencies: %+v", got)
	}
}

// TestAnEditKeepsEvidenceWhereItBelongs has a policy whose pairs are reordered in a rollout.
func TestAnEditKeepsEvidenceWhereItBelongs(t *testing.T) {
	settings, state, _ := ordered(t, PairSettings{Name: "orders", Rho: 1.25}, 1, Pair{50, 20}, Pair{450, 9})
	if e := state.Tests(settings)[2]; e.Pair != "orders" || e.Evidence <= 1 {
		t.Errorf("before: %+v", e)
	}
	settings.Pairs[0].Name = "logins"
	state, _ = Decide(settings, state, nil, Moment{Step: 1, Arms: ArmsSplit})
	if e := state.Tests(settings)[2]; e.Pair != "logins" || !near(e.Evidence, 1) {
		t.Errorf("after: %+v", e)
	}
}
