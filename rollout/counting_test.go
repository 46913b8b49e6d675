package rollout_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// guarded is a world with the guard on.
func guarded(t *testing.T, annotations map[string]string) *world {
	return newWorld(t, story{annotations: annotations, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.Guard.Enabled = true }})
}

func (w *world) needs(look func(*observed.World)) rollout.Needs {
	o := w.look()
	if look != nil {
		look(&o)
	}
	return factsFor(w.policy, w.state, o).Needs()
}

func TestCountersAreAskedForAsOftenAsTheyAreScraped(t *testing.T) {
	w := inFirstStepOf(guarded(t, quick))
	first := w.needs(nil).Counters
	if first == nil || !strings.HasSuffix(first.Query.Expression, "[10000ms]") || first.Query.Metric != "counters" {
		t.Fatalf("the first poll is due at once, and looks 10 s back: %+v", first)
	}
	asked := func(ago time.Duration, round string) bool {
		return w.needs(func(o *observed.World) { o.LastAsked = observed.Asked{Round: round, At: w.now.Add(-ago)} }).Counters != nil
	}
	if asked(4900*time.Millisecond, first.Round) || !asked(5*time.Second, first.Round) {
		t.Error("counters are due 5 s after they were last asked for, while nothing is known of the scrapes")
	}
	if !asked(0, "another rollout") {
		t.Error("what another rollout asked for does not count")
	}
	w.now = w.now.Add(time.Second)
	if later := w.needs(nil).Counters; later.Round != first.Round {
		t.Errorf("a round stays the same until it is answered: %q and %q", first.Round, later.Round)
	}
	w.state.Rollout.Guard = &v1alpha1.GuardStatus{Counters: "not a state"}
	if unread := w.needs(nil).Counters; unread == nil || unread.Query != first.Query {
		t.Errorf("text that cannot be read counts as none: %+v", unread)
	}
	w.spec.Paused = &v1alpha1.Pause{}
	if w.needs(nil).Counters == nil {
		t.Error("a paused rollout is still watched")
	}
}

// TestATickWaitsForTheNextPoll holds that something asks for the tick in which counters are due.
func TestATickWaitsForTheNextPoll(t *testing.T) {
	w := inFirstStepOf(guarded(t, map[string]string{config.AnnotationInterval: "10m"}))
	// Checks are due in 5 s, too, but not before.
	w.state.Rollout.Step.InEffect = ptrTo(metav1.NewMicroTime(w.now))
	round := w.needs(nil).Counters.Round
	wait := func(look func(*observed.World)) time.Duration {
		o := w.look()
		o.LastAsked = observed.Asked{Round: round, At: w.now.Add(-time.Second)}
		look(&o)
		return planFor(w.policy, w.state, o).Wait
	}
	nothing := func(*observed.World) {}
	if got := wait(nothing); got != 4*time.Second {
		t.Errorf("the next poll is due in 4 s, not in %s", got)
	}
	if got := wait(func(o *observed.World) { o.Counters = &observed.Counters{Asked: w.now} }); got != 5*time.Second {
		t.Errorf("the next poll is due 5 s after this one, not in %s", got)
	}
	if got := wait(func(o *observed.World) { o.LastAsked = observed.Asked{} }); got != 5*time.Second {
		t.Errorf("a tick that waits for an answer looks again in 5 s, not in %s", got)
	}
}

// TestCountersAreNotAskedForInVain lists what makes them useless.
func TestCountersAreNotAskedForInVain(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		prepare     func(*world)
		look        func(*observed.World)
	}{
		"the guard is off":              {prepare: func(w *world) { w.policy.Guard.Enabled = false }},
		"there is no Prometheus":        {look: func(o *observed.World) { o.Prometheus = false }},
		"the preset is unknown":         {prepare: func(w *world) { w.policy.Preset = "none" }},
		"the Deployment has no traffic": {annotations: map[string]string{config.AnnotationTraffic: "none"}, prepare: unserved},
		"the canary has lost its route": {look: func(o *observed.World) { o.Routes = nil }},
		"the split is not in effect":    {prepare: func(w *world) { w.state.Rollout.Step.InEffect = nil }},
		"the rollout promotes":          {prepare: func(w *world) { w.state.Phase = v1alpha1.PhasePromoting }},
	} {
		t.Run(name, func(t *testing.T) {
			w := guarded(t, c.annotations)
			if c.annotations != nil {
				c.prepare(w)
			}
			inFirstStepOf(w)
			if c.annotations == nil && c.prepare != nil {
				c.prepare(w)
			}
			if needs := w.needs(c.look); needs.Counters != nil || needs.History != nil {
				t.Errorf("asked for %+v and %+v", needs.Counters, needs.History)
			}
		})
	}
}

// inStepZero is a world whose canary is not ready yet.
func inStepZero(w *world) *world {
	w.tick()
	w.set("v2")
	w.tick()
	w.tick()
	return w
}

func TestTheLastHourIsAskedForOnceBeforeTheFirstStep(t *testing.T) {
	w := inStepZero(guarded(t, quick))
	need := w.needs(nil)
	if w.state.Open().Step.Number != 0 || need.History == nil || need.Counters != nil || !strings.HasSuffix(need.History.Query.Expression, "[3600s:60s]") {
		t.Fatalf("in step %d it asks for %+v", w.state.Open().Step.Number, need)
	}
	just := func(o *observed.World) { o.LastAsked = observed.Asked{Round: need.History.Round, At: w.now} }
	if w.needs(just).History != nil {
		t.Error("an answer that was not kept is asked for again, but not at once")
	}
	w.state.Rollout.Guard = &v1alpha1.GuardStatus{Evidence: "known"}
	if w.needs(nil).History != nil {
		t.Error("what is known is asked for again")
	}
	w.state.Rollout.Guard, w.policy.SkipAnalysis = nil, true
	if w.needs(nil).History != nil {
		t.Error("nobody judges a rollout whose analysis is skipped")
	}
	if other := inStepZero(newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})); other.needs(nil).History != nil {
		t.Error("the guard is off")
	}
}

// TestALateHistoryHoldsNoRollout holds that the first step begins with the answer, after 10 s of errors or silence, or at once if nobody can answer.
func TestALateHistoryHoldsNoRollout(t *testing.T) {
	const tick = 100 * time.Millisecond
	begins := func(w *world, look func(*observed.World)) time.Duration {
		w.tick()
		w.set("v2")
		began := w.now
		for w.state.Open().Step.Number == 0 && w.now.Before(began.Add(time.Minute)) {
			o := w.look()
			look(&o)
			w.apply(planFor(w.policy, w.state, o))
			w.react()
			w.now = w.now.Add(tick)
		}
		return w.now.Sub(began)
	}
	nothing := func(*observed.World) {}
	usual := begins(newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}}), nothing)
	answered := begins(guarded(t, quick), func(o *observed.World) { o.History = &observed.Counters{Asked: o.Now} })
	uncounted := guarded(t, quick)
	uncounted.policy.Preset = "none"
	// That the guard is off takes a tick, because the steps follow from it.
	if got := begins(uncounted, nothing); answered != usual || got > usual+tick {
		t.Errorf("the first step begins after %s, %s with an answer, %s where nothing is counted", usual, answered, got)
	}
	for what, look := range map[string]func(*observed.World){
		"without an answer": nothing,
		"with errors":       func(o *observed.World) { o.History = &observed.Counters{Err: "Prometheus could not answer"} },
	} {
		if late := begins(guarded(t, quick), look); late < 10*time.Second || late > 11*time.Second {
			t.Errorf("%s, the first step begins after %s", what, late)
		}
	}
}
