package rollout_test

import (
	"slices"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// optingOut sets the opt-in to "false", with another version unless it is empty.
func optingOut(version string) func(*world) {
	return func(w *world) {
		before := w.directs
		if version == "" {
			w.tell("jane opts out")
		} else {
			putting(version, workload.DirectOptedOut)(w)
		}
		template, err := workload.TemplateOf(w.primary.Spec.Template)
		if err != nil {
			w.t.Fatal(err)
		}
		w.primary.Annotations[config.AnnotationCanary] = "false"
		w.directs = before.With(workload.Direct{Hash: template.KnownHash(), How: workload.DirectOptedOut, Reason: `sluice.dev/canary was set to "false"`, By: "jane", At: w.now})
	}
}

// optingIn opts in again.
func optingIn(w *world) {
	w.tell("joe opts in")
	w.primary.Annotations[config.AnnotationCanary] = "true"
}

func atPhase(phase v1alpha1.Phase) func(*world) bool {
	return func(w *world) bool { return w.state.Phase == phase }
}

var optOutStories = map[string]story{
	"the Deployment is opted out in flight": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), optingOut("")}},
		phase: v1alpha1.PhaseOptedOut, version: "v1",
	},
	"the Deployment is opted out with a change": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, optingOut("v2")}},
		phase: v1alpha1.PhaseOptedOut, version: "v2",
	},
	"the Deployment is opted out, changed and opted in": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts: []act{{resting, optingOut("")}, {atPhase(v1alpha1.PhaseOptedOut), slipping("v2")},
			{func(w *world) bool { return versionOf(w.primary.Spec.Template) == "v2" }, optingIn}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"the Deployment is opted out and in again while its rollout ends": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), optingOut("")}, {atPhase(v1alpha1.PhaseFinalising), func(w *world) {
			putting("v3", workload.DirectOptedIn)(w)
			w.primary.Annotations[config.AnnotationCanary] = "true"
		}}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"the Deployment is opted out and in again while nobody looks": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, func(w *world) { optingOut("")(w); passing(w); optingIn(w) }}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"the Deployment is opted out twice while nobody looks": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts: []act{{resting, func(w *world) {
			optingOut("")(w)
			passing(w)
			putting("v2", workload.DirectOptedIn)(w)
			passing(w)
			optingOut("")(w)
		}}},
		phase: v1alpha1.PhaseOptedOut, version: "v2",
	},
	"a manifest leaves the opt-in out": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, func(w *world) {
			setting("v2")(w)
			w.leftOut = &workload.LeftOut{By: "jane", At: w.now}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

// TestTheHistoryOutlivesOptingOut checks that a change between opting out and in again is in the history, and what was there
// before.
func TestTheHistoryOutlivesOptingOut(t *testing.T) {
	for name, want := range map[string][]v1alpha1.Outcome{
		"the Deployment is opted out in flight":                           {v1alpha1.OutcomeOptedOut, v1alpha1.OutcomeCancelled},
		"the Deployment is opted out with a change":                       {v1alpha1.OutcomeOptedOut, v1alpha1.OutcomeDirect},
		"the Deployment is opted out, changed and opted in":               {v1alpha1.OutcomeDirect, v1alpha1.OutcomeOptedOut},
		"the Deployment is opted out and in again while its rollout ends": {v1alpha1.OutcomeCancelled, v1alpha1.OutcomeDirect, v1alpha1.OutcomeOptedOut},
		"the Deployment is opted out and in again while nobody looks":     {v1alpha1.OutcomeOptedOut},
		"the Deployment is opted out twice while nobody looks":            {v1alpha1.OutcomeOptedOut, v1alpha1.OutcomeDirect, v1alpha1.OutcomeOptedOut},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, optOutStories[name], nil)
			var got []v1alpha1.Outcome
			for _, entry := range w.state.History {
				got = append(got, entry.Outcome)
			}
			if !slices.Equal(got, want) || !w.exists {
				t.Errorf("the history has %v, not %v; there: %v", got, want, w.exists)
			}
		})
	}
}
