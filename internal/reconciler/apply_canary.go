package reconciler

import (
	"context"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// ensureDeployment creates the canary's Deployment or updates it, and remembers what the API server made of it.
func (r *Reconciler) ensureDeployment(ctx context.Context, o reading, desired *appsv1.Deployment, intent plan.CanaryIntent) error {
	current, at := o.CanaryDeployment, time.Now()
	if current == nil {
		if err := r.create(ctx, desired); err != nil {
			return err
		}
		r.memory.written.put(o.Key(), *observed.WrittenTo(desired, at))
		return nil
	}
	if !equality.Semantic.DeepEqual(current.Spec.Selector, desired.Spec.Selector) {
		return r.replace(ctx, current, intent.Replace)
	}
	updated := mergedDeployment(current, desired, intent.Rewrite)
	if !equality.Semantic.DeepEqual(current, updated) {
		if err := r.update(ctx, updated); err != nil {
			return err
		}
	} else if !intent.Rewrite {
		return nil
	}
	r.memory.written.put(o.Key(), *observed.WrittenTo(updated, at))
	return nil
}

// replace deletes an object that cannot be changed. The next tick creates it again. Without the plan's consent, routes may
// still send requests to it, so it stays as it is.
func (r *Reconciler) replace(ctx context.Context, current workload.Object, may bool) error {
	if !may {
		return nil
	}
	return r.delete(ctx, current)
}

// ensureService creates the canary's Service, or makes it follow the primary's. Only patch is granted for Services.
func (r *Reconciler) ensureService(ctx context.Context, current, desired *corev1.Service, replace bool) error {
	isHeadless := func(s *corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone }
	switch {
	case current == nil:
		return r.create(ctx, desired)
	case current.Name != desired.Name || isHeadless(current) != isHeadless(desired):
		return r.replace(ctx, current, replace)
	}
	updated := workload.FollowService(current, desired)
	if equality.Semantic.DeepEqual(current, updated) {
		return nil
	}
	patch := client.MergeFromWithOptions(current, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, updated, patch, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("update %s: %w", nameOf(updated), err)
	}
	return nil
}

// mergedDeployment takes a new candidate as a whole. Otherwise it changes only the replicas, because the API server has filled in its
// defaults and webhooks may have changed the template, and it names the author again: policies of the cluster go by that.
func mergedDeployment(current, desired *appsv1.Deployment, rewrite bool) *appsv1.Deployment {
	updated := current.DeepCopy()
	updated.Spec.Replicas = desired.Spec.Replicas
	if rewrite || !workload.CanaryID(current).Is(workload.CanaryID(desired)) {
		updated.Spec.Template = desired.Spec.Template
		updated.Annotations = mergedOver(updated.Annotations, desired.Annotations)
	}
	metav1.SetMetaDataAnnotation(&updated.ObjectMeta, config.AnnotationRequestedBy, desired.Annotations[config.AnnotationRequestedBy])
	return updated
}

func mergedOver(base, over map[string]string) map[string]string {
	merged := maps.Clone(base)
	maps.Copy(merged, over)
	return merged
}
