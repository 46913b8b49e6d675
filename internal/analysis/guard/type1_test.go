package guard

import (
	"math"
	"testing"
)

// scenario is a stream of polls of a healthy canary, exactly on its boundary.
type scenario struct {
	name string
	test RatioTest
	// primary is the primary's error rate, requests those of a poll of the whole route.
	primary  float64
	requests int
	// outages is how many polls of a hundred are in a common outage, with 50 times the errors.
	outages int
}

// TestEvidenceIsKeptDownUnderContinuousLooking looks at every one of 600 polls, with weights from 10 to 50 %, and counts how often a
// healthy canary is ever rejected. The rate must be below alpha, up to chance.
func TestEvidenceIsKeptDownUnderContinuousLooking(t *testing.T) {
	for _, c := range []scenario{
		{"0.1 %", RatioTest{Rho: 1}, .001, 500, 0},
		{"1 %", RatioTest{Rho: 1}, .01, 500, 0},
		{"40 %", RatioTest{Rho: 1}, .4, 50, 0},
		{"few requests", RatioTest{Rho: 1}, .01, 5, 0},
		{"common outages", RatioTest{Rho: 1}, .001, 500, 10},
		{"on the margin", RatioTest{Rho: 1.25}, .002, 500, 0},
		{"on both margins", RatioTest{Rho: 1.25, Delta: .0005}, .0002, 500, 0},
		{"on both margins, outages", RatioTest{Rho: 1.25, Delta: .0005}, .0002, 500, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reps := 400 * *many
			loose, strict := 0, 0
			for rep := range reps {
				peak := c.peak(seeded(uint64(rep) + 77))
				loose += int(count(peak >= 20))
				strict += int(count(peak >= 100))
			}
			within(t, "alpha 0.05", loose, reps, .05)
			within(t, "alpha 0.01", strict, reps, .01)
		})
	}
}

// within fails if a share is above a chance by more than three standard errors.
func within(t *testing.T, what string, hits, reps int, chance float64) {
	t.Helper()
	if share := float64(hits) / float64(reps); share > chance+3*math.Sqrt(chance*(1-chance)/float64(reps)) {
		t.Errorf("%s: %v of %d", what, hits, reps)
	}
}

// peak returns the largest evidence of 600 polls.
func (c scenario) peak(d dice) float64 {
	m, peak := NewMixture(), 1.0
	for poll := range 600 {
		canary, primary := c.poll(d, poll)
		lr := c.test.harm(canary, primary)
		m.update(&lr, 1, steepest)
		peak = max(peak, m.E())
	}
	return peak
}

func (c scenario) poll(d dice, poll int) (canary, primary Pair) {
	weight := []float64{.1, .2, .3, .4, .5}[poll/120]
	p := c.primary
	if d.IntN(100) < c.outages {
		p = min(p*50, .5)
	}
	requests := d.poisson(float64(c.requests))
	n := int(math.Round(float64(requests) * weight))
	canary = Pair{float64(n), float64(d.binomial(n, min(c.test.Rho*p+c.test.Delta, 1)))}
	primary = Pair{float64(requests - n), float64(d.binomial(requests-n, p))}
	return canary, primary
}

// TestRateIsKeptDownUnderContinuousLooking has a canary exactly on the SLO.
func TestRateIsKeptDownUnderContinuousLooking(t *testing.T) {
	t.Parallel()
	reps, loose, strict := 400**many, 0, 0
	for rep := range reps {
		d, m, peak := seeded(uint64(rep)+5), NewMixture(), 1.0
		for range 600 {
			n := d.poisson(60)
			lr := RateTest{Rate: .01}.harm(Pair{float64(n), float64(d.binomial(n, .01))})
			m.update(&lr, 1, steepest)
			peak = max(peak, m.E())
		}
		loose += int(count(peak >= 20))
		strict += int(count(peak >= 100))
	}
	within(t, "alpha 0.05", loose, reps, .05)
	within(t, "alpha 0.01", strict, reps, .01)
}

// TestNobodyIsAcceptedOnTheBoundary has canaries exactly as bad as an acceptance or a reported bound says that they are not.
func TestNobodyIsAcceptedOnTheBoundary(t *testing.T) {
	t.Parallel()
	reps := 400 * *many
	var ratio, delta, rate, shown, above int
	for rep := range reps {
		d := seeded(uint64(rep) + 9)
		a, b, total := NewAcceptance(), NewAcceptance(), Pair{}
		var l Likelihood
		var hit, hitDelta, hitRate, hitShown, hitAbove bool
		for range 200 {
			n, m := d.poisson(100), d.poisson(400)
			control := Pair{float64(m), float64(d.binomial(m, .005))}
			twice := Pair{float64(n), float64(d.binomial(n, .01))}
			a.observe(RatioTest{Rho: 2}, three{canary: twice, control: control}, 1)
			l.update(twice, control)
			total = plus(total, twice)
			b.observe(RatioTest{Rho: 2, Delta: .0005}, three{canary: Pair{float64(n), float64(d.binomial(n, .0105))}, control: control}, 1)
			hit, hitDelta = hit || a.E() >= 20, hitDelta || b.E() >= 20
			hitRate = hitRate || RateTest{Rate: .01}.accepted(total, 1) >= 20
			bound, rate := l.bound(.05, 1), atMost(total, .05, 1)
			hitShown = hitShown || bound > 0 && bound < 2 || rate > 0 && rate < .01
			hitAbove = hitAbove || RateTest{Rate: .01}.rejected(total, 1) >= 20
		}
		ratio, delta, rate = ratio+int(count(hit)), delta+int(count(hitDelta)), rate+int(count(hitRate))
		shown, above = shown+int(count(hitShown)), above+int(count(hitAbove))
	}
	within(t, "ratio", ratio, reps, .05)
	within(t, "ratio and delta", delta, reps, .05)
	within(t, "rate", rate, reps, .05)
	within(t, "either bound that is reported", shown, reps, .1)
	within(t, "proven above", above, reps, .05)
}

// TestNoHealthyCanaryIsRolledBack runs whole rollouts of the guard, up to canaries exactly on both boundaries.
func TestNoHealthyCanaryIsRolledBack(t *testing.T) {
	for _, c := range []struct {
		name                 string
		rps, primary, canary float64
	}{
		{"0.1 %, 1 rps", 1, .001, .001}, {"0.5 %, 10 rps", 10, .005, .005}, {"0.9 %, 10 rps", 10, .009, .009},
		{"0.9 %, 100 rps", 100, .009, .009}, {"on both boundaries, 100 rps", 100, .0076, .01}, {"on the margin, 1000 rps", 1000, .001, .00175},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := plain(c.rps, c.primary, c.canary)
			for name, w := range map[string]world{"ladder": w, "steps": w.onFlaggers()} {
				s := w.times(100, 3)
				within(t, name, int(s.rolledBack), int(s.n), .01)
			}
		})
	}
}
