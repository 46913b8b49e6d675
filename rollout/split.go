package rollout

import (
	"fmt"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/cookies"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
	"sluice.dev/sluice/rollout/target"
)

// writtenWeight is the weight that the routes are asked for, 0 without a split.
func (f Facts) writtenWeight() float64 {
	var weight float64
	for _, w := range f.splits {
		weight = max(weight, w.Split.Weight)
	}
	return weight
}

// writtenShare is the greatest share of the requests or of their copies that the routes are asked to send to the canary.
func (f Facts) writtenShare() float64 {
	var share float64
	for _, w := range f.splits {
		share = max(share, w.Split.Weight, w.Split.Mirror)
	}
	return share
}

// notCleared says which route still sends to the canary; empty when none does. Without our finalizer no split was ever
// written.
func (t tick) notCleared() string {
	if left := t.carried(); left != "" || !t.plan.Finalizer {
		return left
	}
	return t.unprocessed()
}

// carried says which route has anything of this rollout; empty when none has.
func (f Facts) carried() string {
	if len(f.splits) > 0 {
		return f.splits[0].Key.From(f.o.Namespace) + " still carries the split"
	}
	return f.cohortLeft()
}

// writtenRoutes are those that this rollout has written to. One that is gone sends nothing.
func (f Facts) writtenRoutes() []route.Route {
	names := append(slices.Clone(f.splitNames()), cohortRoutes(f.before)...)
	return slices.DeleteFunc(slices.Clone(f.o.Routes), func(r route.Route) bool {
		return !slices.Contains(names, r.Key().Short(f.o.Namespace))
	})
}

// unprocessed says which route that this rollout has written to is not in effect as it is; empty when all are.
func (f Facts) unprocessed() string {
	for _, r := range f.writtenRoutes() {
		if ok, why := route.Processed(r); !ok {
			return fmt.Sprintf("%s: %s", r.Key().From(f.o.Namespace), why)
		}
	}
	return ""
}

// giveUpGateway waits until a clean-up has taken as long as it may where no gateway is left that could deal with the routes,
// and returns whether it has. A gateway whose controller is away serves on as it last knew, and is not given up.
func giveUpGateway(t *tick) (givenUp bool) {
	return t.isUnserved() && !waitForCleanUp(t)
}

// isUnserved reports whether all gateways that have not dealt with the routes are gone, or have never reported on them.
func (f Facts) isUnserved() bool {
	if f.carried() != "" {
		return false
	}
	exists := func(name types.NamespacedName) bool {
		return slices.ContainsFunc(f.o.Gateways, func(g gatewayv1.Gateway) bool { return g.Namespace == name.Namespace && g.Name == name.Name })
	}
	return !slices.ContainsFunc(f.writtenRoutes(), func(r route.Route) bool { return !route.IsAbandoned(r, exists) })
}

// waitForCleanUp wakes at the limit of a clean-up, and returns whether that is still to come.
func waitForCleanUp(t *tick) (waits bool) {
	left := t.untilCleanedUp()
	if left > 0 {
		wakeIn(t, left)
	}
	return left > 0
}

// untilCleanedUp is how long the gateway still has to take all requests back from the canary: the limit of a clean-up, from
// when the routes were asked for that.
func (t tick) untilCleanedUp() time.Duration {
	since := t.o.Now
	if decided := t.plan.Next.Open().Decided; decided != nil {
		since = decided.Time
	}
	if changed := t.before.Open().SplitChanged; changed != nil {
		since = later(since, changed.Time)
	}
	return since.Add(CleanUpLimit).Sub(t.o.Now)
}

// splitNames are the routes that this rollout has written to.
func (f Facts) splitNames() []string {
	if f.before.Target != nil {
		return f.before.Target.Routes
	}
	return f.target.Status().Routes
}

// writeSplit states the present weight on the routes, once a step was taken: before, the routes are the user's.
func writeSplit(t *tick) {
	if t.plan.Next.CanaryWeight == 0 && t.plan.Next.Rollout.Step.Number == 0 {
		withdrawSplit(t)
		return
	}
	stateSplit(t)
}

// withdrawSplit takes the split of this Deployment out of the routes.
func withdrawSplit(t *tick) {
	t.wanted = plan.SplitIntent{Action: plan.SplitRemove}
}

// stateSplit states the present weight on the routes, be it 0.
func stateSplit(t *tick) {
	planSplit(t, t.split())
}

func planSplit(t *tick, split route.Split) {
	if len(t.target.Routes) == 0 {
		return
	}
	t.wanted = plan.SplitIntent{Action: plan.SplitWrite, Split: split}
	for _, r := range t.target.Routes {
		t.wanted.Routes = append(t.wanted.Routes, r.Key())
	}
}

// split is how the routes should share requests now. The primary gives its cookie with a weight only: without any, all users
// would be kept there before the canary could get one.
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

// decimals is how many digits after the point the weights of a rollout have.
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
	for _, r := range f.target.Routes {
		if status := route.StatusOf(r, split); !status.InEffect {
			return fmt.Sprintf("%s: %s", r.Key().From(f.o.Namespace), status.Reason)
		}
	}
	return ""
}

// dressed adds to a split what the policy says of the backends and of the cohort.
func (f Facts) dressed(split route.Split) route.Split {
	split.PrimaryBackend = target.PrimaryBackend(f.policy, f.o.Namespace, split.Primary)
	if spec := f.policy.Generated; spec != nil && spec.CanaryBackend != nil {
		split.CanaryBackend = route.ReferenceTo(*spec.CanaryBackend)
	}
	split.Mark = f.mark()
	return split
}

// isKnown reports whether the gateway has known the canary for the settle time. From then on matched requests go to it.
func (t tick) isKnown() bool {
	next := t.plan.Next
	return next.Phase == v1alpha1.PhaseProgressing && next.Rollout.Step.Number == 0 && next.Rollout.Canary.Known != nil &&
		!t.o.Now.Before(next.Rollout.Canary.Known.Add(analysis.Settle))
}
