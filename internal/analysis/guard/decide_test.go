package guard

import (
	"strings"
	"testing"
	"time"
)

// story is one rollout, told poll by poll.
type story struct {
	t        *testing.T
	settings Settings
	state    State
	moment   Moment
	last     Decision
}

func begin(t *testing.T, change func(*Settings)) *story {
	t.Helper()
	settings := DefaultSettings()
	settings.Latency = false
	if change != nil {
		change(&settings)
	}
	s := &story{t: t, settings: settings, state: Start(settings, []Arms{ArmsSplit}, History{})}
	s.state.Bursts = Bursts{1, 1}
	s.moment = Moment{Step: 2, Arms: ArmsSplit, Weight: 10, Next: 50, Passed: 5 * time.Second, SincePoll: 5 * time.Second, Scrape: 5 * time.Second}
	return s
}

// polls takes the rollout through polls of five seconds.
func (s *story) polls(n int, canary, primary Pair) *story {
	for range n {
		s.moment.InStep += 5 * time.Second
		s.state, s.last = Decide(s.settings, s.state, &Poll{Canary: Counts{Requests: canary.Total, Errors: canary.Bad},
			Primary: Counts{Requests: primary.Total, Errors: primary.Bad}}, s.moment)
	}
	return s
}

// passes lets time pass without a poll.
func (s *story) passes(d time.Duration) *story {
	s.moment.InStep += d
	s.moment.Stale += d
	s.moment.Passed = d
	s.state, s.last = Decide(s.settings, s.state, nil, s.moment)
	s.moment.Passed = 5 * time.Second
	return s
}

func (s *story) expect(action Action, reason Reason, says string) *story {
	s.t.Helper()
	if s.last.Action != action || s.last.Reason != reason || !strings.Contains(s.last.Message, says) {
		s.t.Errorf("%s, %s: %s", s.last.Action, s.last.Reason, s.last.Message)
	}
	return s
}

func TestAHealthyStepIsAccepted(t *testing.T) {
	s := begin(t, nil)
	s.polls(2, Pair{250, 0}, Pair{2250, 2}).expect(Hold, Collecting, "the step collects data: error rate at most")
	s.polls(1, Pair{250, 0}, Pair{2250, 2}).expect(Advance, Accepted, "the canary is healthy enough to go on: error rate at most 0.6% and at most 10 times the primary's, at 95% confidence, from 750 canary requests")
}

func TestALastStepNeedsMoreProof(t *testing.T) {
	s := begin(t, nil)
	s.moment.Last, s.moment.Next = true, 100
	s.polls(12, Pair{25, 0}, Pair{225, 0}).expect(Hold, Inconclusive, "; after 29m more, the rollout pauses")
	s.polls(8, Pair{25, 0}, Pair{225, 0}).expect(Advance, Accepted, "from 500 canary requests")
}

func TestUsersStepsEndInTheirTime(t *testing.T) {
	s := begin(t, func(s *Settings) { s.Early = false })
	s.polls(11, Pair{250, 0}, Pair{2250, 2}).expect(Hold, Collecting, "")
	s.polls(1, Pair{250, 0}, Pair{2250, 2}).expect(Advance, Accepted, "")
}

func TestHarmRollsBackInTwoPolls(t *testing.T) {
	s := begin(t, nil).polls(1, Pair{50, 50}, Pair{450, 0})
	s.expect(Hold, Collecting, "")
	s.polls(1, Pair{50, 50}, Pair{450, 0}).expect(RollBack, Harm, "the canary is worse than it may be: 100 of its 100 requests failed (100%), and 0% of the primary's")
	if len(s.last.Blame) != 2 || s.last.Blame[0].Metric != ErrorRatio || s.last.Blame[1].Metric != ErrorRate {
		t.Errorf("blame: %+v", s.last.Blame)
	}
	begin(t, func(s *Settings) { s.MinDwell = time.Hour; s.MaxDwell = time.Hour }).polls(2, Pair{50, 50}, Pair{450, 0}).expect(RollBack, Harm, "")
	broken := begin(t, nil)
	broken.moment.NotReady = "waiting for pods"
	broken.polls(2, Pair{50, 50}, Pair{450, 0}).expect(RollBack, Harm, "")
}

// TestNoDataNeverMovesTraffic has steps whose time is long up, without requests, without samples, and with samples of zero requests.
func TestNoDataNeverMovesTraffic(t *testing.T) {
	for _, then := range []Then{ThenPromote, ThenPause, ThenRollBack} {
		for _, last := range []bool{false, true} {
			s := begin(t, func(s *Settings) { s.OnInconclusive = then })
			s.moment.Last = last
			s.polls(13, Pair{}, Pair{2, 0}).expect(Hold, NoRequests, "the canary got no requests in this step; after 14m55s more, the rollout pauses")
			s.polls(300, Pair{}, Pair{}).expect(Pause, NoRequests, "the canary got no requests in this step")

			s = begin(t, func(s *Settings) { s.OnInconclusive = then })
			s.moment.Last = last
			s.polls(1, Pair{50, 0}, Pair{450, 0}).passes(16*time.Second).expect(Hold, Stale, "no new samples of both versions for 16s; after 14m44s more, the rollout pauses")
			s.passes(15*time.Minute).expect(Pause, Stale, "")
		}
	}
}

func TestAStepWithoutProofGoesOnInconclusive(t *testing.T) {
	s := begin(t, nil)
	s.polls(11, Pair{1, 0}, Pair{9, 0}).expect(Hold, Collecting, "the step collects data: error rate at most 30%, at 95% confidence, from 11 canary requests")
	s.polls(1, Pair{1, 0}, Pair{9, 0}).expect(Advance, Inconclusive, "the step has proven neither harm nor health in 1m and goes on, inconclusive: error rate at most")
	slow := begin(t, nil)
	slow.moment.Scrape, slow.moment.SincePoll = time.Minute, 0
	slow.moment.InStep = 55 * time.Second
	slow.polls(2, Pair{1, 0}, Pair{9, 0}).expect(Hold, Collecting, "")
	slow.polls(1, Pair{1, 0}, Pair{9, 0}).expect(Advance, Inconclusive, "")
}

func TestTheEndWithoutProofIsThePolicys(t *testing.T) {
	for then, action := range map[Then]Action{ThenPromote: Advance, ThenPause: Pause, ThenRollBack: RollBack, "": Pause} {
		s := begin(t, func(s *Settings) { s.OnInconclusive = then })
		s.moment.Last, s.moment.Next = true, 100
		s.polls(359, Pair{.1, 0}, Pair{.9, 0}).expect(Hold, Inconclusive, "")
		s.polls(1, Pair{.1, 0}, Pair{.9, 0}).expect(action, Inconclusive, "the step has proven neither harm nor health in 30m")
	}
}

func TestSuspicionHoldsThenDecides(t *testing.T) {
	for then, action := range map[Then]Action{ThenPause: Pause, ThenRollBack: RollBack} {
		s := begin(t, func(s *Settings) { s.OnSuspicious = then })
		s.polls(1, Pair{50, 4}, Pair{450, 0}).polls(11, Pair{0, 0}, Pair{1, 0})
		s.expect(Hold, Suspicious, "4 of its 50 requests failed (8%), and")
		if s.last.Evidence < 10 || s.last.Evidence > 100 || s.last.Left != DefaultHoldLimit-5*time.Second {
			t.Errorf("%+v", s.last)
		}
		s.polls(178, Pair{0, 0}, Pair{1, 0}).expect(Hold, Suspicious, "; after 5s more, the rollout ")
		s.polls(1, Pair{0, 0}, Pair{1, 0}).expect(action, Suspicious, "times likelier if the canary is harmful, and 100 times prove it: 4 of its 50 requests failed (8%)")
		s.state = Resumed(s.state)
		s.polls(1, Pair{0, 0}, Pair{1, 0}).expect(Hold, Suspicious, "")
	}
}

// TestWeakSuspicionPauses has evidence that is less than half of the way to proof.
func TestWeakSuspicionPauses(t *testing.T) {
	s := begin(t, nil).polls(1, Pair{50, 3}, Pair{450, 1}).polls(11, Pair{0, 0}, Pair{1, 0})
	s.expect(Hold, Suspicious, "; after 14m55s more, the rollout pauses")
	if s.last.Evidence < 2 || s.last.Evidence > 10 {
		t.Errorf("%+v", s.last)
	}
	s.polls(179, Pair{0, 0}, Pair{1, 0}).expect(Pause, Suspicious, "3 of its 50 requests failed (6%)")
}

// TestSuspicionCountsInARow has suspicion that ends for a moment.
func TestSuspicionCountsInARow(t *testing.T) {
	s := begin(t, nil).polls(1, Pair{50, 4}, Pair{450, 0}).polls(100, Pair{0, 0}, Pair{1, 0})
	if s.state.Suspected != 90*5*time.Second {
		t.Fatalf("suspected for %v", s.state.Suspected)
	}
	s.polls(1, Pair{500, 0}, Pair{4500, 20})
	if s.last.Evidence >= 2 || s.state.Suspected != 0 {
		t.Errorf("suspected for %v with evidence of %v", s.state.Suspected, s.last.Evidence)
	}
}

// TestSuspicionWaitsWhileThePrimaryFails has a suspected canary whose primary fails, but not clearly. The canary is not compared with the
// limit meanwhile, so it could not clear itself.
func TestSuspicionWaitsWhileThePrimaryFails(t *testing.T) {
	s := begin(t, nil).polls(1, Pair{50, 4}, Pair{450, 0}).polls(11, Pair{0, 0}, Pair{1, 0}).polls(1, Pair{0, 0}, Pair{500, 9})
	s.expect(Hold, EnvironmentDegraded, "% of the primary's own requests fail, and the limit is 1%")
	if s.state.Suspected != 5*time.Second || s.last.Evidence < 2 {
		t.Errorf("suspected for %v with evidence of %v", s.state.Suspected, s.last.Evidence)
	}
}

func TestAFailingPrimaryHolds(t *testing.T) {
	s := begin(t, nil)
	s.moment.Step = 1
	s.polls(1, Pair{50, 5}, Pair{450, 45}).expect(Hold, EnvironmentDegraded, "10% of the primary's own requests fail, and the limit is 1%; after 14m55s more, the rollout pauses")
	s.polls(10, Pair{50, 5}, Pair{450, 45})
	if s.last.Action != Hold {
		t.Errorf("%+v", s.last)
	}
	// The outage ends, and the rollout goes on.
	s.polls(60, Pair{250, 0}, Pair{2250, 0}).expect(Advance, Accepted, "")
}

func TestAPrimaryThatAlwaysFailsPauses(t *testing.T) {
	s := begin(t, nil)
	s.state.RouteRate = .2
	s.polls(180, Pair{50, 5}, Pair{450, 45}).expect(Pause, EnvironmentDegraded, "10% of the primary's own requests fail, and the limit is 1%")
}

// TestSharedDamageGoesBackAStep has a canary that makes both versions fail. At the step before, both are well again.
func TestSharedDamageGoesBackAStep(t *testing.T) {
	s := begin(t, nil)
	for n := range mostReturns + 1 {
		s.moment.Step, s.moment.InStep, s.moment.Weight = 2, 0, 10
		s.polls(2, Pair{500, 0}, Pair{4500, 0}).polls(12, Pair{500, 100}, Pair{4500, 900})
		s.expect(Hold, EnvironmentDegraded, "of the primary's own requests fail, and the limit is 1%")
		s.polls(1, Pair{500, 100}, Pair{4500, 900})
		if n == mostReturns {
			s.expect(Pause, SharedDamage, "after 2 returns to the step before")
			return
		}
		s.expect(Return, SharedDamage, "all versions together fail more than 1%; the rollout goes back one step to see whether the canary is the cause")
		s.moment.Step, s.moment.InStep, s.moment.Weight = 1, 0, 1
		s.polls(40, Pair{50, 0}, Pair{4950, 0}).expect(Advance, Accepted, "")
	}
}

// TestALongCommonOutageHoldsAndGoesOn has ten minutes of an outage, in which going back a step changes nothing.
func TestALongCommonOutageHoldsAndGoesOn(t *testing.T) {
	s := begin(t, nil)
	s.polls(2, Pair{500, 0}, Pair{4500, 0}).polls(13, Pair{500, 25}, Pair{4500, 225}).expect(Return, SharedDamage, "")
	s.moment.Step, s.moment.InStep, s.moment.Weight = 1, 0, 1
	for range 107 {
		s.polls(1, Pair{50, 3}, Pair{4950, 250}).expect(Hold, EnvironmentDegraded, "")
	}
	s.polls(60, Pair{50, 0}, Pair{4950, 0}).expect(Advance, Accepted, "")
	first := begin(t, nil)
	first.moment.Step = 1
	first.polls(3, Pair{500, 0}, Pair{4500, 0}).polls(120, Pair{500, 25}, Pair{4500, 225}).expect(Hold, EnvironmentDegraded, "")
	if first.state.Route.E() < 100 {
		t.Errorf("the route's evidence is %v", first.state.Route.E())
	}
	first.polls(30, Pair{500, 0}, Pair{4500, 0}).expect(Advance, Accepted, "")
	if first.state.Route != NewMixture() || first.state.Failing != 0 {
		t.Errorf("the outage is over, and still there is evidence of %v after %v", first.state.Route.E(), first.state.Failing)
	}
}

// TestARouteThatFailedBeforeIsNotDamaged has a primary that fails as much as in the hour before.
func TestARouteThatFailedBeforeIsNotDamaged(t *testing.T) {
	s := begin(t, nil)
	s.state = Start(s.settings, []Arms{ArmsSplit}, History{Windows: [][]Counts{{{Requests: 1000, Errors: 200}}}})
	s.polls(20, Pair{500, 100}, Pair{4500, 900}).expect(Hold, EnvironmentDegraded, "")
}

func TestMissingTrafficHolds(t *testing.T) {
	s := begin(t, nil)
	s.polls(3, Pair{1, 0}, Pair{99, 0}).expect(Hold, MissingTraffic, "the canary got 3 of 300 requests; its weight is 10%; after 14m55s more, the rollout pauses")
	s.polls(12, Pair{40, 0}, Pair{60, 0}).expect(Advance, Accepted, "")
	testers := begin(t, nil)
	testers.moment.Arms = ArmsSticky
	testers.polls(3, Pair{1, 0}, Pair{99, 0}).expect(Hold, Collecting, "")
}

func TestNotReadyWaits(t *testing.T) {
	s := begin(t, nil)
	s.moment.NotReady = "1 of 2 pods is ready"
	s.polls(60, Pair{250, 0}, Pair{2250, 2}).expect(Hold, NotReady, "1 of 2 pods is ready")
}

// TestAStepShowsItsOwnDataOnly has polls that began in the step before, and a step that begins with nothing shown.
func TestAStepShowsItsOwnDataOnly(t *testing.T) {
	s := begin(t, nil)
	s.polls(3, Pair{250, 0}, Pair{2250, 0}).expect(Advance, Accepted, "")
	s.moment.Step, s.moment.InStep, s.moment.Weight, s.moment.Next = 3, -4*time.Second, 50, 100
	s.polls(1, Pair{1250, 0}, Pair{1250, 0})
	if s.state.Errors.Step != (Pair{}) || s.state.Polls != 0 || s.state.Errors.Total.Total != 2000 {
		t.Errorf("%+v, %d polls", s.state.Errors, s.state.Polls)
	}
	s.polls(2, Pair{1250, 0}, Pair{1250, 0}).expect(Hold, Collecting, "from 4,500 canary requests")
	s.polls(2, Pair{1250, 0}, Pair{1250, 0}).expect(Advance, Accepted, "")
}

func TestAFreshBaselineIsTheControl(t *testing.T) {
	settings := DefaultSettings()
	settings.Fresh = true
	state := Start(settings, []Arms{ArmsSplit}, History{})
	var decision Decision
	for i := range 10 {
		// Fresh pods of both versions fail alike; the old, warm primary does not.
		poll := Poll{Canary: Counts{Requests: 500, Errors: 4}, Baseline: Counts{Requests: 500, Errors: 4}, Primary: Counts{Requests: 4000, Errors: 1}}
		state, decision = Decide(settings, state, &poll, Moment{Step: 1, Arms: ArmsSplit, Weight: 10, Next: 50, InStep: time.Duration(i) * 5 * time.Second, SincePoll: 5 * time.Second})
	}
	if decision.Evidence > 1 || state.StepRoute.Total != 9*5000 {
		t.Errorf("beside a baseline: %+v, %v", decision, state.StepRoute)
	}
}

func TestLostTimeIsNoPromotion(t *testing.T) {
	// A controller that was away for a day finds the step's time up. It still needs polls.
	s := begin(t, nil)
	s.moment.InStep = 24 * time.Hour
	s.polls(1, Pair{1, 0}, Pair{9, 0}).expect(Hold, Collecting, "")
}
