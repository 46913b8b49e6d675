package rollout_test

import (
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/plan"
)

// chained sends requests on to a further Service, of which a second version exists.
func chained(w *world) {
	made := routeTo("secondary")
	w.next, w.nextAsMade = &made, &made
}

// marking marks the requests that the canary gets and sends them to the second version of the further Service.
func marking(p *config.Policy) {
	p.Cohort = config.Cohort{Header: "x-sluice-canary", Members: []config.CohortMember{{Service: "secondary", Target: "secondary-v2"}}}
}

// applyCohorts writes to the route of the further Service. No request is marked before that route handles the mark.
func (w *world) applyCohorts(intent plan.CohortIntent) {
	if w.next == nil {
		return
	}
	key := types.NamespacedName{Namespace: "test", Name: w.primary.Name}
	updated, err := intent.On(*w.next, key)
	if err != nil {
		w.t.Fatal(err)
	}
	before, after := len(route.CohortsFor(*w.next, key)), len(route.CohortsFor(updated, key))
	switch {
	case before < after:
		w.tell("secondary sends marked requests to %s", route.CohortsFor(updated, key)[0].To)
	case before > after:
		w.tell("secondary knows no marked requests any more")
	}
	if w.weight() > 0 && after == 0 && len(w.policy.Cohort.Members) > 0 {
		w.t.Errorf("the canary has %v%% of the requests, and nobody knows of the mark", w.weight())
	}
	if !route.SameRules(updated, *w.next) {
		updated.Generation++
	}
	w.next = &updated
}

var cohortStories = map[string]story{
	"marked requests go on to the second version of a further Service": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: marking, prepare: chained,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"marked requests are taken back with a bad version": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing}, policy: marking, prepare: chained,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}
