package guard

import (
	"math"
	"testing"
	"time"
)

func divergence(p, q float64) float64 {
	return p*math.Log(p/q) + (1-p)*math.Log((1-p)/(1-q))
}

// bounds are the least canary requests that any test with alpha and power 1 needs: with the primary's rate known exactly, and with
// both arms observed at a weight.
func bounds(alpha, weight, base, canary float64) (known, observed float64) {
	mixed := weight*canary + (1-weight)*base
	both := divergence(canary, mixed) + (1-weight)/weight*divergence(base, mixed)
	return math.Log(1/alpha) / divergence(canary, base), math.Log(1/alpha) / both
}

// attainable is what the best test of all needs in canary requests: that which knows both rates, and has to be right only if both arms
// fail at the one rate that is hardest to tell from them. It is Wald's sequential test of two points, with the threshold that spends
// exactly alpha. Wald's bound is lower, as it lets a request be divided: no test stops in the middle of one.
func attainable(alpha, weight, base, canary float64) float64 {
	mixed := weight*canary + (1-weight)*base
	ratio := func(p float64) [2]float64 { return [2]float64{math.Log((1 - p) / (1 - mixed)), math.Log(p / mixed)} }
	inCanary, inPrimary := ratio(canary), ratio(base)
	// Under the alternative, the mean of 1/LR at the end is the chance of a false rejection.
	try := func(threshold float64) (spent, requests float64) {
		const reps = 4000
		for rep := range uint64(reps) {
			d, lr := seeded(rep+57), 0.0
			for lr < threshold {
				if d.Float64() < weight {
					requests++
					lr += inCanary[int(count(d.Float64() < canary))]
				} else {
					lr += inPrimary[int(count(d.Float64() < base))]
				}
			}
			spent += math.Exp(-lr)
		}
		return spent / reps, requests / reps
	}
	low, high := 0.0, math.Log(1/alpha)
	for range 12 {
		middle := (low + high) / 2
		if spent, _ := try(middle); spent > alpha {
			low = middle
		} else {
			high = middle
		}
	}
	// The threshold that spends a little more: the limit must not be too high.
	_, requests := try(low)
	return requests
}

// TestTheKernelIsNearTheLimit looks after each request at a weight of 10 %. No test can be better than the bound; the kernel needs
// at most 1.6 times as many requests. One canary error is worth at most ln(1/w) to it, so two are never proof at a weight of a tenth
// and an alpha of a hundredth: three are six requests of a canary that fails half of them. Where Wald's bound is below two errors, the
// limit is what whole requests allow.
func TestTheKernelIsNearTheLimit(t *testing.T) {
	for _, c := range []struct{ base, canary, known, observed float64 }{
		{.001, .01, 327, 424}, {.001, .02, 112, 158}, {.001, .05, 31.2, 50.1}, {.001, .5, 1.7, 3.7},
		{.005, .01, 2369, 2708}, {.005, .02, 359, 427}, {.005, .05, 64.7, 83.6}, {.005, .5, 2.4, 4.0},
		{.01, .02, 1177, 1345}, {.01, .05, 112, 135}, {.01, .5, 2.9, 4.4},
	} {
		known, observed := bounds(.01, .1, c.base, c.canary)
		if math.Abs(known/c.known-1) > .03 || math.Abs(observed/c.observed-1) > .02 {
			t.Errorf("%v to %v: the limits are %.4g and %.4g, want %v and %v", c.base, c.canary, known, observed, c.known, c.observed)
		}
		reps, requests := int(300_000/(observed+50))**many, 0.0
		for rep := range reps {
			requests += needed(seeded(uint64(rep)+31), c.base, c.canary)
		}
		limit := observed
		if observed*c.canary < 2 {
			limit = max(observed, attainable(.01, .1, c.base, c.canary))
		}
		mean := requests / float64(reps)
		t.Logf("%v to %v: %.1f requests, %.2f times Wald's bound, %.2f times the limit", c.base, c.canary, mean, mean/observed, mean/limit)
		if mean > 1.6*limit {
			t.Errorf("%v to %v: %.1f requests, %.2f times the limit", c.base, c.canary, mean, mean/limit)
		}
	}
}

// needed returns how many canary requests the kernel needs to reject, without margins, reserve and cap. A look after each request
// takes the weight for the arms' exposure: a request that is answered says nothing, as only an error tells the arms apart.
func needed(d dice, base, canary float64) float64 {
	test, m, requests := RatioTest{Rho: 1}, mixture(1), 0.0
	inCanary, inPrimary := test.harm(Pair{.1, 1}, Pair{.9, 0}), test.harm(Pair{.1, 0}, Pair{.9, 1})
	for m.E() < 100 {
		arm, rate := &inPrimary, base
		if d.Float64() < .1 {
			arm, rate = &inCanary, canary
			requests++
		}
		if d.Float64() < rate {
			m.update(arm, 1, steepest)
		}
	}
	return requests
}

// TestALateRegressionIsSeen has 5 % errors that begin after an hour without any. Without the reserve, the clean hour would hide
// them for four times as long.
func TestALateRegressionIsSeen(t *testing.T) {
	polls := func(m Mixture) float64 {
		all := 0.0
		const reps = 100
		for rep := range reps {
			d, m := seeded(uint64(rep)+13), m
			for poll := 1; ; poll++ {
				rate := .001
				if poll > 720 {
					rate = .05
				}
				n := d.binomial(500, .1)
				lr := RatioTest{Rho: DefaultRho, Delta: DefaultDelta}.harm(Pair{float64(n), float64(d.binomial(n, rate))},
					Pair{float64(500 - n), float64(d.binomial(500-n, .001))})
				m.update(&lr, 1, steepest)
				if m.E() >= 100 {
					all += float64(poll - 720)
					break
				}
			}
		}
		return all / reps
	}
	with, without := polls(NewMixture()), polls(mixture(1))
	t.Logf("%.1f polls with the reserve, %.1f without", with, without)
	if with > 8 || without < 2*with {
		t.Errorf("%.1f polls with the reserve, %.1f without; want about 5.5 and 22", with, without)
	}
}

// TestHarmIsSeenEarly has cells of the headline table: how often a bad canary is rolled back, how late, and how many requests it
// has failed by then. The numbers are those of the design, with room for chance.
func TestHarmIsSeenEarly(t *testing.T) {
	for _, c := range []struct {
		rps, canary              float64
		steps                    bool
		rolledBack, seconds, bad float64
	}{
		{10, .05, false, 1, 150, 6.5}, {10, .5, false, 1, 25, 7}, {10, .5, true, 1, 20, 10},
		{100, .01, false, .99, 190, 14}, {100, .05, false, 1, 80, 6}, {100, .5, false, 1, 17, 9}, {100, .05, true, 1, 22, 12},
		{1000, .05, false, 1, 35, 9}, {1000, .5, false, 1, 15, 16}, {1000, .5, true, 1, 15, 750},
	} {
		w := plain(c.rps, .001, c.canary)
		if c.steps {
			w = w.onFlaggers()
		}
		s := w.times(100, 17)
		if s.rolledBack < c.rolledBack*s.n || s.after/s.rolledBack > c.seconds || s.bad/s.n > c.bad {
			t.Errorf("%+v: rolled back %v of %v after %.0f s and %.1f bad requests", c, s.rolledBack, s.n, s.after/s.rolledBack, s.bad/s.n)
		}
	}
}

// TestTheHealthyArePromotedSoon has the times of the design, with room for chance.
func TestTheHealthyArePromotedSoon(t *testing.T) {
	for _, c := range []struct{ rps, seconds float64 }{{1000, 95}, {100, 151}, {10, 330}} {
		s := plain(c.rps, .001, .001).times(100, 23)
		if s.promoted < .99*s.n || s.promotedAfter/s.promoted > c.seconds {
			t.Errorf("%v rps: promoted %v of %v after %.0f s", c.rps, s.promoted, s.n, s.promotedAfter/s.promoted)
		}
	}
}

// outage has errors on both arms for a time.
func outage(base, rate float64, from, to time.Duration) func(time.Duration) float64 {
	return func(now time.Duration) float64 {
		if now > from && now <= to {
			return rate
		}
		return base
	}
}

// TestACommonOutageRollsNobodyBack has outages of both versions, seen by both arms at once or by the canary's samples a poll later.
func TestACommonOutageRollsNobodyBack(t *testing.T) {
	for _, rps := range []float64{10, 100, 1000} {
		for _, rate := range []float64{.05, .2, 1} {
			for _, lasts := range []time.Duration{10 * time.Second, 30 * time.Second, 10 * time.Minute} {
				for late := range 2 {
					w := plain(rps, 0, 0)
					w.primary = outage(.001, rate, 40*time.Second, 40*time.Second+lasts)
					w.canary, w.late = w.primary, late
					for name, w := range map[string]world{"ladder": w, "steps": w.onFlaggers()} {
						if s := w.times(4, 29); s.rolledBack > 0 {
							t.Errorf("%v rps, %v errors for %v, %d polls late, %s: rolled back %v of %v", rps, rate, lasts, late, name, s.rolledBack, s.n)
						}
					}
				}
			}
		}
	}
}

// TestACommonOutageWithFewRequestsRollsNobodyBack has one request a second and ten minutes of 5 % errors. The primary has no error in most
// polls of the outage, and still the canary must not be blamed.
func TestACommonOutageWithFewRequestsRollsNobodyBack(t *testing.T) {
	w := plain(1, 0, 0)
	w.primary = outage(.001, .05, 40*time.Second, 640*time.Second)
	w.canary, w.history = w.primary, History{Windows: seeded(1).pods(4, plain(1, .001, .001))}
	s := w.times(200, 43)
	within(t, "1 rps", int(s.rolledBack), int(s.n), .003)
}

// TestALongCommonOutagePausesNobody has ten minutes of 5 % errors of both versions.
func TestALongCommonOutagePausesNobody(t *testing.T) {
	for _, rps := range []float64{10, 100} {
		w := plain(rps, 0, 0)
		w.primary = outage(.001, .05, 40*time.Second, 640*time.Second)
		w.canary, w.history = w.primary, History{Windows: seeded(1).pods(4, plain(rps, .001, .001))}
		if s := w.times(30, 47); s.promoted < s.n {
			t.Errorf("%v rps: promoted %v of %v: %v", rps, s.promoted, s.n, s.reasons)
		}
	}
}
