package rollout

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
	"sluice.dev/sluice/rollout/target"
)

// lost says what the canary lacks of what its present weight needs; empty when it lacks nothing.
func (t tick) lost() string {
	if why := t.unfit(); why != "" {
		return why
	}
	if why := t.unreached(); why != "" {
		return why
	}
	if why := t.lostReplicas(); why != "" {
		return why
	}
	return t.rejected()
}

// unreached says why no request reaches the canary through its Service; empty when requests do.
func (f Facts) unreached() string {
	if strategy.WithoutTraffic(f.policy) || f.o.DryRun {
		return ""
	}
	return target.Unserved(f.target, f.o)
}

// lostReplicas says how far the canary's replicas are below what its weight needs; empty when they are enough.
func (t tick) lostReplicas() string {
	needed := t.neededCanaryPods()
	if available := t.availableCanaryPods(); available < needed {
		return fmt.Sprintf("%d of the %d replicas needed%s are available", available, needed, t.forWeight())
	}
	if serving := t.servingCanaryPods(); serving < needed {
		return fmt.Sprintf("%d of the %d pods needed%s are ready in Service %s", serving, needed, t.forWeight(), t.o.CanaryService.Name)
	}
	return ""
}

// neededCanaryPods is how many pods the canary's weight needs.
func (t tick) neededCanaryPods() int32 {
	open := t.plan.Next.Open()
	needed := t.replicasFor(strategy.Share(t.load()))
	if given := open.Canary.Replicas; given > 0 && (open.Step.Number == 0 || given < needed) {
		needed = given
	}
	return workload.Enough(needed, t.policy.CanaryReadyThreshold)
}

func (t tick) forWeight() string {
	if t.load().Weight == 0 || strategy.WithoutTraffic(t.policy) {
		return ""
	}
	return fmt.Sprintf(" for weight %v%%", t.plan.Next.CanaryWeight)
}

// rejected says which deciding route a parent refuses, or for which it does not find a backend; empty when none.
func (f Facts) rejected() string {
	if f.o.DryRun {
		return ""
	}
	for _, r := range f.target.Deciding() {
		if why := route.Rejected(r); why != "" {
			return fmt.Sprintf("%s: %s", r.Key().From(f.o.Namespace), why)
		}
	}
	return ""
}

// availableCanaryPods is how many pods of the canary are available.
func (f Facts) availableCanaryPods() int32 {
	if f.o.CanaryDeployment == nil {
		return 0
	}
	return f.o.CanaryDeployment.Status.AvailableReplicas
}

// servingCanaryPods is how many pods of the canary answer the requests that routes send to it with the candidate.
func (t tick) servingCanaryPods() int32 {
	switch {
	case t.isEdited() || t.unreached() != "":
		return 0
	case strategy.WithoutTraffic(t.policy):
		return t.availableCanaryPods()
	}
	return min(t.availableCanaryPods(), t.o.ReadyEndpoints)
}

// undercut says which deciding route carries less than the present step, which was in effect there; empty when none does. It must not
// get the weight back at once: nobody knows whether the gateway still knows the canary.
func (t tick) undercut() string {
	if !observed.Judging(t.plan.Next) || t.plan.Next.Rollout.Step.InEffect == nil || strategy.WithoutTraffic(t.policy) || t.o.DryRun {
		return ""
	}
	split := t.split()
	for _, r := range t.target.Deciding() {
		if t.isUndercut(r, split) {
			return r.Key().From(t.o.Namespace) + " does not carry the step's split any more"
		}
	}
	return ""
}

// isUndercut reports whether a route that this rollout has written to carries less than a split. A route that is new in mid-step
// carries nothing and has lost nothing. The status lists only some of many routes. The others count as written to if fewer routes
// carry the split than there were.
func (t tick) isUndercut(r route.Route, split route.Split) bool {
	if !t.carriesLess(r, split) {
		return false
	}
	before, name := t.before.Target, r.Key().Short(t.o.Namespace)
	if before == nil || before.MoreRoutes == 0 || slices.Contains(before.Routes, name) {
		return slices.Contains(t.splitNames(), name)
	}
	carrying := 0
	for _, other := range t.target.Routes {
		if !t.carriesLess(other, split) {
			carrying++
		}
	}
	return carrying < len(before.Routes)+int(before.MoreRoutes)
}

// weightOn is the weight that a route carries; 0 without a split.
func (f Facts) weightOn(r route.Route) float64 {
	for _, s := range f.splits {
		if s.Key == r.Key() {
			return s.Split.Weight
		}
	}
	return 0
}

func (t tick) carriesLess(r route.Route, split route.Split) bool {
	at := slices.IndexFunc(t.splits, func(s observed.Split) bool { return s.Key == r.Key() })
	return at == -1 || t.splits[at].Split.Weight < split.Weight || t.splits[at].Split.Mirror < split.Mirror ||
		len(t.splits[at].Split.Match) < len(split.Match)
}
