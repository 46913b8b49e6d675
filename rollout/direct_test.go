package rollout_test

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// putting changes the template, and admission lets it straight through.
func putting(version string, how workload.DirectWay) func(*world) {
	return func(w *world) {
		template, err := workload.TemplateOf(templateFor(version))
		if err != nil {
			w.t.Fatal(err)
		}
		w.tell("jane puts %s in directly (%s)", version, how)
		w.replace(template)
		w.candidate, w.previous = nil, nil
		w.direct = &workload.Direct{Hash: template.KnownHash(), How: how, Reason: "fixes the outage", By: "jane", At: w.now}
	}
}

// slipping changes the template while admission is away.
func slipping(version string) func(*world) {
	return func(w *world) {
		template, err := workload.TemplateOf(templateFor(version))
		if err != nil {
			w.t.Fatal(err)
		}
		w.tell("jane changes the template to %s past admission", version)
		w.replace(template)
	}
}

func resting(w *world) bool { return w.state.Phase == v1alpha1.PhaseInitialized }

var directStories = map[string]story{
	"a bypass while nothing is in flight is told and forgotten": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, putting("v2", workload.DirectBypass)}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"a bypass in flight ends the rollout": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), putting("v3", workload.DirectBypass)}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"a direct restart in flight leaves the rollout alone": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			candidate := w.candidate
			putting("v1-restarted", workload.DirectRestart)(w)
			w.candidate = candidate
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a change past admission is taken as the primary's": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, slipping("v2")}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"a change past admission in flight stops the candidate": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), slipping("v3")}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
}

// TestANewReleaseSeesNoChange checks that a new hash without a change of the Deployment is no change: only the types or the
// defaults have changed.
func TestANewReleaseSeesNoChange(t *testing.T) {
	w := newWorld(t, story{annotations: quick})
	w.tick()
	w.state.Primary.Template = "00000000"
	plan := planFor(w.policy, w.state, w.observe())
	if len(plan.Events) > 0 || plan.Direct != "" {
		t.Errorf("got %v, %q, %v", plan.Events, plan.Direct, plan.Next.Primary)
	}
}
