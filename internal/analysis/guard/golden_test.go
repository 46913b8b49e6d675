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
