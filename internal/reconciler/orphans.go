package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/events"
)

// ofSplits maps a route to the Deployments whose splits it states. Their Canaries may be gone.
func (r *reader) ofSplits(changed route.Route) []ctrl.Request {
	intents, err := route.IntentsOf(changed.Annotations)
	if err != nil {
		return nil
	}
	var requests []ctrl.Request
	for _, split := range intents.Splits {
		key := split.DeploymentOn(changed)
		if watched := r.options.Namespaces; len(watched) == 0 || slices.Contains(watched, key.Namespace) {
			requests = append(requests, ctrl.Request{NamespacedName: key})
		}
	}
	return requests
}

// releaseRoutes removes what a Canary has left on routes that is gone without a clean-up, because somebody removed its finalizer.
// Nobody else would end such a split, and it may keep the rollouts of others from a route. No tick of the same Deployment runs at
// the same time. A cache may be old, so the API server must say that nothing will continue the rollout.
func (r *Reconciler) releaseRoutes(ctx context.Context, key types.NamespacedName) error {
	routes, err := r.listRoutes(ctx, metav1.NamespaceAll)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(routes), func(found route.Route) bool {
		return route.SplitFor(found, key) == nil && len(route.CohortsFor(found, key)) == 0
	})
	if len(left) == 0 || r.options.DryRun {
		return nil
	}
	if orphaned, err := r.isOrphaned(ctx, key); !orphaned {
		return err
	}
	var failed []error
	for _, current := range left {
		if err := r.render(ctx, current, route.WithoutCohorts(route.WithoutSplit(current, key), key)); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", current.Key(), err))
			continue
		}
		event := events.SplitOrphaned(key)
		object := routeObject(current.Kind)
		object.SetNamespace(current.Namespace)
		object.SetName(current.Name)
		object.SetUID(current.UID)
		r.recorder.Event(object, corev1.EventTypeWarning, event.Reason, event.Message)
	}
	return errors.Join(failed...)
}

// isOrphaned reports whether the API server knows neither a Canary nor an opted-in Deployment of this name. The tick of an opted-in
// Deployment makes its Canary anew and cleans up by itself.
func (r *reader) isOrphaned(ctx context.Context, key types.NamespacedName) (bool, error) {
	canary, err := fetch(ctx, r.live, key, &v1alpha1.Canary{})
	if err != nil || canary != nil {
		return false, err
	}
	primary, err := fetch(ctx, r.live, key, &appsv1.Deployment{})
	return err == nil && !isOptedIn(primary), err
}
