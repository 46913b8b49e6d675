package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/route"
)

// SplitAction is what to do with the routes.
type SplitAction string

const (
	// SplitLeave leaves the routes as they are.
	SplitLeave SplitAction = ""
	// SplitWrite states the plan's split on every route of the target, and removes it from every other route.
	SplitWrite SplitAction = "write"
	// SplitRemove removes the split of this Deployment from every route that carries it.
	SplitRemove SplitAction = "remove"
)

// SplitIntent is how the routes should share requests.
type SplitIntent struct {
	Action SplitAction
	Split  route.Split
	// Routes are the routes to write to. Those of Naming only name the canary, without a share of the requests.
	Routes, Naming []route.Key
}

// For is the split of one of the routes.
func (i SplitIntent) For(key route.Key) route.Split {
	if slices.Contains(i.Naming, key) {
		return i.Split.Naming()
	}
	return i.Split
}

// Weight is the weight that the routes should state, and whether they should state any.
func (i SplitIntent) Weight() (weight float64, stated bool) {
	return i.Split.Weight, i.Action != SplitLeave
}

// On returns a route as the plan for a Deployment wants it, with its split and its cohorts. The error says what cannot be
// rendered, and what to do.
func (p Plan) On(r route.Route, deployment types.NamespacedName) (route.Route, error) {
	split, err := p.Split.on(r, deployment)
	if err != nil {
		return r, err
	}
	return p.Cohorts.On(split, deployment)
}

func (i SplitIntent) on(r route.Route, deployment types.NamespacedName) (route.Route, error) {
	switch {
	case i.Action == SplitWrite && slices.Contains(i.Routes, r.Key()):
		return route.WithSplit(r, i.For(r.Key()))
	// Also from a route that is no longer one of the rollout's.
	case i.Action != SplitLeave && route.SplitFor(r, deployment) != nil:
		return route.WithoutSplit(r, deployment), nil
	}
	return r, nil
}
