package rollout

import (
	"slices"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/plan"
)

// planGrants plans the grants in other namespaces for the backends of the generated route. It creates them for the backends
// that the policy asks for, and keeps them as long as a route of the namespace still sends there.
func planGrants(t *tick, made *gatewayv1.HTTPRoute) {
	wanted := route.StillGranted(t.o.Namespace, t.o.Routes, t.o.GeneratedGrants)
	if made != nil && !t.o.NoGrants {
		wanted = append(wanted, t.grantable(made)...)
	}
	desired := route.GrantsFor(t.o.Namespace, wanted)
	for _, grant := range desired {
		workload.MarkGrant(grant, t.o.Key())
	}
	var missing []*gatewayv1.ReferenceGrant
	missing, t.plan.Generate.Ungrant = plan.GrantChanges(desired, t.o.GeneratedGrants)
	for _, grant := range missing {
		if left := t.refusedFor(grant); left > 0 {
			wakeIn(t, left)
			continue
		}
		t.plan.Generate.Grants = append(t.plan.Generate.Grants, grant)
	}
}

// grantable are the policy's backends in watched namespaces.
func (f Facts) grantable(made *gatewayv1.HTTPRoute) []route.Backend {
	var found []route.Backend
	if generated, err := route.FromObject(f.marked(made, gatewayv1.GroupVersion.String(), route.HTTP).Object); err == nil {
		found = route.References(generated)
	}
	if own := f.policy.Generated.CanaryBackend; own != nil {
		found = append(found, route.ReferencesOf(route.ReferenceTo(*own), f.o.Namespace)...)
	}
	return slices.DeleteFunc(found, func(b route.Backend) bool { return len(f.o.Watched) > 0 && !slices.Contains(f.o.Watched, b.Namespace) })
}

// refusedFor is how long a grant that the API server rejected is still left alone; 0 for a grant that may be created.
func (f Facts) refusedFor(grant *gatewayv1.ReferenceGrant) time.Duration {
	last := f.o.Applied[plan.GrantKeyOf(grant)]
	if last.Refused == "" {
		return 0
	}
	return max(0, last.At.Add(applyAgain).Sub(f.o.Now))
}
