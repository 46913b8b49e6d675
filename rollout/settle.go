package rollout

import (
	"math"
	"slices"
	"strconv"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// settlePlan adds to the plan what follows for other objects than the canary and its routes.
func settlePlan(t *tick) {
	generate(t)
	planCohorts(t)
	showRoutes(t)
	if t.plan.Canary.Action != plan.CanaryEnsure && t.plan.Canary.Action != plan.CanaryScale {
		return
	}
	if t.policy.Generated != nil {
		t.plan.Canary.Metadata = t.policy.Generated.Canary
	}
	if keys := t.ungranted(); len(keys) > 0 {
		t.plan.Canary.Grant = route.MakeGrant(t.endingKey(), keys)
	}
	t.plan.Canary.Ungrant = t.grantIsSurplus()
}

// ungranted are the routes of other namespaces that a user's grant lets send to the primary's Service, while no grant lets
// them send to the canary's.
func (f Facts) ungranted() []route.Key {
	var keys []route.Key
	primary, canary := f.target.PrimaryOf(f.policy, f.o), route.ServiceBackend(f.endingKey())
	for _, r := range f.target.Routes {
		if target.MayReach(f.o, r.Key(), primary) && r.Namespace != f.o.Namespace && !target.MayReach(f.o, r.Key(), canary) {
			keys = append(keys, r.Key())
		}
	}
	return keys
}

// grantIsSurplus reports whether the canary's grant outlives what it was made for: no route of another namespace sends to the
// canary, and no user's grant lets one of this rollout send to the primary.
func (f Facts) grantIsSurplus() bool {
	key, primary := f.endingKey(), f.target.PrimaryOf(f.policy, f.o)
	exists := slices.ContainsFunc(f.o.Grants, func(g gatewayv1.ReferenceGrant) bool { return g.Namespace == key.Namespace && g.Name == key.Name })
	sends := func(r route.Route) bool { return r.Namespace != f.o.Namespace && route.SendsTo(r, key) }
	may := func(r route.Route) bool {
		return r.Namespace != f.o.Namespace && target.MayReach(f.o, r.Key(), primary)
	}
	return exists && !slices.ContainsFunc(f.o.Routes, sends) && !slices.ContainsFunc(f.target.Routes, may)
}

// showRoutes shows the weight of each route and whether the split is in effect there.
func showRoutes(t *tick) {
	next := &t.plan.Next
	next.Observed.Routes, next.Observed.MoreRoutes = nil, 0
	if t.plan.Split.Action != plan.SplitWrite {
		next.Observed.Weight, next.Observed.Difference = "", ""
		return
	}
	if t.o.Samples != nil {
		next.Observed.Weight = ""
		// The samples do not count the requests to a control.
		if share, known := analysis.ObservedWeight(t.o.Samples, t.policy.MinRequests); known && t.plan.Split.Split.Control == "" {
			next.Observed.Weight = strconv.FormatFloat(share, 'f', 1, 64)
		}
	}
	listRoutes(next, t.routeStatuses())
}

// routeStatuses says of each route whether the planned split is in effect there.
func (t tick) routeStatuses() []v1alpha1.RouteStatus {
	var routes []v1alpha1.RouteStatus
	for _, r := range t.target.Routes {
		status := route.StatusOf(r, t.plan.Split.For(r.Key()))
		routes = append(routes, v1alpha1.RouteStatus{
			Name: r.Key().Short(t.o.Namespace), Weight: percent(status.Weight), InEffect: status.InEffect, Reason: status.Reason,
		})
	}
	return routes
}

// listRoutes shows as many routes as the status may list, first those on which something is not in effect.
func listRoutes(next *observed.State, routes []v1alpha1.RouteStatus) {
	if more := len(routes) - v1alpha1.ListedRoutes; more > 0 {
		slices.SortStableFunc(routes, func(a, b v1alpha1.RouteStatus) int {
			if a.InEffect == b.InEffect {
				return 0
			}
			if a.InEffect {
				return 1
			}
			return -1
		})
		routes, next.Observed.MoreRoutes = routes[:v1alpha1.ListedRoutes], int32(more)
	}
	next.Observed.Routes = routes
}

// percent is a share in percent with as many decimals as it needs, at most two.
func percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*100)/100, 'f', -1, 64)
}
