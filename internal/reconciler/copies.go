package reconciler

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/plan"
)

const (
	// copiesPage is how many ReplicaSets are read at once, because the copies on each may be large. Of more than mostCopies of a
	// Deployment, the others keep theirs.
	copiesPage = 20
	mostCopies = 200
)

// clearCopies removes the templates that the Deployment controller has copied to ReplicaSets of earlier versions and that the
// Deployment no longer holds: perhaps they were dropped because of a password. It follows a change of the primary's template, once
// the Deployment controller has seen that. No rollout depends on it, so a failure is only logged, and tried again with the next tick.
func (r *Reconciler) clearCopies(ctx context.Context, o reading, p plan.Plan) {
	key, before, now := o.Key(), o.canary.Status.Primary, p.Next.Primary
	if before != nil && now != nil && before.Template != now.Template {
		r.memory.staleCopies.put(key, true)
	}
	if _, stale := r.memory.staleCopies.get(key); !stale || r.options.DryRun || o.Primary == nil || o.Primary.Status.ObservedGeneration < o.Primary.Generation {
		return
	}
	switch err := r.clearReplicaSets(ctx, o.Primary); {
	case err == nil, apierrors.IsForbidden(err):
		r.memory.staleCopies.forget(key)
	default:
		log.FromContext(ctx).Info("ReplicaSets keep copies of templates that are no longer held back; it is tried again", "because", err.Error())
	}
}

func (r *Reconciler) clearReplicaSets(ctx context.Context, primary *appsv1.Deployment) error {
	selector, err := metav1.LabelSelectorAsSelector(primary.Spec.Selector)
	if err != nil {
		return fmt.Errorf("read the selector: %w", err)
	}
	sets := &metav1.PartialObjectMetadataList{}
	sets.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSetList"))
	for range mostCopies / copiesPage {
		err := r.live.List(ctx, sets, client.InNamespace(primary.Namespace), client.MatchingLabelsSelector{Selector: selector},
			client.Limit(copiesPage), client.Continue(sets.Continue))
		if err != nil {
			return fmt.Errorf("list ReplicaSets: %w", err)
		}
		for i := range sets.Items {
			set := &sets.Items[i]
			set.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
			if stale := staleCopies(set, primary); len(stale) > 0 {
				if err := r.annotate(ctx, set, stale); client.IgnoreNotFound(err) != nil {
					return err
				}
			}
		}
		if sets.Continue == "" {
			break
		}
	}
	return nil
}

// staleCopies are the records on a ReplicaSet that its Deployment does not hold, to be removed.
func staleCopies(set metav1.Object, primary *appsv1.Deployment) map[string]any {
	stale := map[string]any{}
	for _, key := range config.TemplateKeys() {
		copied := set.GetAnnotations()[key]
		if metav1.IsControlledBy(set, primary) && copied != "" && copied != primary.Annotations[key] {
			stale[key] = nil
		}
	}
	return stale
}
