package rollout_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// ordersOf is a pair of counters of orders, with a limit in percent; 0 for none.
func ordersOf(most float64) v1alpha1.Metric {
	pair := v1alpha1.Metric{Name: "failed orders", Bad: `sum(orders_failed_total{pod=~"{{ target }}-[^-]+-[^-]+"})`, Total: `sum(orders_total{pod=~"{{ target }}-[^-]+-[^-]+"})`}
	if most > 0 {
		pair.ThresholdRange = &v1alpha1.ThresholdRange{Max: &most}
	}
	return pair
}

// ordering judges by orders, beside errors.
func ordering(most float64) func(*config.Policy) {
	return func(p *config.Policy) { p.Checks = []v1alpha1.Metric{ordersOf(most)} }
}

// ordered has healthy requests, and shares of orders that fail.
func ordered(primary, canary float64) func(*world) {
	return func(w *world) {
		w.metered = countedAt(100, .001, .001)
		w.metered.orders = sharesOf(primary, canary)
	}
}

// sharesOf are shares of orders that fail.
func sharesOf(primary, canary float64) func(*world, bool) float64 {
	return func(_ *world, isCanary bool) float64 {
		if isCanary {
			return canary
		}
		return primary
	}
}

// pairStories are about the user's own counters.
var pairStories = map[string]story{
	"a version that fails orders is rolled back by a pair of counters": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ordering(0), prepare: ordered(.02, .2),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"an A-B test that fails orders is rolled back by the limit of a pair": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ownSteps(func(p *config.Policy) { abTest(p); ordering(5)(p) }), prepare: ordered(.02, .2),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a version that fails as many orders as before is promoted": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ordering(5), prepare: ordered(.02, .02),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the last step waits for a pair without data until a person decides": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ordering(5), prepare: countedBy(100, .001, .001),
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Paused != nil }, func(w *world) {
			w.tell("orders are counted, and jane lets it go on")
			w.metered.orders = sharesOf(.02, .02)
			w.spec.Resume = &v1alpha1.Request{Candidate: "v2", Stamp: v1alpha1.Stamp{By: "jane", At: &metav1.Time{Time: w.now.Add(time.Second)}}}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}
