package emergency

import (
	"context"
	"encoding/json"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Apply does one step. A conflict means that the object has changed since it was read.
func Apply(ctx context.Context, c client.Client, step Step) error {
	owner := client.FieldOwner(manager)
	object, _ := step.desired.DeepCopyObject().(client.Object)
	switch step.how {
	case create:
		return c.Create(ctx, object, owner)
	case updateStatus:
		return c.Status().Update(ctx, object, owner)
	case scale:
		return c.SubResource("scale").Patch(ctx, object, client.RawPatch(types.MergePatchType, step.patch), owner, client.WithSubResourceBody(&autoscalingv1.Scale{}))
	case release:
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"finalizers": object.GetFinalizers(), "uid": object.GetUID()}})
		if err != nil {
			return fmt.Errorf("encode the finalizers: %w", err)
		}
		return client.IgnoreNotFound(c.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), owner))
	case updateRoute:
		return writeRoute(ctx, c, object)
	}
	return c.Update(ctx, object, owner)
}

// writeRoute writes the rules and gives them back to whoever owned them. Otherwise their owner would have a conflict in the next
// server-side apply.
func writeRoute(ctx context.Context, c client.Client, object client.Object) error {
	owners := object.GetManagedFields()
	if err := c.Update(ctx, object, client.FieldOwner(manager)); err != nil {
		return err
	}
	object.SetManagedFields(owners)
	// The requests have gone back. A conflict now is somebody else's write, which has an owner of its own.
	_ = c.Update(ctx, object, client.FieldOwner(manager))
	return nil
}
