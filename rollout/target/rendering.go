package target

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/cookies"
	"sluice.dev/sluice/rollout/observed"
)

// findRendering tries whether the routes can express what the policy asks for, before anything is written to them.
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
		fitsAlone, yields := fitsWithout(r, beside, split), mustYield(r, beside, o.Key())
		switch {
		case fitsAlone && yields:
			target.Behind = beside[0].DeploymentOn(r)
			return fmt.Sprintf("%s is split for Deployment %s: this rollout starts once that one ends, because both do not fit on the route: %v",
				r.Key().From(o.Namespace), beside[0].Deployment, err)
		case !fitsAlone:
			return fmt.Sprintf("%s: %v", r.Key().From(o.Namespace), err)
		}
	}
	return ""
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
	for _, other := range beside {
		r = route.WithoutSplit(r, other.DeploymentOn(r))
	}
	_, err := route.WithSplit(r, split)
	return err == nil
}

// mustYield reports whether a rollout waits for the others on a route. If the route states its split already, only the one whose
// Deployment comes later by name yields, so that never both do.
func mustYield(r route.Route, beside []route.Split, deployment types.NamespacedName) bool {
	if len(beside) == 0 || route.SplitFor(r, deployment) == nil {
		return len(beside) > 0
	}
	return beside[0].DeploymentOn(r).String() < deployment.String()
}
