package guard

import (
	"math"
	"testing"
)

// TestIntervalsHoldTheTrueRate looks at the interval after each of 300 polls, and counts how often the true rate is ever outside. A
// rollout may so end at any time, for any reason that its data gives.
func TestIntervalsHoldTheTrueRate(t *testing.T) {
	for _, c := range []struct {
		name     string
		rate     float64
		requests float64
		// burst is how many errors one cause has.
		burst int
	}{
		{"0.1 %", .001, 500, 1}, {"0.5 %", .005, 100, 1}, {"5 %", .05, 20, 1}, {"40 %", .4, 50, 1}, {"99 %", .99, 10, 1}, {"few requests", .01, 2, 1},
		{"bursts", .005, 400, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reps, missed := 400**many, 0
			for rep := range reps {
				d, all, outside := seeded(uint64(rep)+31), Pair{}, false
				for range 300 {
					n := d.poisson(c.requests)
					bad := c.burst * d.binomial(n/c.burst, c.rate)
					all = plus(all, Pair{float64(n), float64(bad)})
					shown := interval(all, .05, 1/float64(c.burst))
					outside = outside || c.rate < shown.Least || c.rate > shown.Most
				}
				missed += int(count(outside))
			}
			within(t, "outside", missed, reps, .05)
		})
	}
}

// TestIntervalsHoldTheTrueRatio does the same for the ratio, while the canary's share of the requests and the rates change.
func TestIntervalsHoldTheTrueRatio(t *testing.T) {
	for _, c := range []struct {
		name        string
		rate, times float64
		outages     int
	}{
		{"alike", .005, 1, 0}, {"half as many", .01, .5, 0}, {"half as many again", .01, 1.5, 0}, {"thrice, in outages", .003, 3, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reps, missed := 400**many, 0
			for rep := range reps {
				d, likelihood, outside := seeded(uint64(rep)+47), Likelihood{}, false
				for poll := range 300 {
					rate := c.rate
					if d.IntN(100) < c.outages {
						rate *= 10
					}
					n, m := d.poisson([]float64{20, 200}[poll/30%2]), d.poisson(400)
					likelihood.update(Pair{float64(n), float64(d.binomial(n, c.times*rate))}, Pair{float64(m), float64(d.binomial(m, rate))})
					least, most := likelihood.above(.025, 1), likelihood.bound(.025, 1)
					outside = outside || least >= c.times && least > 0 || most > 0 && most <= c.times
				}
				missed += int(count(outside))
			}
			within(t, "outside", missed, reps, .05)
		})
	}
}

// TestTheComparisonOfWholeRollouts ends A/B tests as the guard ends them: by proof of harm, by acceptance, or when time is up.
func TestTheComparisonOfWholeRollouts(t *testing.T) {
	for _, c := range []struct {
		name            string
		primary, canary float64
	}{
		{"healthy", .002, .005}, {"harmful", .002, .03}, {"alike on the limit", .01, .01},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reps, missed := 300**many, map[string]int{}
			for rep := range reps {
				w := plain(20, c.primary, c.canary).onFlaggers()
				w.arms, w.steps = ArmsMatched, []float64{20, 20, 20, 20, 20}
				r := w.run(seeded(uint64(rep) + 91))
				compared, compares := r.state.Compare(w.settings)
				if !compares {
					t.Fatal("an A/B test is not compared")
				}
				e := compared.Errors
				missed["canary"] += int(count(c.canary < e.CanaryRate.Least || c.canary > e.CanaryRate.Most))
				missed["primary"] += int(count(c.primary < e.ControlRate.Least || c.primary > e.ControlRate.Most))
				missed["ratio"] += int(count(compared.RatioLeast > c.canary/c.primary || compared.RatioMost > 0 && compared.RatioMost < c.canary/c.primary))
			}
			for what, times := range missed {
				within(t, what, times, reps, .05)
			}
		})
	}
}

// TestIntervalsAsComputedElsewhere has values of the same formula in another language.
func TestIntervalsAsComputedElsewhere(t *testing.T) {
	for _, c := range []struct {
		events    Pair
		beta, eta float64
		want      Interval
	}{
		{Pair{12345, 52}, .05, 1, Interval{0.002294923, 0.006975960}},
		{Pair{12345, 52}, .05, .5, Interval{0.001758235, 0.008279824}},
		{Pair{1204332, 4817}, .05, 1, Interval{0.003745260, 0.004265422}},
		{Pair{500, 0}, .05, 1, Interval{0, 0.013262569}},
		{Pair{10, 10}, .05, 1, Interval{0.623012649, 1}},
		{Pair{100, 3}, .01, 1, Interval{0.001070483, 0.141034537}},
		{Pair{}, .05, 1, Interval{0, 1}},
	} {
		if got := interval(c.events, c.beta, c.eta); math.Abs(got.Least-c.want.Least) > 1e-8 || math.Abs(got.Most-c.want.Most) > 1e-8 {
			t.Errorf("%+v: %+v, want %+v", c.events, got, c.want)
		}
	}
}

func TestAComparisonInWords(t *testing.T) {
	s := State{Arms: ArmsMatched, Bursts: Bursts{1, 1}}
	s.Errors.Total, s.Errors.Control = Pair{12345, 52}, Pair{1204332, 4817}
	s.Errors.Likelihood.update(s.Errors.Total, s.Errors.Control)
	s.BoundCount = 1
	s.Bounds[0] = BoundState{Seconds: .3, Bursts: Bursts{1, 1}, Total: Pair{1000, 21}, Control: Pair{100000, 1900}}
	for name, c := range map[string]struct {
		change func(*State)
		want   string
	}{
		"both": {func(*State) {}, "error rate 0.421% (0.229% to 0.698%) of 12,345 canary requests, 0.4% (0.375% to 0.427%) of 1,204,332 primary requests, 0.5 to 1.75 times " +
			"the primary's; slower than 300ms: 2.1% (0.843% to 4.2%), the primary 1.9% (1.72% to 2.09%); each at 95% confidence; other people use each version, so a difference may come from them"},
		"no canary":  {func(s *State) { s.Errors.Total = Pair{} }, "no request to the canary was counted, so nothing can be compared"},
		"no primary": {func(s *State) { s.Errors.Control = Pair{} }, "no request to the primary was counted, so nothing can be compared"},
		"no errors": {func(s *State) { s.Errors, s.BoundCount = ErrorState{Total: Pair{500, 0}, Control: Pair{1000, 0}}, 0 },
			"error rate 0% (0% to 1.33%) of 500 canary requests, 0% (0% to 0.7%) of 1,000 primary requests, too few errors to tell their ratio; each at 95% confidence; other people use each version, so a difference may come from them"},
	} {
		changed := s
		c.change(&changed)
		compared, _ := changed.Compare(DefaultSettings())
		if got := compared.String(); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestArmsAreComparedWhereTheyAreOtherPeople(t *testing.T) {
	for arms := range acting {
		s := State{Arms: arms, Bursts: Bursts{1, 1}}
		if _, compares := s.Compare(DefaultSettings()); compares != (arms == ArmsMatched || arms == ArmsTesters || arms == ArmsSticky) {
			t.Errorf("%s: %v", arms, compares)
		}
		if arms.OtherPeople() && arms.Acts().Ratio {
			t.Errorf("%s are other people, and the ratio moves something", arms)
		}
	}
}
