package rollout_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// randomActs are requests in any order at any moment, of which most are for nothing; in the end nothing is paused.
func randomActs(chance *rand.Rand) []act {
	kinds := []func(*world){
		pausing, resuming,
		func(w *world) { w.primary.Spec.Paused = !w.primary.Spec.Paused },
		func(w *world) { aborting("v2", chance.Int32N(2))(w) },
		func(w *world) { retrying("v2", chance.Int32N(2))(w) },
		func(w *world) { promoting("v2", chance.IntN(2) == 0)(w) },
		setting("v1"), setting("v2"), setting("v3"),
	}
	acts := []act{{immediately, setting("v2")}}
	var moment time.Duration
	for range 1 + chance.IntN(8) {
		moment += time.Duration(chance.IntN(20_000)) * time.Millisecond
		acts = append(acts, act{after(moment), kinds[chance.IntN(len(kinds))]})
	}
	return append(acts, act{after(moment + time.Minute), func(w *world) {
		w.spec.Paused, w.primary.Spec.Paused = nil, false
	}})
}

// TestRandomRequests plays requests at any moment, with late reactions and crashes, against the invariants of every write.
// Whatever was asked, it ends, and the primary runs what the end says.
func TestRandomRequests(t *testing.T) {
	for seed := range uint64(100) {
		chance := rand.New(rand.NewPCG(seed, 2))
		s := story{annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": failing}, acts: randomActs(chance)}
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
