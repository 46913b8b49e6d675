package rollout_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// randomActs are requests in any order at any moment. Most match nothing. In the end nothing is paused.
func randomActs(chance *rand.Rand) []act {
	kinds := []func(*world){
		pausing, resuming,
		func(w *world) { w.primary.Spec.Paused = !w.primary.Spec.Paused },
		func(w *world) { aborting("v2", chance.Int32N(2))(w) },
		func(w *world) { retrying("v2", chance.Int32N(2))(w) },
		func(w *world) { promoting("v2", chance.IntN(2) == 0)(w) },
		suspending(true), suspending(false),
		func(w *world) { resetting("v2", chance.Int32N(2))(w) },
		freezing(v1alpha1.FreezeStart), freezing(v1alpha1.FreezePause), unfreezing,
		func(w *world) { become(w, behaviour{neverReady: true}) }, func(w *world) { become(w, failing) }, func(w *world) { become(w, good) },
		losingState,
		losing(chance.Int32N(10)), losing(0), scaling(5), scaling(20),
		setting("v1"), setting("v2"), setting("v3"),
	}
	kinds = append(kinds, disturbing...)
	kinds = append(kinds, falling, reporting, deletingGateway, creatingGateway, finding(denied), finding(elsewhere), finding())
	acts := []act{{immediately, setting("v2")}}
	var moment time.Duration
	for range 1 + chance.IntN(8) {
		moment += time.Duration(chance.IntN(20_000)) * time.Millisecond
		acts = append(acts, act{after(moment), kinds[chance.IntN(len(kinds))]})
	}
	return append(acts, act{after(moment + time.Minute), calm})
}

// become gives v2 another behaviour from now on.
func become(w *world, b behaviour) {
	w.tell("v2 becomes %+v", b)
	w.behaviours["v2"] = b
}

func losingState(w *world) {
	w.tell("status is lost")
	w.state = v1alpha1.CanaryStatus{}
}

// calm ends everything that holds a rollout.
func calm(w *world) {
	w.tell("nothing is paused, frozen or lost any more")
	w.spec.Paused, w.primary.Spec.Paused, w.policy.Suspend, w.freezes, w.lost = nil, false, false, nil, 0
	w.others, w.rejects = nil, ""
	w.silent, w.gone = false, false
	w.coverage = found()
}

// randomHooks opens some gates after a while, lets tests fail at first, and sometimes rolls back.
func randomHooks(chance *rand.Rand) func(*world) {
	answers := map[v1alpha1.HookType]func(*world) bool{}
	for _, kind := range []v1alpha1.HookType{v1alpha1.HookConfirmRollout, v1alpha1.HookPreRollout, v1alpha1.HookRollout,
		v1alpha1.HookConfirmTrafficIncrease, v1alpha1.HookConfirmPromotion, v1alpha1.HookPostRollout, v1alpha1.HookEvent} {
		if chance.IntN(4) == 0 {
			answers[kind] = after(time.Duration(chance.IntN(60)) * time.Second)
		}
	}
	if chance.IntN(8) == 0 {
		answers[v1alpha1.HookRollback] = after(time.Duration(chance.IntN(60)) * time.Second)
	}
	return withHooks(answers)
}

// randomPolicy composes a random strategy.
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

// randomWorld sets everything except the policy at random.
func randomWorld(chance *rand.Rand) func(*world) {
	hooks := func(*world) {}
	if chance.IntN(2) == 0 {
		hooks = randomHooks(chance)
	}
	recreates, tells, scales := chance.IntN(3) == 0, chance.IntN(3) == 0, chance.IntN(4) == 0
	return func(w *world) {
		hooks(w)
		if recreates {
			recreate(w)
		}
		if tells {
			capable(w)
		}
		if scales {
			autoscaled(w)
		}
	}
}

// checkVersion fails if the primary does not run the version that the end implies, or if it runs v3, which fails its
// checks.
func (w *world) checkVersion() {
	switch version := versionOf(w.primary.Spec.Template); {
	case version == "v3":
		w.t.Error("the primary runs v3, which fails its checks")
	case w.state.Phase == v1alpha1.PhaseSucceeded && w.state.Candidate.Hash != version:
		w.t.Errorf("%s was promoted and the primary runs %s", w.state.Candidate.Hash, version)
	case w.state.Phase == v1alpha1.PhaseFailed && w.state.Candidate.Hash == version:
		w.t.Errorf("%s was rolled back and the primary runs it", version)
	}
}

// TestRandomRequests plays requests, freezes and hooks at any moment and with any strategy, in a quarter of the worlds under the
// guard, with late reactions and crashes, and checks the invariants of every write. The rollout ends, whatever was requested, and the primary runs the
// version that the end implies.
func TestRandomRequests(t *testing.T) {
	t.Parallel()
	for seed := range 20 * *seeds {
		chance := rand.New(rand.NewPCG(seed, 2))
		s := story{annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": failing},
			acts: randomActs(chance), policy: randomPolicy(chance), prepare: randomWorld(chance)}
		person := func(*world, int) {}
		if seed%4 == 3 {
			person = underGuard(&s, chance)
		}
		w := playBetween(t, s, chance, person)
		w.checkEnd()
		w.checkVersion()
		if t.Failed() {
			t.Fatalf("with seed %d\n%s", seed, strings.Join(w.log, "\n"))
		}
	}
}
