package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/route"
)

// writeSplit states the split on the routes, or takes it out.
func (r *Reconciler) writeSplit(ctx context.Context, _ *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	for i := range o.Routes {
		current := &o.Routes[i]
		split, err := route.SplitOf(current.Annotations)
		if err != nil {
			continue
		}
		switch {
		case plan.Split.Action == rollout.SplitWrite && slices.Contains(plan.Split.Routes, current.Name):
			err = r.render(ctx, current, route.WithSplit(current, plan.Split.Split))
		case plan.Split.Action == rollout.SplitRemove && split != nil && split.Deployment == o.Name:
			err = r.render(ctx, current, route.WithoutSplit(current, *split))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// render writes the annotation of the desired route and leaves the rules to admission, so that they stay the user's.
// Where admission was away the rules are written as well: taking weight away must not depend on it.
func (r *Reconciler) render(ctx context.Context, current, desired *gatewayv1.HTTPRoute) error {
	if current.Annotations[config.AnnotationSplit] == desired.Annotations[config.AnnotationSplit] && sameRules(current, desired) {
		return nil
	}
	var value any
	if split, set := desired.Annotations[config.AnnotationSplit]; set {
		value = split
	}
	written := current.DeepCopy()
	if err := r.annotate(ctx, written, current.ResourceVersion, config.AnnotationSplit, value); err != nil {
		return err
	}
	if sameRules(written, desired) {
		return nil
	}
	log.FromContext(ctx).Info("admission did not render the route, writing its rules", "route", current.Name)
	written.Spec.Rules = desired.Spec.Rules
	return r.update(ctx, written)
}

func sameRules(a, b *gatewayv1.HTTPRoute) bool {
	return route.SameBackends(a, b)
}

// annotate sets one annotation, or removes it for nil. With a resource version the write fails when the object changed.
func (r *Reconciler) annotate(ctx context.Context, object client.Object, resourceVersion, key string, value any) error {
	metadata := map[string]any{"annotations": map[string]any{key: value}}
	if resourceVersion != "" {
		metadata["resourceVersion"] = resourceVersion
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode annotation %s: %w", key, err)
	}
	if err := r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write annotation %s on %T %s/%s: %w", key, object, object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

// writeAsk asks admission for one thing. It carries no resource version: the hash says what it is meant for.
func (r *Reconciler) writeAsk(ctx context.Context, canary *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	if plan.Ask.Key == "" {
		return nil
	}
	target := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name}}
	err := r.annotate(ctx, target, "", plan.Ask.Key, plan.Ask.Value())
	if refused(err) {
		r.tell(canary, o.Primary, []rollout.Event{rollout.AskRejected(plan.Ask, err)})
	}
	return err
}

// refused reports whether the API server, a policy or another webhook does not take what was written: trying again does not
// help by itself.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
}

// tell sends the events to the Canary and to the Deployment.
func (r *Reconciler) tell(canary *v1alpha1.Canary, primary *appsv1.Deployment, events []rollout.Event) {
	for _, event := range events {
		kind := corev1.EventTypeNormal
		if event.Warning {
			kind = corev1.EventTypeWarning
		}
		r.Recorder.Event(canary, kind, event.Reason, event.Message)
		if primary != nil {
			r.Recorder.Event(primary, kind, event.Reason, event.Message)
		}
	}
}
