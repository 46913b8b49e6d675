package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
)

// annotate sets annotations, or removes those that are nil. The write fails if the object has been replaced by another of its
// name or, with a resource version, if it has changed.
func (r *Reconciler) annotate(ctx context.Context, object client.Object, annotations map[string]any) error {
	metadata := map[string]any{"annotations": annotations, "uid": object.GetUID()}
	if version := object.GetResourceVersion(); version != "" {
		metadata["resourceVersion"] = version
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode annotations: %w", err)
	}
	if err := r.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write annotations %s on %s: %w", strings.Join(slices.Sorted(maps.Keys(annotations)), ", "), nameOf(object), err)
	}
	return nil
}

// nameOf names an object in errors.
func nameOf(object client.Object) string {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = fmt.Sprintf("%T", object)
	}
	return fmt.Sprintf("%s %s/%s", kind, object.GetNamespace(), object.GetName())
}

// writeAsk asks admission for one action. It has no resource version: the ID says which candidate it is meant for.
func (r *Reconciler) writeAsk(ctx context.Context, o reading, p plan.Plan) error {
	if p.Ask.Key == "" || o.Primary == nil {
		return nil
	}
	target := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, UID: o.Primary.UID}}
	err := r.annotate(ctx, target, map[string]any{p.Ask.Key: p.Ask.Value()})
	if refused(err) {
		r.tell(o, events.AskRejected(p.Ask.Key, p.Ask.Of.Hash, err))
	}
	return err
}

// refused reports whether the API server, a policy or another webhook rejects a write. Retrying alone does not help then.
func refused(err error) bool {
	return (apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)) && !isForAnother(err)
}

// isForAnother reports whether a write was meant for an object that has been replaced by another of its name. The next tick
// reads that one.
func isForAnother(err error) bool {
	cause, found := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid)
	return found && cause.Field == "metadata.uid"
}

// tell sends the events to the Canary and to the Deployment, as long as there are not too many.
func (r *Reconciler) tell(o reading, happened ...events.Event) {
	if len(happened) == 0 {
		return
	}
	for _, event := range r.memory.budget.pass(o.Key(), time.Now(), happened) {
		kind := corev1.EventTypeNormal
		if event.Warning {
			kind = corev1.EventTypeWarning
		}
		r.recorder.Event(o.canary, kind, event.Reason, event.Message)
		if o.Primary != nil {
			r.recorder.Event(o.Primary, kind, event.Reason, event.Message)
		}
	}
}
