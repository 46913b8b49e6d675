package rollout_test

import (
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// fresh compares the canary with a control.
func fresh(p *config.Policy) { p.Guard.Fresh = true }

// soon is fresh with a short progress deadline.
func soon(p *config.Policy) {
	fresh(p)
	p.ProgressDeadline = time.Minute
}

// freshStories are about a control beside the canary, and about what both versions share.
var freshStories = map[string]story{
	"a canary is compared with a control": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a canary is compared with a control by the gateway's counters": {
		annotations: map[string]string{config.AnnotationGuard: "true"}, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a canary that is worse than its control is rolled back": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .3),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the control goes when the rollout is aborted": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(2), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the control goes when the change is taken back": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v1")}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"a newer version gets a control, too": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good, "v3": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a control that does not get ready": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: soon, prepare: func(w *world) {
			countedBy(100, .001, .001)(w)
			w.control.unready = true
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a control that the API server refuses": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: soon, prepare: func(w *world) {
			countedBy(100, .001, .001)(w)
			w.control.refused = true
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a control that loses its pods": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: soon, prepare: countedBy(100, .001, .001),
		acts: []act{{immediately, setting("v2")}, {atStep(3), func(w *world) {
			w.tell("the control's pods crash")
			w.control.unready = true
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"somebody deletes the control under traffic": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("the control is deleted")
			w.loseControl()
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"somebody edits the control": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("the control's template is edited")
			w.control.deployment = w.control.deployment.DeepCopy()
			w.control.deployment.Spec.Template.Spec.Containers[0].Image = "podinfo:v0"
			w.control.deployment.Generation++
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the primary of a control is restarted": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			candidate := w.candidate
			putting("v1-restarted", workload.DirectRestart)(w)
			w.candidate = candidate
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an autoscaled primary has no control": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: func(w *world) {
			countedBy(100, .001, .001)(w)
			autoscaled(w)
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the state is lost beside a control": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}, {atStep(2), losingState}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a control beside a primary with strategy Recreate": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: fresh, prepare: func(w *world) {
			countedBy(100, .001, .001)(w)
			recreate(w)
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	// The canary makes a fifth of all requests fail from a weight of 10 %. It compares well with the primary.
	"the canary overloads a database that both versions share": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: func(w *world) {
			countedBy(100, .001, .001)(w)
			w.metered.overload = 10
		},
		acts:  []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Paused != nil }, aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}
