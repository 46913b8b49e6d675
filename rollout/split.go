package rollout

import (
	"fmt"
	"math"
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/cookies"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
	"sluice.dev/sluice/rollout/target"
)

// writtenWeight is the weight that the routes carry; 0 without a split.
func (f Facts) writtenWeight() float64 {
	var weight float64
	for _, w := range f.splits {
		weight = max(weight, w.Split.Weight)
	}
	return weight
}

// writtenShare is the greatest share of requests, sent or mirrored, that the routes give the canary.
func (f Facts) writtenShare() float64 {
	var share float64
	for _, w := range f.splits {
		share = max(share, w.Split.Weight, w.Split.Mirror)
	}
	return share
}

// notCleared says which route still sends requests to the canary; empty when none does. Without our finalizer no split was
// ever written.
func (t tick) notCleared() string {
	if left := t.carried(); left != "" || !t.plan.Finalizer {
		return left
	}
	return t.unprocessed()
}

// carried says which route carries anything of this rollout; empty when none does.
func (f Facts) carried() string {
	if len(f.splits) > 0 {
		return f.splits[0].Key.From(f.o.Namespace) + " still carries the split"
	}
	return f.cohortLeft()
}

// writtenRoutes are the existing routes that this rollout has written to.
func (f Facts) writtenRoutes() []route.Route {
	names := append(slices.Clone(f.splitNames()), cohortRoutes(f.before)...)
	return slices.DeleteFunc(slices.Clone(f.o.Routes), func(r route.Route) bool {
		return !slices.Contains(names, r.Key().Short(f.o.Namespace))
	})
}

// unprocessed says which written route is not in effect in its present form; empty when all are.
func (f Facts) unprocessed() string {
	for _, r := range f.writtenRoutes() {
		if ok, why := route.Processed(r); !ok {
			return fmt.Sprintf("%s: %s", r.Key().From(f.o.Namespace), why)
		}
	}
	return ""
}

// splitNames are the names of the routes that this rollout has written a split to. If the status lists only some, the present
// routes stand for the others.
func (f Facts) splitNames() []string {
	switch before := f.before.Target; {
	case before == nil:
		return f.target.RouteNames()
	case before.MoreRoutes > 0:
		return append(slices.Clone(before.Routes), f.target.RouteNames()...)
	default:
		return before.Routes
	}
}

// writeSplit writes the present weight to the routes once the first step has begun. Until then the routes are the user's.
func writeSplit(t *tick) {
	if t.plan.Next.CanaryWeight == 0 && t.plan.Next.Rollout.Step.Number == 0 {
		withdrawSplit(t)
		return
	}
	stateSplit(t)
}

// withdrawSplit removes the split of this Deployment from the routes.
func withdrawSplit(t *tick) {
	t.wanted = plan.SplitIntent{Action: plan.SplitRemove}
}

// stateSplit writes the present weight to the routes, even if it is 0.
func stateSplit(t *tick) {
	planSplit(t, t.split())
}

func planSplit(t *tick, split route.Split) {
	if len(t.target.Routes) == 0 {
		return
	}
	t.wanted = plan.SplitIntent{Action: plan.SplitWrite, Split: split}
	for _, r := range t.target.Routes {
		if !slices.Contains(t.target.Taken, r.Key()) {
			t.wanted.Routes = append(t.wanted.Routes, r.Key())
		}
	}
}

// split is how the routes should share requests now. The primary sets its cookie only beside a weight: without one, the
// cookie would keep all users at the primary before the canary could get any.
func (t tick) split() route.Split {
	load := t.load()
	split := route.Split{
		Deployment: t.o.Name,
		Namespace:  t.o.Namespace,
		Primary:    t.target.Service.Name,
		Canary:     t.target.CanaryService(),
		Weight:     t.plan.Next.CanaryWeight,
		Decimals:   decimals(t.steps, t.policy.StepWeightPromotion),
		Mirror:     load.MirrorWeight,
	}
	if t.compares() {
		split.Control = t.target.ControlService()
	}
	if load.Match || t.isKnown() {
		split.Match = t.target.Match
	}
	if split.Weight > 0 || len(split.Match) > 0 {
		split.Affinity = cookies.Affinity(t.plan.Next.Rollout.SessionAffinity)
	}
	if split.Weight == 0 && split.Affinity != nil {
		split.Affinity.Primary = nil
	}
	return t.dressed(split)
}

// decimals is how many decimals the weights of a rollout need.
func decimals(steps []strategy.Step, others ...float64) int32 {
	for _, step := range steps {
		others = append(others, step.Weight)
	}
	var most int32
	for _, weight := range others {
		switch number := int64(math.Round(weight * 100)); {
		case number%10 != 0:
			return 2
		case number%100 != 0:
			most = 1
		}
	}
	return most
}

// notInEffect says why the present split has not reached every gateway; empty when it has.
func (t tick) notInEffect() string {
	if why := t.lacksEffect(t.split()); why != "" {
		return why
	}
	return t.cohortNotInEffect()
}

func (f Facts) lacksEffect(split route.Split) string {
	if f.o.DryRun {
		return ""
	}
	for _, r := range f.target.Deciding() {
		if status := route.StatusOf(r, split); !status.InEffect {
			return fmt.Sprintf("%s: %s", r.Key().From(f.o.Namespace), status.Reason)
		}
	}
	return ""
}

// dressed adds to a split what the policy states for the backends and the cohort.
func (f Facts) dressed(split route.Split) route.Split {
	split.PrimaryBackend = target.PrimaryBackend(f.policy, f.o.Namespace, split.Primary)
	if spec := f.policy.Generated; spec != nil && spec.CanaryBackend != nil {
		split.CanaryBackend = route.ReferenceTo(*spec.CanaryBackend)
	}
	split.Mark = f.mark()
	split.Alone = len(f.target.Match) > 0 || f.policy.SessionAffinity != nil
	return split
}

// isKnown reports whether the gateway has known the canary for the settle time. From then on the canary gets matched
// requests.
func (t tick) isKnown() bool {
	next := t.plan.Next
	return next.Phase == v1alpha1.PhaseProgressing && next.Rollout.Step.Number == 0 && next.Rollout.Canary.Known != nil &&
		!t.o.Now.Before(next.Rollout.Canary.Known.Add(analysis.Settle))
}
