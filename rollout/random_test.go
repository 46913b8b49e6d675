package rollout_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// randomActs are requests in any order at any moment, of which most are for nothing; in the end nothing is paused.
func randomActs(chance *rand.Rand) []act {
	kinds := []func(*world){
		pausing, resuming,
		func(w *world) { w.primary.Spec.Paused = !w.primary.Spec.Paused },
		func(w *world) { aborting("v2", chance.Int32N(2))(w) },
		func(w *world) { retrying("v2", chance.Int32N(2))(w) },
		func(w *world) { promoting("v2", chance.IntN(2) == 0)(w) },
		suspending(true), suspending(false),
		setting("v1"), setting("v2"), setting("v3"),
	}
	acts := []act{{immediately, setting("v2")}}
	var moment time.Duration
	for range 1 + chance.IntN(8) {
		moment += time.Duration(chance.IntN(20_000)) * time.Millisecond
		acts = append(acts, act{after(moment), kinds[chance.IntN(len(kinds))]})
	}
	return append(acts, act{after(moment + time.Minute), func(w *world) {
		w.spec.Paused, w.primary.Spec.Paused, w.policy.Suspend = nil, false, false
	}})
}

// randomPolicy composes a strategy of any parts.
func randomPolicy(chance *rand.Rand) func(*config.Policy) {
	parts := []func(*config.Policy){
		func(p *config.Policy) { p.Match = testers },
		func(p *config.Policy) { p.Iterations = 1 + chance.Int32N(3) },
		func(p *config.Policy) { p.Iterations, p.StepWeight, p.Hold = 1+chance.Int32N(3), 0, 7*time.Second },
		func(p *config.Policy) {
			p.Mirror, p.MirrorWeight, p.StepMirrorWeight = true, 12.5, float64(chance.IntN(50))
		},
		func(p *config.Policy) { p.StepWeights = []float64{0.2, 1 + float64(chance.IntN(20)), 30, 100} },
		func(p *config.Policy) {
			p.ExplicitSteps = []config.Step{{Weight: 40, Mirror: 70}, {Weight: 5, Duration: 3 * time.Second}, {Weight: 50}}
		},
		func(p *config.Policy) { p.StepWeightPromotion = 1 + float64(chance.IntN(40)) },
		func(p *config.Policy) { p.Delay = time.Duration(chance.IntN(20)) * time.Second },
		func(p *config.Policy) { p.CanaryReadyThreshold, p.PrimaryReadyThreshold = 60, 80 },
		sticky,
		func(p *config.Policy) { sticky(p); p.SessionAffinity.PrimaryCookieName = nil },
	}
	var chosen []func(*config.Policy)
	for range chance.IntN(5) {
		chosen = append(chosen, parts[chance.IntN(len(parts))])
	}
	return inTurn(chosen...)
}

// TestRandomRequests plays requests at any moment and with any strategy, with late reactions and crashes, against the invariants of every write.
// Whatever was asked, it ends, and the primary runs what the end says.
func TestRandomRequests(t *testing.T) {
	for seed := range 20 * *seeds {
		chance := rand.New(rand.NewPCG(seed, 2))
		s := story{annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": failing}, acts: randomActs(chance), policy: randomPolicy(chance)}
		if chance.IntN(3) == 0 {
			s.prepare = recreate
		}
		w := play(t, s, chance)
		w.checkEnd()
		switch version := versionOf(w.primary.Spec.Template); {
		case version == "v3":
			t.Error("the primary runs v3, which fails its checks")
		case w.state.Phase == v1alpha1.PhaseSucceeded && w.state.Candidate != version:
			t.Errorf("%s was promoted and the primary runs %s", w.state.Candidate, version)
		case w.state.Phase == v1alpha1.PhaseFailed && w.state.Candidate == version:
			t.Errorf("%s was rolled back and the primary runs it", version)
		}
		if t.Failed() {
			for _, line := range w.log {
				t.Log(line)
			}
			t.Fatalf("with seed %d", seed)
		}
	}
}
