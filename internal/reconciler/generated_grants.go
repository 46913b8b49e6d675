package reconciler

import (
	"context"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// listGenerated reads the grants that were generated for a Deployment, in all namespaces that Sluice may read.
func (r *reader) listGenerated(ctx context.Context, deployment types.NamespacedName) ([]gatewayv1.ReferenceGrant, error) {
	var grants []gatewayv1.ReferenceGrant
	for _, namespace := range r.readable() {
		found, err := r.listGrants(ctx, namespace, client.MatchingLabels{config.LabelRole: config.RoleGenerated, config.LabelPrimary: workload.LabelValue(deployment.Name)})
		if err != nil {
			return nil, err
		}
		for i := range found {
			if primary, ours := workload.GrantFor(&found[i]); ours && primary == deployment {
				grants = append(grants, found[i])
			}
		}
	}
	return grants, nil
}

// writeGrants creates and deletes grants in other namespaces.
func (r *Reconciler) writeGrants(ctx context.Context, deployment types.NamespacedName, intent plan.GenerateIntent) error {
	if r.known().grants == "" {
		return nil
	}
	for i := range intent.Ungrant {
		if err := r.deleteGrant(ctx, &intent.Ungrant[i]); err != nil {
			return err
		}
	}
	for _, grant := range intent.Grants {
		object, err := r.grantObject(grant)
		if err == nil {
			err = r.create(ctx, object)
		}
		what := observed.Applied{At: time.Now()}
		if refused(err) {
			what.Refused = target.Refused(grantKind, plan.GrantKeyOf(grant).Name, err)
		}
		r.memory.applied.set(deployment, plan.GrantKeyOf(grant), what)
		if err != nil {
			return err
		}
	}
	return nil
}

// releaseGrants deletes the grants of a Deployment that Sluice no longer rolls out. If the Deployment still exists, the grants
// that its routes need stay.
func (r *Reconciler) releaseGrants(ctx context.Context, deployment types.NamespacedName, primary *appsv1.Deployment) error {
	current, err := r.listGenerated(ctx, deployment)
	if err != nil || len(current) == 0 || r.options.DryRun {
		return err
	}
	var desired []*gatewayv1.ReferenceGrant
	if primary != nil && primary.DeletionTimestamp == nil {
		routes, err := r.listRoutes(ctx, deployment.Namespace)
		if err != nil {
			return err
		}
		desired = route.GrantsFor(deployment.Namespace, route.StillGranted(deployment.Namespace, routes, current))
		for _, grant := range desired {
			workload.MarkGrant(grant, deployment)
		}
	}
	missing, surplus := plan.GrantChanges(desired, current)
	return r.writeGrants(ctx, deployment, plan.GenerateIntent{Grants: missing, Ungrant: surplus})
}

// ofGrant maps a generated grant to its Deployment, even if that is gone, and any other to the Canaries that may wait for it or
// may lose by it: those of the namespaces that it grants something to, and of its own.
func (r *reader) ofGrant(ctx context.Context, object client.Object) []ctrl.Request {
	if primary, ours := workload.GrantFor(object); ours {
		return []ctrl.Request{{NamespacedName: primary}}
	}
	var requests []ctrl.Request
	for _, namespace := range concernedBy(object) {
		requests = append(requests, r.canaries(ctx, namespace, func(canary *v1alpha1.Canary) bool {
			return observed.Active(canary.Status) || !meta.IsStatusConditionTrue(canary.Status.Conditions, v1alpha1.ConditionReady)
		})...)
	}
	return requests
}

// concernedBy are the namespaces that a grant names, and its own, each once.
func concernedBy(grant client.Object) []string {
	namespaces := []string{grant.GetNamespace()}
	if content, is := grant.(*unstructured.Unstructured); is {
		from, _, _ := unstructured.NestedSlice(content.Object, "spec", "from")
		for _, entry := range from {
			one, _ := entry.(map[string]any)
			if namespace, _ := one["namespace"].(string); namespace != "" {
				namespaces = append(namespaces, namespace)
			}
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}
