package emergency

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
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
	// The requests have gone back, so a write that fails from here on does not fail the step.
	_ = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		object.SetManagedFields(giveBack(owners, object.GetManagedFields()))
		err := c.Update(ctx, object, client.FieldOwner(manager))
		if !apierrors.IsConflict(err) {
			return err
		}
		// Gateways report each new generation at once. Another generation is somebody else's write, which has an owner of its own.
		current, unread := again(ctx, c, object)
		if unread != nil || current.GetGeneration() != object.GetGeneration() {
			return unread
		}
		object = current
		return err
	})
	return nil
}

// giveBack returns who owned the specification, and who owns the rest now. This command owns nothing.
func giveBack(owners, current []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	given := slices.DeleteFunc(slices.Clone(owners), func(entry metav1.ManagedFieldsEntry) bool { return entry.Subresource != "" })
	return append(given, slices.DeleteFunc(slices.Clone(current), func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Manager == manager || slices.ContainsFunc(given, func(owner metav1.ManagedFieldsEntry) bool {
			return owner.Manager == entry.Manager && owner.Operation == entry.Operation && owner.Subresource == entry.Subresource
		})
	})...)
}

// again reads an object by what the role allows, which is to list.
func again(ctx context.Context, c client.Client, object client.Object) (client.Object, error) {
	list := &unstructured.UnstructuredList{}
	kind := object.GetObjectKind().GroupVersionKind()
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := c.List(ctx, list, client.InNamespace(object.GetNamespace())); err != nil {
		return nil, err
	}
	for i := range list.Items {
		if list.Items[i].GetUID() == object.GetUID() {
			return &list.Items[i], nil
		}
	}
	return nil, fmt.Errorf("%s is gone", client.ObjectKeyFromObject(object))
}
