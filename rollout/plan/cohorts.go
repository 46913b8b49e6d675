package plan

import (
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/route"
)

// CohortIntent is what the routes of other Services should state for marked requests.
type CohortIntent struct {
	// Entries are the cohort entries of this rollout by route. All other routes get none; nil leaves the routes as they
	// are.
	Entries map[route.Key][]route.Cohort
	// Ending is the Service of a canary that is about to be deleted; empty for none. No route may send marked requests to
	// it, even on behalf of another rollout.
	Ending string
}

// On returns a route with the entries that the rollout of a Deployment wants. The error says what cannot be rendered, and
// what to do.
func (i CohortIntent) On(r route.Route, deployment types.NamespacedName) (route.Route, error) {
	if i.Ending != "" {
		r = route.WithoutCohortsTo(r, types.NamespacedName{Namespace: deployment.Namespace, Name: i.Ending})
	}
	entries := i.Entries[r.Key()]
	switch {
	case i.Entries == nil || len(entries) == 0 && len(route.CohortsFor(r, deployment)) == 0:
		return r, nil
	case len(entries) == 0:
		return route.WithoutCohorts(r, deployment), nil
	}
	return route.WithCohorts(r, deployment, entries...)
}
