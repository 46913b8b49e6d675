package target

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// mostRoutes is how many routes a rollout writes in one tick.
const mostRoutes = 200

// leaveOutForeign leaves out routes of other namespaces that this rollout cannot use. Whoever holds a grant may write any number of
// them, and must not hold a rollout with a route that cannot be split. Their requests go to the primary. A route that the policy
// names is not left out.
func leaveOutForeign(target *Target, policy config.Policy, o observed.World) string {
	split, named := fullSplit(*target, policy, o), namedRoutes(policy, o)
	// Those of the Deployment's namespace come first.
	slices.SortStableFunc(target.Routes, func(a, b route.Route) int { return foreignness(a, o) - foreignness(b, o) })
	var kept []route.Route
	for _, r := range target.Routes {
		if foreignness(r, o) == 0 || slices.Contains(named, r.Key()) {
			kept = append(kept, r)
		} else if why := unusable(r, split, o); why != "" {
			target.Skipped = append(target.Skipped, fmt.Sprintf("%s: %s", r.Key(), why))
		} else if len(kept) >= mostRoutes {
			target.Skipped = append(target.Skipped, fmt.Sprintf("%s: a rollout splits at most %d routes", r.Key(), mostRoutes))
		} else {
			kept = append(kept, r)
		}
	}
	for _, r := range kept {
		if _, err := route.IntentsOf(r.Annotations); err != nil {
			return fmt.Sprintf("%s: %v; remove the annotation", r.Key().From(o.Namespace), err)
		}
	}
	switch {
	case len(kept) == 0:
		return target.Skipped[0]
	case len(kept) > mostRoutes:
		return fmt.Sprintf("%d routes send to Service %s, and a rollout splits at most %d: name those to split in the annotation %s",
			len(kept), target.Service.Name, mostRoutes, config.AnnotationRoutes)
	}
	target.Routes = kept
	return ""
}

// foreignness is 0 for the routes of the Deployment's namespace, and 1 for those of others.
func foreignness(r route.Route, o observed.World) int {
	if r.Namespace == o.Namespace {
		return 0
	}
	return 1
}

// unusable says why a route cannot be split; empty when it can, or could once the rollouts of others on it have ended.
func unusable(r route.Route, split route.Split, o observed.World) string {
	if _, err := route.IntentsOf(r.Annotations); err != nil {
		return err.Error()
	}
	for _, parent := range route.ParentsOf(r) {
		if why := missing(parent, o); why != "" {
			return "it names " + why
		}
	}
	if parent := route.Unreported(r); parent != "" {
		return parent + " has never reported on it"
	}
	if _, err := route.WithSplit(r, split); err != nil && !fitsWithout(r, route.SplitsBeside(r, o.Key()), split) {
		return err.Error()
	}
	return ""
}
