package rollout_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/rollout"
)

var byGuard = map[string]string{config.AnnotationGuard: "true", config.AnnotationMetrics: "app"}

var guardStories = map[string]story{
	"the guard takes a healthy version up its ladder": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard rolls back a version that fails half of its requests": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .5),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard rolls back a slow version": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: timed(3),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard rolls back a slow version of a primary without a past": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: func(w *world) {
			timed(3)(w)
			w.metered.silent = func(w *world) bool { return w.counted() == 0 }
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard tests a limit that a version keeps": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: timed(1), policy: limited(1000),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard cannot tell whether a limit between two bounds is kept": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: timed(1), policy: limited(300),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard rolls back a version beyond its limit": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: timed(3),
		policy: func(p *config.Policy) { limited(500)(p); p.Guard.Latency = false },
		acts:   []act{{immediately, setting("v2")}},
		phase:  v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard holds a rollout while both versions fail": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: func(w *world) {
			countedBy(100, .001, .001)(w)
			w.metered.Outage = traffic.Outage{From: 60, For: 180, Errors: .2}
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard pauses a canary without requests until a person decides": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(0, 0, 0),
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Paused != nil }, func(w *world) {
			w.tell("requests come, and jane lets it go on")
			w.metered = countedAt(100, .001, .001)
			w.spec.Resume = &v1alpha1.Request{Candidate: "v2", Stamp: v1alpha1.Stamp{By: "jane", At: &metav1.Time{Time: w.now.Add(time.Second)}}}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the checks judge where the guard cannot read counters": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: measureless,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard keeps the steps of the user": {
		annotations: map[string]string{config.AnnotationGuard: "true", config.AnnotationMetrics: "app", config.AnnotationStepWeights: "10@1m,50@2m"},
		behaviours:  map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard starts over when its evidence is lost": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("the evidence is lost")
			w.state = *w.state.DeepCopy()
			w.state.Rollout.Guard.Evidence = "?"
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard starts over when the canary is edited": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(3), editingTemplate}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

// countedBy has requests counted: their number a second, and the share of errors of the primary and of the canary.
func countedBy(rate, base, canary float64) func(*world) {
	return func(w *world) { w.metered = countedAt(rate, base, canary) }
}

// timed has a canary that takes a multiple of the primary's time for a request.
func timed(factor float64) func(*world) {
	return func(w *world) {
		w.metered = countedAt(100, .001, .001)
		w.metered.Latencies, w.metered.Latency = true, factor
	}
}

// limited limits the 99th percentile of the latency, in milliseconds.
func limited(most float64) func(*config.Policy) {
	return func(p *config.Policy) {
		p.Checks = []v1alpha1.Metric{{Name: v1alpha1.MetricDuration, ThresholdRange: &v1alpha1.ThresholdRange{Max: &most}}}
		p.Guard.Alone = false
	}
}

// measureless has a metrics server that does not answer.
func measureless(w *world) {
	w.metered = countedAt(100, .001, .001)
	w.metered.fails = func(*world) string { return "Prometheus: connection refused" }
}

// TestAPolicyThatSaysNothingIsTheGuardsDefault holds the defaults of policies equal to those of the guard.
func TestAPolicyThatSaysNothingIsTheGuardsDefault(t *testing.T) {
	enabled, auto := true, config.LadderAuto
	parsed, errs := policy.Parse(v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Ladder: &auto, Guard: &v1alpha1.Guard{Enabled: &enabled}}})
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	if diff := cmp.Diff(guard.DefaultSettings(), rollout.GuardSettings(parsed.Guard, time.Hour)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(guard.Ladder(1e6), config.Ladder); diff != "" {
		t.Error(diff)
	}
}

// TestALimitOfTheGuardIsShownAmongTheChecks has another check beside it, whose rounds leave it alone.
func TestALimitOfTheGuardIsShownAmongTheChecks(t *testing.T) {
	for name, c := range map[string]struct {
		most, slower float64
		shown        v1alpha1.CheckStatus
	}{
		"kept": {1000, 1, v1alpha1.CheckStatus{Verdict: v1alpha1.VerdictPass, Threshold: "99th percentile at most 1s", Value: "the 99th percentile of the canary's latency is at most 1s"}},
		"nobody can tell": {300, 1, v1alpha1.CheckStatus{Verdict: v1alpha1.VerdictInconclusive, Optional: true, Threshold: "99th percentile at most 300ms",
			Message: "cannot tell whether the 99th percentile of the canary's latency is within 300ms: the gateway's bounds are 250ms and 500ms"}},
		"broken": {500, 3, v1alpha1.CheckStatus{Verdict: v1alpha1.VerdictFail, Threshold: "99th percentile at most 500ms", Message: "the 99th percentile of the canary's latency is above 500ms"}},
	} {
		w := play(t, story{annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: timed(c.slower), acts: []act{{immediately, setting("v2")}},
			policy: func(p *config.Policy) {
				limited(c.most)(p)
				p.Guard.Latency = false
				p.Checks = append(p.Checks, v1alpha1.Metric{Name: v1alpha1.MetricSuccessRate})
			}}, nil)
		c.shown.Name = v1alpha1.MetricDuration
		if len(w.state.Checks) != 2 || w.state.Checks[0].Name != v1alpha1.MetricSuccessRate {
			t.Fatalf("%s: %+v", name, w.state.Checks)
		}
		if diff := cmp.Diff(c.shown, w.state.Checks[1]); diff != "" || w.state.FailedChecks != 0 {
			t.Errorf("%s, with %d failed checks: %s", name, w.state.FailedChecks, diff)
		}
	}
}

// TestAStepThatStartsAgainIsAcceptedByItsOwnData holds for a step whose canary was lost. What speaks for harm stays.
func TestAStepThatStartsAgainIsAcceptedByItsOwnData(t *testing.T) {
	w := newWorld(t, story{annotations: byGuard, behaviours: map[string]behaviour{"v2": good}})
	countedBy(20, .001, .001)(w)
	evidence := func() (state guard.State) {
		if err := state.UnmarshalText([]byte(w.state.Open().Guard.Evidence)); err != nil {
			t.Fatal(err)
		}
		return state
	}
	until := func(what string, holds func() bool) {
		for range 2000 {
			if w.tick(); holds() {
				return
			}
			w.react()
			w.now = w.now.Add(500 * time.Millisecond)
		}
		t.Fatalf("never %s: %s", what, w.state.Message)
	}
	inFirstStepOf(w)
	until("counted", func() bool { return evidence().Errors.Step.Total > 10 })
	w.behaviours = map[string]behaviour{"v2": {neverReady: true}}
	until("lost", func() bool { return w.state.Open().Step.Number == 0 })
	w.behaviours = map[string]behaviour{"v2": good}
	until("back", func() bool {
		open := w.state.Open()
		return open.Step.InEffect != nil && !open.Guard.Judged.Time.Before(open.Step.InEffect.Time)
	})
	if state := evidence(); state.Errors.Step.Total != 0 || state.Errors.Total.Total <= 10 {
		t.Errorf("%v requests count for the step, and %v in all", state.Errors.Step, state.Errors.Total)
	}
}
