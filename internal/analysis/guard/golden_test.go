package guard

import (
	"math"
	"testing"
)

// near reports whether a value has the digits that were published.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*max(1, math.Abs(want)) }

// harmOf and healthOf are the evidence of one poll without reserve and cap.
func harmOf(lr [harmful]float64) float64 {
	m := mixture(1)
	m.update(&lr, 1, math.Inf(1))
	return m.E()
}

func healthOf(lr [healthy]float64) float64 {
	a := NewAcceptance()
	a.update(&lr, 1)
	return a.E()
}

func TestRatioTestHasItsGoldenValues(t *testing.T) {
	for _, c := range []struct {
		canary, primary Pair
		delta           float64
		harm, health    float64
	}{
		{Pair{100, 3}, Pair{900, 1}, 0, 30.060508205, 0},
		{Pair{10, 5}, Pair{90, 0}, 0, 6610.650627465, 0},
		{Pair{500, 0}, Pair{500, 4}, 0, 0.101468562, 0},
		{Pair{100, 2}, Pair{0, 0}, 0, 1, 1},
		{Pair{0, 0}, Pair{100, 1}, 0, 1, 1},
		{Pair{100, 3}, Pair{900, 1}, .0005, 24.208860223, 0.145141322},
		{Pair{1000, 4}, Pair{9000, 0}, .0005, 60.162841137, 0.112404039},
		{Pair{500, 0}, Pair{500, 4}, .0005, 0.097266583, 13.422773255},
	} {
		test := RatioTest{Rho: 1.25, Delta: c.delta}
		if got := harmOf(test.harm(c.canary, c.primary)); !near(got, c.harm) {
			t.Errorf("%+v: harm %.9f, want %.9f", c, got, c.harm)
		}
		if got := healthOf(test.health(c.canary, c.primary)); c.health > 0 && !near(got, c.health) {
			t.Errorf("%+v: health %.9f, want %.9f", c, got, c.health)
		}
	}
}

func TestRateTestHasItsGoldenValues(t *testing.T) {
	for _, c := range []struct {
		events       Pair
		harm, health float64
	}{
		{Pair{100, 3}, 1.283231763, 0.166362615},
		{Pair{10, 5}, 1054022.277225785, 0.063089953},
		{Pair{500, 0}, 0.030688928, 59.841556283},
		{Pair{1000, 10}, 0.099166609, 0.179861640},
	} {
		test := RateTest{Rate: .01}
		if got := harmOf(test.harm(c.events)); !near(got, c.harm) {
			t.Errorf("%+v: harm %.9f, want %.9f", c, got, c.harm)
		}
		if got := healthOf(test.health(c.events)); !near(got, c.health) {
			t.Errorf("%+v: health %.9f, want %.9f", c, got, c.health)
		}
		if got := test.accepted(c.events, 1); !near(got, c.health) {
			t.Errorf("%+v: accepted %.9f, want %.9f", c, got, c.health)
		}
	}
}

func TestUpdateHasItsGoldenValues(t *testing.T) {
	test := RatioTest{Rho: 1.25, Delta: .0005}
	for _, c := range []struct {
		top   float64
		polls [][2]Pair
		want  []float64
	}{
		{math.Log(200) / 3, [][2]Pair{{{50, 10}, {450, 1}}, {{50, 10}, {450, 1}}, {{50, 10}, {450, 1}}, {{50, 10}, {450, 1}}},
			[]float64{3.444217886, 17.758122609, 101.486210116, 591.150735571}},
		{capOf(.01, .5), [][2]Pair{{{50, 1}, {450, 1}}, {{50, 2}, {450, 0}}, {{50, 0}, {450, 1}}, {{50, 3}, {450, 1}}},
			[]float64{1.259187530, 11.438689538, 4.917986374, 105.780845777}},
	} {
		m := NewMixture()
		for i, poll := range c.polls {
			lr := test.harm(poll[0], poll[1])
			m.update(&lr, 1, c.top)
			if !near(m.E(), c.want[i]) {
				t.Errorf("poll %d: %.9f, want %.9f", i, m.E(), c.want[i])
			}
		}
	}
}

// TestCleanRequestsNeeded has the number of canary requests without an error after which a step with a next weight is accepted.
func TestCleanRequestsNeeded(t *testing.T) {
	for _, c := range []struct{ rate, want float64 }{{.1, 44}, {.05, 90}, {.02, 227}, {.01, 456}, {.001, 4577}} {
		n := 1.0
		for (RateTest{Rate: c.rate}).accepted(Pair{n, 0}, 1) < 2/DefaultBeta {
			n++
		}
		if n != c.want {
			t.Errorf("rate %v: %v requests, want %v", c.rate, n, c.want)
		}
	}
}

// TestMissingTrafficIsSeenAfter has the number of requests of the route without one to the canary.
func TestMissingTrafficIsSeenAfter(t *testing.T) {
	for _, c := range []struct{ weight, want float64 }{{10, 109}, {1, 1116}} {
		s := State{}
		for !s.missing(c.weight, 100) {
			s.StepRoute.Total++
		}
		if s.StepRoute.Total != c.want {
			t.Errorf("weight %v: %v requests, want %v", c.weight, s.StepRoute.Total, c.want)
		}
	}
}

// TestAnotherTestAgrees compares RatioTest with two tests that are computed in other ways.
func TestAnotherTestAgrees(t *testing.T) {
	if got := bernoulli(1, 0); !near(got, 2.558944393) {
		t.Errorf("without margins: %.9f", got)
	}
	if got := bernoulli(1.25, .01); !near(got, 1.674530025) {
		t.Errorf("with margins: %.9f", got)
	}
	beta := func(a, b float64) float64 {
		x, _ := math.Lgamma(a)
		y, _ := math.Lgamma(b)
		z, _ := math.Lgamma(a + b)
		return x + y - z
	}
	conjugate := beta(.5+3, .5+1) - beta(.5, .5) - 3*math.Log(.1) - math.Log(.9)
	if !near(conjugate, 3.770523443) {
		t.Errorf("the conjugate form: %.9f", conjugate)
	}
	// With a share of a tenth the control has nine times the requests. Both tests must see three errors of four as much evidence.
	if got := math.Log(harmOf(RatioTest{Rho: 1}.harm(Pair{100, 3}, Pair{900, 1}))); math.Abs(got-conjugate) > 1 {
		t.Errorf("the mixture has %.2f nats, the conjugate form %.2f", got, conjugate)
	}
}

// bernoulli is the log e-value of (20, 4) and (80, 3) against rates of 0.2 and 0.04, for exact Bernoulli trials: the boundary's point is
// found by halving.
func bernoulli(rho, delta float64) float64 {
	const nc, ec, np, ep, tc, tp = 20.0, 4.0, 80.0, 3.0, .2, .04
	low, high := 1e-12, (1-delta)/rho-1e-12
	for range 200 {
		p := (low + high) / 2
		q := rho*p + delta
		if nc*rho*(tc-q)/(q*(1-q))+np*(tp-p)/(p*(1-p)) > 0 {
			low = p
		} else {
			high = p
		}
	}
	p := low
	q := rho*p + delta
	return ec*math.Log(tc/q) + (nc-ec)*math.Log((1-tc)/(1-q)) + ep*math.Log(tp/p) + (np-ep)*math.Log((1-tp)/(1-p))
}
