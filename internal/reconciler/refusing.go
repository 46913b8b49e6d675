package reconciler

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// refusing is the client of a dry run. It creates Canaries, releases those that are being deleted and writes status. It
// refuses every other write before it reaches the API server.
type refusing struct{ client.Client }

func refuse(verb string, object any) error {
	return fmt.Errorf("dry run: %s of %T is refused", verb, object)
}

// Create creates Canaries and refuses everything else.
func (r refusing) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if _, ok := object.(*v1alpha1.Canary); ok {
		return r.Client.Create(ctx, object, options...)
	}
	return refuse("creation", object)
}

// Update refuses.
func (r refusing) Update(_ context.Context, object client.Object, _ ...client.UpdateOption) error {
	return refuse("update", object)
}

// Patch releases Canaries that are being deleted and refuses everything else.
func (r refusing) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if canary, ok := object.(*v1alpha1.Canary); ok && canary.DeletionTimestamp != nil {
		return r.Client.Patch(ctx, object, patch, options...)
	}
	return refuse("patch", object)
}

// Apply refuses.
func (r refusing) Apply(_ context.Context, object runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	return refuse("apply", object)
}

// Delete refuses.
func (r refusing) Delete(_ context.Context, object client.Object, _ ...client.DeleteOption) error {
	return refuse("deletion", object)
}

// DeleteAllOf refuses.
func (r refusing) DeleteAllOf(_ context.Context, object client.Object, _ ...client.DeleteAllOfOption) error {
	return refuse("deletion", object)
}

// Status returns a writer for the status of Sluice's own kinds.
func (r refusing) Status() client.SubResourceWriter { return r.SubResource("status") }

// SubResource returns a client that refuses everything but status.
func (r refusing) SubResource(name string) client.SubResourceClient {
	return refusingPart{r.Client.SubResource(name), name}
}

type refusingPart struct {
	client.SubResourceClient
	name string
}

// Create refuses.
func (r refusingPart) Create(_ context.Context, object, _ client.Object, _ ...client.SubResourceCreateOption) error {
	return refuse("creation of "+r.name, object)
}

// Update writes the status of Canaries and Freezes only.
func (r refusingPart) Update(ctx context.Context, object client.Object, options ...client.SubResourceUpdateOption) error {
	switch object.(type) {
	case *v1alpha1.Canary, *v1alpha1.Freeze:
		if r.name == "status" {
			return r.SubResourceClient.Update(ctx, object, options...)
		}
	}
	return refuse("update of "+r.name, object)
}

// Patch refuses.
func (r refusingPart) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	return refuse("patch of "+r.name, object)
}

// Apply refuses.
func (r refusingPart) Apply(_ context.Context, object runtime.ApplyConfiguration, _ ...client.SubResourceApplyOption) error {
	return refuse("apply of "+r.name, object)
}
