package rollout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// change changes the Deployment as if admission let it through.
func (w *world) change(version string) {
	w.tell("user sets %s", version)
	w.primary.Spec.Template = templateFor(version)
	w.primary.Generation++
	w.revision++
}

// untouched is everything except the Canary's status.
func (w *world) untouched() string {
	return fmt.Sprint(w.canary, w.route, w.candidate, w.previous, w.finalizer, w.exists, versionOf(w.primary.Spec.Template))
}

// dry runs ticks of a dry run for a while, and fails if anything except the state changes.
func (w *world) dry(while time.Duration) {
	w.t.Helper()
	for end := w.now.Add(while); w.now.Before(end); {
		before := w.untouched()
		p, _ := w.tick()
		if after := w.untouched(); after != before {
			w.t.Fatalf("a dry run changes something:\n%s\n%s", before, after)
		}
		if !strings.HasPrefix(p.Next.Message, "Dry run: ") || !p.Next.DryRun {
			w.t.Fatalf("a dry run does not say so: %s", p)
		}
		w.react()
		w.now = w.now.Add(max(100*time.Millisecond, min(p.Wait, time.Second)))
		if p.Wait == 0 {
			w.now = w.now.Add(time.Second)
		}
	}
}

func TestDryRun(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		behaviour   behaviour
		phase       v1alpha1.Phase
		told        []string
	}{
		"a good version would be promoted":   {quick, good, v1alpha1.PhaseSucceeded, []string{"Dry run: Canary weight 30% is in effect, step 3 of 3", "Dry run: Promotion of"}},
		"a bad version would be rolled back": {quick, failing, v1alpha1.PhaseFailed, []string{"Dry run: request-success-rate 50.00% is below min 99% (failed checks: 5 of 5)", "Dry run: Rolling back"}},
		"a version that does not get ready would be rolled back": {patient, behaviour{neverReady: true, primaryNotReady: true}, v1alpha1.PhaseFailed,
			[]string{"progress deadline of 1m0s exceeded: Waiting for the canary to be ready"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: c.annotations, behaviours: map[string]behaviour{"v2": c.behaviour, "v3": good}})
			w.dryRun = true
			w.dry(5 * time.Second)
			w.change("v2")
			w.dry(3 * time.Minute)
			log := strings.Join(w.log, "\n")
			for _, want := range c.told {
				if !strings.Contains(log, want) {
					t.Errorf("%q is not told", want)
				}
			}
			if w.state.Phase != c.phase {
				t.Errorf("it ends in phase %s", w.state.Phase)
			}
			w.change("v3")
			w.dry(3 * time.Minute)
			if w.state.Phase != v1alpha1.PhaseSucceeded || len(w.state.History) != 2 || !strings.HasPrefix(w.state.History[0].Reason, "Dry run") {
				t.Errorf("the next change ends as %s with %+v", w.state.Phase, w.state.History)
			}
			if t.Failed() {
				t.Log(strings.Join(w.log, "\n"))
			}
		})
	}
}

func TestDryRunIsSwitchedOffInFlight(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good}})
	w.dryRun = true
	w.dry(2 * time.Second)
	w.change("v2")
	w.dry(8 * time.Second)
	if w.state.Phase != v1alpha1.PhaseProgressing {
		t.Fatalf("it is in phase %s: %s", w.state.Phase, w.state.Message)
	}
	w.dryRun = false
	p, _ := w.tick()
	if p.Next.DryRun || p.Next.Phase != v1alpha1.PhaseInitialized || p.Split.Action == plan.SplitWrite || p.Canary.Action == plan.CanaryEnsure {
		t.Errorf("what was simulated goes on: %s", p)
	}
	w.set("v3")
	if p, _ = w.tick(); p.Next.Phase != v1alpha1.PhaseProgressing || p.Next.Candidate.Hash != "v3" {
		t.Errorf("the next change is not judged: %s", p)
	}
}

func TestDryRunLeavesAnOpenRolloutAsItIs(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	w.set("v2")
	for range 60 {
		w.tick()
		w.react()
		w.now = w.now.Add(100 * time.Millisecond)
	}
	before := w.state
	w.dryRun = true
	p, _ := w.tick()
	if p.Next.Open().Step.Number != before.Open().Step.Number || p.Canary.Action != plan.CanaryLeave || p.Split.Action != plan.SplitLeave || p.Ask.Key != "" || !p.Finalizer {
		t.Errorf("the open rollout is touched: %s", p)
	}
	w.dryRun = false
	for range 400 {
		w.tick()
		w.react()
		w.now = w.now.Add(100 * time.Millisecond)
	}
	if got := versionOf(w.primary.Spec.Template); got != "v2" || w.state.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("it does not go on: %s, %s", got, w.state.Phase)
	}
}

func TestAbortInADryRun(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	w.dryRun = true
	w.dry(2 * time.Second)
	w.change("v2")
	w.dry(5 * time.Second)
	aborting(w.state.Candidate.Hash, 0)(w)
	w.dry(30 * time.Second)
	if w.state.Phase != v1alpha1.PhaseFailed || w.state.Candidate.Outcome != v1alpha1.OutcomeAborted {
		t.Errorf("it ends as %s, %s", w.state.Phase, w.state.Candidate.Outcome)
	}
}

func TestADryRunLetsGoOfWhatIsDeleted(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*world)
		held   string
	}{
		"a rollout that was open before, whose split is on a route": {before: func(w *world) {},
			held: "Dry run: the Canary's deletion waits: HTTPRoute podinfo still carries the split, and a dry run changes no route: switch dry run off, or delete the route"},
		"a rollout that was open before, whose routes are gone": {before: func(w *world) { w.served = false }},
		"a finalizer without a state":                           {before: func(w *world) { w.served, w.state = false, observed.State{} }},
		"a rollout that is simulated":                           {before: func(w *world) { w.served, w.state.DryRun = false, true }},
		"a Canary without a finalizer":                          {before: func(w *world) { w.finalizer = false }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
			w.set("v2")
			for range 60 {
				w.tick()
				w.react()
				w.now = w.now.Add(100 * time.Millisecond)
			}
			w.dryRun = true
			c.before(w)
			o := w.observe()
			o.DeletedAt = &w.now
			p := planFor(w.policy, w.state, o)
			if p.Finalizer != (c.held != "") || p.Split.Action != plan.SplitLeave || p.Canary.Action != plan.CanaryLeave || p.Ask.Key != "" {
				t.Errorf("finalizer %v, plan %s", p.Finalizer, p)
			}
			if c.held == "" {
				if len(p.Events) > 0 {
					t.Errorf("it tells %v", p.Events)
				}
				return
			}
			if p.Next.Message != c.held || len(p.Events) != 1 || p.Events[0].Message != c.held || p.Wait == 0 {
				t.Errorf("it says %q and tells %v", p.Next.Message, p.Events)
			}
			if again := planFor(w.policy, p.Next, o); len(again.Events) > 0 {
				t.Errorf("it tells again: %v", again.Events)
			}
		})
	}
}
