package target

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/cookies"
	"sluice.dev/sluice/rollout/observed"
)

// findRendering tries whether the routes can express what the policy asks for, before anything is written to them.
//
// Rollouts that do not fit on a route take turns. One that is on no route yet waits, and so does one that is on a route, unless its
// Deployment comes first by name: that one keeps its routes and awaits the others. So an earlier name only ever awaits later ones,
// which end or give way, and no two can wait for each other or give way to each other without an end.
func findRendering(target *Target, policy config.Policy, o observed.World) string {
	split := fullSplit(*target, policy, o)
	for _, r := range target.Routes {
		beside := route.SplitsBeside(r, o.Key())
		if split.Mirror == 0 && split.Match == nil && split.Affinity == nil && len(beside) == 0 {
			continue
		}
		_, err := route.WithSplit(r, split)
		if err == nil {
			continue
		}
		if !fitsWithout(r, beside, split) {
			return fmt.Sprintf("%s: %v", r.Key().From(o.Namespace), err)
		}
		ahead := firstInTheWay(r, beside, split)
		if keepsRoutes(o, ahead) {
			target.Taken = append(target.Taken, r.Key())
			target.Awaits = fmt.Sprintf("%s is split for Deployment %s until that rollout gives way or ends, because both do not fit on the route: %v",
				r.Key().From(o.Namespace), ahead.Name, err)
			continue
		}
		return target.yield(r, ahead, err, policy, o)
	}
	return ""
}

// yield says which rollout has a route first. One of the same group does not end before this one has stepped with it, so that is no
// turn to wait for.
func (t *Target) yield(r route.Route, ahead types.NamespacedName, err error, policy config.Policy, o observed.World) string {
	if apart := t.Apart(policy, o); apart != "" {
		t.Block = v1alpha1.BlockedGroup
		return apart
	}
	if stepsWith(ahead, policy, o) {
		t.Block = v1alpha1.BlockedGroup
		return apartOn(r, []string{ahead.Name, o.Name}, policy.Group, err, o)
	}
	t.Block = v1alpha1.BlockedTurn
	return fmt.Sprintf("%s is split for Deployment %s: this rollout starts once that one ends, because both do not fit on the route: %v",
		r.Key().From(o.Namespace), ahead.Name, err)
}

// firstInTheWay is the Deployment with the first name of those whose splits keep a split from a route.
func firstInTheWay(r route.Route, beside []route.Split, split route.Split) types.NamespacedName {
	var clashing, all []types.NamespacedName
	for i, other := range beside {
		rest := slices.Delete(slices.Clone(beside), i, i+1)
		all = append(all, other.DeploymentOn(r))
		if !fits(without(r, rest), split) {
			clashing = append(clashing, other.DeploymentOn(r))
		}
	}
	if len(clashing) == 0 {
		// There are too many.
		clashing = all
	}
	return slices.MinFunc(clashing, compareNames)
}

// keepsRoutes reports whether a rollout keeps the routes that it is on while another one is on a route that it needs as well.
func keepsRoutes(o observed.World, ahead types.NamespacedName) bool {
	return len(o.Splits()) > 0 && compareNames(o.Key(), ahead) < 0
}

func compareNames(a, b types.NamespacedName) int {
	return strings.Compare(a.String(), b.String())
}

// OwnCanary says which route has a reference of the user to the canary's Service, in place of which Sluice would add its own;
// empty when none has.
func (t Target) OwnCanary(o observed.World) string {
	for _, r := range t.Routes {
		split := route.Split{Deployment: o.Name, Namespace: o.Namespace, Primary: t.Service.Name, Canary: t.CanaryService()}
		if at := route.OwnCanary(r, split); at >= 0 && route.SplitFor(r, o.Key()) == nil {
			return fmt.Sprintf("%s: spec.rules[%d].backendRefs has a reference of yours to Service %s beside Service %s: Sluice adds one for a rollout and "+
				"removes it afterwards; remove yours, or give that Service another name", r.Key().From(o.Namespace), at, split.Canary, split.Primary)
		}
	}
	return ""
}

// fullSplit is the split with everything that the rollout may state at any time.
func fullSplit(target Target, policy config.Policy, o observed.World) route.Split {
	split := route.Split{Deployment: o.Name, Namespace: o.Namespace, Primary: target.Service.Name, Canary: target.CanaryService(),
		Weight: config.FullWeight / 2, Match: target.Match,
		PrimaryBackend: PrimaryBackend(policy, o.Namespace, target.Service.Name),
		Affinity:       cookies.Affinity(cookies.New(policy, nil, "candidate", "nonce", nil))}
	if policy.Generated != nil && policy.Generated.CanaryBackend != nil {
		split.CanaryBackend = route.ReferenceTo(*policy.Generated.CanaryBackend)
	}
	if mirrors(policy, 0, 100) {
		split.Mirror = config.FullWeight
	}
	return split
}

// fitsWithout reports whether a split can be rendered on a route without those of other Deployments.
func fitsWithout(r route.Route, beside []route.Split, split route.Split) bool {
	return fits(without(r, beside), split)
}

func fits(r route.Route, split route.Split) bool {
	_, err := route.WithSplit(r, split)
	return err == nil
}

func without(r route.Route, splits []route.Split) route.Route {
	for _, other := range splits {
		r = route.WithoutSplit(r, other.DeploymentOn(r))
	}
	return r
}
