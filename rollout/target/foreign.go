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

// leaveOutForeign leaves out guests that this rollout cannot use: routes of other namespaces, which may send to the Service by a
// grant. Whoever holds the grant may write any number of them, and must not hold a rollout with a route that cannot be split. Their
// requests go to the primary. A route that the policy names is no guest.
func leaveOutForeign(target *Target, policy config.Policy, o observed.World) string {
	named := namedRoutes(policy, o)
	isGuest := func(r route.Route) bool { return r.Namespace != o.Namespace && !slices.Contains(named, r.Key()) }
	// Those of the Deployment's namespace come first.
	slices.SortStableFunc(target.Routes, func(a, b route.Route) int { return foreignness(a, o) - foreignness(b, o) })
	kept, skipped := fitting(*target, policy, o, isGuest, false)
	if len(kept) == 0 {
		// With nothing but guests, the rollout waits for the rollouts of others on them like on any route.
		kept, skipped = fitting(*target, policy, o, isGuest, true)
	}
	target.Skipped = skipped
	for _, r := range kept {
		if _, err := route.IntentsOf(r.Annotations); err != nil {
			return fmt.Sprintf("%s: %v; remove the annotation", r.Key().From(o.Namespace), err)
		}
		if why := sharesWithOwner(r, target.PrimaryOf(policy, o), o); why != "" {
			return r.Key().From(o.Namespace) + ": " + why
		}
	}
	switch {
	case len(kept) == 0:
		return skipped[0]
	case len(kept) > mostRoutes:
		return fmt.Sprintf("%d routes send to Service %s, and a rollout splits at most %d: name those to split in the annotation %s",
			len(kept), target.Service.Name, mostRoutes, config.AnnotationRoutes)
	}
	target.Routes, target.guests = kept, guestsAmong(kept, isGuest)
	return ""
}

// fitting returns the routes that the rollout can use, and says why the others are left out. If it shares, a guest may also wait for
// the rollouts of others on it.
func fitting(target Target, policy config.Policy, o observed.World, isGuest func(route.Route) bool, shares bool) (kept []route.Route, skipped []string) {
	split, primary := fullSplit(target, policy, o), target.PrimaryOf(policy, o)
	for _, r := range target.Routes {
		if !isGuest(r) {
			kept = append(kept, r)
		} else if why := sharesWithOwner(r, primary, o); why != "" {
			skipped = append(skipped, fmt.Sprintf("%s: %s", r.Key(), why))
		} else if why := unusable(r, split, policy, o, shares); why != "" {
			skipped = append(skipped, fmt.Sprintf("%s: %s", r.Key(), why))
		} else if len(kept) >= mostRoutes {
			skipped = append(skipped, fmt.Sprintf("%s: a rollout splits at most %d routes", r.Key(), mostRoutes))
		} else {
			kept = append(kept, r)
		}
	}
	return kept, skipped
}

// guestsAmong are the guests beside other routes; none if all are guests.
func guestsAmong(routes []route.Route, isGuest func(route.Route) bool) []route.Key {
	var guests []route.Key
	for _, r := range routes {
		if isGuest(r) {
			guests = append(guests, r.Key())
		}
	}
	if len(guests) == len(routes) {
		return nil
	}
	return guests
}

// Deciding are the routes that a rollout waits for and goes back by. A guest beside them carries the split too, but what its owner or
// its gateway makes of it decides nothing.
func (t Target) Deciding() []route.Route {
	return slices.DeleteFunc(slices.Clone(t.Routes), func(r route.Route) bool { return slices.Contains(t.guests, r.Key()) })
}

// Guests are the other ones of the routes.
func (t Target) Guests() []route.Route {
	return slices.DeleteFunc(slices.Clone(t.Routes), func(r route.Route) bool { return !slices.Contains(t.guests, r.Key()) })
}

// sharesWithOwner says which rule of a route of another namespace sends to this primary and to a Service of that namespace as well;
// empty when none does. Two splits of one rule may not fit together, and then the rollouts of that Service, which come first on a route
// of their namespace, would wait for this one.
func sharesWithOwner(r route.Route, primary route.Backend, o observed.World) string {
	if r.Namespace == o.Namespace {
		return ""
	}
	for i, rule := range route.BackendsOfRules(route.Plain(r)) {
		if !slices.Contains(rule, primary) {
			continue
		}
		for _, beside := range rule {
			if beside.Namespace == r.Namespace {
				return fmt.Sprintf("spec.rules[%d] also sends to %s %s of that namespace, whose rollouts would wait for this one: ask the route's owner to divide the rule",
					i, beside.Kind, beside.Name)
			}
		}
	}
	return ""
}

// foreignness is 0 for the routes of the Deployment's namespace, and 1 for those of others.
func foreignness(r route.Route, o observed.World) int {
	if r.Namespace == o.Namespace {
		return 0
	}
	return 1
}

// unusable says why a guest cannot be split; empty when it can or, if it shares, could once the rollouts of others on it have ended.
func unusable(r route.Route, split route.Split, policy config.Policy, o observed.World, shares bool) string {
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
	if why := lacking(r, policy, o); why != "" {
		return why
	}
	if filters := localFilters(policy); filters != "" {
		return filters + " names an object of another namespace than the route's"
	}
	if _, err := route.WithSplit(r, split); err != nil && (!shares || !fitsWithout(r, route.SplitsBeside(r, o.Key()), split)) {
		return err.Error()
	}
	return ""
}
