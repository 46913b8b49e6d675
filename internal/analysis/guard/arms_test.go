package guard

import (
	"testing"
	"time"
)

// TestTheTableOfArms has each kind of arms once. A new kind needs a row here and in the table.
func TestTheTableOfArms(t *testing.T) {
	for arms, want := range map[Arms]Acts{
		ArmsSplit:    {Ratio: true, Rate: true, Missing: true, Route: true, Requests: true},
		ArmsSticky:   {Rate: true, Route: true, Requests: true},
		ArmsMatched:  {Rate: true, Route: true, Requests: true},
		ArmsTesters:  {Rate: true, Missing: true, Route: true, Requests: true},
		ArmsMirrored: {Ratio: true, Rate: true, Route: true, Requests: true},
		ArmsTests:    {Rate: true, Route: true, Requests: true},
		ArmsAll:      {Rate: true, Requests: true},
		ArmsNone:     {},
		ArmsWork:     {Ratio: true, Rate: true},
		"unknown":    {},
	} {
		if got := arms.Acts(); got != want {
			t.Errorf("%s: %+v, want %+v", arms, got, want)
		}
	}
	if len(acting) != len(kinds)-1 {
		t.Errorf("%d kinds are in the table, %d in the stored state", len(acting), len(kinds)-1)
	}
}

// TestEachStrategyHasItsArms has the steps of every strategy.
func TestEachStrategyHasItsArms(t *testing.T) {
	for _, c := range []struct {
		step    string
		traffic Traffic
		want    Arms
	}{
		{"without traffic", Traffic{None: true, Weight: 50}, ArmsNone},
		{"without traffic, but with counters of work", Traffic{None: true, Work: true, Weight: 50}, ArmsWork},
		{"a/b: an iteration", Traffic{Match: true}, ArmsMatched},
		{"a/b, then canary: a weight", Traffic{Match: true, Weight: 10}, ArmsTesters},
		{"mirroring: an iteration", Traffic{Mirror: true}, ArmsMirrored},
		{"mirroring: all at once", Traffic{Weight: 100}, ArmsAll},
		{"mirroring, then canary: a weight", Traffic{Weight: 10}, ArmsSplit},
		{"canary: a weight with copies", Traffic{Weight: 10, Mirror: true}, ArmsMirrored},
		{"blue/green: an iteration", Traffic{}, ArmsTests},
		{"blue/green: all at once", Traffic{Weight: 100}, ArmsAll},
		{"tests, then canary: an iteration", Traffic{}, ArmsTests},
		{"canary with testers: a weight", Traffic{Match: true, Weight: 10}, ArmsTesters},
		{"canary: a weight", Traffic{Weight: .2}, ArmsSplit},
		{"canary with session affinity: a weight", Traffic{Weight: 10, Sticky: true}, ArmsSticky},
		{"session affinity and testers", Traffic{Weight: 10, Sticky: true, Match: true}, ArmsTesters},
		{"session affinity: all requests", Traffic{Weight: 100, Sticky: true}, ArmsAll},
	} {
		if got := c.traffic.Arms(); got != c.want {
			t.Errorf("%s: %s, want %s", c.step, got, c.want)
		}
	}
}

// TestOtherPeopleAreNotCompared has an A/B test of two healthy versions whose people fail at different rates, as those with a beta
// cookie may well do. The same counts between random arms are harm.
func TestOtherPeopleAreNotCompared(t *testing.T) {
	for arms, back := range map[Arms]bool{ArmsSplit: true, ArmsMirrored: true, ArmsMatched: false, ArmsSticky: false, ArmsTesters: false, ArmsTests: false} {
		settings := DefaultSettings()
		state := Start(settings, []Arms{arms}, History{})
		rolledBack := false
		var decision Decision
		for i := range 100 {
			poll := Poll{Canary: Counts{Requests: 500, Errors: 4}, Primary: Counts{Requests: 4500, Errors: 4}}
			state, decision = Decide(settings, state, &poll, Moment{Step: 1, Arms: arms, Weight: 10, Next: 50, InStep: time.Duration(i) * 5 * time.Second, SincePoll: 5 * time.Second})
			rolledBack = rolledBack || decision.Action == RollBack
		}
		if rolledBack != back {
			t.Errorf("%s: rolled back: %v, %s", arms, rolledBack, decision.Message)
		}
		// The ratio is reported all the same: it is 9.
		if decision.Shown.Ratio < 9 || decision.Shown.Rate < .008 || decision.Shown.Rate > .02 {
			t.Errorf("%s: %+v", arms, decision.Shown)
		}
	}
}

// TestTheSLOActsOnOtherPeople has an A/B test of a version that fails more than the SLO allows.
func TestTheSLOActsOnOtherPeople(t *testing.T) {
	for _, arms := range []Arms{ArmsMatched, ArmsSticky, ArmsTesters, ArmsTests, ArmsAll} {
		settings := DefaultSettings()
		state := Start(settings, []Arms{arms}, History{})
		var decision Decision
		for i := range 6 {
			poll := Poll{Canary: Counts{Requests: 500, Errors: 50}, Primary: Counts{Requests: 4500, Errors: 4}}
			state, decision = Decide(settings, state, &poll, Moment{Step: 1, Arms: arms, Weight: 10, Next: 50, InStep: time.Duration(i) * 5 * time.Second, SincePoll: 5 * time.Second})
			if decision.Action == RollBack {
				break
			}
		}
		if decision.Action != RollBack || decision.Blame[0].Metric != ErrorRate {
			t.Errorf("%s: %+v", arms, decision)
		}
	}
}

// TestWhatIsReportedBeginsWithTheArms has a rollout that goes on as a canary after an A/B test.
func TestWhatIsReportedBeginsWithTheArms(t *testing.T) {
	settings := DefaultSettings()
	state := Start(settings, []Arms{ArmsMatched, ArmsSplit}, History{})
	poll := Poll{Canary: Counts{Requests: 500, Errors: 4}, Primary: Counts{Requests: 4500, Errors: 4}}
	state, _ = Decide(settings, state, &poll, Moment{Step: 1, Arms: ArmsMatched})
	state, _ = Decide(settings, state, &poll, Moment{Step: 2, Arms: ArmsMatched})
	if state.Errors.Total.Total != 1000 {
		t.Errorf("in the A/B test: %+v", state.Errors.Total)
	}
	state, decision := Decide(settings, state, &poll, Moment{Step: 3, Arms: ArmsSplit})
	if state.Errors.Total.Total != 500 || decision.Shown.Requests != 500 {
		t.Errorf("in the canary's steps: %+v", state.Errors.Total)
	}
}

func TestMirroredErrorsAreNobodysErrors(t *testing.T) {
	settings := DefaultSettings()
	state := Start(settings, []Arms{ArmsMirrored}, History{})
	state, _ = Decide(settings, state, &Poll{Canary: Counts{Requests: 500, Errors: 500}, Primary: Counts{Requests: 500}}, Moment{Step: 1, Arms: ArmsMirrored})
	if state.StepRoute != (Pair{500, 0}) {
		t.Errorf("%+v", state.StepRoute)
	}
}

// TestHealthyVersionsForOtherPeople simulates A/B tests of healthy versions: those who get the canary fail four times as often, whatever
// the version. Random arms that differ so are harm.
func TestHealthyVersionsForOtherPeople(t *testing.T) {
	for _, rps := range []float64{10, 100, 1000} {
		w := plain(rps, .001, .004).onFlaggers()
		w.arms = ArmsMatched
		if s := w.times(60, 71); s.rolledBack > 0 {
			t.Errorf("%v rps: rolled back %v of %v healthy A/B tests", rps, s.rolledBack, s.n)
		}
		w.arms = ArmsSplit
		if s := w.times(60, 71); rps >= 100 && s.rolledBack < .5*s.n {
			t.Errorf("%v rps: rolled back only %v of %v bad canaries", rps, s.rolledBack, s.n)
		}
	}
}

// TestWorkIsJudgedByItsOwnCounters has consumers of a queue: no request is ever counted.
func TestWorkIsJudgedByItsOwnCounters(t *testing.T) {
	for name, c := range map[string]struct {
		// canary and primary are the messages of a poll, and how many of them fail.
		canary, primary Pair
		rate            float64
		want            Action
		says            string
	}{
		"as few fail as before": {Pair{100, 0}, Pair{900, 0}, 0, Advance,
			"the canary is healthy enough to go on: failed messages at most 0.8%, at 95% confidence, from 500 canary events"},
		"more fail than of the primary's": {Pair{100, 20}, Pair{900, 1}, 0, RollBack,
			"the canary is worse than it may be: failed messages is 20%, the primary's 0.111%; failed messages above 9%, at 95% confidence, from 200 canary events"},
		"more fail than the limit allows": {Pair{100, 20}, Pair{900, 0}, .05, RollBack,
			"the canary is worse than it may be: failed messages is 20%, the primary's 0%; failed messages above 9%, at 95% confidence, from 200 canary events"},
		"the queue is empty": {Pair{}, Pair{}, 0, Hold,
			"no events of the canary were counted in this step; after 15m more, the rollout pauses"},
		"the canary takes nothing": {Pair{}, Pair{900, 0}, 0, Hold,
			"no events of the canary were counted in this step; after 15m more, the rollout pauses"},
	} {
		settings := DefaultSettings()
		settings.Pairs = []PairSettings{{Name: "failed messages", Rate: c.rate, Rho: DefaultRho, Delta: DefaultDelta}}
		state := Start(settings, []Arms{ArmsWork}, History{})
		var decision Decision
		for second := 5; second <= int(settings.MaxDwell.Seconds()) && decision.Action != c.want || decision.Action == ""; second += 5 {
			poll := &Poll{Canary: Counts{Pairs: []Pair{c.canary}}, Primary: Counts{Pairs: []Pair{c.primary}}}
			if c.canary.Total+c.primary.Total == 0 {
				poll = nil
			}
			state, decision = Decide(settings, state, poll, Moment{Step: 1, Arms: ArmsWork, Weight: 10, Next: 50, InStep: time.Duration(second) * time.Second, SincePoll: 5 * time.Second})
			if c.want == Hold && second < int(settings.MaxDwell.Seconds()) {
				decision = Decision{}
			}
		}
		if decision.Action != c.want || decision.Message != c.says {
			t.Errorf("%s: %s, %s", name, decision.Action, decision.Message)
		}
	}
}
