package guard

import (
	"testing"
	"time"
)

// TestPairsAreKeptDownUnderContinuousLooking has healthy requests, and orders of which exactly as many fail as a pair allows: beside the
// primary, and beside its limit. Each of 300 polls is looked at, with weights from 10 to 50 %.
func TestPairsAreKeptDownUnderContinuousLooking(t *testing.T) {
	const primary = .02
	for _, c := range []struct {
		name   string
		pairs  []PairSettings
		canary float64
		orders int
	}{
		{"on the margin", []PairSettings{{Name: "a", Rho: 1.25, Delta: DefaultDelta}}, 1.25*primary + DefaultDelta, 200},
		{"on the limit", []PairSettings{{Name: "a", Rate: .03}}, .03, 200},
		{"on both", []PairSettings{{Name: "a", Rate: 1.25*primary + DefaultDelta, Rho: 1.25, Delta: DefaultDelta}}, 1.25*primary + DefaultDelta, 200},
		{"few orders", []PairSettings{{Name: "a", Rate: .03, Rho: 1.25, Delta: DefaultDelta}}, 1.25*primary + DefaultDelta, 3},
		{"two pairs of the same orders", []PairSettings{{Name: "a", Rho: 1.25, Delta: DefaultDelta}, {Name: "b", Rho: 1.25, Delta: DefaultDelta}}, 1.25*primary + DefaultDelta, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reps, rolledBack := 300**many, 0
			for rep := range reps {
				settings := DefaultSettings()
				settings.Latency, settings.Pairs = false, c.pairs
				state := Start(settings, []Arms{ArmsSplit}, History{})
				for i := range c.pairs {
					state.Pairs[i].Bursts = Bursts{1, 1}
				}
				rolledBack += int(count(provesHarm(seeded(uint64(rep)+123), settings, state, c.orders, primary, c.canary)))
			}
			within(t, "rolled back", rolledBack, reps, DefaultAlpha)
		})
	}
}

// provesHarm takes polls with orders until the guard has proof.
func provesHarm(d dice, settings Settings, state State, orders int, primary, canary float64) bool {
	for poll := range 300 {
		weight := []float64{.1, .2, .3, .4, .5}[poll/60]
		p := Poll{Canary: Counts{Requests: 1000 * weight}, Primary: Counts{Requests: 1000 * (1 - weight)}}
		n, m := d.poisson(float64(orders)*weight), d.poisson(float64(orders)*(1-weight))
		here, there := Pair{float64(n), float64(d.binomial(n, canary))}, Pair{float64(m), float64(d.binomial(m, primary))}
		for range settings.Pairs {
			p.Canary.Pairs, p.Primary.Pairs = append(p.Canary.Pairs, here), append(p.Primary.Pairs, there)
		}
		var decision Decision
		state, decision = Decide(settings, state, &p, Moment{Step: 1 + poll/60, Arms: ArmsSplit, Weight: 100 * weight, Next: 100,
			InStep: time.Duration(poll%60+1) * 5 * time.Second, Passed: 5 * time.Second, SincePoll: 5 * time.Second, Scrape: 5 * time.Second})
		if decision.Reason == Harm {
			return true
		}
	}
	return false
}
