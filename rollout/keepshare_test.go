package rollout_test

import (
	"sluice.dev/sluice/api/v1alpha1"
)

// shrinking lets only so many pods of the canary be ready; 0 lets all.
func shrinking(most int32) func(*world) {
	return func(w *world) {
		w.tell("%d pods of the canary can be ready, 0 for all", most)
		b := w.behaviours["v2"]
		b.most = most
		w.behaviours = map[string]behaviour{"v2": b, "v3": w.behaviours["v3"]}
		w.react()
	}
}

// promoted reports whether the primary has the candidate and is not complete yet.
func promoted(w *world) bool { return w.previous != nil }

// unloaded reports whether the route sends nothing to the canary.
func unloaded(w *world) bool { return w.sends() == "" }

// losingShare sets v2. While the primary has three of ten pods less, something happens to the canary, and the primary is complete
// once a condition holds.
func losingShare(happens func(*world), until func(*world) bool) story {
	return story{annotations: quick, behaviours: map[string]behaviour{"v2": good}, phase: v1alpha1.PhaseSucceeded, version: "v2",
		acts: []act{{immediately, setting("v2")}, {promoted, inTurnOf(losing(3), (*world).react)}, {saying("Waiting for the primary"), happens}, {until, losing(0)}}}
}

// keepShareStories are of canaries that lose something while the primary is updated.
var keepShareStories = map[string]story{
	"the canary loses a pod during promotion":       losingShare(shrinking(2), func(w *world) bool { return w.weight() == 22 }),
	"the gateway loses a backend during promotion":  losingShare(rejecting("BackendNotFound"), unloaded),
	"somebody deletes the Service during promotion": losingShare(deletingService, unloaded),
	"somebody edits the Service during promotion":   losingShare(editingService, unloaded),
	"the canary comes and goes during promotion":    losingShare(killing, unloaded),
	"the split is removed by hand during promotion": losingShare(losingSplit, unloaded),
	"a canary that has all requests loses a pod of ten": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: recreate,
		acts: []act{{immediately, setting("v2")}, {promoted, inTurnOf(losing(10), shrinking(9))},
			{saying("Waiting for the primary"), losing(4)}, {func(w *world) bool { return w.weight() < 100 }, losing(0)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}
